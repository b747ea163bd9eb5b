// Room: whoever waited longest is served first, and who gives up is in nobody's way.

import { expect, test } from "vitest";
import { createQueue, MessageQueue } from "./message-queue.ts";
import { Room } from "./room.ts";

const keepAlive = (): (() => void) => {
  const timer = setInterval(() => {}, 1000);
  return () => clearInterval(timer);
};

const open = () => {
  const memory = createQueue({ capacity: 2, lanes: 1, cellBytes: 64 });
  const queue = new MessageQueue(memory, undefined);
  const taker = new MessageQueue(memory, undefined);
  const room = new Room({ queue, keepAlive, nowMs: () => performance.now() });
  const order: string[] = [];
  const claimed = new Int32Array(1);
  const publish = (name: string) => (): boolean => {
    if (queue.ring.reserve(2) < 0) return false;
    queue.ring.show(2, queue.ring.position);
    order.push(name);
    return true;
  };
  const free = (): void => {
    expect(taker.ring.claim(1, claimed)).toBe(1);
    taker.ring.complete(claimed[0]!);
  };
  for (const name of ["a", "b"]) publish(name)();
  return { room, order, publish, free };
};
const turn = (): Promise<void> => new Promise((resume) => setImmediate(resume));

test("Room.wait() serves in the order of coming, also where places come one by one", async () => {
  const { room, order, publish, free } = open();
  const waits = ["c", "d", "e"].map((name) => room.wait(publish(name), 60_000));
  expect(room.isWanted).toBe(true);
  for (let i = 0; i < 3; i++) {
    await turn();
    free();
  }
  expect(await Promise.all(waits)).toEqual([true, true, true]);
  expect(order).toEqual(["a", "b", "c", "d", "e"]);
  expect(room.isWanted).toBe(false);
});

test("Room.wait() lets those behind go on where the first gives up", async () => {
  const { room, order, publish, free } = open();
  const stop = new AbortController();
  const refuse = (): boolean => {
    stop.signal.throwIfAborted();
    return publish("c")();
  };
  const first = room.wait(refuse, 60_000, stop.signal).catch((error: unknown) => error);
  const second = room.wait(publish("d"), 1);
  const third = room.wait(publish("e"), 60_000);
  expect(await second).toBe(false);
  await turn();
  stop.abort(new Error("enough"));
  expect(await first).toEqual(new Error("enough"));
  free();
  expect(await third).toBe(true);
  expect(order).toEqual(["a", "b", "e"]);
});
