// Kernels that attack who falls back on them: their caller's inputs, the answers that callers share, and
// the host that must name which request failed.

import { expect, test } from "vitest";
import { failureOf } from "../../src/pack/failure-of.fixture.ts";
import { chainOf, DOUBLES, doubling, requestOf } from "../../src/sandbox/fallback.fixture.ts";
import { stillSandbox, verified } from "../../src/sandbox/kernel.fixture.ts";
import type { KernelError } from "../../src/sandbox/mod.ts";

/** Sets the bytes of the first input, then ends as `end` says. */
function spoiling(end: string) {
  const input = "(i32.load (local.get $at)) (i32.const 255) (i32.load offset=4 (local.get $at))";
  return { forward: `(memory.fill ${input}) ${end}` };
}

test.each([
  ["blames the caller", "(i32.const 1)"],
  ["fails", "(i32.const 6)"],
  ["traps", "(unreachable)"],
])(
  "a kernel that overwrites its input and then %s leaves the chain's inputs alone",
  async (_, end) => {
    const { chain } = await chainOf({ kernels: [spoiling(end)], reference: doubling });
    using call = chain.prepare({ inputs: { x: [3] } });
    for (let i = 0; i < 2; i++) {
      call.inputs.x.set([1, 2, 3]);
      if (end === "(i32.const 1)") expect(failureOf(() => call.run()).code).toBe("KERNEL_CODE");
      else {
        expect(call.run().degraded).toBe(true);
        expect([...call.outputs["y"]!]).toEqual([2, 4, 6]);
      }
      expect([...call.inputs.x]).toEqual([1, 2, 3]);
    }
  },
);

test("an answer of a chain cannot be made to lie to the next caller", async () => {
  const { chain } = await chainOf({ kernels: [DOUBLES] });
  const { failures } = chain.call(requestOf(1));
  expect(() => (failures as unknown[]).push("a failure that never was")).toThrow(TypeError);
  expect(chain.call(requestOf(1)).failures).toEqual([]);
});

test("a kernel that moves its batch above 2 GiB is named as any other", async () => {
  const gib2 = 32_768;
  const kernel = await (
    await stillSandbox()
  ).load(
    await verified(
      {
        memory: `(memory ${gib2 + 2})`,
        fields: '(global (export "__heap_base") i32 (i32.const 0x80000010))',
        forward: `(if (f32.eq (f32.load (i32.load (local.get $at))) (f32.const 1)) (then unreachable))
          (f32.eq (f32.load (i32.load (local.get $at))) (f32.const 2))`,
      },
      {
        resource_limits: {
          max_memory_pages: gib2 + 4,
          max_epoch_ticks: 1000,
          max_table_elements: 64,
        },
      },
    ),
  );
  using batch = kernel.prepareBatch({ requests: [4, 4, 4].map((n) => ({ inputs: { x: [n] } })) });
  for (const harm of [2, 1]) {
    batch.requests[1]!.inputs.x.fill(harm);
    const error = failureOf(() => batch.run()) as KernelError;
    expect([error.code, error.request]).toEqual([
      harm === 2 ? "KERNEL_CODE" : "KERNEL_UNREACHABLE",
      1,
    ]);
  }
});
