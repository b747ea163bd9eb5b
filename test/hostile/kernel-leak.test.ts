// A kernel that tries to pass data from one tenant to the next: through memory, its own and the
// tensors', through globals, tables, the sizes of both, dropped segments and what kernel_init left.
//
// Each tenant has a mark that occurs nowhere else. Whatever the history, a tenant may find nothing but
// what it left itself, and no word of the memory it is given may hold another's mark.

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { failureOf } from "../../src/pack/failure-of.fixture.ts";
import { type KernelText, stillSandbox, verified } from "../../src/sandbox/kernel.fixture.ts";
import type { Kernel, PreparedCall } from "../../src/sandbox/mod.ts";

const PAGE = 65_536;
const FIRST_MARK = 0x5ec0_0000;

function markOf(tenant: number): number {
  return FIRST_MARK + tenant;
}

/** What a visit does besides leaving its mark everywhere. Numbered as the kernel knows them. */
const DEEDS = [
  "nothing",
  "grow memory",
  "grow table",
  "drop data",
  "drop elements",
  "use data",
  "use elements",
  "trap",
] as const;
type Deed = (typeof DEEDS)[number];

/** Notes what is there in y[0..5], then leaves `mark` there, then does the deed. */
const SPY: KernelText = {
  fields: `(type $f (func (result i32)))
    (global (export "__heap_base") i32 (i32.const 1024))
    (global $g (mut i32) (i32.const 0))
    (table $t 4 funcref) (elem (i32.const 0) $none $f0 $f1 $f2) (elem $e func $none)
    (func $none (result i32) (i32.const -1)) (func $f0 (result i32) (i32.const 0))
    (func $f1 (result i32) (i32.const 1)) (func $f2 (result i32) (i32.const 2))
    (data $d "abc")`,
  init: "(i32.store (i32.const 128) (i32.load (local.get $at))) (i32.const 0)",
  forward: `(local $y i32) (local $mark i32) (local $tenant i32) (local $deed i32) (local $last i32)
    (local.set $y (i32.load offset=16 (local.get $at)))
    (local.set $mark (i32.load (i32.load offset=32 (local.get $at))))
    (local.set $tenant (i32.load offset=4 (i32.load offset=32 (local.get $at))))
    (local.set $deed (i32.load offset=8 (i32.load offset=32 (local.get $at))))
    (local.set $last (i32.sub (i32.mul (memory.size) (i32.const ${PAGE})) (i32.const 4)))
    (i32.store (local.get $y) (global.get $g))
    (i32.store offset=4 (local.get $y) (i32.load (i32.const 64)))
    (i32.store offset=8 (local.get $y) (i32.load (i32.const 128)))
    (i32.store offset=12 (local.get $y) (call_indirect (type $f) (i32.const 0)))
    (i32.store offset=16 (local.get $y) (table.size $t))
    (i32.store offset=20 (local.get $y) (memory.size))
    (global.set $g (local.get $mark))
    (i32.store (i32.const 64) (local.get $mark))
    (i32.store (local.get $last) (local.get $mark))
    (i32.store offset=24 (local.get $y) (local.get $mark))
    (table.set $t (i32.const 0) (table.get $t (i32.add (i32.rem_u (local.get $tenant) (i32.const 3)) (i32.const 1))))
    (block $7 (block $6 (block $5 (block $4 (block $3 (block $2 (block $1 (block $0
      (br_table $0 $1 $2 $3 $4 $5 $6 $7 (local.get $deed)))
      (return (i32.const 0)))
      (drop (memory.grow (i32.const 1))) (return (i32.const 0)))
      (drop (table.grow $t (ref.null func) (i32.const 1))) (return (i32.const 0)))
      (data.drop $d) (return (i32.const 0)))
      (elem.drop $e) (return (i32.const 0)))
      (memory.init $d (i32.const 192) (i32.const 0) (i32.const 1)) (return (i32.const 0)))
      (table.init $t $e (i32.const 3) (i32.const 0) (i32.const 1)) (return (i32.const 0)))
    unreachable`,
};

async function spy(poolInstancesMax: number): Promise<Kernel> {
  const sandbox = await stillSandbox({ limits: { poolInstancesMax } });
  const from = await verified(SPY, {
    inputs: [{ name: "x", dtype: "i32", shape: ["n"] }],
    outputs: [{ name: "y", dtype: "i32", shape: [8] }],
    params: {
      mark: { type: "u32", default: 0 },
      tenant: { type: "u32", default: 0 },
      deed: { type: "u32", default: 0 },
    },
  });
  return sandbox.load(from);
}

/** What one tenant has done so far, which it may come to see again. */
class Past {
  readonly tenant: number;
  readonly deeds = new Set<Deed>();
  large = false;
  visited = false;

  constructor(tenant: number) {
    this.tenant = tenant;
  }

  /** Checks that what a visit found is the beginning or this tenant's own doing. */
  explains(found: Int32Array): void {
    const [global, word, init, entry, table, pages] = found;
    const mark = markOf(this.tenant);
    const own = (untouched: number, left: number): number[] =>
      this.visited ? [untouched, left] : [untouched];
    expect(own(0, mark)).toContain(global);
    expect(own(0, mark)).toContain(word);
    expect(init).toBe(mark); // kernel_init ran for this tenant, if ever.
    expect(own(-1, this.tenant % 3)).toContain(entry);
    if (!this.deeds.has("grow table")) expect(table).toBe(4);
    if (!this.deeds.has("grow memory") && !this.large) expect(pages).toBe(1);
  }
}

interface Visit {
  readonly tenant: number;
  readonly deed: Deed;
  readonly elements: number;
}

function visit(kernel: Kernel, past: Past, { deed, elements }: Visit): void {
  const { tenant } = past;
  past.large ||= elements > 1000;
  const params = { mark: markOf(tenant), tenant, deed: DEEDS.indexOf(deed) };
  if (past.deeds.has("grow memory") && elements > 1000) return; // Its own pages stand in the way.
  using call = kernel.prepare({ inputs: { x: [elements] }, params, tenant: `tenant ${tenant}` });
  noOtherMark(call, tenant);
  call.inputs.x.fill(markOf(tenant));
  const dropped =
    (deed === "use data" && past.deeds.has("drop data")) ||
    (deed === "use elements" && past.deeds.has("drop elements"));
  past.deeds.add(deed);
  try {
    call.run();
    expect(deed).not.toBe("trap");
  } catch (error) {
    expect(error).toMatchObject({ name: "KernelError" });
    expect(deed === "trap" || dropped).toBe(true);
  }
  past.explains(call.outputs["y"] as Int32Array);
  past.visited = true;
}

/** Looks at all of the memory that the host can see, before the kernel runs. */
function noOtherMark(call: PreparedCall, tenant: number): void {
  const words = new Int32Array(Object.values(call.inputs)[0]!.buffer);
  const isOther = (word: number) =>
    word >= FIRST_MARK && word < FIRST_MARK + 0x10_0000 && word !== markOf(tenant);
  expect(words.findIndex(isOther)).toBe(-1);
}

const visits = fc.array(
  fc.record({
    tenant: fc.constantFrom(0, 1, 2),
    deed: fc.constantFrom(...DEEDS),
    elements: fc.constantFrom(1, 1, 1, 100, 30_000),
  }),
  { minLength: 1, maxLength: 30 },
);

test.each([1, 2])("a pool of %d passes nothing from one tenant to another", async (instances) => {
  const kernel = await spy(instances);
  let tenants = 0; // New ones for every history, which find the instances of those before.
  const nothingPasses = fc.property(visits, (history) => {
    const pasts = [0, 1, 2].map((each) => new Past(tenants + each));
    tenants += 3;
    for (const each of history) visit(kernel, pasts[each.tenant]!, each);
  });
  fc.assert(nothingPasses, { numRuns: 60 });
  expect(kernel.counts().resets).toBeGreaterThan(60);
});

test("the same tenant does find what it left: the spy can see", async () => {
  const kernel = await spy(1);
  const past = new Past(1);
  const found = (deed: Deed) => {
    const params = { mark: markOf(1), tenant: 1, deed: DEEDS.indexOf(deed) };
    const { y } = kernel.call({
      inputs: { x: { shape: [1], data: new Int32Array(1) } },
      params,
      tenant: "1",
    });
    past.deeds.add(deed);
    return [...(y!.data as Int32Array)].slice(0, 6);
  };
  const mark = markOf(1);
  expect(found("grow memory")).toEqual([0, 0, mark, -1, 4, 1]);
  expect(found("grow table")).toEqual([mark, mark, mark, 1, 4, 2]);
  expect(found("drop data")).toEqual([mark, mark, mark, 1, 5, 2]);
  expect(failureOf(() => found("use data")).code).toBe("KERNEL_MEMORY");
});

test("a call by value leaves nothing for the next tenant either", async () => {
  const kernel = await spy(1);
  for (const tenant of [0, 1, 2, 0, 1]) {
    const request = {
      inputs: { x: { shape: [500], data: new Int32Array(500).fill(markOf(tenant)) } },
      params: { mark: markOf(tenant), tenant },
      tenant: `${tenant}`,
    };
    const { y } = kernel.call(request);
    expect([...(y!.data as Int32Array)].slice(0, 6)).toEqual([0, 0, markOf(tenant), -1, 4, 1]);
  }
});

test("kernel_info sees nothing of the tenant whose instance it borrows", async () => {
  const sandbox = await stillSandbox({ limits: { poolInstancesMax: 1 } });
  // It gives all of memory up to 256 bytes for its name.
  const info = `(i32.store (local.get $at) (i32.const 0))
    (i32.store offset=4 (local.get $at) (i32.const 200)) (i32.const 0)`;
  const forward = "(i32.store (i32.const 64) (i32.const 0x41414141)) (i32.const 0)";
  const kernel = await sandbox.load(await verified({ info, forward }));
  kernel.call({ inputs: { x: { shape: [1], data: new Float32Array(1) } }, tenant: "a" });
  expect(kernel.info().name).not.toContain("A");
});
