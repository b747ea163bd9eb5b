// Batches on kernels written for the purpose: which request failed, what became of the others, whose
// budget was used, and that a batch is its single calls.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SANDBOX_LIMITS } from "../base/mod.ts";
import { failureOf } from "../pack/failure-of.fixture.ts";
import { sharedTicker } from "../platform/node/mod.ts";
import type { TensorValue } from "./by-value.ts";
import type { SandboxEvent } from "./context.ts";
import { type EntryChanges, handTicker, type KernelText, verified } from "./kernel.fixture.ts";
import type { Kernel } from "./kernel.ts";
import { Sandbox, type SandboxOptions } from "./sandbox.ts";
import type { KernelError } from "./trap.ts";

/** y[0] = x[0] + p + calls so far. x[0] decides how it ends: 1 a code, 2 a trap, 3 never. */
const ENDS: KernelText = {
  fields: "(global $calls (mut f32) (f32.const 0)) (global $inits (mut i32) (i32.const 0))",
  init: "(global.set $inits (i32.add (global.get $inits) (i32.const 1))) (i32.const 0)",
  forward: `(local $x f32)
    (local.set $x (f32.load (i32.load (local.get $at))))
    (f32.store (i32.load offset=16 (local.get $at)) (f32.add (local.get $x)
      (f32.add (f32.load (i32.load offset=32 (local.get $at))) (global.get $calls))))
    (global.set $calls (f32.add (global.get $calls) (f32.const 1)))
    (if (f32.eq (local.get $x) (f32.const 1)) (then (return (i32.const 3))))
    (if (f32.eq (local.get $x) (f32.const 2)) (then unreachable))
    (if (f32.eq (local.get $x) (f32.const 3)) (then (loop $spin (br $spin))))
    (i32.const 0)`,
};
const CODE = 1;
const TRAP = 2;
const SPIN = 3;
const PARAM: EntryChanges = { params: { p: { type: "f32", default: 0 } } };

async function load(
  text: KernelText = ENDS,
  changes: EntryChanges = PARAM,
  options: SandboxOptions = {},
): Promise<Kernel> {
  const sandbox = await Sandbox.create(options, handTicker().source);
  return sandbox.load(await verified(text, changes));
}

function f32(...values: number[]): TensorValue {
  return { shape: [values.length], data: new Float32Array(values) };
}

/** Setups of `count` requests of one element, whose p is 100 times their index. */
function setups(count: number) {
  return Array.from({ length: count }, (_, i) => {
    return { inputs: { x: [1] as const }, params: { p: i * 100 } };
  });
}

function prepared(kernel: Kernel, xs: readonly number[]) {
  const batch = kernel.prepareBatch({ requests: setups(xs.length) });
  const fill = () => xs.forEach((x, i) => batch.requests[i]!.inputs.x.fill(x));
  fill();
  return { batch, fill, ys: () => batch.requests.map(({ outputs }) => outputs["y"]![0]) };
}

function errorOf(act: () => unknown): KernelError {
  return failureOf(act) as KernelError;
}

describe("prepareBatch()", () => {
  test("runs every request in order, each with params of its own, again and again", async () => {
    const { batch, ys } = prepared(await load(), [10, 20, 30]);
    batch.run();
    expect(ys()).toEqual([10, 121, 232]);
    batch.run();
    expect(ys()).toEqual([13, 124, 235]);
  });

  test("takes requests of any shapes, and gives each its views", async () => {
    const kernel = await load();
    const requests = [3, 0, 17].map((n) => ({ inputs: { x: [n] } }));
    using batch = kernel.prepareBatch({ requests });
    expect(batch.requests.map(({ outputs }) => outputs["y"]!.length)).toEqual([3, 0, 17]);
    expect(batch.requests.map(({ shapes }) => shapes.dims)).toEqual([
      { n: 3 },
      { n: 0 },
      { n: 17 },
    ]);
  });

  test("of no requests runs nothing, and is no error", async () => {
    const kernel = await load();
    using batch = kernel.prepareBatch({ requests: [] });
    batch.run();
    batch.run({ first: 0 });
    expect(kernel.callBatch({ requests: [] })).toEqual([]);
  });

  test("takes as many requests as the limit, and no more", async () => {
    const max = SANDBOX_LIMITS.batchRequestsMax;
    const kernel = await load(ENDS, {
      ...PARAM,
      resource_limits: { max_memory_pages: 64, max_epoch_ticks: 9, max_table_elements: 0 },
    });
    const { batch, ys } = prepared(
      kernel,
      Array.from({ length: max }, () => 10),
    );
    batch.run();
    expect(ys().at(-1)).toBe((max - 1) * 101 + 10);
    batch[Symbol.dispose]();
    const failure = failureOf(() => kernel.prepareBatch({ requests: setups(max + 1) }));
    expect([failure.code, failure.at]).toEqual(["PARAM_INVALID", "requests"]);
    const requests = Array.from({ length: max + 1 }, () => ({ inputs: { x: f32(1) } }));
    expect(failureOf(() => kernel.callBatch({ requests })).code).toBe("PARAM_INVALID");
    expect(kernel.counts().lent).toBe(0);
  });

  test("gives back what it took when one request does not fit", async () => {
    const kernel = await load();
    using lease = kernel.lease();
    const large = { inputs: { x: [1_000_000] } };
    const requests = [{ inputs: { x: [4] } }, large];
    const at = lease.prepare(requests[0]!);
    const before = at.inputs.x.byteOffset;
    at[Symbol.dispose]();
    expect(failureOf(() => lease.prepareBatch({ requests })).code).toBe("OUT_OF_MEMORY");
    using after = lease.prepare(requests[0]!);
    expect(after.inputs.x.byteOffset).toBe(before);
    using batch = lease.prepareBatch({ requests: requests.slice(0, 1) });
    batch.run();
  });

  test("is DISPOSED after its disposal, and its memory is the lease's again", async () => {
    const kernel = await load();
    using lease = kernel.lease();
    const first = lease.prepareBatch({ requests: setups(2) });
    const at = first.requests[0]!.inputs.x.byteOffset;
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    expect(failureOf(() => first.run())).toMatchObject({ code: "DISPOSED", at: "batch" });
    using second = lease.prepareBatch({ requests: setups(2) });
    expect(second.requests[0]!.inputs.x.byteOffset).toBe(at);
  });
});

describe("a request that fails", () => {
  test.each([
    ["a code", CODE, "KERNEL_CODE"],
    ["a trap", TRAP, "KERNEL_UNREACHABLE"],
  ])("with %s is named; the ones before it stand, the others did not run", async (_, x, code) => {
    const { batch, ys } = prepared(await load(), [10, 20, x, 40]);
    const error = errorOf(() => batch.run());
    expect([error.code, error.request]).toEqual([code, 2]);
    expect(error.at).toContain("request 2");
    expect(error.detail["request"]).toBe(2);
    expect(ys().toSpliced(2, 1)).toEqual([10, 121, 0]);
    const { shapes, inputs } = batch.requests[2]!;
    const { byteOffset } = inputs.x;
    expect(error.descriptor!.inputA).toEqual([byteOffset, byteOffset + shapes.inputs[0]!.bytes]);
  });

  test("with a code leaves the instance as it is; the batch goes on behind it", async () => {
    const { batch, ys } = prepared(await load(), [10, CODE, 30, CODE, 50]);
    expect(errorOf(() => batch.run()).request).toBe(1);
    expect(errorOf(() => batch.run({ first: 2 })).request).toBe(3);
    batch.run({ first: 4 });
    expect(ys()).toEqual([10, 102, 232, 304, 454]); // The fifth call of one instance.
    batch.run({ first: 5 });
  });

  test("with a trap ends the instance; the batch can run again, in a new one", async () => {
    const events: SandboxEvent[] = [];
    const kernel = await load(ENDS, PARAM, { onEvent: (event) => events.push(event) });
    const { batch, fill, ys } = prepared(kernel, [10, 20, 30]);
    batch.requests[1]!.inputs.x.fill(TRAP);
    expect(errorOf(() => batch.run()).request).toBe(1);
    expect(events[0]).toMatchObject({ type: "trapped", error: { request: 1 } });
    fill();
    batch.run();
    expect(ys()).toEqual([10, 121, 232]); // Calls are counted from 0 again.
    batch[Symbol.dispose]();
    expect(kernel.counts()).toMatchObject({ lent: 0, idle: 1 });
  });

  test("with a trap does not hide a later one: each run names its own", async () => {
    const { batch } = prepared(await load(), [10, TRAP, 30, CODE]);
    for (let i = 0; i < 3; i++) {
      batch.requests[1]!.inputs.x.fill(TRAP);
      expect(errorOf(() => batch.run()).request).toBe(1);
      expect(errorOf(() => batch.run({ first: 2 })).request).toBe(3);
    }
  });

  test.each([-1, 4, 0.5, NaN, Infinity])("run() refuses to begin at %f", async (first) => {
    const { batch } = prepared(await load(), [1, 2, 3]);
    expect(failureOf(() => batch.run({ first })).code).toBe("PARAM_INVALID");
  });
});

describe("the budget is each request's", () => {
  test("epoch: one that spins is stopped within its own, and named; the next run works", async () => {
    await using sandbox = await Sandbox.create({}, sharedTicker);
    const kernel = await sandbox.load(await verified(ENDS, PARAM));
    using batch = kernel.prepareBatch({ requests: setups(4), budgetTicks: 2 });
    batch.requests[2]!.inputs.x.fill(SPIN);
    const before = sandbox.ticks;
    const error = errorOf(() => batch.run());
    expect([error.code, error.request]).toEqual(["KERNEL_DEADLINE", 2]);
    expect(sandbox.ticks - before).toBeGreaterThanOrEqual(2);
    expect(errorOf(() => batch.run({ budgetTicks: 0 })).request).toBe(0);
    for (const { inputs } of batch.requests) inputs.x.fill(0);
    batch.run();
  });

  /** Spins x[0] times. */
  const SPINS: KernelText = {
    forward: `(local $i i32)
      (local.set $i (i32.trunc_f32_u (f32.load (i32.load (local.get $at)))))
      (loop $spin (local.set $i (i32.sub (local.get $i) (i32.const 1)))
        (br_if $spin (i32.gt_s (local.get $i) (i32.const 0)))) (i32.const 0)`,
  };

  test("fuel: what is enough for one is enough for each, one less is not for any", async () => {
    const kernel = await load(SPINS, {}, { interrupt: "fuel" });
    const one = { inputs: { x: f32(50) } };
    const runs = (fuel: bigint, requests: readonly (typeof one)[]) => () =>
      kernel.callBatch({ requests, fuel });
    let fuel = 1n;
    while (fuel < 10_000n && !succeeds(runs(fuel, [one]))) fuel++;
    const many = Array.from({ length: 64 }, () => one);
    expect(runs(fuel, many)()).toHaveLength(64);
    expect(errorOf(runs(fuel - 1n, many)).request).toBe(0);
    const slow = many.with(40, { inputs: { x: f32(51) } });
    expect(errorOf(runs(fuel, slow))).toMatchObject({ code: "KERNEL_FUEL", request: 40 });
  });

  test("a budget beyond the grant is the grant, as for a call", async () => {
    const kernel = await load(SPINS, {}, { interrupt: "fuel", fuel: 100n });
    const requests = [{ inputs: { x: f32(1_000_000) } }];
    expect(errorOf(() => kernel.callBatch({ requests, fuel: 10n ** 12n })).code).toBe(
      "KERNEL_FUEL",
    );
  });

  test("mode none stops nothing, and computes the same", async () => {
    const kernel = await load(ENDS, PARAM, { interrupt: "none" });
    const { batch, ys } = prepared(kernel, [10, 20, 30]);
    batch.run();
    expect(ys()).toEqual([10, 121, 232]);
  });
});

function succeeds(act: () => unknown): boolean {
  try {
    act();
    return true;
  } catch {
    return false;
  }
}

describe("callBatch()", () => {
  /** Copies x to y and adds the param to the first. */
  const COPIES: KernelText = {
    forward: `(memory.copy (i32.load offset=16 (local.get $at)) (i32.load (local.get $at))
      (i32.load offset=4 (local.get $at)))
      (if (i32.load offset=4 (local.get $at)) (then (f32.store (i32.load offset=16 (local.get $at))
        (f32.add (f32.load (i32.load (local.get $at)))
          (f32.load (i32.load offset=32 (local.get $at))))))) (i32.const 0)`,
  };

  test("is as many single calls, whatever came before it", async () => {
    const kernel = await load(COPIES);
    const request = fc.record({
      x: fc.array(fc.float({ noNaN: true }), { maxLength: 9 }),
      p: fc.option(fc.integer({ min: -9, max: 9 }), { nil: undefined }),
    });
    const batches = fc.array(fc.array(request, { maxLength: 6 }), { maxLength: 4 });
    const law = fc.property(batches, (all) => {
      for (const batch of all) {
        const requests = batch.map(({ x, p }) => {
          return { inputs: { x: f32(...x) }, params: p === undefined ? {} : { p } };
        });
        const single = requests.map((each) => kernel.call(each));
        expect(kernel.callBatch({ requests })).toEqual(single);
      }
    });
    fc.assert(law);
    expect(kernel.counts().lent).toBe(0);
  });

  test("gives what is the caller's: later batches do not change it", async () => {
    const kernel = await load(COPIES);
    const requests = [{ inputs: { x: f32(1, 2) } }, { inputs: { x: f32(3) } }];
    const found = kernel.callBatch({ requests });
    kernel.callBatch({ requests: requests.map(() => ({ inputs: { x: f32(8, 9) } })) });
    expect(found.map(({ y }) => [...y!.data])).toEqual([[1, 2], [3]]);
  });

  test("takes dims for one request, and does not lend them to the next batch", async () => {
    const outputs = [{ name: "y", dtype: "f32", shape: ["m"] }] as const;
    const kernel = await load({}, { outputs });
    const inputs = { x: f32(1) };
    const found = kernel.callBatch({
      requests: [
        { inputs, dims: { m: 2 } },
        { inputs, dims: { m: 3 } },
      ],
    });
    expect(found.map(({ y }) => y!.shape)).toEqual([[2], [3]]);
    for (const requests of [[{ inputs }], [{ inputs, dims: { m: 2 } }, { inputs }]])
      expect(failureOf(() => kernel.callBatch({ requests })).code).toBe("SHAPE_MISMATCH");
  });

  test("names the request that fails, returns nothing, and works again", async () => {
    const kernel = await load();
    const requests = [10, 20, TRAP, 40].map((x) => ({ inputs: { x: f32(x) } }));
    const error = errorOf(() => kernel.callBatch({ requests }));
    expect([error.code, error.request]).toEqual(["KERNEL_UNREACHABLE", 2]);
    expect(kernel.callBatch({ requests: requests.slice(0, 2) })).toHaveLength(2);
    expect(kernel.call({ inputs: { x: f32(10) } })["y"]!.data[0]).toBe(12);
    expect(kernel.counts().lent).toBe(0);
  });

  test("checks every input before it runs any", async () => {
    const kernel = await load();
    const wrong = { inputs: { x: { shape: [2], data: new Float32Array(3) } } };
    const requests = [{ inputs: { x: f32(5) } }, wrong];
    expect(failureOf(() => kernel.callBatch({ requests })).code).toBe("SHAPE_MISMATCH");
    expect(kernel.call({ inputs: { x: f32(5) } })["y"]!.data[0]).toBe(5); // The first call of all.
  });

  test("is a tenant's own: the next one finds nothing of it", async () => {
    // y is what lay at its place before, since the kernel writes nothing.
    const kernel = await load({}, PARAM, { limits: { poolInstancesMax: 1 } });
    const read = () => {
      const requests = [{ inputs: { x: f32(0, 0) } }, { inputs: { x: f32(0, 0) } }];
      return kernel.callBatch({ requests, tenant: "b" }).flatMap(({ y }) => [...y!.data]);
    };
    using batch = kernel.prepareBatch({ requests: setups(2), tenant: "a" });
    for (const { outputs } of batch.requests) outputs["y"]!.fill(7);
    batch[Symbol.dispose]();
    expect(read()).toEqual([0, 0, 0, 0]);
  });
});

test("requests of a batch do not overlap, and lie in the arena as a call's do", async () => {
  const kernel = await load(
    {},
    {
      ...PARAM,
      scratch: [{ name: "t", dtype: "f32", shape: ["n"] }],
    },
  );
  const law = fc.property(fc.array(fc.nat(3000), { maxLength: 9 }), (sizes) => {
    using batch = kernel.prepareBatch({ requests: sizes.map((n) => ({ inputs: { x: [n] } })) });
    const ranges = batch.requests
      .flatMap(({ inputs, outputs }) => [inputs.x, outputs["y"]!])
      .filter(({ byteLength }) => byteLength > 0)
      .map(({ byteOffset, byteLength }) => [byteOffset, byteOffset + byteLength] as const)
      .toSorted(([a], [b]) => a - b);
    ranges.slice(1).forEach(([start], i) => expect(start).toBeGreaterThanOrEqual(ranges[i]![1]));
    batch.run();
  });
  fc.assert(law, { numRuns: 50 });
});
