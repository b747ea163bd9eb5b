// What a pack actor's caller is told when a run fails by itself, and that the actor goes on after it.

import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { failureIn } from "../../pack/failure-of.fixture.ts";
import { loadPack } from "../../pack.node.ts";
import { rmsnorm } from "../../reference/rmsnorm.ts";
import { KernelError } from "../../sandbox/mod.ts";
import { ends, HOW } from "../../sandbox/ends.fixture.ts";
import { outcome } from "./pack-actors.fixture.ts";
import type { PackLaunchOptions } from "./pack-launch.ts";
import { createRuntime } from "./runtime.ts";

const runtime = createRuntime({ threads: 1 });
afterAll(() => runtime.shutdown());

const launch = (changes: Partial<PackLaunchOptions> = {}) =>
  runtime.launch("test", { pack: ends, shapes: { x: [1] }, ...changes });

describe.each(["persistent", "event-driven"] as const)("A run of an actor that is %s", (mode) => {
  const FUEL = { sandbox: { interrupt: "fuel" }, fuel: 10_000n } as const;
  const cases: readonly [string, number, object, object, number][] = [
    ["reaches what is unreachable", HOW.trap, {}, { code: "KERNEL_UNREACHABLE" }, 10],
    ["divides by zero", HOW.divide, {}, { code: "KERNEL_ARITHMETIC" }, 10],
    ["writes outside its memory", HOW.outside, {}, { code: "KERNEL_MEMORY" }, 10],
    ["exhausts its budget", HOW.spin, { budgetMs: 20 }, { code: "KERNEL_DEADLINE" }, 10],
    ["exhausts its fuel", HOW.spin, FUEL, { code: "KERNEL_FUEL", trap: "fuel" }, 10],
    // A code is no stop: the instance goes on, and its count with it.
    ["asks for more memory than its grant", HOW.grow, {}, { code: "KERNEL_CODE", returned: 4 }, 13],
    ["says that its inputs are wrong", HOW.code, {}, { code: "KERNEL_CODE", returned: 3 }, 13],
  ];
  test.each(cases)("%s: typed, and the next one is right", async (_, x, changes, facts, next) => {
    await using kernel = await launch({ mode, ...changes });
    expect([await outcome(kernel, 10), await outcome(kernel, 10)]).toEqual([10, 11]);
    kernel.inputs["x"]![0] = x;
    const failure = await failureIn(kernel.invoke());
    expect(failure).toBeInstanceOf(KernelError);
    expect(failure).toMatchObject({ ...facts, kernel: "test" });
    expect([await outcome(kernel, 10), kernel.state]).toEqual([next, "active"]);
  });

  test("may grow its memory up to its grant, and the tensors stay where they are", async () => {
    await using kernel = await launch({ mode });
    const [{ x }, { y }] = [kernel.inputs, kernel.outputs];
    const pages: unknown[] = [];
    for (let got = 0; got !== -1; pages.push(got))
      got = (await outcome(kernel, HOW.fill)) as number;
    expect(pages.at(-2)).toBe(15); // Of 16 that the manifest asks for.
    expect([kernel.inputs["x"], kernel.outputs["y"]]).toEqual([x, y]);
    expect(await outcome(kernel, 100)).toBe(100 + pages.length);
  });

  test("has no tensors but those of its launch", async () => {
    await using kernel = await launch({ mode });
    expect(() => kernel.inputs["x"]!.set([1, 2])).toThrow(RangeError);
    expect(Object.keys(kernel.inputs)).toEqual(["x"]);
    for (const shapes of [{ x: [1, 1] }, {}, { x: [1], z: [1] }, { x: [-1] }, { x: [2 ** 40] }]) {
      const refused = runtime.launch("test", { id: "other", mode, pack: ends, shapes });
      expect((await failureIn(refused)).code).toMatch(/^(SHAPE_MISMATCH|OUT_OF_MEMORY)$/);
    }
    expect(await outcome(kernel, 10)).toBe(10);
  });
});

test("A pack that is altered on disk after it was verified is launched as it was verified", async () => {
  const folder = await mkdtemp(join(tmpdir(), "annulus-pack-"));
  try {
    await cp(join(import.meta.dirname, "../../../packs/core"), folder, { recursive: true });
    const trusted = { trust: { keys: [] }, allowUnsigned: true };
    const pack = await loadPack(folder, trusted);
    const file = join(folder, pack.kernel("rmsnorm_f32").modules[0]!.path);
    const bytes = await readFile(file);
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(file, bytes);
    expect((await failureIn(loadPack(folder, trusted))).code).toBe("HASH_MISMATCH");
    await using kernel = await runtime.launch("rmsnorm_f32", {
      ...{ pack, shapes: { x: [1, 8], weight: [8] }, params: { eps: 1e-5 } },
    });
    const x = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    kernel.inputs.x.set(x);
    kernel.inputs.weight.fill(1);
    await kernel.invoke();
    const y = rmsnorm(x, new Float32Array(8).fill(1), 1e-5);
    y.forEach((value, i) => expect(kernel.outputs["y"]![i]).toBeCloseTo(value, 5));
  } finally {
    await rm(folder, { recursive: true });
  }
});
