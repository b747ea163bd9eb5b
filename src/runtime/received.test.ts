// Received: what is asked for is found behind what is not, and what nobody asks for is bounded.

import { expect, test } from "vitest";
import { createClockMemory, HybridClock, message, u32 } from "../message/mod.ts";
import { createQueue, MessageQueue } from "./message-queue.ts";
import { Received } from "./received.ts";
import { PLAIN_SEND, Sender } from "./sender.ts";

const Wanted = message({ number: u32 }, { name: "Wanted" });
const Other = message({ number: u32 }, { name: "Other" });
const types = new Map([Wanted, Other].map((type) => [type.id, type as never]));

const open = (capacity = 16) => {
  const memory = createQueue({ capacity, lanes: 1, cellBytes: 64 });
  const clock = new HybridClock(createClockMemory(), { now: () => 1000 });
  const facts = { source: 1, clock, payloadBytesMax: 64, checksum: false };
  const sender = new Sender(new MessageQueue(memory, undefined), facts);
  let isOver = false;
  const received = new Received({
    ...{ kernel: "k", queue: new MessageQueue(memory, undefined), types },
    ...{ keepAlive: () => () => {}, nowMs: () => performance.now(), isOver: () => isOver },
  });
  const emit = (type: typeof Wanted, number: number): boolean =>
    sender.send(type, { number }, PLAIN_SEND) >= 0;
  return { received, emit, end: () => void (isOver = true) };
};
const take = (received: Received, type?: typeof Wanted): unknown =>
  received.take(type as never)?.value;

test("Received.take() takes the oldest of all, or the oldest of a type", () => {
  const { received, emit } = open();
  for (const number of [1, 3, 5]) {
    emit(Other, number);
    emit(Wanted, number + 1);
  }
  expect(take(received, Wanted)).toEqual({ number: 2 });
  expect(received.kept).toBe(5);
  expect(Array.from({ length: 6 }, () => take(received))).toEqual([
    ...[1, 3, 4, 5, 6].map((number) => ({ number })),
    undefined,
  ]);
  expect([received.count, received.overflowed]).toEqual([6, 0]);
});

test("Received keeps 1024 of a type that nobody asks for, the newest, and counts the others", () => {
  const { received, emit } = open();
  for (let number = 0; number < 1034; number++) {
    expect(emit(Other, number)).toBe(true);
    if (number % 8 === 7) expect(take(received, Wanted)).toBeUndefined();
  }
  emit(Wanted, 1);
  expect(take(received, Wanted)).toEqual({ number: 1 });
  expect([received.kept, received.overflowed, received.count]).toEqual([1024, 10, 1035]);
  expect(take(received, Other)).toEqual({ number: 10 });
});

test("Received keeps as many of a type as its queue holds, where that is more", () => {
  const { received, emit } = open(2048);
  for (let number = 0; number < 2048; number++) emit(Other, number);
  expect(take(received, Wanted)).toBeUndefined();
  expect([received.kept, received.overflowed]).toEqual([2048, 0]);
  emit(Other, 2048);
  expect(take(received, Wanted)).toBeUndefined();
  expect([received.kept, received.overflowed]).toEqual([2048, 1]);
});

test("Received.wait() gives what is left, and then fails at once when the kernel has ended", async () => {
  const { received, emit, end } = open();
  emit(Wanted, 1);
  end();
  expect((await received.wait(Wanted as never, 60_000)).value).toEqual({ number: 1 });
  await expect(received.wait(Wanted as never, 60_000)).rejects.toMatchObject({
    code: "KERNEL_TERMINATED",
  });
});
