// What does it cost to borrow an instance and give it back: by the same tenant, and by another, for
// whom memory must be zeroed or replaced and the module instantiated anew?

import { type Kernel, Sandbox } from "../../src/sandbox.node.ts";
import type { Bench } from "../harness/bench.ts";
import { type Contender, type Effort, measure } from "../harness/measure.ts";
import { emptyModule, plainKernel } from "../harness/modules.ts";
import { loadTestPack } from "../harness/packs.ts";
import { atMost, measuredIn, type Row } from "../harness/row.ts";

const OURS = "annulus, lease and dispose";
const GOAL_NS = 1000;
const MIB = 2 ** 20;
const F32 = 4; // Bytes.

export const bench: Bench = {
  name: "pool",
  question: "what does it cost to borrow an instance, for the same tenant and for another?",
  async *rows(effort) {
    const module = await emptyModule();
    const entry = plainKernel("empty");
    const pack = await loadTestPack([entry], new Map([[entry.path, module]]));
    await using sandbox = await Sandbox.create({ limits: { poolInstancesMax: 1 } });
    yield await sameTenant(await sandbox.load(pack, "empty"), effort);
    yield await otherTenant(await sandbox.load(pack, "empty"), module, effort);
    yield await otherTenantAfterGrowth(await sandbox.load(pack, "empty"), effort);
  },
};

async function sameTenant(kernel: Kernel, effort: Effort): Promise<Row> {
  const lends = (calls: number): void => {
    for (let i = 0; i < calls; i++) kernel.lease({ tenant: "a" })[Symbol.dispose]();
  };
  const acquires = async (calls: number): Promise<void> => {
    for (let i = 0; i < calls; i++) (await kernel.acquire({ tenant: "a" }))[Symbol.dispose]();
  };
  const contenders = [
    { name: OURS, loop: lends },
    { name: "annulus, await acquire and dispose", loop: acquires },
  ];
  const entries = await measure(contenders, [], effort);
  return {
    id: "pool same tenant",
    what: "an instance lent and returned, its tenant unchanged",
    entries: [...entries, { kind: "claimed", name: "ADR-005, instance creation", medianNs: 1000 }],
    goals: [atMost(`<= ${GOAL_NS} ns`, GOAL_NS, measuredIn(entries, OURS)?.medianNs)],
  };
}

async function otherTenant(
  kernel: Kernel,
  module: Uint8Array<ArrayBuffer>,
  effort: Effort,
): Promise<Row> {
  const contenders = [
    { name: "annulus, another tenant each time", loop: alternates(kernel, () => {}) },
    freshInstance(module),
  ];
  return {
    id: "pool other tenant",
    what: "an instance of 64 KiB handed to another tenant, cleaned",
    entries: await measure(contenders, [], effort),
    goals: [],
  };
}

/** Each tenant makes the memory grow, so it cannot be zeroed: it is replaced. */
async function otherTenantAfterGrowth(kernel: Kernel, effort: Effort): Promise<Row> {
  const setup = { inputs: { x: [(8 * MIB) / F32] } };
  const grow = (lease: ReturnType<Kernel["lease"]>): void => {
    lease.prepare(setup);
  };
  const contenders = [
    { name: "annulus, another tenant after 16 MiB", loop: alternates(kernel, grow) },
    freshMemory((16 * MIB) / 65_536),
  ];
  return {
    id: "pool other tenant after growth",
    what: "an instance that grew to 16 MiB handed to another tenant, its memory replaced",
    entries: await measure(contenders, [], effort, { allocation: false }),
    goals: [],
  };
}

function alternates(
  kernel: Kernel,
  use: (lease: ReturnType<Kernel["lease"]>) => void,
): (calls: number) => void {
  let turn = 0;
  return (calls) => {
    for (let i = 0; i < calls; i++) {
      using lease = kernel.lease({ tenant: turn++ % 2 === 0 ? "a" : "b" });
      use(lease);
    }
  };
}

/** What isolation costs without a pool: a new instance with a new memory for every call. */
function freshInstance(bytes: Uint8Array<ArrayBuffer>): Contender {
  const module = new WebAssembly.Module(bytes);
  return {
    name: "new WebAssembly.Instance with its memory",
    loop: (calls) => {
      for (let i = 0; i < calls; i++) void new WebAssembly.Instance(module);
    },
  };
}

function freshMemory(pages: number): Contender {
  return {
    name: "new WebAssembly.Memory of 16 MiB, shared",
    loop: (calls) => {
      for (let i = 0; i < calls; i++)
        void new WebAssembly.Memory({ initial: pages, maximum: 4096, shared: true });
    },
  };
}
