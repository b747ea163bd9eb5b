// Errors: every code that a runtime can give, with the situations that give it. Each of these acts fails with
// the code under which it stands. A code that `src` uses and that has no row fails a test.

import { join } from "node:path";
import type { FailureCode } from "../../../src/base/mod.ts";
import { message, u32 } from "../../../src/message/mod.ts";
import { defineKernel } from "../../../src/runtime/mod.ts";
import { type Act, type Bench, hold, relayed, type Subject, until } from "./bench.ts";
import { Ask as Tell, teller } from "../../../src/platform/node/topic-kernels.fixture.ts";
import { damage, skew } from "./harm.ts";
import { Add, Counted, Exit, Fail, FAILING, Grow, Hop, Many } from "./kernels.fixture.ts";
import { neighbour, Relay, RELAYS, sore, Spin, stillborn, subject } from "./kernels.fixture.ts";
import { SAVING } from "./saving.ts";

const add = { a: 1, b: 2 };
const large = { data: new Float64Array(100) }; // More than a cell holds.

/** Two kernels on one runtime, of which the first may send to the second. */
async function pair(bench: Bench, tenants: readonly [number, number] = [0, 0]) {
  const one = await bench.launch({ routes: ["neighbour"], tenant: tenants[0] });
  const other = await bench.launch({ tenant: tenants[1], inputQueueCapacity: 2 }, neighbour);
  return { one, other };
}

async function relay(kernel: Subject, how: keyof typeof RELAYS): Promise<never> {
  const { outcome } = await kernel.call(Relay, { how: RELAYS[how], to: "neighbour" });
  return relayed(outcome);
}

/** A kernel whose queue of two is full. */
async function full(bench: Bench): Promise<Subject> {
  const kernel = await bench.launch({ inputQueueCapacity: 2 });
  await hold(kernel);
  kernel.send(Add, add);
  return kernel;
}

export const ERRORS: Readonly<Partial<Record<FailureCode, Readonly<Record<string, Act>>>>> = {
  KERNEL_NOT_FOUND: {
    "launch of an id whose module nobody names": ({ runtime }) => runtime.launch("nobody"),
    "launch of what its module does not export": (bench) =>
      bench.runtime.launch("nobody", { module: subject.module!, mode: bench.backend.mode }),
    "kernelMetrics of an id that is not launched": async ({ runtime }) =>
      runtime.kernelMetrics("nobody"),
    "a kernel's call to one that it has no route to": async (bench) =>
      relay(await bench.launch(), "call"),
  },
  KERNEL_ALREADY_ACTIVE: {
    "launch of an id that is taken": async (bench) => [await bench.launch(), await bench.launch()],
    "two launches of an id at once": (bench) => Promise.all([bench.launch(), bench.launch()]),
  },
  KERNEL_NOT_ACTIVE: {
    "a kernel's call to one that is deactivated": async (bench) => {
      const { one, other } = await pair(bench);
      other.deactivate();
      await relay(one, "call");
    },
    "waiting for room in a kernel that is then deactivated": async (bench) => {
      const kernel = await full(bench);
      const waiting = kernel.sendWaiting(Add, add);
      kernel.deactivate();
      kernel.interrupt(); // A slot is free, which wakes the sender.
      await waiting;
    },
  },
  KERNEL_TERMINATED: {
    "a call that still waits when the kernel is forced to end": async (bench) => {
      const kernel = await bench.launch();
      await hold(kernel);
      const queued = kernel.call(Add, add);
      queued.catch(() => {}); // It is awaited below.
      await kernel.terminate({ timeoutMs: 1 });
      await queued;
    },
    "waiting for room in a kernel that then ends": async (bench) => {
      const kernel = await full(bench);
      const waiting = kernel.sendWaiting(Add, add);
      waiting.catch(() => {});
      await kernel.kill();
      await waiting;
    },
  },
  INVALID_STATE_TRANSITION: {
    "a second terminate while the first one drains": async (bench) => {
      const kernel = await bench.launch();
      await hold(kernel);
      void kernel.terminate();
      await kernel.terminate();
    },
  },
  LAUNCH_FAILED: {
    "a `start` that throws": (bench) => bench.launch({}, stillborn),
    "a module that does not load": (bench) =>
      bench.runtime.launch("x", { module: "file:///nowhere.ts", mode: bench.backend.mode }),
    "a `stop` that throws, in how the kernel ended": async (bench) => {
      const kernel = await bench.launch({}, sore);
      const end = await kernel.terminate();
      throw end.how === "terminated" ? end.failure : undefined;
    },
  },
  OPTION_UNSUPPORTED: {
    "a priority, where the kernel has none": async (bench) =>
      (await bench.launch()).call(Add, add, { priority: "HIGH" }),
    "data that cannot pass between threads": (bench) => bench.launch({ data: () => 1 }),
    "a trace of a kernel that records nothing": async (bench) => (await bench.launch()).trace(),
  },
  RING_INVALID: {
    "a queue whose capacity is no power of two": (bench) => bench.launch({ inputQueueCapacity: 3 }),
  },
  BACKEND_UNAVAILABLE: {
    "a backend that is not here": async (bench) => bench.open({ backend: "cuda" as never }),
  },
  RUNTIME_CLOSED: {
    "launch after shutdown": async (bench) => {
      const runtime = bench.open();
      await runtime.shutdown();
      await bench.launch({}, subject, runtime);
    },
    "a launch that shutdown overtakes": async (bench) => {
      const runtime = bench.open();
      const launch = bench.launch({}, subject, runtime);
      launch.catch(() => {});
      await runtime.shutdown();
      await launch;
    },
  },
  TOPIC_INVALID: {
    "a launch that names no filter": async (bench) => {
      await bench.launch({ subscribes: ["a//b"] });
    },
    "a publication to no topic": async (bench) => {
      await using topics = await bench.runtime.topics();
      await topics.publish("a/*", Counted, { number: 1 });
    },
  },
  TOPIC_FORBIDDEN: {
    "a kernel's publication that its launch does not allow": async (bench) => {
      await using _ = await bench.runtime.topics();
      const options = { publishes: ["a"], mode: bench.backend.mode };
      await using kernel = await bench.runtime.launch(teller, options);
      relayed((await kernel.call(Tell, { number: 1, qos: 0, id: 0, topic: "b" })).text);
    },
  },
  TENANT_MISMATCH: {
    "connect of kernels of two tenants": async (bench) => {
      await pair(bench, [1, 2]);
      await bench.runtime.connect("subject", "neighbour");
    },
    "a kernel's call to another tenant's": async (bench) =>
      relay((await pair(bench, [1, 2])).one, "call"),
  },
  EMISSION_UNDECLARED: {
    "a handler that emits what its kernel does not declare": async (bench) =>
      relay(await bench.launch(), "emit"),
  },
  MONITOR_UNAVAILABLE: {
    "a monitor in a place that cannot be made": async ({ runtime }) =>
      void (await runtime.monitor({ path: join(import.meta.filename, "monitor") })),
  },
  HOPS_EXCEEDED: {
    "the ninth call of a chain": async (bench) => {
      const kernel = await bench.launch({ routes: ["subject"], blockSize: 16 });
      const { outcome } = await kernel.call(Hop, { hops: 0 });
      const [code, hops] = outcome.split(" ") as [string, string];
      if (hops === "8") relayed(code);
    },
  },
  QUEUE_FULL: {
    "send where no slot is free": async (bench) => (await full(bench)).send(Add, add),
    "call where no slot is free": async (bench) => (await full(bench)).call(Add, add),
    "sendWaiting where none is free in time": async (bench) =>
      (await full(bench)).sendWaiting(Add, add, { timeoutMs: 1 }),
    "call that waits for a slot, where none is free in time": async (bench) => {
      const kernel = await bench.launch({ inputQueueCapacity: 2, whenFull: "wait" });
      await hold(kernel);
      kernel.send(Add, add);
      await kernel.call(Add, add, { timeoutMs: 1 });
    },
    "send where no block is free": async (bench) => {
      const kernel = await bench.launch({}, subject, bench.small);
      await hold(kernel);
      kernel.send(Many, large);
      kernel.send(Many, large);
    },
    "a kernel's call to one whose queue is full": async (bench) => {
      const { one, other } = await pair(bench);
      await hold(other);
      other.send(Add, add);
      await relay(one, "call");
    },
  },
  QUEUE_EMPTY: {
    "tryReceive where nothing was emitted": async (bench) =>
      (await bench.launch()).tryReceive(Counted),
  },
  MESSAGE_INVALID: {
    "a kernel with two handlers for one message": async () =>
      defineKernel({ id: "twice", on: [Add.do(() => {}), Add.do(() => {})] }),
    "a message of a known type with other bytes": async (bench) => {
      const forged = message({ a: u32, b: u32, c: u32 }, { id: Add.id });
      await (await bench.launch()).call(forged as never, { a: 1, b: 2, c: 3 } as never);
    },
  },
  MESSAGE_UNKNOWN: {
    "a message that no handler takes": async (bench) =>
      (await bench.launch()).call(message({ who: u32 }), { who: 1 }),
  },
  MESSAGE_TOO_LARGE: {
    "a payload beyond `payloadBytesMax`": async (bench) =>
      (await bench.launch()).send(Many, { data: new Float64Array(8192) }),
    "a reply beyond it": async (bench) => (await bench.launch()).call(Grow, { to: 8192 }),
    "a reply for which no block is free": async (bench) => {
      const runtime = bench.small;
      const kernel = await bench.launch({}, subject, runtime);
      const other = await bench.launch({}, neighbour, runtime);
      await hold(kernel);
      kernel.send(Many, large); // It has the only block while it waits.
      await other.call(Grow, { to: 100 });
    },
  },
  MESSAGE_DAMAGED: {
    "a payload that somebody wrote to while it waited": (bench) => damage(bench, true),
  },
  CALL_TIMEOUT: {
    "a call that is not answered in time": async (bench) => {
      const kernel = await bench.launch();
      await hold(kernel);
      await kernel.call(Add, add, { timeoutMs: 1 });
    },
    "a kernel's call that is not answered in time": async (bench) =>
      relay((await pair(bench)).one, "callThatWaits"),
  },
  CALL_CANCELLED: {
    "a signal that has aborted before": async (bench) =>
      (await bench.launch()).call(Add, add, { signal: AbortSignal.abort() }),
    "a signal that aborts while the call waits its turn": async (bench) => {
      const kernel = await bench.launch();
      await hold(kernel);
      const stop = new AbortController();
      const call = kernel.call(Add, add, { signal: stop.signal });
      stop.abort();
      await call;
    },
    "a signal that aborts while the call waits for room": async (bench) => {
      const kernel = await bench.launch({ inputQueueCapacity: 2, whenFull: "wait" });
      await hold(kernel);
      kernel.send(Add, add);
      const stop = new AbortController();
      const call = kernel.call(Add, add, { signal: stop.signal });
      stop.abort();
      await call;
    },
  },
  DEADLINE_PASSED: {
    "a call whose turn comes after its `ttlMs`": async (bench) => {
      const kernel = await bench.launch();
      await hold(kernel);
      const call = kernel.call(Add, add, { ttlMs: 1 });
      call.catch(() => {});
      const from = Date.now();
      await until(() => Date.now() > from + 10, true);
      kernel.interrupt();
      await call;
    },
  },
  CLOCK_SKEW: {
    "a message from a clock that is too far ahead": (bench) => skew(bench, 2000),
  },
  MESSAGE_DUPLICATE: {
    "a call whose `messageId` was sent before": async (bench) => {
      const kernel = await bench.launch({ deduplicate: true });
      kernel.send(Add, add, { messageId: 7n });
      await kernel.call(Add, add, { messageId: 7n });
    },
  },
  RATE_LIMITED: {
    "send beyond the launch's `rateLimit`": async (bench) => {
      const kernel = await bench.launch({ rateLimit: { perSecond: 0.001, burst: 1 } });
      kernel.send(Add, add);
      kernel.send(Add, add);
    },
    "call beyond the tenant's": async (bench) => {
      const kernel = await bench.launch({ tenant: 7 }, subject, bench.small);
      await kernel.call(Add, add); // Its bucket lasts as long as the runtime, which others share.
      await kernel.call(Add, add);
    },
  },
  TENANT_QUOTA: {
    "launch of more kernels than the tenant may have": async (bench) => {
      await bench.launch({ tenant: 8 }, subject, bench.small);
      await bench.launch({ tenant: 8 }, neighbour, bench.small);
    },
    "launch of larger queues than the tenant may have": (bench) =>
      bench.launch({ tenant: 9 }, subject, bench.small),
  },
  HANDLER_FAILED: Object.fromEntries(
    Object.entries(FAILING).map(([name, how]) => [
      `a handler that ${name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}`,
      async (bench: Bench) => (await bench.launch()).call(Fail, { how }),
    ]),
  ),
  HANDLER_INTERRUPTED: {
    "a handler that waits": async (bench) => {
      const kernel = await bench.launch();
      const held = await hold(kernel);
      kernel.interrupt();
      relayed(await held.outcome);
    },
    "a handler that never returns to the event loop": async (bench) => {
      const kernel = await bench.launch();
      const call = kernel.call(Spin, { ms: 30_000 });
      call.catch(() => {});
      await until(() => kernel.metrics.inHand, 1);
      kernel.interrupt();
      await call;
    },
  },
  WORKER_LOST: {
    "a call in hand when the kernel is killed": async (bench) => {
      const kernel = await bench.launch();
      const held = await hold(kernel);
      await kernel.kill();
      relayed(await held.outcome);
    },
    "a call whose thread ends by itself": async (bench) => {
      const kernel = await bench.launch();
      const exit = kernel.call(Exit, { code: 3 });
      exit.catch(() => {});
      await kernel.wait();
      await exit;
    },
  },
  HEARTBEAT_LOST: {
    "a handler that never returns, in how the kernel ended": async (bench) => {
      const runtime = bench.open({ supervision: { heartbeatTimeoutMs: 50 } });
      const kernel = await bench.launch({}, subject, runtime);
      kernel.send(Spin, { ms: 30_000 });
      const end = await kernel.wait();
      throw end.how === "killed" ? end.failure : undefined;
    },
  },
  ...SAVING,
  NOT_VERIFIED: {
    "launch of a kernel from a pack that nobody verified": ({ runtime }) =>
      runtime.launch("x", { pack: {} as never, shapes: {} }),
  },
};
