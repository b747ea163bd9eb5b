import { expect, test } from "vitest";

import { OBSERVABLE_BASE as O, OPCODES } from "../layout/mod.ts";
import { createRing, decodeRecord, diffLogs, LOG_RECORD_WORDS, type LogHead } from "../ring/mod.ts";
import { LogRecorder, type LogRecord, type LogSink, mergeLogs, Opcodes } from "../ring/mod.ts";
import { Ring, slotMessage } from "../ring/mod.ts";
import { Executor } from "./executor.ts";
import { Replay, REPLAY_TARGETS, type ReplayTarget } from "./replay.ts";

const { BATCH_FENCE, COMPARE_SWAP, LOAD_U32, NOP, SHUTDOWN, STORE_U32 } = OPCODES;
const opcodes = new Opcodes();

interface Log {
  readonly head: LogHead;
  readonly records: LogRecord[];
}

const into =
  (records: LogRecord[]): LogSink =>
  (words) => {
    for (let at = 0; at < words.length; at += LOG_RECORD_WORDS)
      records.push(decodeRecord(words, at));
  };

function headOf({ geometry, words }: Ring): LogHead {
  const at = geometry.controlAt / 4;
  return { shape: geometry, control: words.slice(at, at + geometry.controlWords) };
}

/** What an executor recorded of these slots. */
function recorded(slots: readonly Int32Array[], lanes: 1 | 5 = 1): Log {
  const ring = new Ring(createRing({ slots: 32, lanes, tenants: 2 }));
  const [head, records] = [headOf(ring), [] as LogRecord[]];
  const recorder = new LogRecorder(1, into(records));
  const executor = new Executor(ring, { owner: 1, opcodes, recorder });
  for (const slot of slots) ring.offer(slot);
  while (executor.turn() > 0);
  recorder.flush();
  return { head, records };
}

function replayed({ head, records }: Log, on: ReplayTarget): LogRecord[] {
  const again: LogRecord[] = [];
  const replay = new Replay(head, { on, opcodes, recorder: new LogRecorder(1, into(again), 1) });
  for (const record of records) expect(replay.run(record)).toBe(true);
  return again;
}

test.each(REPLAY_TARGETS)("Replay.run() on the %s keeps a priority that is none", (on) => {
  const priorities = [5, 7, 0x8000_0001, 4].map((priority) =>
    slotMessage(NOP.code, [], 0).with(3, priority),
  );
  const log = recorded(priorities);
  expect(log.records.map(({ published }) => published[3])).toEqual([5, 7, 0x8000_0001, 4]);
  expect(diffLogs(log.records, replayed(log, on))).toBeUndefined();
});

test.each(REPLAY_TARGETS)("Replay.run() on the %s reads counters as they were", (on) => {
  const words = [1, 32, 64, 96, 98, 128, 138, 149]; // Counters and a quota, which SYSTEM may read.
  const loads = words.map((word, i) => slotMessage(LOAD_U32.code, [word, i]));
  const log = recorded([slotMessage(NOP.code, [], 5), ...loads]);
  expect(diffLogs(log.records, replayed(log, on))).toBeUndefined();
});

test.each(REPLAY_TARGETS)("Replay.run() on the %s goes on behind a SHUTDOWN", (on) => {
  const log = recorded([slotMessage(SHUTDOWN.code), slotMessage(STORE_U32.code, [7, O])]);
  expect(log.records).toHaveLength(2); // Both were claimed at once.
  expect(diffLogs(log.records, replayed(log, on))).toBeUndefined();
});

test.each(REPLAY_TARGETS)(
  "Replay.run() on the %s runs what two executors ran, lane by lane",
  (on) => {
    const ring = new Ring(createRing({ slots: 32, lanes: 5 }));
    const head = headOf(ring);
    const logs: LogRecord[][] = [[], []];
    const recorders = logs.map((records, i) => new LogRecorder(i + 1, into(records)));
    const executors = recorders.map(
      (recorder, i) => new Executor(ring, { owner: i + 1, opcodes, recorder, batchSlotsMax: 1 }),
    );
    for (let i = 0; i < 3; i++) ring.offer(slotMessage(NOP.code, [], 0, 2));
    for (let i = 0; i < 3; i++)
      ring.offer(slotMessage(STORE_U32.code, [i, O + i], 0, 2), 1, { batch: 9 });
    ring.offer(slotMessage(BATCH_FENCE.code, [3, 77, 9], 0, 0)); // The first ticket of its own lane.
    ring.offer(slotMessage(COMPARE_SWAP.code, [O, 77, 5, 8], 0, 4));
    for (let moved = 1; moved > 0;) moved = executors.reduce((sum, one) => sum + one.turn(), 0);
    for (const recorder of recorders) recorder.flush();
    expect(logs.map((records) => records.length > 0)).toEqual([true, true]);
    const records = [...mergeLogs(logs)];
    const again = replayed({ head, records }, on);
    expect(again).toHaveLength(8);
    const fence = again.findIndex(({ published }) => published[1] === BATCH_FENCE.code);
    expect(again.slice(0, fence).filter(({ batch }) => batch === 9)).toHaveLength(3);
  },
);

test("Replay.run() says false for a fence whose batch the log lacks", () => {
  const ring = new Ring(createRing({ slots: 8 }));
  const head = headOf(ring);
  const records: LogRecord[] = [];
  const recorder = new LogRecorder(1, into(records), 1);
  const executor = new Executor(ring, { owner: 1, opcodes, recorder });
  ring.offer(slotMessage(NOP.code), 1, { batch: 2 });
  ring.offer(slotMessage(BATCH_FENCE.code, [1, 0, 2]));
  while (executor.turn() > 0);
  expect(records).toHaveLength(2);
  for (const on of REPLAY_TARGETS) {
    const replay = new Replay(head, { on, opcodes, recorder: new LogRecorder(1, () => {}) });
    expect(replay.run(records[1]!)).toBe(false);
  }
});
