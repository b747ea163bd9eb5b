// Runtime options: for each field cases that show its effect, or how it is refused. A field without a case
// does not compile, and fails a test.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { attachMonitor } from "../../../src/platform/node/monitor-find.ts";
import { openRuntime } from "../../../src/platform/node/runtime.ts";
import type { NodeRuntimeOptions } from "../../../src/platform/node/mod.ts";
import type { SupervisionEvent } from "../../../src/runtime/mod.ts";
import { IDLE } from "../../../src/ring/mod.ts";
import { type Act, type Bench, codeOf, hold, same, SMALL, until } from "./bench.ts";
import { skew } from "./harm.ts";
import { Add, Exit, fickle, Many, neighbour, Spin, subject, Where } from "./kernels.fixture.ts";

const add = { a: 1, b: 2 };
const FULL = "QUEUE_FULL";

/** A runtime that supervises two kernels on threads of their own, and what it tells. */
async function supervised(bench: Bench, supervision: NodeRuntimeOptions["supervision"] = {}) {
  const events: SupervisionEvent[] = [];
  const onSupervision = (event: SupervisionEvent): void => void events.push(event);
  const runtime = bench.open({ threads: 2, supervision, onSupervision });
  await bench.launch({ restart: "permanent" }, neighbour, runtime);
  await bench.launch({ restart: "permanent" }, subject, runtime);
  /** Ends a kernel's thread, and waits until it has been told what was done in all. */
  const crash = async (id: string, ...told: readonly string[]): Promise<void> => {
    runtime.getKernel(id)!.send(Exit, { code: 3 });
    await until(() => events.map((event) => `${event.kind} ${event.id}`), told);
  };
  return { runtime, events, crash };
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
    "as many are started as are needed": async (bench) => {
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
  prestart: {
    "so many threads start with the runtime": async (bench) => {
      const runtime = bench.open({ threads: 2, prestart: 2 });
      await runtime.start(); // As `Runtime.create` does.
      same(runtime.metrics.threads, 2);
    },
  },
  device: {
    "is refused where the backend has no such": async (bench) =>
      same(await codeOf(() => bench.open({ device: 1 })), "OPTION_UNSUPPORTED"),
  },
  deadLetters: {
    "says how many are kept": async (bench) => {
      const kernel = await bench.launch({ whenFull: "dead-letter" }, subject, bench.small);
      await hold(kernel);
      for (let i = 0; i < 4; i++) kernel.send(Add, add);
      same([SMALL.deadLetters.max, bench.small.deadLetters.size], [1, 1]);
    },
  },
  quotas: {
    "limit what a tenant has, and nobody else": async (bench) => {
      await bench.launch({ tenant: 8 }, subject, bench.small);
      const next = (tenant: number) =>
        codeOf(() => bench.launch({ tenant }, neighbour, bench.small));
      same([await next(8), await next(10)], ["TENANT_QUOTA", "ok"]);
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
      const [patient, kernel] = [
        await bench.launch(),
        await bench.launch({}, subject, bench.small),
      ];
      for (const one of [patient, kernel]) await hold(one);
      const ends: string[] = [];
      const end = patient.terminate().then(({ how }) => ends.push(how)); // It has some seconds.
      same([(await kernel.terminate()).how, ends], ["forced", []]);
      patient.interrupt();
      await end;
      same(ends, ["terminated"]);
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
      const { crash } = await supervised(bench, { strategy: "one-for-all" });
      await crash("subject", "restarted neighbour", "restarted subject");
    },
    "rest-for-one launches those again that were launched later": async (bench) => {
      const { crash } = await supervised(bench, { strategy: "rest-for-one" });
      await crash("neighbour", "restarted neighbour", "restarted subject");
    },
    "one restart too many in the window escalates": async (bench) => {
      const supervision = { maxRestarts: 1, windowMs: 600_000 };
      const { runtime, crash } = await supervised(bench, supervision);
      await crash("subject", "restarted subject");
      await crash("subject", "restarted subject", "escalated subject");
      await until(() => runtime.listKernels(), []);
    },
    "heartbeatTimeoutMs: a kernel whose thread stands still so long is launched again": async (
      bench,
    ) => {
      const { runtime, events } = await supervised(bench, { heartbeatTimeoutMs: 1000 });
      runtime.getKernel("subject")!.send(Spin, { ms: 60_000 });
      const restarted = { kind: "restarted", id: "subject", generation: 2 };
      await until(() => events, [restarted]);
      same(runtime.getKernel("neighbour")!.generation, 1);
    },
    "restarts before the window do not count": async (bench) => {
      const { crash } = await supervised(bench, { maxRestarts: 1, windowMs: 1 });
      await crash("subject", "restarted subject");
      await after(5);
      await crash("subject", "restarted subject", "restarted subject");
    },
  },
  onSupervision: {
    "is told of restarts": async (bench) => {
      const { events, crash } = await supervised(bench);
      await crash("subject", "restarted subject");
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
      const blind = await bench.launch({}, subject, bench.small); // It does not look at all.
      await hold(blind); // So a call that is not answered returns.
      same(blind.metrics.answered, 0);
      const patient = await bench.launch({}, subject, bench.open({ callSpins: 2 ** 31 - 1 }));
      const sum = patient.call(Add, add);
      same(patient.metrics.answered, 1); // Nothing was awaited.
      same(await sum, { sum: 3 });
    },
  },
  latencySampling: {
    "one call in so many is measured, the first of them": async (bench) => {
      const counts: number[] = [];
      for (const latencySampling of [1, 2]) {
        const kernel = await bench.launch({}, subject, bench.open({ latencySampling }));
        for (let i = 0; i < 5; i++) await kernel.call(Add, add);
        counts.push(kernel.metrics.latency.count);
      }
      same(counts, [5, 3]);
    },
    "is refused below 1": async (bench) => {
      const open = codeOf(() => bench.open({ latencySampling: 0 }));
      same(await open, "OPTION_UNSUPPORTED");
    },
  },
  monitor: {
    "lets its owner see the kernels": async ({ backend }) => {
      const folder = await mkdtemp(join(tmpdir(), "annulus-conformance-"));
      try {
        const path = join(folder, "monitor");
        await using runtime = await openRuntime({ monitor: { path } });
        await runtime.launch(subject, { mode: backend.mode });
        const { client } = await attachMonitor(path);
        const { kernels } = await client.snapshot();
        same(
          kernels.map(({ id }) => id),
          [subject.id],
        );
        client.end();
      } finally {
        await rm(folder, { recursive: true });
      }
    },
  },
} as const satisfies Readonly<Record<keyof NodeRuntimeOptions, Readonly<Record<string, Act>>>>;
