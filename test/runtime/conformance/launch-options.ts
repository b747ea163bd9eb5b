// Launch options: for each field cases that show its effect, or how it is refused. A field without a case does
// not compile, and fails a test.

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { threadId } from "node:worker_threads";
import type { LaunchOptions, MessageNotice } from "../../../src/runtime/mod.ts";
import {
  type Act,
  type Bench,
  codeOf,
  has,
  hold,
  same,
  type Subject,
  turns,
  until,
} from "./bench.ts";
import { damage } from "./harm.ts";
import { Add, Count, Counted, Exit, Fail, FAILING, Held, Hold } from "./kernels.fixture.ts";
import { Many, neighbour, Next, Relay, RELAYS, subject, Where } from "./kernels.fixture.ts";

const add = { a: 1, b: 2 };
const unsupported = "OPTION_UNSUPPORTED";
const refused = async (bench: Bench, ...options: LaunchOptions[]): Promise<void> => {
  for (const one of options) same([one, await codeOf(() => bench.launch(one))], [one, unsupported]);
  same((await bench.launch()).isActive, true); // The id is still free.
};

/** A kernel that may die with its thread, in a runtime of its own. */
async function mortal(bench: Bench, restart: NonNullable<LaunchOptions["restart"]>) {
  const runtime = bench.open();
  return { runtime, kernel: await bench.launch({ restart }, subject, runtime) };
}

/** Ends a kernel's thread, and lets supervision see to it. */
async function crash(kernel: Subject, code: number): Promise<void> {
  kernel.send(Exit, { code });
  has(await kernel.wait(), { how: "killed", exitCode: code });
  await turns();
}

export const LAUNCH = {
  module: {
    "names where an id's kernel is": async (bench) => {
      const options = { module: new URL(subject.module!), mode: bench.backend.mode };
      const kernel = await bench.runtime.launch<typeof subject>("subject", options);
      same(await kernel.call(Add, add), { sum: 3 });
    },
  },
  id: {
    "lets one definition be launched often": async (bench) => {
      await bench.launch({ id: "one" });
      await bench.launch({ id: "two" });
      same(bench.runtime.listKernels().toSorted(), ["one", "two"]);
    },
  },
  mode: {
    "persistent kernels have a thread that is not the caller's": async (bench) => {
      const kernel = await bench.launch({ mode: "persistent" });
      const { thread } = await kernel.call(Where, { any: 0 });
      same([kernel.status.mode, thread === threadId], ["persistent", false]);
    },
    "event-driven kernels run on the caller's": async (bench) => {
      const kernel = await bench.launch({ mode: "event-driven" });
      const { thread } = await kernel.call(Where, { any: 0 });
      same([kernel.status.mode, thread], ["event-driven", threadId]);
    },
  },
  gridSize: {
    "as many threads serve the kernel": async (bench) => {
      const runtime = bench.open({ threads: 2 });
      const kernel = await bench.launch({ gridSize: 2 }, subject, runtime);
      void codeOf(() => kernel.call(Hold, { number: 1 }));
      const held = await kernel.receive(Held);
      const other = await kernel.call(Where, { any: 0 }); // While the first one's only lane is taken.
      same([runtime.metrics.threads, held.thread === other.thread], [2, false]);
    },
    "is refused below 1 and above 64": (bench) =>
      refused(bench, { gridSize: 0 }, { gridSize: 65 }, { gridSize: 1.5 }),
  },
  blockSize: {
    "so many messages are handled at a time": async (bench) => {
      const kernel = await bench.launch({ blockSize: 2 });
      for (const number of [1, 2, 3]) void codeOf(() => kernel.call(Hold, { number }));
      same([(await kernel.receive(Held)).number, (await kernel.receive(Held)).number], [1, 2]);
      same(await codeOf(() => kernel.receiveTimeout(Held, 5)), "CALL_TIMEOUT");
      kernel.interrupt();
      same((await kernel.receive(Held)).number, 3);
    },
    "is refused below 1 and above 1024": (bench) =>
      refused(bench, { blockSize: 0 }, { blockSize: 1025 }),
  },
  sharedMemoryBytes: {
    "reaches `start` as memory of that size": async (bench) => {
      const kernel = await bench.launch({ sharedMemoryBytes: 4096, data: "shared" });
      same((await kernel.call(Where, { any: 0 })).data, "4096");
    },
    "is refused below 0 and above 1 GiB": (bench) =>
      refused(bench, { sharedMemoryBytes: -1 }, { sharedMemoryBytes: 2 ** 30 + 1 }),
  },
  inputQueueCapacity: {
    "so many messages may wait": async (bench) => {
      const kernel = await bench.launch({ inputQueueCapacity: 4 });
      await hold(kernel);
      for (let i = 0; i < 3; i++) same(kernel.send(Add, add), true);
      same(await codeOf(() => kernel.send(Add, add)), "QUEUE_FULL");
      has(kernel.metrics, { inputQueueDepth: 4, queueFull: 1, sent: 4 });
    },
  },
  outputQueueCapacity: {
    "so many emitted messages may wait, and more are counted and lost": async (bench) => {
      const kernel = await bench.launch({ outputQueueCapacity: 2 });
      await kernel.call(Count, { to: 3 });
      has(kernel.metrics, { emitted: 2, emitFull: 1, outputQueueDepth: 2 });
      same(
        [kernel.tryReceive(Counted), kernel.tryReceive(Counted)],
        [{ number: 0 }, { number: 1 }],
      );
    },
  },
  cellBytes: {
    "payloads up to it take no block": async (bench) => {
      const data = new Float64Array(20); // 168 bytes.
      for (const [cellBytes, sent] of [
        [128, "QUEUE_FULL"],
        [192, "ok"],
      ] as const) {
        const kernel = await bench.launch(
          { cellBytes, inputQueueCapacity: 8 },
          subject,
          bench.small,
        );
        await hold(kernel);
        kernel.send(Many, { data });
        same([cellBytes, await codeOf(() => kernel.send(Many, { data }))], [cellBytes, sent]);
        kernel.interrupt();
        await kernel.terminate();
      }
    },
    "is refused unless it is a multiple of 64 up to 1 MiB": (bench) =>
      refused(bench, { cellBytes: 65 }, { cellBytes: 0 }, { cellBytes: 2 ** 20 + 64 }),
  },
  autoActivate: {
    "false leaves the kernel launched": async (bench) => {
      const kernel = await bench.launch({ autoActivate: false });
      same(
        [kernel.state, await codeOf(() => kernel.send(Add, add))],
        ["launched", "KERNEL_NOT_ACTIVE"],
      );
      kernel.activate();
      same(await kernel.call(Add, add), { sum: 3 });
    },
  },
  priorities: {
    "urgent messages go first": async (bench) => {
      const kernel = await bench.launch({ priorities: true });
      await hold(kernel);
      const low = kernel.call(Next, { lane: 3 }, { priority: "LOW" });
      const high = kernel.call(Next, { lane: 0 }, { priority: "CRITICAL" });
      kernel.interrupt();
      same([await low, await high], [{ sum: 1 }, { sum: 0 }]);
    },
  },
  whenFull: {
    "fail: send says QUEUE_FULL": async (bench) => {
      const kernel = await bench.launch({ whenFull: "fail", inputQueueCapacity: 2 });
      await hold(kernel);
      kernel.send(Add, add);
      same(await codeOf(() => kernel.send(Add, add)), "QUEUE_FULL");
    },
    "drop-newest: send says false, and counts": async (bench) => {
      const kernel = await bench.launch({ whenFull: "drop-newest", inputQueueCapacity: 2 });
      await hold(kernel);
      kernel.send(Add, add);
      same([kernel.send(Add, add), kernel.metrics.dropped], [false, 1]);
    },
    "drop-oldest: the oldest makes room, and counts": async (bench) => {
      const kernel = await bench.launch({ whenFull: "drop-oldest", inputQueueCapacity: 2 });
      await hold(kernel);
      kernel.send(Add, add); // The queue is full: what comes next waits on the host.
      const oldest = codeOf(() => kernel.call(Add, add));
      for (let i = 0; i < 8; i++) kernel.send(Add, add);
      same([await oldest, kernel.metrics.dropped > 0], ["QUEUE_FULL", true]);
    },
    "dead-letter: send says false, and the message is kept": async (bench) => {
      const kernel = await bench.launch({ whenFull: "dead-letter", inputQueueCapacity: 2 });
      await hold(kernel);
      kernel.send(Add, add);
      const before = bench.runtime.deadLetters.size;
      same([kernel.send(Add, add), bench.runtime.deadLetters.size - before], [false, 1]);
    },
    "wait: call waits for room": async (bench) => {
      const kernel = await bench.launch({ whenFull: "wait", inputQueueCapacity: 2 });
      await hold(kernel);
      const sums = [1, 2, 3, 4].map((a) => kernel.call(Add, { a, b: 1 }));
      kernel.interrupt();
      same(
        (await Promise.all(sums)).map(({ sum }) => sum),
        [2, 3, 4, 5],
      );
    },
  },
  deadLetters: {
    "true: what is sent and not handled is kept": async (bench) => {
      for (const [deadLetters, kept] of [
        [false, 0],
        [true, 1],
      ] as const) {
        const kernel = await bench.launch({ deadLetters });
        await hold(kernel);
        kernel.send(Add, add);
        const before = bench.runtime.deadLetters.size;
        await kernel.terminate({ timeoutMs: 1 });
        same([deadLetters, bench.runtime.deadLetters.size - before], [deadLetters, kept]);
      }
    },
  },
  deduplicate: {
    "true: send says false where a `messageId` was sent before, and counts": async (bench) => {
      const kernel = await bench.launch({ deduplicate: true });
      const sends = [7n, 8n, 7n].map((messageId) => kernel.send(Add, add, { messageId }));
      same([sends, kernel.metrics.duplicates], [[true, true, false], 1]);
    },
  },
  rateLimit: {
    "so many messages may come at once": async (bench) => {
      const kernel = await bench.launch({ rateLimit: { perSecond: 0.001, burst: 2 } });
      same([kernel.send(Add, add), kernel.send(Add, add)], [true, true]);
      same(
        [await codeOf(() => kernel.send(Add, add)), kernel.metrics.throttled],
        ["RATE_LIMITED", 1],
      );
    },
  },
  credits: {
    "so many messages may be under way": async (bench) => {
      const kernel = await bench.launch({ credits: 2 });
      await hold(kernel);
      kernel.send(Add, add);
      same([await codeOf(() => kernel.send(Add, add)), kernel.metrics.starved], ["QUEUE_FULL", 1]);
    },
  },
  enableK2k: {
    "false: nobody sends to it, and it names no routes": async (bench) => {
      const kernel = await bench.launch({ routes: ["neighbour"] });
      await bench.launch({ enableK2k: false }, neighbour);
      const relay = { how: RELAYS.send, to: "neighbour" };
      same(await kernel.call(Relay, relay), { outcome: "not-found" });
      const both = { enableK2k: false, routes: ["subject"], id: "third" };
      same(await codeOf(() => bench.launch(both)), unsupported);
    },
  },
  checksum: {
    "false: a damaged payload reaches its handler": async (bench) =>
      same(await damage(bench, false), { sum: 0x43 }),
    "true: it does not": async (bench) =>
      same(await codeOf(() => damage(bench, true)), "MESSAGE_DAMAGED"),
  },
  routes: {
    "kernels that are named can be sent to, also when they are launched later": async (bench) => {
      const kernel = await bench.launch({ routes: ["neighbour"] });
      const sent = async () =>
        (await kernel.call(Relay, { how: RELAYS.send, to: "neighbour" })).outcome;
      same(await sent(), "not-found");
      const other = await bench.launch({}, neighbour);
      same(await sent(), "delivered");
      await until(() => other.metrics.messagesProcessed, 1);
    },
  },
  restart: {
    "permanent: a kernel is launched again when its thread dies": async (bench) => {
      const { runtime, kernel } = await mortal(bench, "permanent");
      await crash(kernel, 0);
      await until(() => runtime.getKernel("subject")?.generation, 2);
    },
    "transient: the same, but not when the thread has ended in order": async (bench) => {
      const { runtime, kernel } = await mortal(bench, "transient");
      await crash(kernel, 3);
      await until(() => runtime.getKernel("subject")?.isActive, true);
      await crash(runtime.getKernel("subject") as Subject, 0);
      same(await codeOf(() => bench.launch({}, subject, runtime)), "ok"); // The id is free.
    },
    "temporary: it stays away": async (bench) => {
      const { runtime, kernel } = await mortal(bench, "temporary");
      await crash(kernel, 3);
      same(await codeOf(() => bench.launch({}, subject, runtime)), "ok");
    },
  },
  tenant: {
    "kernels send to those of their own tenant only": async (bench) => {
      const kernel = await bench.launch({ tenant: 7, routes: ["neighbour"] });
      for (const [tenant, status] of [
        [8, "tenant-mismatch"],
        [7, "delivered"],
      ] as const) {
        const other = await bench.launch({ tenant }, neighbour);
        const relay = { how: RELAYS.send, to: "neighbour" };
        same(await kernel.call(Relay, relay), { outcome: status });
        await other.terminate();
      }
    },
  },
  data: {
    "reaches `start`": async (bench) => {
      const kernel = await bench.launch({ data: { key: [1, "two"] } });
      same((await kernel.call(Where, { any: 0 })).data, '{"key":[1,"two"]}');
    },
  },
  ownThread: {
    "its thread serves nobody else": async (bench) => {
      const runtime = bench.open({ threads: 1 });
      const alone = await bench.launch({ ownThread: true }, subject, runtime);
      const other = await bench.launch({}, neighbour, runtime);
      const [{ thread }, beside] = [
        await alone.call(Where, { any: 0 }),
        await other.call(Where, { any: 0 }),
      ];
      same([thread === beside.thread, runtime.metrics.threads], [false, 2]);
    },
  },
  publishes: {
    "a kernel reaches the broker of topics only with it": async (bench) => {
      await using topics = await bench.runtime.topics();
      const relay = { how: RELAYS.send, to: topics.id };
      const kernel = await bench.launch();
      same(await kernel.call(Relay, relay), { outcome: "not-found" });
      await kernel.terminate();
      const other = await bench.launch({ publishes: ["a/#"] });
      same(await other.call(Relay, relay), { outcome: "delivered" });
    },
  },
  subscribes: {
    "a kernel hears the topics that it names": async (bench) => {
      await using topics = await bench.runtime.topics();
      const kernel = await bench.launch({ subscribes: ["a/*"] });
      same((await topics.publish("b", Count, { to: 9 }, { qos: 1 })).matched, 0);
      same((await topics.publish("a/b", Count, { to: 1 }, { qos: 1 })).matched, 1);
      has(await kernel.receive(Counted), {});
    },
  },
  profiling: {
    "true: every message is recorded, with how long its handler took": async (bench) => {
      const kernel = await bench.launch({ profiling: true });
      await kernel.call(Add, add);
      await kernel.call(Next, { lane: 0 });
      await until(() => kernel.metrics.handling?.count, 2);
      const handled = kernel.trace().traceEvents.filter(({ ph }) => ph === "X");
      same(
        handled.map(({ name }) => name),
        ["Add", "Next"],
      );
    },
    "false: nothing is": async (bench) => {
      const kernel = await bench.launch({ profiling: false });
      await kernel.call(Add, add);
      same([kernel.metrics.handling, await codeOf(() => kernel.trace())], [undefined, unsupported]);
    },
  },
  debug: {
    "true: whoever listens is told of every message, and false: of none": async (bench) => {
      const told: string[] = [];
      const listen = (notice: unknown): void => {
        const { kernel, kind, message } = notice as MessageNotice;
        told.push(`${kernel} ${kind} ${message}`);
      };
      const silent = await bench.launch({ id: "silent" });
      const kernel = await bench.launch({ debug: true });
      subscribe("annulus:message", listen);
      try {
        await silent.call(Add, add);
        await kernel.call(Add, add);
        await codeOf(() => kernel.call(Fail, { how: FAILING.throws }));
      } finally {
        unsubscribe("annulus:message", listen);
      }
      same(told, [
        ...["subject sent Add", "subject answered Add"],
        ...["subject sent Fail", "subject failed Fail"],
      ]);
    },
  },
  cooperative: {
    "the grid synchronises": (bench) => bench.launch({ cooperative: true }),
    "false changes nothing": async (bench) =>
      same((await bench.launch({ cooperative: false })).isActive, true),
  },
  scheduler: {
    "gives a kernel a queue for each level, which it takes in their order": async (bench) => {
      const kernel = await bench.launch({ scheduler: { strategy: "priority", levels: 2 } });
      await hold(kernel);
      const levels = [1, 0, 1, 0].map((level) => kernel.call(Next, { lane: 0 }, { level }));
      kernel.interrupt();
      same(
        (await Promise.all(levels)).map(({ sum }) => sum),
        [2, 0, 3, 1],
      );
      same(await codeOf(() => kernel.call(Next, { lane: 0 }, { level: 2 })), "OPTION_UNSUPPORTED");
    },
    "refuses a strategy that there is not": async (bench) =>
      same(
        await codeOf(() => bench.launch({ scheduler: { strategy: "random" as never } })),
        "OPTION_UNSUPPORTED",
      ),
  },
  restore: {
    "goes on from a checkpoint's state": async (bench) => {
      const first = await bench.launch();
      await first.call(Next, { lane: 0 });
      const restore = await first.checkpoint();
      await first.terminate();
      const second = await bench.launch({ restore });
      same(await second.call(Next, { lane: 0 }), { sum: 1 });
    },
  },
} as const satisfies Readonly<Record<keyof LaunchOptions, Readonly<Record<string, Act>>>>;
