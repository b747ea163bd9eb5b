import { expect, test } from "vitest";
import { KERNEL_BLOCK } from "../layout/mod.ts";
import { COUNTER, KernelBlock } from "./kernel-block.ts";

const word = (name: keyof typeof KERNEL_BLOCK.fields): number => KERNEL_BLOCK.fields[name].at / 4;

test("KernelBlock counts up to 2^32 without a sign and then from 0, each counter by itself", () => {
  const words = new Int32Array(KernelBlock.words);
  const block = new KernelBlock(words);
  const counters = ["processed", "failed", "expired", "skewed", "malformed"] as const;
  const others = ["emitted", "emit_full", "heartbeat", "claimed"] as const;
  for (const [i, counter] of [...counters, ...others].entries()) {
    words[word(counter)] = 2 ** 31 - 1;
    block.count(COUNTER[counter], 1 + i);
    expect(block.read(counter)).toBe(2 ** 31 + i);
    words[word(counter)] = -1;
    block.count(COUNTER[counter], 3);
    expect(block.read(counter)).toBe(2);
    words[word(counter)] = 0;
    expect(words.every((value) => value === 0)).toBe(true);
  }
});

test("KernelBlock.inHand is right while its counters wrap", () => {
  const words = new Int32Array(KernelBlock.words);
  const block = new KernelBlock(words);
  block.count(COUNTER.claimed, 2 ** 32 - 2);
  block.count(COUNTER.processed, 2 ** 32 - 5);
  block.count(COUNTER.failed, 1);
  expect(block.inHand).toBe(2);
  block.count(COUNTER.claimed, 4);
  expect([block.read("claimed"), block.inHand]).toEqual([2, 6]);
  block.count(COUNTER.processed, 6);
  expect(block.inHand).toBe(0);
});
