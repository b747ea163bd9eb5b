// How much does a batch cost, beside as many calls?
//
// The kernel is empty and the tensors have four elements, so that all of the time is overhead. Times are
// of all requests together, one batch or as many calls. An engine may inline a kernel into the batch's
// loop, as V8 does with this one, so what remains per request can be less than any call takes.

import { type Kernel, Sandbox } from "../../src/sandbox.node.ts";
import type { Bench } from "../harness/bench.ts";
import { type Contender, measure } from "../harness/measure.ts";
import { emptyModule, plainKernel } from "../harness/modules.ts";
import { loadTestPack } from "../harness/packs.ts";
import { atMost, measuredIn, type Row } from "../harness/row.ts";

const SIZES = [16, 256];

export const bench: Bench = {
  name: "batch",
  question: "what does a batch cost, beside as many calls?",
  async *rows(effort) {
    await using sandbox = await Sandbox.create();
    const entry = plainKernel("empty");
    const pack = await loadTestPack([entry], new Map([[entry.path, await emptyModule()]]));
    const kernel = await sandbox.load(pack, "empty");
    for (const size of SIZES) {
      using lease = kernel.lease();
      const setup = { inputs: { x: [4] } } as const;
      const calls = Array.from({ length: size }, () => lease.prepare(setup));
      using batch = lease.prepareBatch({ requests: calls.map(() => setup) });
      const prepared = [
        { name: BATCH, loop: times(() => batch.run()) },
        { name: CALLS, loop: times(() => calls.forEach((call) => call.run())) },
      ];
      yield await row(`batch-prepared-${size}`, `${size} prepared requests`, prepared, effort);
      const byValue = valuesOf(kernel, size);
      yield await row(`batch-by-value-${size}`, `${size} requests by value`, byValue, effort);
    }
  },
};

const BATCH = "annulus, one batch";
const CALLS = "annulus, as many calls";

function valuesOf(kernel: Kernel, size: number): Contender[] {
  const requests = Array.from({ length: size }, () => {
    return { inputs: { x: { shape: [4], data: new Float32Array(4) } } };
  });
  return [
    { name: BATCH, loop: times(() => kernel.callBatch({ requests })) },
    {
      name: CALLS,
      loop: times(() => requests.map((request) => kernel.call(request))),
    },
  ];
}

function times(run: () => unknown): (calls: number) => void {
  return (calls) => {
    for (let i = 0; i < calls; i++) run();
  };
}

async function row(
  id: string,
  what: string,
  contenders: readonly Contender[],
  effort: Parameters<typeof measure>[2],
): Promise<Row> {
  const entries = await measure([...contenders], [], effort);
  const ratio = measuredIn(entries, CALLS)?.firstOverThis;
  return { id, what, entries, goals: [atMost("cheaper than as many calls", 1, ratio)] };
}
