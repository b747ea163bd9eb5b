// What do the steps of one call cost, row by row as in ADR-005, section 7.1, which expects 2 µs in all?
//
// The table's rows, and what they are here: a look-up of the verified kernel by id; an instance from
// the pool, beside a new one; memory for the tensors, which is a place in the arena with params and
// descriptor written, beside a new memory; one epoch check, which is the difference that checks make
// to a loop that does nothing else; a call into WebAssembly and back; and all of it, one after the
// other, for an empty kernel.

import type { VerifiedPack } from "../../src/pack.node.ts";
import { instrument, type Kernel, Sandbox } from "../../src/sandbox.node.ts";
import type { Bench } from "../harness/bench.ts";
import { type Contender, type Effort, measure } from "../harness/measure.ts";
import { countdownModule, emptyModule, plainKernel } from "../harness/modules.ts";
import { loadTestPack } from "../harness/packs.ts";
import { atMost, type Entry, type Goal, type Measured, type Row } from "../harness/row.ts";

const TURNS = 100_000;
const CALLS = { inputs: { x: [4] } } as const;

export const bench: Bench = {
  name: "overhead",
  question: "what do the steps of one call cost, row by row as in ADR-005?",
  async *rows(effort) {
    const module = await emptyModule();
    const kernels = [plainKernel("empty"), plainKernel("countdown")];
    const modules = [module, await countdownModule(TURNS)];
    const pack = await loadTestPack(
      kernels,
      new Map(kernels.map(({ path }, i) => [path, modules[i]!])),
    );
    await using sandbox = await Sandbox.create();
    const kernel = await sandbox.load(pack, "empty");

    yield await row("look-up", 100, [looksUp(pack), looksUpLoaded(kernel)], effort);
    yield await row("instance", 1000, [lends(kernel), instantiates(module)], effort);
    yield await row("memory", 500, [placesTensors(kernel), newMemory()], effort);
    yield await epochCheck(pack, effort);
    yield await row("call and return", 100, [runsPrepared(kernel), rawCall(module)], effort);
    yield await row("total", 2000, [everyStep(pack, kernel)], effort);
  },
};

/** One row of the table, with what ADR-005 expects of it. */
async function row(
  step: string,
  claimNs: number,
  contenders: readonly Contender[],
  effort: Effort,
): Promise<Row> {
  const measured = await measure(contenders, [], effort);
  const goal = atMost(`<= ${claimNs} ns, as ADR-005 expects`, claimNs, measured[0]!.medianNs);
  return rowOf(step, "one step of a call", measured, claimNs, goal);
}

function rowOf(
  step: string,
  what: string,
  measured: readonly Measured[],
  claimNs: number,
  goal: Goal,
): Row {
  const claim: Entry = { kind: "claimed", name: "ADR-005, section 7.1", medianNs: claimNs };
  return { id: `overhead ${step}`, what, entries: [...measured, claim], goals: [goal] };
}

function looksUp(pack: VerifiedPack): Contender {
  return {
    name: "annulus, pack.kernel(id)",
    loop: (calls) => {
      for (let i = 0; i < calls; i++) use(pack.kernel("empty"));
    },
  };
}

function looksUpLoaded(kernel: Kernel): Contender {
  const kernels = new Map([[kernel.id, kernel]]);
  return {
    name: "Map.get of a loaded kernel",
    loop: (calls) => {
      for (let i = 0; i < calls; i++) use(kernels.get("empty"));
    },
  };
}

function lends(kernel: Kernel): Contender {
  return {
    name: "annulus, from the pool and back",
    loop: (calls) => {
      for (let i = 0; i < calls; i++) kernel.lease()[Symbol.dispose]();
    },
  };
}

/** As an instance of ours is made: over a shared memory, with the globals that arm it. */
function instantiates(bytes: Uint8Array<ArrayBuffer>): Contender {
  const rewritten = instrument(bytes, { interrupt: "epoch", memory: "host", memoryPagesMax: 4096 });
  const module = new WebAssembly.Module(rewritten.bytes);
  const host: Record<string, WebAssembly.ImportValue> = {};
  for (const { name, ...added } of rewritten.imports)
    host[name] =
      added.kind === "memory"
        ? new WebAssembly.Memory(added.type)
        : new WebAssembly.Global(added.type, added.type.value === "i64" ? 0n : 0);
  return {
    name: "new WebAssembly.Instance over a memory",
    loop: (calls) => {
      for (let i = 0; i < calls; i++) use(new WebAssembly.Instance(module, { annulus: host }));
    },
  };
}

function placesTensors(kernel: Kernel): Contender {
  const lease = kernel.lease();
  return {
    name: "annulus, tensors placed and described",
    loop: (calls) => {
      for (let i = 0; i < calls; i++) lease.prepare(CALLS)[Symbol.dispose]();
    },
  };
}

function newMemory(): Contender {
  return {
    name: "new WebAssembly.Memory of 64 KiB, shared",
    loop: (calls) => {
      for (let i = 0; i < calls; i++)
        use(new WebAssembly.Memory({ initial: 1, maximum: 4096, shared: true }));
    },
  };
}

/** Times per turn of a loop that does nothing else, with and without the check; their difference. */
async function epochCheck(pack: VerifiedPack, effort: Effort): Promise<Row> {
  await using checked = await Sandbox.create({ interrupt: "epoch" });
  await using unchecked = await Sandbox.create({ interrupt: "none" });
  using on = (await checked.load(pack, "countdown")).prepare(CALLS);
  using off = (await unchecked.load(pack, "countdown")).prepare(CALLS);
  const contenders = [
    { name: "annulus, an empty turn with its check", loop: runs(on) },
    { name: "annulus, an empty turn without", loop: runs(off) },
  ];
  const entries = (await measure(contenders, [], effort)).map(perTurn);
  const checkNs = entries[0]!.medianNs - entries[1]!.medianNs;
  const goal = atMost("<= 2 ns for the check, as ADR-005 expects", 2, checkNs);
  return rowOf("epoch check", "one turn of an empty loop", entries, 2, goal);
}

function perTurn(entry: Measured): Measured {
  const { medianNs, p99Ns, leastNs } = entry;
  const times = { medianNs: medianNs / TURNS, p99Ns: p99Ns / TURNS, leastNs: leastNs / TURNS };
  return { ...entry, ...times };
}

function runsPrepared(kernel: Kernel): Contender {
  return { name: "annulus, prepared call", loop: runs(kernel.prepare(CALLS)) };
}

function runs(call: { run(): void }): (calls: number) => void {
  return (calls) => {
    for (let i = 0; i < calls; i++) call.run();
  };
}

function rawCall(bytes: Uint8Array<ArrayBuffer>): Contender {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  const forward = exports["kernel_forward"] as (at: number) => number;
  return {
    name: "raw call of the same export",
    loop: (calls) => {
      for (let i = 0; i < calls; i++) use(forward(i));
    },
  };
}

function everyStep(pack: VerifiedPack, kernel: Kernel): Contender {
  const loaded = new Map([[pack.kernel("empty"), kernel]]);
  return {
    name: "annulus, look-up, instance, memory, call",
    loop: (calls) => {
      for (let i = 0; i < calls; i++) {
        using lease = loaded.get(pack.kernel("empty"))!.lease();
        lease.prepare(CALLS).run();
      }
    },
  };
}

/** Keeps the engine from leaving out work whose result nobody reads. */
let used: unknown;
function use(value: unknown): void {
  used = value;
}
export { used };
