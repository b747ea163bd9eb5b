// How much does a prepared call cost beyond what the engine asks for any call into WebAssembly?
//
// The kernel is empty, so all of the time is overhead: budget, deadline, the armed entry, the return
// code. Two cases: a process whose only kernel this is, where the engine optimises every call site for
// it, and one in which nine other kernels have run before, as in a model host.

import { measure as mitata } from "mitata";

import { Sandbox } from "../../src/sandbox.node.ts";
import type { Bench } from "../harness/bench.ts";
import { type Contender, type Effort, measure, type Outsider } from "../harness/measure.ts";
import { emptyModule, marked, plainKernel } from "../harness/modules.ts";
import { loadTestPack } from "../harness/packs.ts";
import { atMost, type Entry, measuredIn, type Row } from "../harness/row.ts";
import { openExtism } from "../peers/peers.ts";

const OURS = "annulus, prepared call";
const GOAL_NS = 50;
const OTHERS = 9;
const OTHER_CALLS = 200_000; // Enough for the engine to optimise for the kernels before.

export const bench: Bench = {
  name: "prepared",
  question: "what does a prepared call cost beyond the engine's own call?",
  async *rows(effort) {
    const module = await emptyModule();
    await using sandbox = await Sandbox.create();
    const ids = Array.from({ length: OTHERS + 1 }, (_, i) => `empty_${i}`);
    const kernels = ids.map(plainKernel);
    const modules = new Map(kernels.map(({ path }, i) => [path, marked(module, i)]));
    const pack = await loadTestPack(kernels, modules);
    const kernel = await sandbox.load(pack, ids[0]!);
    using call = kernel.prepare({ inputs: { x: [4] } });
    const ours = { name: OURS, loop: runs(call) };

    const outsiders = [byMitata(() => call.run())];
    yield row("prepared", "empty kernel, the only one", [
      ...(await measure([ours, rawCall(module), ...(await extism(module))], outsiders, effort)),
      ...extismMissing(),
      { kind: "claimed", name: "ADR-005, whole overhead of a call", medianNs: 2000 },
    ]);

    for (const id of ids.slice(1)) {
      using other = (await sandbox.load(pack, id)).prepare({ inputs: { x: [4] } });
      runs(other)(OTHER_CALLS);
    }
    await using trusting = await Sandbox.create({ interrupt: "none" });
    using unarmed = (await trusting.load(pack, ids[0]!)).prepare({ inputs: { x: [4] } });
    const unchecked = { name: "annulus, the same without a deadline", loop: runs(unarmed) };
    const among = await measure([ours, unchecked, rawCall(module)], [], effort);
    yield row("prepared-among-ten", "empty kernel, after nine others ran", among);
  },
};

function row(id: string, what: string, entries: readonly Entry[]): Row {
  const value = measuredIn(entries, OURS)?.medianNs;
  return { id, what, entries, goals: [atMost(`<= ${GOAL_NS} ns`, GOAL_NS, value)] };
}

function runs(call: { run(): void }): (calls: number) => void {
  return (calls) => {
    for (let i = 0; i < calls; i++) call.run();
  };
}

/** The floor: the same function, called as JavaScript calls any export. */
function rawCall(module: Uint8Array<ArrayBuffer>): Contender {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module));
  const forward = exports["kernel_forward"] as (at: number) => number;
  return {
    name: "raw call of the same export",
    loop: (calls) => {
      let codes = 0;
      for (let i = 0; i < calls; i++) codes += forward(i);
      if (codes !== 0) throw new Error("the empty kernel returned a code");
    },
  };
}

/** A second opinion: the same call, timed by a harness that is not ours. */
function byMitata(run: () => void): Outsider {
  return {
    name: "annulus, prepared call, timed by mitata",
    time: async ({ blockMs }: Effort) => {
      const { p50, p99, min, samples } = await mitata(run, { min_cpu_time: blockMs * 1e6 });
      const times = { medianNs: p50, p99Ns: p99, leastNs: min };
      return { ...times, samples: samples.length, callsPerSample: 4096 };
    },
  };
}

const peer = openExtism();
const EXTISM = peer.opened ? `Extism ${peer.version}, in process` : "Extism, in process";

async function extism(module: Uint8Array): Promise<Contender[]> {
  if (!peer.opened) return [];
  const plugin = await peer.peer.createPlugin(
    { wasm: [{ data: module }] },
    { useWasi: false, runInWorker: false },
  );
  const loop = async (calls: number): Promise<void> => {
    for (let i = 0; i < calls; i++) await plugin.call("kernel_cleanup");
  };
  return [{ name: EXTISM, loop }];
}

function extismMissing(): Entry[] {
  return peer.opened ? [] : [{ kind: "not-measured", name: EXTISM, why: peer.why }];
}
