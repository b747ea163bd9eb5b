import * as fc from "fast-check";
import { expect, test } from "vitest";
import { failureOf } from "../pack/failure-of.fixture.ts";
import type { PreparedCall } from "./call.ts";
import { type KernelText, stillSandbox, verified } from "./kernel.fixture.ts";
import type { Kernel } from "./kernel.ts";

async function load(text: KernelText = {}, poolInstancesMax = 4): Promise<Kernel> {
  const sandbox = await stillSandbox({ limits: { poolInstancesMax } });
  return sandbox.load(await verified(text));
}

/** y = 2 x, and y[0] of a call is x[0] of the next where they share memory. */
const DOUBLES: KernelText = {
  forward: `(local $x i32) (local $y i32) (local $end i32)
    (local.set $x (i32.load (local.get $at)))
    (local.set $y (i32.load offset=16 (local.get $at)))
    (local.set $end (i32.add (local.get $x) (i32.load offset=4 (local.get $at))))
    (loop $next (if (i32.lt_u (local.get $x) (local.get $end)) (then
      (f32.store (local.get $y) (f32.mul (f32.load (local.get $x)) (f32.const 2)))
      (local.set $x (i32.add (local.get $x) (i32.const 4)))
      (local.set $y (i32.add (local.get $y) (i32.const 4)))
      (br $next))))
    (i32.const 0)`,
};

test("a lease holds one instance, however many calls it prepares", async () => {
  const kernel = await load(DOUBLES);
  using lease = kernel.lease();
  const calls = [1, 5, 3].map((n) => lease.prepare({ inputs: { x: [n] } }));
  calls.forEach((call, i) => call.inputs.x.fill(i + 1));
  for (const call of calls.toReversed()) call.run();
  expect(calls.map((call) => [...call.outputs["y"]!])).toEqual([[2], [4, 4, 4, 4, 4], [6, 6, 6]]);
  expect(kernel.counts()).toMatchObject({ created: 1, lent: 1 });
});

test("calls of one lease lie apart, and in one memory", async () => {
  const kernel = await load(DOUBLES);
  using lease = kernel.lease();
  const calls = [10, 10, 10].map((n) => lease.prepare({ inputs: { x: [n] } }));
  const views = calls.flatMap((call) => [call.inputs.x, call.outputs["y"]!]);
  const ranges = views
    .map(({ byteOffset, byteLength }) => [byteOffset, byteOffset + byteLength] as const)
    .toSorted(([a], [b]) => a - b);
  for (let i = 1; i < ranges.length; i++)
    expect(ranges[i]![0]).toBeGreaterThanOrEqual(ranges[i - 1]![1]);
  expect(new Set(views.map(({ buffer }) => buffer)).size).toBe(1);
});

test("memory returns when the calls above are gone, whatever the order in which they end", async () => {
  const kernel = await load();
  using lease = kernel.lease();
  const prepare = () => lease.prepare({ inputs: { x: [8] } });
  const whole = fc.property(fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 }), (order) => {
    const first = prepare();
    const start = first.inputs.x.byteOffset;
    const calls = [first, ...[1, 2, 3, 4].map(prepare)];
    for (const i of order) calls[i]![Symbol.dispose]();
    using again = prepare();
    expect(again.inputs.x.byteOffset).toBe(start);
  });
  fc.assert(whole, { numRuns: 50 });
});

test("a call that ends below others leaves theirs untouched", async () => {
  const kernel = await load(DOUBLES);
  using lease = kernel.lease();
  const [below, above] = [1, 2].map(() => lease.prepare({ inputs: { x: [4] } }));
  above!.inputs.x.fill(3);
  below![Symbol.dispose]();
  const next = lease.prepare({ inputs: { x: [4] } });
  next.inputs.x.fill(9);
  next.run();
  above!.run();
  expect([...above!.outputs["y"]!]).toEqual([6, 6, 6, 6]);
});

test("a refused prepare() takes nothing from the lease", async () => {
  const kernel = await load();
  using lease = kernel.lease();
  const at = () => {
    using call = lease.prepare({ inputs: { x: [1] } });
    return call.inputs.x.byteOffset;
  };
  const before = at();
  expect(failureOf(() => lease.prepare({ inputs: { x: [1, 2] } })).code).toBe("SHAPE_MISMATCH");
  expect(failureOf(() => lease.prepare({ inputs: { x: [2 ** 29] } })).code).toBe("OUT_OF_MEMORY");
  expect(failureOf(() => lease.prepare({ inputs: { x: [1] }, params: { p: 1 } })).code).toBe(
    "PARAM_INVALID",
  );
  expect(at()).toBe(before);
});

test("a kernel_init that fails makes prepare() fail, and the next one tries again", async () => {
  const kernel = await load({ init: "(i32.const 4)" });
  using lease = kernel.lease();
  for (let i = 0; i < 2; i++) {
    const failure = failureOf(() => lease.prepare({ inputs: { x: [1] } }));
    expect(failure).toMatchObject({ code: "KERNEL_CODE", returned: 4 });
  }
});

test("kernel_init runs once in an instance, with the first call's params", async () => {
  const init = `(i32.store (i32.const 64) (i32.add (i32.load (i32.const 64)) (i32.const 1)))
    (i32.store (i32.const 68) (i32.load (local.get $at)))
    (i32.store (i32.const 72) (local.get $bytes)) (i32.const 0)`;
  const kernel = await load({ init });
  using lease = kernel.lease();
  const calls = [7, 8].map((n) => lease.prepare({ inputs: { x: [n] } }));
  for (const call of calls) call.run();
  const words = new Int32Array(calls[0]!.inputs.x.buffer);
  expect([words[16], words[17], words[18]]).toEqual([1, 7, 4]); // Once, n, bytes of the block.
});

test("a disposed lease ends its calls, refuses new ones, and gives its instance back once", async () => {
  const kernel = await load();
  const lease = kernel.lease();
  const calls = [1, 2].map(() => lease.prepare({ inputs: { x: [1] } }));
  calls[0]![Symbol.dispose]();
  lease[Symbol.dispose]();
  lease[Symbol.dispose]();
  const uses: (() => unknown)[] = [
    ...calls.map((call: PreparedCall) => () => call.run()),
    () => lease.prepare({ inputs: { x: [1] } }),
    () => lease.info(),
  ];
  for (const use of uses) expect(failureOf(use).code).toBe("DISPOSED");
  for (const call of calls) call[Symbol.dispose]();
  expect(kernel.counts()).toMatchObject({ lent: 0, idle: 1 });
});

test("a lease that ends leaves the next holder all of the arena", async () => {
  const kernel = await load({}, 1);
  const firstOffset = () => {
    using lease = kernel.lease();
    const [x] = [1, 2, 3].map(() => lease.prepare({ inputs: { x: [100] } }).inputs.x);
    return x!.byteOffset;
  };
  expect(firstOffset()).toBe(firstOffset());
});

test("a call that owns its lease ends with it, and the other way round", async () => {
  const kernel = await load({}, 1);
  const call = kernel.prepare({ inputs: { x: [1] } });
  expect(failureOf(() => kernel.lease()).code).toBe("POOL_EXHAUSTED");
  call[Symbol.dispose]();
  using lease = kernel.lease();
  lease.prepare({ inputs: { x: [1] } }).run();
});
