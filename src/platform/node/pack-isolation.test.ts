// Two actors of one pack, one of which is hostile: it looks for the other's data in all memory that it can
// reach, and writes wherever it can.

import { afterAll, describe, expect, test } from "vitest";
import { kernelModule, type KernelText, verifiedPack } from "../../sandbox/kernel.fixture.ts";
import { outcome } from "./pack-actors.fixture.ts";
import { createRuntime } from "./runtime.ts";

/**
 * x[0] says what it does with x[1], the word: 1 finds out how often it stands in all memory, beside the input
 * itself; 2 writes it over all memory; 3 gives the number of pages; 4 keeps it in a global; 5 gives that
 * global; else it gives the word back.
 */
const SPY: KernelText = {
  fields: "(global $kept (mut f32) (f32.const 0))",
  forward: `(local $x i32) (local $y i32) (local $i i32) (local $end i32) (local $n f32)
    (local $how f32) (local $word i32)
    (local.set $x (i32.load (local.get $at)))
    (local.set $y (i32.load offset=16 (local.get $at)))
    (local.set $how (f32.load (local.get $x)))
    (local.set $word (i32.load offset=4 (local.get $x)))
    (local.set $end (i32.shl (memory.size) (i32.const 16)))
    (if (f32.eq (local.get $how) (f32.const 1)) (then
      (i32.store offset=4 (local.get $x) (i32.const 0))
      (loop $next
        (if (i32.eq (i32.load (local.get $i)) (local.get $word))
          (then (local.set $n (f32.add (local.get $n) (f32.const 1)))))
        (local.set $i (i32.add (local.get $i) (i32.const 4)))
        (br_if $next (i32.lt_u (local.get $i) (local.get $end))))
      (f32.store (local.get $y) (local.get $n))
      (return (i32.const 0))))
    (if (f32.eq (local.get $how) (f32.const 2)) (then
      (loop $next
        (i32.store (local.get $i) (local.get $word))
        (local.set $i (i32.add (local.get $i) (i32.const 4)))
        (br_if $next (i32.lt_u (local.get $i) (local.get $end))))
      (return (i32.const 0))))
    (if (f32.eq (local.get $how) (f32.const 3)) (then
      (f32.store (local.get $y) (f32.convert_i32_u (memory.size))) (return (i32.const 0))))
    (if (f32.eq (local.get $how) (f32.const 4)) (then
      (global.set $kept (f32.reinterpret_i32 (local.get $word))) (return (i32.const 0))))
    (if (f32.eq (local.get $how) (f32.const 5)) (then
      (f32.store (local.get $y) (global.get $kept)) (return (i32.const 0))))
    (i32.store (local.get $y) (local.get $word))
    (i32.const 0)`,
};
const [SEARCH, OVERWRITE, PAGES, KEEP, KEPT, ECHO] = [1, 2, 3, 4, 5, 6];
const SECRET = 12_345_678; // Whole in an f32, and nothing else is likely to be it.

const pack = await verifiedPack([{ module: await kernelModule(SPY) }]);
const shared = createRuntime({ threads: 1 });
const apart = createRuntime({ threads: 2 });
afterAll(async () => {
  await Promise.all([shared.shutdown(), apart.shutdown()]);
});

describe.each([
  ["on one thread", shared, "persistent"],
  ["on two threads", apart, "persistent"],
  ["on the host's own thread", shared, "event-driven"],
] as const)("Of two actors of one kernel %s", (_, runtime, mode) => {
  const launch = (id: string) => runtime.launch("test", { id, mode, pack, shapes: { x: [2] } });
  type Spy = Awaited<ReturnType<typeof launch>>;
  const ask = (kernel: Spy, how: number, word = SECRET) => {
    kernel.inputs["x"]![1] = word;
    return outcome(kernel, how);
  };

  test("none finds what the other holds, while it lives and when it has ended", async () => {
    const victim = await launch("victim");
    await using spy = await launch("spy");
    await ask(victim, KEEP);
    expect(await ask(victim, ECHO)).toBe(SECRET);
    expect(await ask(victim, SEARCH)).toBeGreaterThan(0); // In its output: so the search finds it.
    await ask(victim, ECHO);
    expect([await ask(spy, SEARCH), await ask(spy, KEPT)]).toEqual([0, 0]);
    expect(spy.inputs["x"]!.buffer).not.toBe(victim.inputs["x"]!.buffer);
    await victim.terminate();
    await using next = await launch("next");
    expect([await ask(next, SEARCH), await ask(next, KEPT)]).toEqual([0, 0]);
    expect([await ask(spy, SEARCH), await ask(spy, KEPT)]).toEqual([0, 0]);
  });

  test("none changes what the other has, though it writes over all of its own memory", async () => {
    await using victim = await launch("victim");
    await using spy = await launch("spy");
    expect(await ask(victim, ECHO, 7)).toBe(7);
    const pages = await ask(victim, PAGES, 7);
    expect(await ask(spy, OVERWRITE)).toBe(SECRET);
    expect([...victim.inputs["x"]!]).toEqual([PAGES, 7]);
    expect(victim.outputs["y"]![0]).toBe(pages);
    expect(await ask(victim, SEARCH)).toBe(0);
    expect(await ask(victim, ECHO, 9)).toBe(9);
  });
});
