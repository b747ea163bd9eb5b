// Child: runs one benchmark and sends its question and then its rows to the process that started it.

import { importBench } from "./bench.ts";
import { FULL, QUICK } from "./measure.ts";

const [name, effort] = process.argv.slice(2);
const bench = await importBench(name!);
process.send!(bench.question);
for await (const row of bench.rows(effort === "quick" ? QUICK : FULL)) process.send!(row);
process.disconnect();
