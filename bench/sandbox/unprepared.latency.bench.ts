// How much does a call cost when nothing is prepared: the kernel looked up by name, an instance lent,
// shapes bound, tensors placed, params written, the descriptor checked, values copied in and out?
//
// The kernel is empty and the tensors have four elements, so that all of the time is overhead.

import { type Kernel, Sandbox } from "../../src/sandbox.node.ts";
import type { Bench } from "../harness/bench.ts";
import { measure } from "../harness/measure.ts";
import { emptyModule, plainKernel } from "../harness/modules.ts";
import { loadTestPack } from "../harness/packs.ts";
import { atMost, measuredIn } from "../harness/row.ts";

const OURS = "annulus, look-up and kernel.call";
const GOAL_NS = 1000;

export const bench: Bench = {
  name: "unprepared",
  question: "what does a call cost when nothing is prepared?",
  async *rows(effort) {
    await using sandbox = await Sandbox.create();
    const entry = plainKernel("empty");
    const pack = await loadTestPack([entry], new Map([[entry.path, await emptyModule()]]));
    const kernel = await sandbox.load(pack, "empty");
    const kernels = new Map([[kernel.id, kernel]]);
    const entries = await measure(
      [
        { name: OURS, loop: callsByValue(kernels) },
        { name: "annulus, prepare, fill, run, dispose", loop: callsPreparedAnew(kernel) },
      ],
      [],
      effort,
    );
    yield {
      id: "unprepared",
      what: "empty kernel, one vector of 4 in and out",
      entries: [
        ...entries,
        { kind: "claimed", name: "ADR-005, most that it allows", medianNs: 10_000 },
        { kind: "claimed", name: "ADR-005, what it expects", medianNs: 2000 },
      ],
      goals: [atMost(`<= ${GOAL_NS} ns`, GOAL_NS, measuredIn(entries, OURS)?.medianNs)],
    };
  },
};

function callsByValue(kernels: ReadonlyMap<string, Kernel>): (calls: number) => void {
  const inputs = { x: { shape: [4], data: new Float32Array(4) } };
  return (calls) => {
    for (let i = 0; i < calls; i++) kernels.get("empty")!.call({ inputs });
  };
}

function callsPreparedAnew(kernel: Kernel): (calls: number) => void {
  const values = new Float32Array(4);
  const setup = { inputs: { x: [4] } } as const;
  return (calls) => {
    for (let i = 0; i < calls; i++) {
      using call = kernel.prepare(setup);
      (call.inputs.x as Float32Array).set(values);
      call.run();
    }
  };
}
