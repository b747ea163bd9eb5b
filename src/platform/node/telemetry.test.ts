// Telemetry against what really happened: latency, traces and channels, on threads and in this thread's turns.

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { afterEach, describe, expect, test } from "vitest";
import { Failure } from "../../base/mod.ts";
import type { MessageNotice, Notices, RuntimeOptions, TraceEvent } from "../../runtime/mod.ts";
import { Add, adder, Count, Exit, Number as Num, Say, Wait } from "./kernels.fixture.ts";
import { createRuntime } from "./runtime.ts";

const opened: (() => unknown)[] = [];
const open = (options: RuntimeOptions = {}) => {
  const runtime = createRuntime({ threads: 2, ...options });
  opened.push(() => runtime.shutdown());
  return runtime;
};
/** What a channel says, from now on. */
const heard = <Name extends keyof Notices>(name: Name): Notices[Name][] => {
  const notices: Notices[Name][] = [];
  const hear = (notice: unknown): void => void notices.push(notice as Notices[Name]);
  subscribe(`annulus:${name}`, hear);
  opened.push(() => unsubscribe(`annulus:${name}`, hear));
  return notices;
};
afterEach(async () => {
  for (const close of opened.splice(0)) await close();
});
const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "ok",
    (error: unknown) => (error instanceof Failure ? error.code : error),
  );

describe.each(["persistent", "event-driven"] as const)("Latency of a kernel that is %s", (mode) => {
  test("is of every call with a sampling of 1, and no longer than its caller waited", async () => {
    const runtime = open({ latencySampling: 1 });
    const kernel = await runtime.launch(adder, { mode });
    expect([kernel.metrics.latency.count, runtime.metrics.latency.maxUs]).toEqual([0, 0]);
    let longest = 0;
    const timed = async (call: () => Promise<unknown>): Promise<void> => {
      const started = performance.now();
      await call();
      longest = Math.max(longest, performance.now() - started);
    };
    for (const ms of [1, 5, 20]) await timed(() => kernel.call(Wait, { ms }));
    const hundred = Array.from({ length: 100 }, (_, a) => a);
    await timed(() => Promise.all(hundred.map((a) => kernel.call(Add, { a, b: 0 }))));
    await timed(() => codeOf(kernel.call(Say, { text: "fail" }))); // A fault is an answer, too.
    const { latency } = kernel.metrics;
    expect(latency.count).toBe(104);
    expect(latency.maxUs).toBeGreaterThan(18_000);
    expect(latency.maxUs).toBeLessThanOrEqual(longest * 1000 * 1.016);
  });

  test("is of the first of sixteen calls, and stays in the runtime's books after the end", async () => {
    const runtime = open();
    const kernel = await runtime.launch(adder, { mode });
    for (let a = 0; a < 33; a++) await kernel.call(Add, { a, b: 0 });
    expect(kernel.metrics.latency.count).toBe(3);
    await kernel.terminate();
    const other = await runtime.launch(adder, { mode });
    await other.call(Add, { a: 1, b: 1 });
    expect(runtime.metrics.latency.count).toBe(4);
  });

  test("has the room that a call waited for, and calls that were given up, once they are answered", async () => {
    const kernel = await open({ latencySampling: 1 }).launch(adder, {
      ...{ mode, inputQueueCapacity: 2, whenFull: "wait" },
    });
    const all = [60, 1, 1].map((ms) => codeOf(kernel.call(Wait, { ms }, { timeoutMs: 30_000 })));
    await Promise.all(all);
    const late = codeOf(kernel.call(Wait, { ms: 30 }, { timeoutMs: 1 }));
    expect(await late).toBe("CALL_TIMEOUT");
    await expect.poll(() => kernel.metrics.lateReplies, { timeout: 10_000 }).toBe(1);
    expect(kernel.metrics.latency.count).toBe(4);
    expect(kernel.metrics.latency.p50Us).toBeGreaterThan(28_000); // Two of four waited behind 60 ms.
  });
});

const code = (options: RuntimeOptions): unknown => {
  try {
    open(options);
  } catch (error) {
    return (error as Failure).code;
  }
  return "none";
};

test("A runtime refuses samplings and heartbeats that cannot be", () => {
  expect(code({ latencySampling: 0 })).toBe("OPTION_UNSUPPORTED");
  expect(code({ latencySampling: 1.5 })).toBe("OPTION_UNSUPPORTED");
  expect(code({ supervision: { heartbeatTimeoutMs: 3 } })).toBe("OPTION_UNSUPPORTED");
  expect(code({ supervision: { heartbeatTimeoutMs: Infinity } })).toBe("none");
});

/** The rules of Chrome's trace event format for the events that we write. */
const expectValid = (events: readonly TraceEvent[]): void => {
  for (const event of events) {
    expect(["X", "M"]).toContain(event.ph);
    for (const id of [event.pid, event.tid]) expect(Number.isInteger(id)).toBe(true);
    expect(typeof event.name).toBe("string");
    if (event.ph === "M") expect(typeof event.args.name).toBe("string");
    else for (const time of [event.ts, event.dur]) expect(time).toBeGreaterThanOrEqual(0);
  }
  const rows = Map.groupBy(events, ({ pid, tid }) => `${pid} ${tid}`);
  for (const row of rows.values()) {
    const slices = row.filter((event) => event.ph === "X").toSorted((a, b) => a.ts - b.ts);
    for (const [i, { ts }] of slices.slice(1).entries())
      expect(ts).toBeGreaterThanOrEqual(slices[i]!.ts + slices[i]!.dur - 0.001); // One at a time.
    if (slices.length > 0) expect(row.some(({ name }) => name === "thread_name")).toBe(true);
  }
};

describe("A trace", () => {
  test.each(["persistent", "event-driven"] as const)(
    "of a kernel that is %s has every handled message, in valid JSON",
    async (mode) => {
      const runtime = open();
      const kernel = await runtime.launch(adder, { mode, profiling: true, blockSize: 4 });
      await runtime.launch(adder, { mode, id: "silent" });
      const began = performance.now();
      for (let a = 0; a < 20; a++) await kernel.call(Add, { a, b: 0 });
      await Promise.all([1, 2, 3, 4, 5, 6].map((ms) => kernel.call(Wait, { ms })));
      await codeOf(kernel.call(Say, { text: "fail" }));
      kernel.send(Count, { to: 2 });
      await kernel.receive(Num);
      const took = performance.now() - began;

      const { traceEvents, otherData } = JSON.parse(JSON.stringify(kernel.trace())) as ReturnType<
        typeof kernel.trace
      >;
      expectValid(traceEvents);
      const slices = traceEvents.filter((event) => event.ph === "X");
      const names = Map.groupBy(slices, ({ name }) => name);
      expect([...names].map(([name, events]) => [name, events.length])).toEqual([
        ...[
          [String(Add), 20],
          ["Wait", 6],
        ], // Messages without a name show as their fields.
        ...[
          ["Say", 1],
          [String(Count), 1],
        ],
      ]);
      expect(otherData.overwritten).toBe(0);
      expect(names.get("Say")![0]!.args).toEqual({
        ...{ source: "host", call: true, late: false, failed: true },
      });
      expect(names.get(String(Count))![0]!.args.call).toBe(false);
      expect(names.get("Wait")!.every(({ args, dur }) => args.late && dur > 0)).toBe(true);
      expect(new Set(names.get("Wait")!.map(({ tid }) => tid)).size).toBe(4); // Lanes.
      const first = Math.min(...slices.map(({ ts }) => ts));
      const last = Math.max(...slices.map(({ ts, dur }) => ts + dur));
      expect(last - first).toBeLessThanOrEqual(took * 1000);
      expect(kernel.metrics.handling!.count).toBe(slices.length);
      expect(runtime.trace().traceEvents).toHaveLength(traceEvents.length); // The silent one has none.
    },
  );

  test("has the messages of all threads that serve a kernel by one clock, also after its end", async () => {
    const kernel = await open().launch(adder, { gridSize: 2, profiling: true });
    let slowest = 0;
    while (slowest < 2) {
      await Promise.all(Array.from({ length: 20 }, () => kernel.call(Wait, { ms: 1 })));
      slowest = new Set(
        kernel.trace().traceEvents.flatMap(({ ph, tid }) => (ph === "X" ? tid : [])),
      ).size;
    }
    const before = performance.now();
    await kernel.call(Add, { a: 1, b: 1 });
    const { messagesProcessed, handling } = kernel.metrics;
    await kernel.terminate();
    const { traceEvents } = kernel.trace();
    const slices = traceEvents.filter((event) => event.ph === "X");
    expectValid(traceEvents);
    expect([slices.length, handling!.count]).toEqual([messagesProcessed, messagesProcessed]);
    const added = slices.find(({ name }) => name === String(Add))!;
    const waits = slices.filter(({ name }) => name === "Wait");
    for (const { ts, dur } of waits) expect(ts + dur).toBeLessThanOrEqual(added.ts); // All were answered before.
    expect(performance.now()).toBeGreaterThanOrEqual(before);
  });

  test("says how many records were written over, and its histogram has them all", async () => {
    const kernel = await open().launch(adder, { profiling: true });
    const messages = 8192 + 1000;
    for (let sent = 0; sent < messages; sent += 8)
      await Promise.all(Array.from({ length: 8 }, (_, a) => kernel.call(Add, { a, b: sent })));
    const { traceEvents, otherData } = kernel.trace();
    expect(traceEvents.filter(({ ph }) => ph === "X")).toHaveLength(8192);
    expect(otherData.overwritten).toBe(1000);
    expect(kernel.metrics.handling!.count).toBe(messages);
  });

  test("is refused of a kernel that is not profiled, whose metrics say nothing of its handling", async () => {
    const kernel = await open().launch(adder);
    expect(() => kernel.trace()).toThrow(expect.objectContaining({ code: "OPTION_UNSUPPORTED" }));
    expect(kernel.metrics.handling).toBeUndefined();
  });
});

const shown = ({ kind, message, id, code }: MessageNotice) => [kind, message, id, code];

describe("Channels", () => {
  test("tell of launches, states, ends and restarts", async () => {
    const [launches, states] = [heard("kernel:launch"), heard("kernel:state")];
    const [ends, supervision] = [heard("kernel:end"), heard("supervision")];
    const runtime = open();
    const kernel = await runtime.launch(adder, { restart: "permanent", id: "ada" });
    kernel.suspend();
    kernel.resume();
    kernel.send(Exit, { code: 3 });
    await expect.poll(() => supervision.length, { timeout: 10_000 }).toBe(1);
    await runtime.getKernel("ada")!.terminate();
    const of = { kernel: "ada", mode: "persistent", gridSize: 1 };
    expect(launches).toEqual([
      { ...of, number: 1 },
      { ...of, number: 2 },
    ]);
    expect(states.map(({ number, from, to }) => [number, from, to])).toEqual([
      ...[
        [1, "created", "launched"],
        [1, "launched", "active"],
        [1, "active", "deactivated"],
      ],
      ...[
        [1, "deactivated", "active"],
        [1, "active", "terminating"],
      ],
      ...[
        [1, "terminating", "terminated"],
        [2, "created", "launched"],
        [2, "launched", "active"],
      ],
      ...[
        [2, "active", "terminating"],
        [2, "terminating", "terminated"],
      ],
    ]);
    expect(ends).toMatchObject([
      { kernel: "ada", number: 1, generation: 1, end: { how: "killed", exitCode: 3 } },
      { kernel: "ada", number: 2, generation: 2, end: { how: "terminated", refused: 0 } },
    ]);
    expect(supervision).toEqual([{ kind: "restarted", id: "ada", generation: 2 }]);
    expect(runtime.metrics).toMatchObject({ restarts: 1, totalLaunched: 2 });
  });

  test("tell of calls that failed, once each, and of messages that were dropped", async () => {
    const [failed, dropped] = [heard("message:failed"), heard("message:dropped")];
    const kernel = await open().launch(adder, { inputQueueCapacity: 2, whenFull: "drop-newest" });
    await codeOf(kernel.call(Say, { text: "fail" }));
    await codeOf(kernel.call(Wait, { ms: 30 }, { timeoutMs: 1 }));
    await expect.poll(() => kernel.metrics.lateReplies, { timeout: 10_000 }).toBe(1);
    const held = [kernel.call(Wait, { ms: 20 }), kernel.call(Wait, { ms: 1 })];
    expect(kernel.send(Count, { to: 1 })).toBe(false);
    await Promise.all(held);
    expect(failed.map(({ message, failure }) => [message, failure.code])).toEqual([
      ["Say", "HANDLER_FAILED"],
      ["Wait", "CALL_TIMEOUT"],
    ]);
    expect(dropped).toEqual([{ kernel: "adder", message: String(Count) }]);
  });

  test.each(["persistent", "event-driven"] as const)(
    "tell of every message of a kernel that is %s and launched with debug, and of no other's",
    async (mode) => {
      const messages = heard("message");
      const runtime = open();
      const kernel = await runtime.launch(adder, { mode, debug: true, outputQueueCapacity: 16 });
      const quiet = await runtime.launch(adder, { mode, id: "quiet" });
      await quiet.call(Add, { a: 1, b: 1 });
      await kernel.call(Add, { a: 1, b: 1 });
      await codeOf(kernel.call(Say, { text: "fail" }));
      await kernel.sendWaiting(Count, { to: 2 });
      kernel.send(Count, { to: 1 });
      for (let i = 0; i < 3; i++) await kernel.receive(Num);
      const late = messages.length;
      const stop = new AbortController();
      const given = codeOf(kernel.call(Wait, { ms: 200 }, { signal: stop.signal }));
      await expect.poll(() => kernel.metrics.inHand, { timeout: 10_000 }).toBe(1);
      stop.abort();
      await given;
      await expect.poll(() => kernel.metrics.lateReplies, { timeout: 10_000 }).toBe(1);

      const [add, count, number] = [Add, Count, Num].map(String);
      expect(messages.slice(0, late).map(shown).toSorted()).toEqual(
        [
          ["sent", add, 1, undefined],
          ["answered", add, 1, undefined],
          ["sent", "Say", 2, undefined],
          ["failed", "Say", 2, "HANDLER_FAILED"],
          ["sent", count, 3, undefined],
          ["sent", count, 4, undefined],
          ["received", number, 1, undefined],
          ["received", number, 2, undefined],
          ["received", number, 3, undefined],
        ].toSorted(),
      );
      expect(messages.slice(late).map(shown)).toEqual([
        ["sent", "Wait", 5, undefined],
        ["failed", "Wait", 5, "CALL_CANCELLED"],
        ["late", "Wait", 5, undefined],
      ]);
      expect(messages.every(({ kernel: id }) => id === "adder")).toBe(true);
      const timed = messages.filter(({ latencyUs }) => latencyUs !== undefined);
      expect(timed.map(({ kind }) => kind)).toEqual(["answered", "failed", "failed", "late"]);
      expect(timed.at(-1)!.latencyUs).toBeGreaterThan(timed.at(-2)!.latencyUs!);
    },
  );

  test("build nothing for nobody", async () => {
    const kernel = await open().launch(adder, { debug: true });
    await kernel.call(Add, { a: 1, b: 1 });
    const messages = heard("message"); // Whoever comes late hears what comes later.
    await kernel.call(Add, { a: 1, b: 1 });
    expect(messages.map(({ kind, id }) => [kind, id])).toEqual([
      ["sent", 2],
      ["answered", 2],
    ]);
  });
});
