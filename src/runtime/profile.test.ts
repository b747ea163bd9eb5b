import { expect, test } from "vitest";
import { PROFILE_FLAGS, PROFILE_HEAD, PROFILE_RECORD } from "../layout/mod.ts";
import { message, u32 } from "../message/mod.ts";
import { defineKernel } from "./define-kernel.ts";
import { Histogram } from "./histogram.ts";
import { createProfile, Profile } from "./profile.ts";
import { profiled } from "./profiled.ts";
import { traceOf } from "./trace.ts";

const { LATE, FAILED, CALL } = PROFILE_FLAGS;
const Ask = message({ id: u32 });

test("Profile gives back what was recorded, to the nanosecond and beyond 2^32 of them", () => {
  const profile = new Profile(createProfile(4));
  profile.record(0xffff_fff0, 3, 5, LATE | CALL, 9_000_000.000001, 9_010_000.000003);
  profile.record(2, 0, 0, FAILED, 1.5, 1.25); // A clock that went back.
  expect(profile.read()).toEqual({
    overwritten: 0,
    handlings: [
      {
        ...{ type: 0xffff_fff0, source: 3, lane: 5, isLate: true, hasFailed: false, isCall: true },
        ...{ startNs: 9_000_000_000_001, durationNs: 10_000_000_002 },
      },
      {
        ...{ type: 2, source: 0, lane: 0, isLate: false, hasFailed: true, isCall: false },
        ...{ startNs: 1_500_000, durationNs: 0 },
      },
    ],
  });
  expect([profile.recorded, profile.histogram.count]).toEqual([2, 2]);
});

test("Profile keeps the newest records and says how many it wrote over", () => {
  const profile = new Profile(createProfile(4));
  for (let i = 0; i < 11; i++) profile.record(i, 0, 0, 0, i, i + 1);
  const { handlings, overwritten } = profile.read();
  expect(handlings.map(({ type }) => type)).toEqual([7, 8, 9, 10]);
  expect([overwritten, profile.recorded, profile.histogram.count]).toEqual([7, 11, 11]);
});

test("Profile counts past 2^32 records, and takes one that is being written as written over", () => {
  const memory = createProfile(4);
  const profile = new Profile(memory);
  const words = new Int32Array(memory);
  words[PROFILE_HEAD.fields.recorded_low.at / 4] = -2;
  for (let i = 0; i < 4; i++) profile.record(i, 0, 0, 0, i, i + 1);
  expect(profile.recorded).toBe(2 ** 32 + 2);
  expect(profile.read().handlings.map(({ type }) => type)).toEqual([0, 1, 2, 3]);
  const first = PROFILE_HEAD.bytes / 4 + Histogram.wordsNeeded;
  words[first + PROFILE_RECORD.fields.turn.at / 4] = 0; // Place 0 holds record 2^32.
  const { handlings, overwritten } = profile.read();
  expect(handlings.map(({ type }) => type)).toEqual([0, 1, 3]);
  expect(overwritten).toBe(2 ** 32 - 1);
});

test("profiled() times what returns, throws, resolves and rejects, and gives each that runs a lane", async () => {
  let ms = 100;
  const profile = new Profile(createProfile(16));
  const gates = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
  const kernel = profiled(
    defineKernel({
      id: "kernel",
      on: [
        Ask.do(({ id }) => {
          ms += 10;
          if (id === 1) throw new Error("told to");
          return id === 0 ? undefined : gates[id - 2]!.promise;
        }),
      ],
    }) as never,
    { profile, lanes: 4, clockMs: () => ms },
  );
  const handle = (id: number): unknown =>
    kernel.on[0]!.handle({ id } as never, { source: id, isCall: id > 1 } as never);
  expect(handle(0)).toBeUndefined();
  expect(() => handle(1)).toThrow("told to");
  const [one, other] = [handle(2) as Promise<void>, handle(3) as Promise<void>];
  handle(0); // While those have two lanes.
  ms += 100;
  gates[1]!.reject(new Error("in vain"));
  await expect(other).rejects.toThrow("in vain");
  ms += 100;
  gates[0]!.resolve(undefined);
  await one;
  const { handlings } = profile.read();
  expect(
    handlings.map(({ source, lane, isLate, hasFailed, isCall, startNs, durationNs }) => [
      ...[source, lane, isLate, hasFailed, isCall, startNs / 1e6, durationNs / 1e6],
    ]),
  ).toEqual([
    [0, 0, false, false, false, 100, 10],
    [1, 0, false, true, false, 110, 10],
    [0, 2, false, false, false, 140, 10],
    [3, 1, true, true, true, 130, 120],
    [2, 0, true, false, true, 120, 230],
  ]);
});

const nameOf = (type: number): string => `m${type}`;

const named = (name: string, pid: number, tid: number, of: string) => ({
  ...{ ph: "M", name, pid, tid, args: { name: of } },
});

const slice = (name: string, pid: number, tid: number, ts: number, dur: number, args: object) => ({
  ...{ ph: "X", cat: "handler", name, pid, tid, ts, dur, args },
});

test("traceOf() names kernels, threads and lanes, and says who sent a message", () => {
  const [ada, bob] = [new Profile(createProfile(2)), new Profile(createProfile(2))];
  ada.record(7, 0, 0, CALL, 1, 3);
  bob.record(7, 1, 0, 0, 2, 3);
  bob.record(8, 9, 1, LATE | FAILED, 2.5, 3);
  bob.record(8, 9, 1, LATE | FAILED, 4.5, 5);
  const trace = traceOf([
    { id: "ada", number: 1, profiles: [ada], nameOf },
    { id: "bob", number: 2, profiles: [new Profile(createProfile(1)), bob], nameOf },
    { id: "cid", number: 3, profiles: [], nameOf },
  ]);
  const late = { source: "kernel number 9", call: false, late: true, failed: true };
  expect(trace).toEqual({
    displayTimeUnit: "ns",
    otherData: { overwritten: 1 },
    traceEvents: [
      named("process_name", 1, 0, "ada"),
      named("thread_name", 1, 1, "thread 0"),
      slice("m7", 1, 1, 1000, 2000, { source: "host", call: true, late: false, failed: false }),
      named("process_name", 2, 0, "bob"),
      named("thread_name", 2, 1, "thread 0"),
      named("thread_name", 2, 1025, "thread 1"),
      named("thread_name", 2, 1026, "thread 1, lane 1"),
      slice("m8", 2, 1026, 2500, 500, late),
      slice("m8", 2, 1026, 4500, 500, late),
    ],
  });
});
