// Child: runs one benchmark and sends its rows to the process that started it.

import { importBench } from "./bench.ts";
import { FULL, QUICK } from "./measure.ts";

const [name, word] = process.argv.slice(2);
const bench = await importBench(name!);
const effort = word === "quick" ? QUICK : FULL;
const rows = bench.rows(bench.isFresh === true ? { ...effort, contestBlocks: 1 } : effort);
for await (const row of rows) process.send!(row);
process.disconnect();
