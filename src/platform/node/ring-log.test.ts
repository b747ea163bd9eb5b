import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";

import { failureOf } from "../../pack/failure-of.fixture.ts";
import { Executor, Replay, type ReplayTarget } from "../../executor/mod.ts";
import { OBSERVABLE_BASE as O, OPCODES, SLOT_STATUS } from "../../layout/mod.ts";
import { createRing, diffLogs, type LogRecord, Opcodes, Ring } from "../../ring/mod.ts";
import { Slot, slotMessage, Window } from "../../ring/mod.ts";
import { createRingLog, openRingLog, writeLog } from "./ring-log.ts";

const folder = mkdtempSync(join(tmpdir(), "annulus-log-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
const fresh = (): string => join(folder, `${++files}.log`);
const RECORD_BYTES = 128;
/** Slots of the program. */
const SLOTS = 15;

const { ATOMIC_ADD, BATCH_FENCE, COMPARE_SWAP, LOAD_MISS, LOAD_U32, MEMCPY, PRINTF } = OPCODES;

/** Words of slots of every kind: packed ones, a window's, wrong ones, ones that yield and wait. */
function program(add = 7): { words: Int32Array; batch?: number }[] {
  const packed = Slot.packed({
    tenant: 0,
    ops: [
      { opcode: 1, args: [9, O + 2] },
      { opcode: 2, args: [5, O + 2] },
      { opcode: 3, args: [O + 2, 3] },
    ],
  });
  const window = new Window({
    ...{ startSlot: 0, tenant: 0, opcode: 8, ticket: 77, lookahead: [[O + 9, 3]] },
    required: [
      [O + 7, 1, 2, 3, 4, 5, 6, 7, 8, 10],
      [O + 8, 2],
    ],
  }).tryIntoBatch();
  return [
    { words: slotMessage(ATOMIC_ADD.code, [add, O]), batch: 3 },
    { words: packed.words(), batch: 3 },
    ...window.items.map((item) => ({ words: item.words() })),
    { words: slotMessage(COMPARE_SWAP.code, [O, 7, 0xdead_beef, 1]) },
    { words: slotMessage(LOAD_MISS.code, [4, 0]) },
    { words: slotMessage(MEMCPY.code, [O + 30, O + 40, 9000]) },
    { words: slotMessage(BATCH_FENCE.code, [2, 5, 3]) },
    { words: slotMessage(LOAD_MISS.code, [5, 0]) },
    { words: slotMessage(PRINTF.code, [1, 2, 3]) },
    { words: slotMessage(LOAD_U32.code, [0xffff_ffff, 0]) },
    { words: slotMessage(99, [1], 0, 1) },
    { words: slotMessage(0, [], 1, 4) },
    { words: slotMessage(0, [], 61) },
  ];
}

function testOpcodes(): Opcodes {
  return new Opcodes().register({
    ...{ name: "mark", code: 8, arity: 4, bound: 4, idempotent: true },
    body: ({ args: [, , at = 0, value = 0], write }) => void write(at, value),
  });
}

/** Runs the program on an executor that records, and answers misses as `answer` says. */
function recorded(path: string, add?: number): void {
  const shape = { slots: 32, observables: 20_000, tenants: 2, ioSlots: 2 };
  const ring = new Ring(createRing(shape, { firstPosition: -3 }));
  const control = ring.geometry.controlAt / 4;
  ring.words[control + 4] = 1; // Tenant 1 may do nothing but NOPs.
  ring.words[control + 33] = 0; // And has no quota.
  ring.words[control + O + 20_000 - 1] = 41;
  const log = createRingLog(path, ring, { owner: 6 });
  const executor = new Executor(ring, { owner: 6, opcodes: testOpcodes(), recorder: log.recorder });
  for (const { words, batch = 0 } of program(add)) ring.offer(words, 1, { batch });
  const io = ring.geometry.ioAt / 4;
  for (let turns = 0; turns < 20; turns++) {
    executor.turn();
    for (const entry of [0, 8])
      if (ring.words[io + entry + 6] === SLOT_STATUS.PUBLISHED)
        ring.words[io + entry + 6] = (ring.words[io + entry + 1]! & 1) === 1 ? 0x11 : 0x10;
  }
  expect(log.close()).toEqual({ records: SLOTS, lost: 0, failure: undefined });
}

function recordsOf(path: string): LogRecord[] {
  using log = openRingLog(path);
  return [...log.records()];
}

function replayed(path: string, on: ReplayTarget): string {
  const [to, log] = [fresh(), openRingLog(path)];
  const out = writeLog(to, log.head, { owner: 1 });
  const replay = new Replay(log.head, { on, opcodes: testOpcodes(), recorder: out.recorder });
  for (const record of log.records()) expect(replay.run(record)).toBe(true);
  expect(out.close().lost).toBe(0);
  log[Symbol.dispose]();
  return to;
}

test("A log has all words of every slot, what it wrote and what became of it", () => {
  const path = fresh();
  recorded(path);
  const records = recordsOf(path);
  expect(records).toHaveLength(SLOTS);
  const of = (opcode: number) => records.find(({ published }) => published[1] === opcode)!;
  expect(of(ATOMIC_ADD.code)).toMatchObject({
    ...{ number: 1, slot: 29, ticket: 0xffff_fffe, owner: 6, batch: 3, mask: 0xffff_ffff },
    ...{ status: SLOT_STATUS.DONE, code: 0, writes: 1, firstWrites: [{ index: O, value: 7 }] },
  });
  expect(of(OPCODES.PACKED_SLOT.code)).toMatchObject({
    writes: 3,
    firstWrites: [
      { index: O + 2, value: 9 },
      { index: O + 2, value: 14 },
    ],
  });
  expect(of(8).published.slice(4)).toEqual([77, 0, O + 7, 1, 2, 3, 4, 5, 6, 7, 8, 10]);
  expect(of(MEMCPY.code)).toMatchObject({ writes: 9000, status: SLOT_STATUS.DONE });
  expect(of(99)).toMatchObject({ status: SLOT_STATUS.FAULT, code: 2, detail: 99 });
  const misses = records.filter(({ published }) => published[1] === LOAD_MISS.code);
  expect(misses.map(({ status }) => status)).toEqual([SLOT_STATUS.DONE, SLOT_STATUS.FAULT]);
  expect(records.filter(({ published }) => published[2] === 1)).toMatchObject([
    { mask: 1, code: 9 },
  ]);
});

test.each(["worker", "oracle"] as const)("A log runs again on the %s and ends the same", (on) => {
  const path = fresh();
  recorded(path);
  const again = replayed(path, on);
  expect(diffLogs(recordsOf(path), recordsOf(again))).toBeUndefined();
});

test("diffLogs() names the first slot and word that differ", () => {
  const path = fresh();
  recorded(path);
  const records = recordsOf(path);
  const changed = (at: number, change: Partial<LogRecord>) =>
    diffLogs(
      records,
      records.map((record, i) => (i === at ? { ...record, ...change } : record)),
    );
  const { published } = records[2]!;
  expect(changed(2, { published: published.with(7, 5) })).toMatchObject({
    ...{ record: 3, slot: records[2]!.slot, ticket: records[2]!.ticket },
    ...{ word: "published word 7 (args[3])", left: published[7], right: 5 },
  });
  expect(changed(0, { status: 7 })).toMatchObject({ record: 1, word: "status", left: 3, right: 7 });
  expect(changed(0, { firstWrites: [{ index: O, value: 8 }] })).toMatchObject({
    ...{ word: `control word ${O}`, left: 7, right: 8 },
  });
  expect(changed(0, { firstWrites: [{ index: O + 1, value: 7 }] })?.word).toBe("index of store 1");
  expect(changed(0, { writesHash: 1 })?.word).toBe("hash of the stored control words");
  expect(diffLogs(records, records.slice(1))?.record).toBe(1);
  expect(diffLogs(records, records.slice(0, -1))).toMatchObject({
    ...{ record: SLOTS, word: "end of the log", left: SLOTS, right: undefined },
  });
  expect(diffLogs([], records)).toMatchObject({ record: 1, left: undefined, right: 1 });
});

test("A slot that ran otherwise is found by what the slots behind it then read", () => {
  const [path, other] = [fresh(), fresh()];
  recorded(path);
  recorded(other, 8);
  const [a, b] = [recordsOf(path), recordsOf(other)];
  expect(diffLogs(a, b)).toMatchObject({ record: 1, word: "published word 4 (args[0])" });
  const swap = a.findIndex(({ published }) => published[1] === COMPARE_SWAP.code);
  expect(diffLogs(a.slice(swap), b.slice(swap))).toMatchObject({
    ...{ record: 1, word: "index of store 1", left: O, right: O + 1 }, // It found 8, and swapped not.
  });
});

test("A torn end is cut at every byte, and what lies before it is read", () => {
  const path = fresh();
  recorded(path);
  const whole = readFileSync(path);
  for (let cut = 1; cut <= RECORD_BYTES; cut++) {
    truncateSync(path, whole.length - cut);
    using log = openRingLog(path);
    expect([...log.records()]).toHaveLength(SLOTS - 1);
    expect(log.torn).toBe(RECORD_BYTES - cut);
  }
  writeFileSync(path, whole);
  appendFileSync(path, Buffer.alloc(RECORD_BYTES, 1)); // Room that was taken and never written.
  using log = openRingLog(path);
  expect([[...log.records()].length, log.torn]).toEqual([SLOTS, RECORD_BYTES]);
});

test("A flipped bit anywhere is found: cut in the last record, refused before it", () => {
  const path = fresh();
  recorded(path);
  const whole = readFileSync(path);
  const last = whole.length - RECORD_BYTES;
  fc.assert(
    fc.property(fc.nat({ max: whole.length * 8 - 1 }), (bit) => {
      const bytes = Buffer.from(whole);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      writeFileSync(path, bytes);
      const read = (): number => recordsOf(path).length;
      if (bit >> 3 >= last) expect(read()).toBe(SLOTS - 1);
      else expect(failureOf(read).code).toMatch(/^RING_(LOG_)?INVALID$/);
    }),
    { numRuns: 300 },
  );
});

test("createRingLog() refuses a file that is there, and openRingLog() what is no log", () => {
  const path = fresh();
  writeFileSync(path, "text, and enough of it to fill the sixty-four bytes of a log's header");
  const ring = new Ring(createRing({ slots: 2 }));
  expect(failureOf(() => createRingLog(path, ring, { owner: 1 })).code).toBe("RING_LOG_UNWRITABLE");
  expect(readFileSync(path, "utf8")).toMatch(/^text/);
  expect(failureOf(() => openRingLog(path)).message).toContain("the first 4 bytes");
  createRingLog(path, ring, { owner: 1, overwrite: true }).close();
  expect(recordsOf(path)).toEqual([]);
  writeFileSync(path, "");
  for (const wrong of [path, folder, join(folder, "none")])
    expect(failureOf(() => openRingLog(wrong)).code).toBe("RING_LOG_INVALID");
});

test("A disk that is full fails a log's beginning; one that fills up ends it and says what is lost", () => {
  const ring = new Ring(createRing({ slots: 4 }));
  const refused = failureOf(() => createRingLog("/dev/full", ring, { owner: 1, overwrite: true }));
  expect([refused.code, refused.message]).toEqual([
    "RING_LOG_UNWRITABLE",
    expect.stringContaining("ENOSPC"),
  ]);
  // A limit on this file's size, in a process of its own, stands for a disk that fills up.
  const path = fresh();
  const script = `
    import { createRingLog } from ${JSON.stringify(new URL("./ring-log.ts", import.meta.url).href)};
    import { Executor } from ${JSON.stringify(new URL("../../executor/mod.ts", import.meta.url).href)};
    import { createRing, Opcodes, Ring } from ${JSON.stringify(new URL("../../ring/mod.ts", import.meta.url).href)};
    process.on("SIGXFSZ", () => {});
    const ring = new Ring(createRing({ slots: 4096 }));
    const log = createRingLog(${JSON.stringify(path)}, ring, { owner: 1 });
    const executor = new Executor(ring, { owner: 1, opcodes: new Opcodes(), recorder: log.recorder });
    for (let i = 0; i < 4; i++) {
      ring.offer(new Int32Array(16 * 4096), 4096);
      while (executor.turn() > 0);
    }
    const { records, lost, failure } = log.close();
    console.log(JSON.stringify({ records, lost, code: failure?.code, free: ring.isOut(0) }));`;
  const limited = `ulimit -f 1000; exec "$0" --input-type=module --eval "$1"`; // Blocks of 512 or 1024 bytes: it ends within a batch.
  const run = spawnSync("sh", ["-c", limited, process.execPath, script], { encoding: "utf8" });
  const told = JSON.parse(run.stdout) as { records: number; lost: number; code: string };
  expect(told).toMatchObject({ code: "RING_LOG_UNWRITABLE", free: false });
  expect(told.records + told.lost).toBe(4 * 4096);
  expect(recordsOf(path)).toHaveLength(told.records);
  expect(told.records).toBeGreaterThan(0);
});
