// Runtime options: for each field cases that show its effect, or how it is refused. A field without a case
// does not compile, and fails a test.

import type { NodeRuntimeOptions } from "../../../src/platform/node/mod.ts";
import type { Runtime, SupervisionEvent } from "../../../src/runtime/mod.ts";
import { IDLE } from "../../../src/ring/mod.ts";
import { type Act, type Bench, codeOf, hold, same, SMALL, until } from "./bench.ts";
import { skew } from "./errors.ts";
import { Add, Exit, fickle, Many, neighbour, subject, Where } from "./kernels.fixture.ts";

const add = { a: 1, b: 2 };
const FULL = "QUEUE_FULL";

/** Ends the subject's thread, and waits until so many things were done about it. */
async function crash(runtime: Runtime, events: readonly unknown[], count: number): Promise<void> {
  runtime.getKernel("subject")!.send(Exit, { code: 3 });
  await until(() => events.length, count);
}

/** A runtime that supervises two kernels on threads of their own, and what it tells. */
async function supervised(bench: Bench, supervision: NodeRuntimeOptions["supervision"] = {}) {
  const events: SupervisionEvent[] = [];
  const onSupervision = (event: SupervisionEvent): void => void events.push(event);
  const runtime = bench.open({ threads: 2, supervision, onSupervision });
  await bench.launch({ restart: "permanent" }, neighbour, runtime);
  await bench.launch({ restart: "permanent" }, subject, runtime);
  return { runtime, events };
}

export const RUNTIME = {
  backend: {
    "is what the runtime says it has": async ({ runtime, backend }) =>
      same(runtime.backend, backend.name === "null" ? "null" : "worker"),
    "auto takes workers, and says why no better one": async (bench) => {
      const runtime = bench.open({ backend: "auto" });
      same([runtime.backend, Object.keys(runtime.refusals)], ["worker", ["cuda", "webgpu"]]);
    },
  },
  threads: {
    "as many are started as there are kernels, and no more": async (bench) => {
      const runtime = bench.open({ threads: 2 });
      const started: number[] = [];
      for (const kernel of [subject, neighbour]) {
        await bench.launch({}, kernel, runtime);
        started.push(runtime.metrics.threads);
      }
      const third = new URL(subject.module!);
      same(await codeOf(() => runtime.launch("sore", { module: third })), "ok");
      same([...started, runtime.metrics.threads], [1, 2, 2]);
    },
  },
  defaultQueueCapacity: {
    "is a queue's where the launch does not say": async (bench) => {
      const kernel = await bench.launch({}, subject, bench.small);
      await hold(kernel);
      kernel.send(Add, add);
      same([SMALL.defaultQueueCapacity, await codeOf(() => kernel.send(Add, add))], [2, FULL]);
    },
  },
  payloadBytesMax: {
    "is the largest payload": async (bench) => {
      const kernel = await bench.launch({}, subject, bench.small);
      const most = SMALL.payloadBytesMax / 8 - 1; // Eight bytes say how many there are.
      same(await kernel.call(Many, { data: new Float64Array(most) }), { sum: most });
      const more = { data: new Float64Array(most + 1) };
      same(await codeOf(() => kernel.call(Many, more)), "MESSAGE_TOO_LARGE");
    },
  },
  payloadBlocks: {
    "so many large payloads may be under way": async (bench) => {
      const large = { data: new Float64Array(100) };
      const kernel = await bench.launch({ inputQueueCapacity: 8 }, subject, bench.small);
      await hold(kernel);
      kernel.send(Many, large);
      same([SMALL.payloadBlocks, await codeOf(() => kernel.send(Many, large))], [1, FULL]);
    },
  },
  terminationTimeoutMs: {
    "is how long terminate drains where it is not told": async (bench) => {
      const kernel = await bench.launch({}, subject, bench.small);
      const held = await hold(kernel);
      same((await kernel.terminate()).how, "forced");
      same(await held.outcome, "HANDLER_INTERRUPTED");
    },
  },
  maxDriftMs: {
    "is how far ahead a sender's clock may be": async (bench) => {
      same(await codeOf(() => skew(bench, SMALL.maxDriftMs / 2)), "ok");
      await bench.small.getKernel("subject")!.terminate();
      same(await codeOf(() => skew(bench, 2 * SMALL.maxDriftMs)), "CLOCK_SKEW");
      same(bench.small.kernelMetrics("subject").skewed, 1);
    },
  },
  idle: {
    "threads that spin use their processor, and those that wait do not": async (bench) => {
      const used: number[] = [];
      for (const idle of [IDLE.wait, IDLE.spin]) {
        const kernel = await bench.launch({}, subject, bench.open({ idle }));
        const before = await kernel.call(Where, { any: 0 });
        await codeOf(() => kernel.receiveTimeout(Add, 50)); // Nothing to do.
        used.push((await kernel.call(Where, { any: 0 })).cpu - before.cpu);
        await kernel.kill();
      }
      same(used[0]! < used[1]!, true);
    },
  },
  supervision: {
    "one-for-all launches the others again too": async (bench) => {
      const { runtime, events } = await supervised(bench, { strategy: "one-for-all" });
      await crash(runtime, events, 2);
      same(
        events.map(({ kind, id }) => [kind, id]),
        [
          ["restarted", "neighbour"],
          ["restarted", "subject"],
        ],
      );
    },
    "one restart too many escalates": async (bench) => {
      const supervision = { maxRestarts: 1, windowMs: 600_000 };
      const { runtime, events } = await supervised(bench, supervision);
      await crash(runtime, events, 1);
      await crash(runtime, events, 2);
      same(
        events.map(({ kind }) => kind),
        ["restarted", "escalated"],
      );
      await until(() => runtime.listKernels(), []);
    },
  },
  onSupervision: {
    "is told of restarts": async (bench) => {
      const { runtime, events } = await supervised(bench);
      await crash(runtime, events, 1);
      same(events, [{ kind: "restarted", id: "subject", generation: 2 }]);
    },
    "is told why a kernel could not be launched again": async (bench) => {
      const events: SupervisionEvent[] = [];
      const runtime = bench.open({ onSupervision: (event) => void events.push(event) });
      const data = new SharedArrayBuffer(4); // Counts its starts.
      const kernel = await bench.launch({ restart: "permanent", data }, fickle, runtime);
      kernel.send(Exit, { code: 3 });
      await until(() => events.map(({ kind }) => kind), ["not-restarted"]);
      const [event] = events as [Extract<SupervisionEvent, { kind: "not-restarted" }>];
      same([event.failure.code, runtime.listKernels()], ["LAUNCH_FAILED", []]);
    },
  },
  callSpins: {
    "so often a lone call looks for its answer before it yields": async (bench) => {
      for (const [runtime, answered] of [
        [bench.small, 0], // It does not look.
        [bench.open({ callSpins: 2 ** 40 }), 1],
      ] as const) {
        const kernel = await bench.launch({}, subject, runtime);
        const sum = kernel.call(Add, add);
        same(kernel.metrics.answered, answered); // Nothing was awaited.
        same(await sum, { sum: 3 });
      }
    },
  },
} as const satisfies Readonly<Record<keyof NodeRuntimeOptions, Readonly<Record<string, Act>>>>;
