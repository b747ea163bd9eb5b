// Harm: what somebody who writes to a queue's memory does to a call while it waits behind another one.

import type { LaunchOptions } from "../../../src/runtime/mod.ts";
import { type MessageQueue, WORD } from "../../../src/runtime/message-queue.ts";
import { type Bench, hold, until } from "./bench.ts";
import { Add, subject } from "./kernels.fixture.ts";

/** Changes a byte of the call. */
export function damage(bench: Bench, checksum: boolean): Promise<unknown> {
  return spoil(bench, { checksum }, (queue, slot) => {
    queue.views.u8[queue.requestAt(slot)]! ^= 0x40;
  });
}

/** Stamps the call with a clock that is so far ahead. Those of this process share one, and cannot be. */
export function skew(bench: Bench, aheadMs: number): Promise<unknown> {
  return spoil(bench, {}, ({ words, ring }, slot) => {
    const ms = BigInt(Date.now() + aheadMs);
    words[ring.at(slot) + WORD.stamp_high] = Number(BigInt.asIntN(32, ms >> 16n));
    words[ring.at(slot) + WORD.stamp_low] = Number(BigInt.asIntN(32, ms << 16n));
  });
}

/** Does harm to a call that waits, and gives its answer. */
async function spoil(
  bench: Bench,
  options: LaunchOptions,
  harm: (queue: MessageQueue, slot: number) => void,
): Promise<unknown> {
  const kernel = await bench.launch(options, subject, bench.small);
  await hold(kernel);
  const call = kernel.call(Add, { a: 1, b: 2 });
  call.catch(() => {}); // It is awaited by the caller.
  await until(() => kernel.status.inputQueueDepth, 2);
  for (const slot of [0, 1]) harm(bench.queue, slot); // To the one that runs it does nothing any more.
  kernel.interrupt();
  return call;
}
