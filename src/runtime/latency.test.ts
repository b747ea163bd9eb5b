import { expect, test } from "vitest";
import { Failure } from "../base/mod.ts";
import { Histogram } from "./histogram.ts";
import { latencyFacts } from "./latency.ts";
import type { MessageNotice, Notices, Notify } from "./notices.ts";
import { Telemetry } from "./telemetry.ts";

const Type = { id: 7 };

/** Telemetry by a clock that the test sets, and what it told. */
function opened({ debug = false, latencySampling = 1, hears = true } = {}) {
  const clock = { ms: 1000 };
  const told: { name: keyof Notices; notice: Notices[keyof Notices] }[] = [];
  let built = 0;
  const notify: Notify = (name, build) => {
    if (!hears) return;
    built++;
    told.push({ name, notice: build() });
  };
  const telemetry = new Telemetry({
    ...{ kernel: "ada", debug, latencySampling, notify },
    ...{ nowMs: () => clock.ms, nameOf: (type) => `message ${type}` },
  });
  return { telemetry, clock, told, built: () => built };
}

test("Latency is within 1.6 % of the percentiles of what was measured, whatever the order", () => {
  const { telemetry, clock } = opened();
  const all = Array.from({ length: 2000 }, (_, i) => 0.7 + ((i * 7919) % 2000) ** 2 / 1000);
  for (const ms of all) {
    const watch = telemetry.watch(Type)!;
    watch.sent(1);
    clock.ms += ms;
    watch.ended(undefined);
  }
  const sorted = all.map((ms) => ms * 1000).toSorted((a, b) => a - b);
  const facts = latencyFacts([telemetry.latency.histogram]);
  const rank = (p: number): number => sorted[Math.ceil(p * sorted.length) - 1]!;
  expect(facts.count).toBe(2000);
  for (const [found, p] of [
    ...([
      [facts.p50Us, 0.5],
      [facts.p90Us, 0.9],
      [facts.p99Us, 0.99],
    ] as const),
    ...([
      [facts.p999Us, 0.999],
      [facts.maxUs, 1],
    ] as const),
  ])
    expect(Math.abs(found / rank(p) - 1)).toBeLessThan(0.016);
});

test("Latency measures the first call and then every sixteenth", () => {
  const { telemetry } = opened({ latencySampling: 16 });
  const measured = Array.from({ length: 50 }, (_, i) => (telemetry.watch(Type) ? [i] : [])).flat();
  expect(measured).toEqual([0, 16, 32, 48]);
});

test("Latency takes a histogram's memory only once it has measured sixteen calls, and loses none of them", () => {
  const { latency } = opened().telemetry;
  expect([latency.bytes, latency.histogram]).toEqual([0, undefined]);
  for (let ms = 1; ms <= 15; ms++) latency.record(ms);
  expect([latency.bytes, latency.histogram!.count]).toEqual([15 * 8, 15]);
  for (let ms = 16; ms <= 40; ms++) latency.record(ms);
  expect([latency.bytes, latency.histogram!.count]).toEqual([4 * Histogram.wordsNeeded, 40]);
  expect([latency.histogram!.min / 1e6, latency.histogram!.max / 40e6]).toEqual([
    expect.closeTo(1, 1),
    expect.closeTo(1, 1),
  ]);
});

test("latencyFacts() merges what several counted, and is 0 throughout where nobody did", () => {
  const one = new Histogram(new Int32Array(Histogram.wordsNeeded));
  const other = new Histogram(new Int32Array(Histogram.wordsNeeded));
  for (let i = 0; i < 99; i++) one.record(32_000);
  other.record(64_000_000);
  const facts = latencyFacts([one, undefined, other]);
  expect(facts.count).toBe(100);
  expect(facts.p50Us / 32).toBeCloseTo(1, 1);
  expect(facts.maxUs / 64_000).toBeCloseTo(1, 1);
  expect(new Set(Object.values(latencyFacts([undefined])))).toEqual(new Set([0]));
});

test("Telemetry tells of each of a call's ways, its latency and its code, where it debugs", () => {
  const { telemetry, clock, told } = opened({ debug: true, latencySampling: 1000 });
  const failure = new Failure("CALL_TIMEOUT", { found: "", expected: "", fix: "" });
  const answered = telemetry.watch(Type)!;
  answered.sent(1);
  clock.ms += 2;
  answered.ended(undefined);
  const given = telemetry.watch({ id: 8 })!;
  given.sent(2);
  clock.ms += 1;
  given.gaveUp(failure);
  clock.ms += 1;
  given.ended(undefined);
  telemetry.dropped(Type);
  const notices = told.filter(({ name }) => name === "message").map(({ notice }) => notice);
  const of = { kernel: "ada", message: "message 7" };
  expect(notices).toEqual([
    { kind: "sent", ...of, id: 1 },
    { kind: "answered", ...of, id: 1, latencyUs: 2000 },
    { kind: "sent", ...of, message: "message 8", id: 2 },
    {
      ...{ kind: "failed", ...of, message: "message 8", id: 2, latencyUs: 1000 },
      code: "CALL_TIMEOUT",
    },
    { kind: "late", ...of, message: "message 8", id: 2, latencyUs: 2000 },
    { kind: "dropped", ...of, id: 0 },
  ] satisfies MessageNotice[]);
  expect(latencyFacts([telemetry.latency.histogram]).count).toBe(1); // The first: it debugs all, and measures one.
});

test("Telemetry builds no notice where nobody listens, and no message's where it does not debug", () => {
  const deaf = opened({ hears: false, debug: true });
  deaf.telemetry.dropped(Type);
  deaf.telemetry.watch(Type)!.sent(1);
  expect(deaf.built()).toBe(0);
  const quiet = opened();
  quiet.telemetry.dropped(Type);
  quiet.telemetry.watch(Type)!.sent(1);
  expect(quiet.told.map(({ name }) => name)).toEqual(["message:dropped"]);
});
