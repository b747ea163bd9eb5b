// A process that stores checkpoints of its ledger until it is killed.
//
//   node checkpoint-process.fixture.ts FILE

import { readCheckpoint, writeCheckpoint } from "./checkpoint-file.ts";
import { createRuntime } from "./runtime.ts";
import { Ask, ledger, Step } from "./state-kernels.fixture.ts";

const file = process.argv[2]!;
const stored = await readCheckpoint(file);
const runtime = createRuntime({ threads: 1 });
const kernel = await runtime.launch(ledger, { restore: stored?.bytes });
const { handled, wrong } = await kernel.call(Ask, { nothing: 0 });
process.stdout.write(`from ${handled} wrong ${wrong}\n`);
for (let n = handled + 1; ; n++) {
  await kernel.call(Step, { n });
  if (n % 50 !== 0) continue;
  await writeCheckpoint(file, await kernel.checkpoint());
  process.stdout.write(`stored ${n}\n`);
}
