// Kernels that would make a batch something else than their single calls: run others' requests, skip
// some, outlive a stop, or put the blame on a neighbour.

import { expect, test } from "vitest";
import { failureOf } from "../../src/pack/failure-of.fixture.ts";
import { type KernelText, stillSandbox, verified } from "../../src/sandbox/kernel.fixture.ts";
import type { Kernel, KernelError } from "../../src/sandbox/mod.ts";

async function load(text: KernelText): Promise<Kernel> {
  const sandbox = await stillSandbox();
  return sandbox.load(await verified(text));
}

const REQUESTS = { requests: Array.from({ length: 4 }, () => ({ inputs: { x: [4] as const } })) };

/** Where x[0] is 1, does `harm`; then y[0] = 7. */
function harming(harm: string, fields = ""): KernelText {
  return {
    fields,
    forward: `(if (f32.eq (f32.load (i32.load (local.get $at))) (f32.const 1)) (then ${harm}))
      (f32.store (i32.load offset=16 (local.get $at)) (f32.const 7)) (i32.const 0)`,
  };
}

const NEXT = "(i32.add (local.get $at) (i32.const 40))";

test.each([
  ["beyond its memory", "(i32.const -4)", "KERNEL_MEMORY"],
  ["at another's output", "(i32.load offset=16 (local.get $at))", undefined],
])("a kernel that points the next descriptor %s harms itself alone", async (_, to, code) => {
  const kernel = await load(harming(`(i32.store offset=16 ${NEXT} ${to})`));
  using batch = kernel.prepareBatch(REQUESTS);
  const ys = () => batch.requests.map(({ outputs }) => outputs["y"]![0]);
  batch.requests[1]!.inputs.x.fill(1);
  if (code === undefined) batch.run();
  else {
    const error = failureOf(() => batch.run()) as KernelError;
    expect([error.code, error.request]).toEqual([code, 2]);
    // The report is of the host's own words, not of what the kernel left of them.
    expect(error.descriptor!.output[0]).toBe(batch.requests[2]!.outputs["y"]!.byteOffset);
    batch.requests[1]!.inputs.x.fill(0);
    batch.run(); // Descriptors are written anew.
    expect(ys()).toEqual([7, 7, 7, 7]);
  }
});

test("a kernel that overwrites all of its memory neither skips nor repeats a request", async () => {
  const all = "(memory.fill (i32.const 0) (i32.const 0) (i32.mul (memory.size) (i32.const 65536)))";
  const fields = "(global $calls (mut i32) (i32.const 0))";
  const forward = `(global.set $calls (i32.add (global.get $calls) (i32.const 1))) ${all}
    (if (i32.eq (global.get $calls) (i32.const 4)) (then (return (i32.const 6)))) (i32.const 0)`;
  const kernel = await load({ fields, forward });
  using batch = kernel.prepareBatch(REQUESTS);
  expect((failureOf(() => batch.run()) as KernelError).request).toBe(3);
});

test("a kernel that exhausts its stack is named, and the others have all of it", async () => {
  const fields = `(func $down (param i32)
    (if (local.get 0) (then (call $down (i32.sub (local.get 0) (i32.const 1))))))`;
  const kernel = await load(harming("(call $down (i32.const 100000000))", fields));
  using batch = kernel.prepareBatch(REQUESTS);
  batch.requests[2]!.inputs.x.fill(1);
  for (let i = 0; i < 3; i++) {
    const error = failureOf(() => batch.run()) as KernelError;
    expect([error.code, error.request]).toEqual(["KERNEL_STACK", 2]);
  }
});

test("a kernel that fills the host's own stack first is stopped, and blames no request wrongly", async () => {
  const kernel = await load(harming(""));
  using batch = kernel.prepareBatch(REQUESTS);
  batch.run();
  const blamed = new Set<number | undefined>();
  const deeper = (): void => {
    try {
      batch.run();
      deeper();
    } catch (error) {
      if ((error as KernelError).code === "KERNEL_STACK")
        blamed.add((error as KernelError).request);
    }
  };
  deeper();
  for (const request of blamed) expect([undefined, 0, 1, 2, 3]).toContain(request);
  batch.run();
  expect(batch.requests.map(({ outputs }) => outputs["y"]![0])).toEqual([7, 7, 7, 7]);
});

test("a kernel that catches everything does not catch the stop of its request", async () => {
  const forward = `(loop $again (try (do (loop $spin (br $spin))) (catch_all)) (br $again))
    (i32.const 0)`;
  const sandbox = await stillSandbox({ interrupt: "fuel" });
  const kernel = await sandbox.load(await verified({ forward }));
  using batch = kernel.prepareBatch({ ...REQUESTS, fuel: 1000n });
  expect(failureOf(() => batch.run())).toMatchObject({ code: "KERNEL_FUEL", request: 0 });
});
