// Victim: a kernel on a real thread, whose queue the test writes to as it likes.

import { SLOT_STATUS, SLOT_WORDS } from "../../src/layout/mod.ts";
import {
  createClockMemory,
  type Fields,
  type InputOf,
  type Message,
} from "../../src/message/mod.ts";
import { HybridClock } from "../../src/message/mod.ts";
import { startServingThread } from "../../src/platform/node/serving-thread.ts";
import { IDLE } from "../../src/ring/mod.ts";
import { Attention } from "../../src/runtime/attention.ts";
import { Blocks, createBlocks } from "../../src/runtime/blocks.ts";
import { Calls } from "../../src/runtime/calls.ts";
import { KernelBlock } from "../../src/runtime/kernel-block.ts";
import { createKernelWords, type KernelSpec } from "../../src/runtime/kernel-spec.ts";
import { STATES } from "../../src/runtime/lifecycle.ts";
import { resolveScheduler } from "../../src/runtime/scheduling.ts";
import { createQueue, MessageQueue, WORD } from "../../src/runtime/message-queue.ts";
import { PLAIN_SEND, Sender } from "../../src/runtime/sender.ts";
import { target } from "./actors.fixture.ts";
import { codeOf } from "./outcomes.ts";

const BLOCK_BYTES = 1024;
const pause = (): Promise<void> => new Promise((resume) => setImmediate(resume));

export type Victim = Awaited<ReturnType<typeof victim>>;

export async function victim({ blocks = 8, capacity = 16 } = {}) {
  const input = createQueue({ capacity, lanes: 1, cellBytes: 128 });
  const output = createQueue({ capacity, lanes: 1, cellBytes: 128 });
  const memory = createBlocks({ blocks, blockBytes: BLOCK_BYTES });
  const clockMemory = createClockMemory();
  const thread = await startServingThread({
    spec: {
      ...{ number: 1, pool: memory, clock: clockMemory },
      ...{ maxDriftMs: 60_000, payloadBytesMax: BLOCK_BYTES },
    },
    idle: IDLE.spinThenWait,
  });
  const spec: KernelSpec = {
    ...{
      id: target.id,
      definition: target.id,
      number: 1,
      index: 0,
      owner: 2,
      module: target.module!,
      tenant: 0,
    },
    ...{ inputs: [input], output, words: createKernelWords(), lanes: 1, checksum: false },
    ...{ claimsAlone: true, emitsAlone: true, scheduler: resolveScheduler(undefined, 1) },
    ...{ offers: new SharedArrayBuffer(4), grid: [] },
    ...{ dead: undefined, restored: undefined, data: undefined },
    place: { index: 0, count: 1, shared: new SharedArrayBuffer(0) },
  };
  await thread.launch(spec, undefined);
  const block = new KernelBlock(new Int32Array(spec.words));
  block.state = STATES.indexOf("active");
  const pool = new Blocks(memory);
  const queue = new MessageQueue(input, pool, { onePublisher: true });
  const emitted = new MessageQueue(output, pool, { oneExecutor: true });
  const attention = new Attention(thread.attention);
  const wake = (): void => attention.raise(0);
  const replies = new Map(
    target.on.flatMap(({ reply }) => (reply === undefined ? [] : [[reply.id, reply] as const])),
  );
  const calls = new Calls({
    ...{ kernel: target.id, queue, replies, keepAlive: () => () => {}, pause },
    ...{ nowMs: () => performance.now(), inOrder: false },
  });
  const clock = new HybridClock(clockMemory, { now: () => Date.now() });
  const facts = { source: 0, clock, payloadBytesMax: BLOCK_BYTES, checksum: false, wake };
  const sender = new Sender(queue, facts);
  const claimed = new Int32Array(capacity);

  const isSettled = (slot: number): boolean => calls.isAnswered(slot);
  const settle = async (slot: number): Promise<string> => {
    for (let turns = 0; !isSettled(slot) && turns < 100_000; turns++) await pause();
    if (!isSettled(slot)) return `slot ${slot} hangs in status ${queue.ring.status(slot)}`;
    return codeOf(Promise.resolve().then(() => calls.take(slot)));
  };
  return {
    ...{ pool, queue, thread, block, settle },
    /** Publishes a held slot that `spoil` may write to, whoever `message` is for. */
    publish<Of extends Fields>(
      message: Message<Of>,
      value: InputOf<Of>,
      spoil: (words: Int32Array, cell: Uint8Array, slot: number) => void,
      held = true,
    ): number {
      const sent = { ...PLAIN_SEND, correlation: held ? 1 : 0 };
      const slot = sender.send(message, value, sent, true); // Not shown yet.
      const at = queue.ring.at(slot);
      const cell = queue.views.u8.subarray(queue.requestAt(slot), queue.replyAt(slot));
      spoil(queue.words.subarray(at, at + SLOT_WORDS), cell, slot);
      sender.flush();
      return slot;
    },
    /** Sends a call as it should be, and gives its answer. */
    async ask<Of extends Fields>(message: Message<Of>, value: InputOf<Of>): Promise<unknown> {
      const slot = this.publish(message, value, () => {});
      for (let turns = 0; !isSettled(slot) && turns < 100_000; turns++) await pause();
      return calls.take(slot);
    },
    /** Waits until a slot that nobody holds is free, and takes its handler's `emissions`, which come later. */
    async gone(emissions = 0): Promise<boolean> {
      let taken = 0;
      for (let turns = 0; turns < 100_000; turns++) {
        const count = emitted.ring.claim(1, claimed);
        for (const slot of claimed.subarray(0, count)) emitted.freeOf(slot);
        emitted.ring.completeAll(claimed, 0, count);
        taken += count;
        if (queue.ring.depth === 0 && taken >= emissions && count === 0) return true;
        await pause();
      }
      return false;
    },
    [Symbol.asyncDispose]: () => thread.kill(),
  };
}

export { SLOT_STATUS, WORD };
