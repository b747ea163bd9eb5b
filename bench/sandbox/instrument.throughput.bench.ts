// How many megabytes of WebAssembly does the rewriter read and rewrite in a second? Beside it: the
// engine's own validation, which reads every instruction once and is written in C++.
//
// The module is Binaryen, ten megabytes of optimised C++: more and larger functions than any kernel.

import { inspect, instrument, type InstrumentOptions } from "../../src/sandbox.node.ts";
import type { Bench } from "../harness/bench.ts";
import { type Effort, measure } from "../harness/measure.ts";
import { atLeast, type Row } from "../harness/row.ts";
import { binaryenModule } from "./large-module.ts";

const GOAL_MB_PER_S = 20;

export const bench: Bench = {
  name: "instrument",
  question: "how many megabytes of WebAssembly are rewritten in a second?",
  async *rows(effort) {
    const bytes = await binaryenModule();
    const few = { ...effort, blocks: effort.quick ? 1 : 5, warmMs: 0 }; // A call takes a second.
    const modes: InstrumentOptions[] = [
      { interrupt: "epoch", memory: "host" },
      { interrupt: "epoch", memory: "keep" },
      { interrupt: "fuel", memory: "keep" },
    ];
    for (const mode of modes)
      yield await rate(
        `instrument ${mode.interrupt}, memory ${mode.memory}`,
        () => instrument(bytes, mode).bytes.length,
        bytes,
        few,
      );
    yield await rate("inspect", () => inspect(bytes).bytes, bytes, few);
  },
};

async function rate(
  id: string,
  work: () => number,
  bytes: Uint8Array<ArrayBuffer>,
  effort: Effort,
): Promise<Row> {
  const contenders = [
    { name: `annulus, ${id}`, loop: repeats(work) },
    { name: "WebAssembly.validate", loop: repeats(() => Number(WebAssembly.validate(bytes))) },
  ];
  const options = { allocation: false, long: true };
  const entries = await measure(contenders, [], effort, options);
  const megabytesPerSecond = (bytes.length / entries[0]!.medianNs) * 1e3;
  return {
    id,
    what: `a module of ${(bytes.length / 1e6).toFixed(1)} MB`,
    entries,
    bytes: bytes.length,
    goals: [atLeast(`>= ${GOAL_MB_PER_S} MB/s`, GOAL_MB_PER_S, megabytesPerSecond)],
  };
}

function repeats(work: () => number): (calls: number) => void {
  return (calls) => {
    for (let i = 0; i < calls; i++)
      if (work() === 0) throw new Error("the module was not accepted");
  };
}
