// What a kernel shares with its host, and a handler that only the host's definition can stop.

import { afterAll, describe, expect, test } from "vitest";
import { Failure } from "../../base/mod.ts";
import { failureIn } from "../../pack/failure-of.fixture.ts";
import { adder, Say, shared, sharer, uncloneable, unsharing } from "./kernels.fixture.ts";
import { createRuntime } from "./runtime.ts";

const runtime = createRuntime({ threads: 2 });
afterAll(() => runtime.shutdown());

interface Shared {
  readonly words: Int32Array;
}

test("KernelHandle.shares has what `shares` gave, for each thread its own", async () => {
  await using kernel = await runtime.launch(shared, { gridSize: 2 });
  const [one, two] = kernel.shares as Shared[];
  expect(one!.words.buffer).not.toBe(two!.words.buffer);
  for (const { words } of [one!, two!]) Atomics.store(words, 1, 1); // Nobody needs to wait.
  for (let call = 0; call < 10; call++) await failureIn(kernel.call(Say, { text: "" }));
  expect(one!.words[0]! + two!.words[0]!).toBe(10); // Written by the kernel's threads.
});

test("A kernel without `shares` shares nothing", async () => {
  await using kernel = await runtime.launch(adder);
  expect(kernel.shares).toEqual([undefined]);
});

test("KernelHandle.interrupt() runs `onInterrupt` of the definition that was launched", async () => {
  let words: Int32Array | undefined;
  await using kernel = await runtime.launch(sharer(() => Atomics.store(words!, 1, 1)));
  words = (kernel.shares[0] as Shared).words;
  const failing = failureIn(kernel.call(Say, { text: "" }));
  await expect.poll(() => Atomics.load(words!, 0)).toBe(1);
  kernel.interrupt();
  expect((await failing).code).toBe("HANDLER_INTERRUPTED");
});

describe.each([["persistent"], ["event-driven"]] as const)("A launch that is %s fails", (mode) => {
  test("where `shares` throws, and leaves the id free", async () => {
    const failure = await failureIn(runtime.launch(unsharing, { mode }));
    expect(failure).toBeInstanceOf(Failure);
    expect([failure.code, failure.found]).toEqual([
      "LAUNCH_FAILED",
      "its `shares` threw: cannot share",
    ]);
    expect(runtime.getKernel("unsharing")).toBeUndefined();
  });
});

test("A launch fails where what is shared cannot pass between threads", async () => {
  expect((await failureIn(runtime.launch(uncloneable))).code).toBe("LAUNCH_FAILED");
  expect(runtime.getKernel("uncloneable")).toBeUndefined();
});
