// The front door `annulus/testing`, as an author's tests use it.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { failureIn } from "../pack/failure-of.fixture.ts";
import type { PackSource } from "../pack/mod.ts";
import { kernelModule } from "../sandbox/kernel.fixture.ts";
import { checkBudget, fuzzKernel, judge, openKernelFolder, testPack } from "../testing.node.ts";
import { doubling, FORWARDS } from "./kernels.fixture.ts";

const folder = await mkdtemp(join(tmpdir(), "annulus-testing-"));
afterAll(() => rm(folder, { recursive: true }));

const module = await kernelModule({
  memory: '(memory (export "memory") 1)',
  forward: FORWARDS.right,
});

const kernel = {
  id: "double",
  name: "Double",
  category: "custom",
  path: "double.wasm",
  entry_point: "forward",
  inputs: [{ name: "x", dtype: "f32", shape: ["n"] }],
  outputs: [{ name: "y", dtype: "f32", shape: ["n"] }],
  accuracy: { max_ulp: 0.5 },
  resource_limits: { max_memory_pages: 64, max_epoch_ticks: 100, max_table_elements: 0 },
} as const;

const source: PackSource = {
  name: "mine",
  version: "1.0.0",
  description: "One kernel",
  min_runtime_version: "0.1.0",
  max_runtime_version: "1.0.0",
  created_at: "2026-01-18T00:00:00Z",
  author: { name: "A", email: "a@example.com" },
  kernels: [kernel],
};

test("testPack() signs, verifies and loads a pack from memory", async () => {
  await using pack = await testPack(source, { "double.wasm": module });
  expect(pack.pack.signed).toBe(true);
  const tested = await pack.kernel();
  expect((await judge(tested, doubling)).compared).toBe(100);
  await checkBudget(tested);
  expect(fuzzKernel(tested).inputs).toBe(500);
});

test("openKernelFolder() does the same for a folder, by path or URL", async () => {
  await writeFile(join(folder, "pack.json"), JSON.stringify(source));
  await writeFile(join(folder, "double.wasm"), module);
  for (const from of [folder, new URL(`file://${folder}/`)]) {
    await using pack = await openKernelFolder(from);
    expect((await judge(await pack.kernel("double"), doubling, { cases: 5 })).compared).toBe(5);
  }
});

test("openKernelFolder() and testPack() fail as building does", async () => {
  expect((await failureIn(openKernelFolder(join(folder, "no")))).code).toBe("PACK_SOURCE_INVALID");
  expect((await failureIn(testPack(source, {}))).code).toBe("PACK_UNREADABLE");
});

test("TestPack.kernel() asks for an id where there are several, and for one that exists", async () => {
  const two = { ...source, kernels: [kernel, { ...kernel, id: "other" }] };
  await using pack = await testPack(two, { "double.wasm": module });
  expect((await failureIn(pack.kernel())).code).toBe("KERNEL_NOT_FOUND");
  expect((await failureIn(pack.kernel("none"))).code).toBe("KERNEL_NOT_FOUND");
  expect((await pack.kernel("other")).kernel.id).toBe("other");
});
