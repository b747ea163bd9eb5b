// Sender: what is published, what is refused, and that a refusal leaves nothing behind.

import { describe, expect, test } from "vitest";
import { MESSAGE_OPCODES, SLOT } from "../layout/mod.ts";
import { createClockMemory, HybridClock, list, message, u32 } from "../message/mod.ts";
import { Blocks, createBlocks } from "./blocks.ts";
import { createQueue, MessageQueue, type Payload, WORD } from "./message-queue.ts";
import { PLAIN_SEND, type SendFacts, Sender, type SenderOptions } from "./sender.ts";

const One = message({ number: u32 });
const Bytes = message({ data: list("u8") });
const HELD: SendFacts = { ...PLAIN_SEND, correlation: 7 };
const OPCODE = SLOT.fields.opcode.at / 4;

const open = ({
  capacity = 4,
  lanes = 1 as 1 | 5,
  ...options
}: Partial<SenderOptions> & {
  readonly capacity?: number;
  readonly lanes?: 1 | 5;
} = {}) => {
  const pool = new Blocks(createBlocks({ blocks: 2, blockBytes: 256 }));
  const memory = createQueue({ capacity, lanes, cellBytes: 64 });
  const queue = new MessageQueue(memory, pool, { onePublisher: true });
  const taker = new MessageQueue(memory, pool, { oneExecutor: true });
  const clock = new HybridClock(createClockMemory(), { now: () => 1000 });
  let woken = 0;
  const wake = (): void => void woken++;
  const sender = new Sender(queue, {
    ...{ source: 3, clock, payloadBytesMax: 256, checksum: false, wake },
    ...options,
  });
  const claimed = new Int32Array(64);
  const take = (): number[] => [...claimed.subarray(0, taker.ring.claim(1, claimed))];
  return { pool, queue, taker, sender, take, woken: () => woken };
};

describe("Sender.send()", () => {
  test("publishes the words that its options and facts say", () => {
    const { sender, queue, take } = open();
    const slot = sender.send(One, { number: 5 }, { ...HELD, deadline: 9, hops: 4 });
    expect(take()).toEqual([slot]);
    const word = queue.ring.at(slot);
    const at = (name: keyof typeof WORD): number => queue.words[word + WORD[name]]! >>> 0;
    expect(queue.words[word + OPCODE]).toBe(MESSAGE_OPCODES.MESSAGE);
    expect([at("type"), at("source"), at("id_low"), at("id_high")]).toEqual([One.id, 3, 1, 0]);
    expect([at("correlation"), at("deadline"), at("flags")]).toEqual([7, 9, 4]);
    expect([at("payload_at"), at("payload_bytes"), at("checksum")]).toEqual([
      ...[queue.requestAt(slot), 4, 0],
    ]);
    expect(One.read(queue.views, queue.requestAt(slot))).toEqual({ number: 5 });
  });

  test("is -1 when every slot is taken, and a slot again after one is free", () => {
    const { sender, taker, take, pool } = open({ capacity: 2 });
    for (const number of [1, 2]) expect(sender.send(One, { number }, PLAIN_SEND)).toBe(number - 1);
    expect(sender.send(One, { number: 3 }, PLAIN_SEND)).toBe(-1);
    expect(sender.missing).toBe("slot");
    expect(sender.send(Bytes, { data: new Uint8Array(100) }, PLAIN_SEND)).toBe(-1);
    expect([sender.sent, sender.full, pool.taken]).toEqual([2, 2, 0]); // Its block went back.
    taker.ring.complete(take()[0]!);
    expect(sender.send(One, { number: 3 }, PLAIN_SEND)).toBe(0);
  });

  test("is -1 when no block is free for what no cell holds, and small ones still go", () => {
    const { sender, pool } = open();
    const send = (bytes: number): number =>
      sender.send(Bytes, { data: new Uint8Array(bytes) }, PLAIN_SEND);
    expect([send(60), pool.taken]).toEqual([0, 0]); // 4 bytes are the length.
    expect([send(61), send(252), pool.taken]).toEqual([1, 2, 2]);
    expect([send(61), sender.missing]).toEqual([-1, "block"]);
    expect([send(60), sender.sent]).toEqual([3, 4]);
  });

  test("fails with MESSAGE_TOO_LARGE from a byte more than the limit, and takes nothing", () => {
    const { sender, pool, take } = open();
    expect(() => sender.send(Bytes, { data: new Uint8Array(253) }, PLAIN_SEND)).toThrow(
      expect.objectContaining({ code: "MESSAGE_TOO_LARGE" }),
    );
    expect([pool.taken, sender.sent, take()]).toEqual([0, 0, []]);
  });

  test("that throws midway frees its block, and leaves a slot that is nobody's", () => {
    const { sender, queue, pool, take } = open();
    const bad = { data: Array.from({ length: 100 }, () => 1n) } as never;
    expect(() => sender.send(Bytes, bad, HELD)).toThrow(TypeError);
    expect([pool.taken, sender.sent]).toEqual([0, 0]);
    const [slot] = take();
    expect(queue.words[queue.ring.at(slot!) + OPCODE]).toBe(MESSAGE_OPCODES.ERROR);
    queue.ring.complete(slot!);
    expect(queue.ring.depth).toBe(0); // It was held by nobody.
    for (let i = 0; i < 4; i++)
      expect(sender.send(One, { number: i }, PLAIN_SEND)).toBe((i + 1) % 4);
  });

  test("that throws midway leaves no place of an earlier payload in its slot", () => {
    const { sender, queue, taker, take, pool } = open({ capacity: 2 });
    sender.send(Bytes, { data: new Uint8Array(100) }, PLAIN_SEND);
    sender.send(One, { number: 1 }, PLAIN_SEND);
    const payload: Payload = { views: queue.views, at: 0, bytes: 0 };
    const [slot, next] = take() as [number, number];
    if (taker.find(slot, payload)) taker.free(payload);
    taker.ring.complete(slot);
    taker.ring.complete(next);
    const other = pool.take(); // The same block, now another's.
    expect(() => sender.send(Bytes, { data: [1n] } as never, PLAIN_SEND)).toThrow(TypeError);
    if (taker.find(slot, payload)) taker.free(payload); // As who refuses what is left does.
    expect([other >= 0, pool.taken]).toEqual([true, 1]);
  });

  test("with `gather` shows at the flush, when 64 are gathered, or when there is no room", () => {
    const { sender, take, woken } = open({ capacity: 128 });
    const gather = (number: number): number => sender.send(One, { number }, PLAIN_SEND, true);
    for (let i = 0; i < 63; i++) gather(i);
    expect([take(), woken()]).toEqual([[], 0]);
    gather(63);
    expect([take().length, woken()]).toEqual([64, 1]);
    gather(64);
    expect(take()).toEqual([]);
    sender.flush();
    sender.flush(); // Nothing is left to show.
    expect([take(), woken()]).toEqual([[64], 2]);
    for (let i = 65; i < 128; i++) gather(i);
    expect(gather(128)).toBe(-1); // Nothing was released.
    expect(take().length).toBe(63);
  });

  test("gathers no more once others publish too", () => {
    const { sender, queue, take } = open();
    sender.send(One, { number: 1 }, PLAIN_SEND, true);
    sender.share(queue);
    expect(take()).toEqual([0]);
    sender.send(One, { number: 2 }, PLAIN_SEND, true);
    expect(take()).toEqual([1]);
  });

  test("shows a value that threw among those that are gathered", () => {
    const { sender, take } = open({ capacity: 8 });
    sender.send(One, { number: 1 }, PLAIN_SEND, true);
    expect(() => sender.send(Bytes, { data: [1n] } as never, PLAIN_SEND, true)).toThrow();
    sender.send(One, { number: 2 }, PLAIN_SEND, true);
    sender.flush();
    expect(take()).toEqual([0, 1, 2]);
  });

  test("rings the queue's own bell where nobody else is told", async () => {
    const { sender, taker } = open({ wake: undefined as never });
    const work = { holds: () => taker.ring.depth > 0 };
    const woken = taker.ring.work.waitAsync(work, 60_000, () => () => {});
    sender.send(One, { number: 1 }, PLAIN_SEND);
    expect(await woken).toBe(true);
  });
});
