// Fuel: the same program and input stop at the same instruction, as a caller of the sandbox sees it.

import { expect, test } from "vitest";
import { failureIn, failureOf } from "../pack/failure-of.fixture.ts";
import { type KernelText, stillSandbox, verified } from "./kernel.fixture.ts";
import type { SandboxOptions } from "./sandbox.ts";

/** Adds up 1 to x[0] in y[0], which tells how far it came. */
const SUMS: KernelText = {
  forward: `(local $n i32) (local $y i32)
    (local.set $n (i32.load (i32.load (local.get $at))))
    (local.set $y (i32.load offset=16 (local.get $at)))
    (i32.store (local.get $y) (i32.const 0))
    (loop $next (if (local.get $n) (then
      (i32.store (local.get $y) (i32.add (i32.load (local.get $y)) (local.get $n)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br $next))))
    (i32.const 0)`,
};

async function prepared(options: SandboxOptions = {}, text = SUMS) {
  const sandbox = await stillSandbox({ interrupt: "fuel", ...options });
  const kernel = await sandbox.load(await verified(text));
  const call = kernel.prepare({ inputs: { x: [1] } });
  const [x, y] = [call.inputs.x, call.outputs["y"]!].map(
    (view) => new Int32Array(view.buffer, view.byteOffset, 1),
  );
  return { kernel, call, x: x!, y: y! };
}

test("fuelLeft() is what a call did not burn, the same in every sandbox and on every run", async () => {
  const burned = new Set<bigint>();
  for (let i = 0; i < 3; i++) {
    const { call, x, y } = await prepared();
    for (let run = 0; run < 3; run++) {
      x[0] = 100;
      call.run({ fuel: 1_000_000n });
      expect(y[0]).toBe(5050);
      burned.add(1_000_000n - call.fuelLeft());
    }
  }
  expect(burned.size).toBe(1);
  expect([...burned][0]).toBeGreaterThan(100n);
});

test("a call that is given what it burns ends well, with one unit less it is stopped", async () => {
  const { call, x } = await prepared();
  for (const n of [0, 1, 7, 1000]) {
    x[0] = n;
    call.run({ fuel: 1_000_000n });
    const burned = 1_000_000n - call.fuelLeft();
    call.run({ fuel: burned });
    expect(call.fuelLeft()).toBe(0n);
    expect(failureOf(() => call.run({ fuel: burned - 1n }))).toMatchObject({
      code: "KERNEL_FUEL",
      kind: "KernelTrap",
      trap: "fuel",
    });
  }
});

test("an endless kernel stops at the same place whenever it has the same fuel", async () => {
  const places = new Set<string>();
  for (let i = 0; i < 3; i++) {
    const { call, x, y } = await prepared();
    for (let run = 0; run < 2; run++) {
      x[0] = -1; // 2^32 - 1 turns, more than its fuel is worth.
      const { offset } = failureOf(() => call.run({ fuel: 50_000n })) as { offset?: number };
      places.add(`${offset} ${y[0]}`);
    }
  }
  expect(places.size).toBe(1);
});

test("no fuel stops a kernel before its first block, and the next call works", async () => {
  const { call, x, y } = await prepared();
  x[0] = 2;
  y[0] = 77;
  expect(failureOf(() => call.run({ fuel: 0n })).code).toBe("KERNEL_FUEL");
  expect(y[0]).toBe(77);
  call.run();
  expect(y[0]).toBe(3);
});

test("the sandbox's fuel is what a call gets that asks for none, and the most that one gets", async () => {
  const { kernel, call, x } = await prepared({ fuel: 2000n });
  x[0] = 1;
  call.run();
  expect(call.fuelLeft()).toBeLessThan(2000n);
  expect(call.fuelLeft()).toBeGreaterThan(1900n);
  x[0] = 1000;
  expect(failureOf(() => call.run()).code).toBe("KERNEL_FUEL");
  expect(failureOf(() => call.run({ fuel: 10n ** 12n })).code).toBe("KERNEL_FUEL");
  using poor = kernel.prepare({ inputs: { x: [1] }, fuel: 10n });
  expect(failureOf(() => poor.run()).code).toBe("KERNEL_FUEL");
  poor.run({ fuel: 2000n }); // A run's own request counts instead of the call's.
});

test("a large memory.fill burns by its length", async () => {
  const text = {
    forward: `(memory.fill (i32.const 1024) (i32.const 0)
      (i32.load (i32.load (local.get $at)))) (i32.const 0)`,
  };
  const { call, x } = await prepared({}, text);
  const left = [0, 32_768].map((bytes) => {
    x[0] = bytes;
    call.run({ fuel: 1_000_000n });
    return call.fuelLeft();
  });
  expect(left[0]! - left[1]!).toBe(32_768n / 16n);
});

test.each([
  ["start", { fields: "(func $s (loop (br 0))) (start $s)" }],
  ["kernel_init", { init: "(loop (br 0)) unreachable" }],
  ["kernel_info", { info: "(loop (br 0)) unreachable" }],
])("%s burns the sandbox's own fuel", async (what, text) => {
  const sandbox = await stillSandbox({ interrupt: "fuel", fuel: 1000n });
  const kernel = await sandbox.load(await verified(text));
  const use = () =>
    what === "kernel_info" ? kernel.info() : kernel.prepare({ inputs: { x: [1] } });
  expect(failureOf(use).code).toBe("KERNEL_FUEL");
});

test("recursion in fuel mode ends at the stack's bound, as it does by the clock", async () => {
  const text = { fields: "(func $r (call $r))", forward: "(call $r) (i32.const 0)" };
  const { call } = await prepared({}, text);
  expect(failureOf(() => call.run())).toMatchObject({ kind: "StackOverflow" });
});

test("relaxed SIMD, whose results differ between machines, is refused in fuel mode", async () => {
  const sandbox = await stillSandbox({ interrupt: "fuel" });
  const relaxed = `(drop (f32x4.relaxed_min (v128.const i32x4 0 0 0 0) (v128.const i32x4 0 0 0 0)))
    (i32.const 0)`;
  const failure = await failureIn(sandbox.load(await verified({ forward: relaxed })));
  expect(failure.code).toBe("MODULE_REFUSED");
});

test('mode "none" trusts the kernel with the clock, but not with its stack or memory', async () => {
  const sandbox = await stillSandbox({ interrupt: "none" });
  const kernel = await sandbox.load(await verified(SUMS));
  using call = kernel.prepare({ inputs: { x: [1] }, budgetTicks: 0 });
  call.run(); // No check, so no budget.
  const recursing = await sandbox.load(
    await verified({ fields: "(func $r (call $r))", forward: "(call $r) (i32.const 0)" }),
  );
  using deep = recursing.prepare({ inputs: { x: [1] } });
  expect(failureOf(() => deep.run())).toMatchObject({ kind: "StackOverflow" });
});

test.each([-1n, 5 as never, 1.5 as never])("Sandbox.create() refuses fuel of %s", async (fuel) => {
  expect((await failureIn(stillSandbox({ fuel }))).code).toBe("PARAM_INVALID");
});
