// Topics when threads die: what each quality gives, by real crashes.

import { setImmediate } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import type { Runtime, RuntimeOptions, SupervisionEvent, Topics } from "../../runtime/mod.ts";
import { adder, Exit } from "./kernels.fixture.ts";
import { createRuntime } from "./runtime.ts";
import { listener, Note, sharedWords, Tell, teller, WORDS } from "./topic-kernels.fixture.ts";

let runtime: Runtime;
let events: SupervisionEvent[] = [];
const start = (options: RuntimeOptions = {}) => {
  events = [];
  const onSupervision = (event: SupervisionEvent): void => void events.push(event);
  runtime = createRuntime({ threads: 3, onSupervision, ...options });
};
afterEach(() => runtime.shutdown());

const PATIENCE = { timeout: 20_000 };

const counts = (words: Int32Array, of: "started" | "ended", count: number): number[] => [
  ...words.subarray(WORDS[of], WORDS[of] + count),
];

async function of(topics: Topics, subscriber = "listener") {
  return (await topics.metrics()).subscribers[subscriber]!;
}

/** A listener whose thread ends while it handles number 1, and which is launched again. */
async function crashing(qos: 0 | 1 | 2, options = {}) {
  start();
  const topics = await runtime.topics(options);
  const words = sharedWords();
  Atomics.store(words, WORDS.crashOn, 2);
  const subscribes = [{ filter: "t", qos }];
  await runtime.launch(listener, { data: words, subscribes, restart: "permanent" });
  return { topics, words };
}

async function publish(topics: Topics, numbers: readonly number[], qos: 0 | 1 | 2) {
  const ids: number[] = [];
  for (const number of numbers) ids.push((await topics.publish("t", Note, { number }, { qos })).id);
  return ids;
}

test("Quality 0: what a thread had in hand when it ended is lost, and never repeated", async () => {
  const { topics, words } = await crashing(0);
  const [, lost] = await publish(topics, [0, 1], 0);
  await expect.poll(() => events.length, PATIENCE).toBe(1);
  await publish(topics, [2], 0);
  await expect.poll(() => of(topics), PATIENCE).toMatchObject({ matched: 3, lag: 0, lost: 1 });
  expect(await of(topics)).toMatchObject({ handled: 2, retried: 0, failed: 0, dropped: 0 });
  expect(await topics.receipt(lost!)).toMatchObject({ matched: 1, handled: 0, lost: 1 });
  expect(counts(words, "started", 3)).toEqual([1, 1, 1]);
  expect(counts(words, "ended", 3)).toEqual([1, 0, 1]);
});

test("Quality 1: repeated until a handler has settled it, by the kernel that was launched again", async () => {
  const { topics, words } = await crashing(1);
  const ids = await publish(topics, [0, 1, 2, 3, 4], 1);
  await expect.poll(() => of(topics), PATIENCE).toMatchObject({ handled: 5, lag: 0, lost: 0 });
  const { retried, failed } = await of(topics);
  expect([retried > 0, failed, events.length]).toEqual([true, 0, 1]);
  for (const id of ids) expect(await topics.receipt(id)).toMatchObject({ matched: 1, handled: 1 });
  // At least once: the one that crashed was started twice, and ended once.
  expect(counts(words, "started", 2)[1]).toBe(2);
  expect(counts(words, "ended", 5).every((count) => count >= 1)).toBe(true);
});

test("Quality 1: attempts are bounded, and what is given up is reported", async () => {
  start();
  const topics = await runtime.topics({ attemptsMax: 2 });
  const words = sharedWords();
  Atomics.store(words, WORDS.crashOn, -1);
  const options = { data: words, subscribes: ["t"], restart: "permanent" } as const;
  await runtime.launch(listener, options);
  const [id] = await publish(topics, [0], 1);
  await expect.poll(() => topics.receipt(id!), PATIENCE).toMatchObject({ lost: 1, handled: 0 });
  expect(await of(topics)).toMatchObject({ lost: 1, retried: 1, lag: 0 });
  expect(counts(words, "started", 1)).toEqual([2]);
});

test("Quality 2: once its handler has started it is never repeated; what had not started comes", async () => {
  const { topics, words } = await crashing(2);
  const ids = await publish(topics, [0, 1, 2, 3, 4], 2);
  await expect.poll(() => of(topics), PATIENCE).toMatchObject({ matched: 5, lag: 0 });
  expect(await of(topics)).toMatchObject({ handled: 4, lost: 1, failed: 0, expired: 0 });
  expect(await topics.receipt(ids[1]!)).toMatchObject({ handled: 0, lost: 1 });
  expect(counts(words, "started", 5)).toEqual([1, 1, 1, 1, 1]);
  expect(counts(words, "ended", 5)).toEqual([1, 0, 1, 1, 1]);
  expect(events.length).toBe(1);
});

test("A handler that throws: repeated at 1, not at 0 or 2", async () => {
  start();
  const topics = await runtime.topics();
  const words = sharedWords();
  await runtime.launch(listener, { data: words, subscribes: [{ filter: "t", qos: 2 }] });
  for (const qos of [0, 1, 2] as const) {
    Atomics.store(words, WORDS.throws, 1);
    await publish(topics, [qos], qos);
    await expect.poll(() => of(topics), PATIENCE).toMatchObject({ matched: qos + 1, lag: 0 });
  }
  expect(counts(words, "started", 3)).toEqual([1, 2, 1]);
  expect(counts(words, "ended", 3)).toEqual([0, 1, 0]);
  expect(await of(topics)).toMatchObject({ handled: 1, failed: 2, retried: 1 });
});

test("1 and 2 wait for a kernel that is not there; 0 is dropped", async () => {
  start();
  const topics = await runtime.topics();
  const words = sharedWords();
  const subscribes = [{ filter: "t", qos: 2 }] as const;
  const first = await runtime.launch(listener, { data: words, subscribes });
  await first.terminate();
  for (const qos of [0, 1, 2] as const) await publish(topics, [qos], qos);
  expect(await of(topics)).toMatchObject({ matched: 3, dropped: 1, lag: 2 });
  await runtime.launch(listener, { data: words, subscribes });
  await expect.poll(() => of(topics), PATIENCE).toMatchObject({ handled: 2, lag: 0 });
  expect(counts(words, "ended", 3)).toEqual([0, 1, 1]);
  await topics.forget("listener");
  expect(Object.keys((await topics.metrics()).subscribers)).toEqual([]);
});

test("1 and 2 wait no longer than the topics say, and what comes later is handled", async () => {
  start();
  const topics = await runtime.topics({ timeoutMs: 300 });
  const words = sharedWords();
  const subscribes = [{ filter: "t", qos: 2 }] as const;
  const kernel = await runtime.launch(listener, { data: words, subscribes });
  kernel.deactivate();
  for (const qos of [1, 2] as const) {
    const [id] = await publish(topics, [0], qos);
    await expect.poll(() => topics.receipt(id!), PATIENCE).toMatchObject({ expired: 1 });
  }
  kernel.activate();
  let sent = 0;
  const isHandled = async (): Promise<boolean> => {
    await publish(topics, [++sent], 2); // Again, where this machine was too busy for one to come in time.
    await expect.poll(() => of(topics), PATIENCE).toMatchObject({ lag: 0 });
    return (await of(topics)).handled > 0;
  };
  await expect.poll(isHandled, PATIENCE).toBe(true);
  expect(counts(words, "started", 1)).toEqual([0]);
});

test("A broker whose thread dies is launched again and told again; what was under way is gone", async () => {
  start({ threads: 1 });
  const topics = await runtime.topics({ ownThread: false });
  const words = sharedWords();
  const options = { data: words, subscribes: ["t"], restart: "permanent" } as const;
  const kernel = await runtime.launch(listener, options);
  await topics.subscribe("u", kernel);
  const stream = topics.messages("v", Note);
  const waiting = stream.next();
  await topics.publish("t", Note, { number: 0 }, { retain: true, qos: 1 });
  await expect.poll(() => counts(words, "ended", 1), PATIENCE).toEqual([1]);

  const crasher = await runtime.launch(adder); // All are on one thread, and die with it.
  crasher.send(Exit, { code: 3 });
  await expect.poll(() => events.length, PATIENCE).toBe(2);
  expect(events).toContainEqual({ kind: "restarted", id: topics.id, generation: 2 });
  expect(await topics.metrics()).toMatchObject({ generation: 2, retained: 0, published: 0 });
  expect((await topics.publish("t", Note, { number: 1 }, { qos: 1 })).matched).toBe(1);
  expect((await topics.publish("u", Note, { number: 2 }, { qos: 1 })).matched).toBe(1);
  await topics.publish("v", Note, { number: 3 });
  expect((await waiting).value).toEqual({ topic: "v", value: { number: 3 } });
  await expect.poll(() => counts(words, "ended", 3), PATIENCE).toEqual([1, 1, 1]);
});

test("A broker launched again knows who may publish and who hears before it takes a publication", async () => {
  start({ threads: 1 });
  const topics = await runtime.topics({ ownThread: false, queueMax: 4 });
  const words = sharedWords();
  const here = { mode: "event-driven" } as const; // Away from the thread that dies.
  await runtime.launch(listener, { ...here, data: words, subscribes: ["t"] });
  const kernel = await runtime.launch(teller, { ...here, publishes: ["t"] });
  for (const crash of [1, 2, 3]) {
    const crasher = await runtime.launch(adder);
    crasher.send(Exit, { code: 3 });
    await crasher.wait();
    const stream = topics.messages("w", Note); // There is no broker, or it just starts.
    const waiting = stream.next();
    let delivered = 0;
    while (events.length < crash || delivered < 50) {
      const tell = { first: delivered, count: 1, qos: 1, id: 0, topic: "t" };
      if ((await kernel.call(Tell, tell)).text === "delivered") delivered++;
      await setImmediate(); // A call on this thread takes no turn of the event loop.
    }
    await expect
      .poll(() => topics.metrics(), PATIENCE)
      .toMatchObject({ generation: crash + 1, published: delivered, forbidden: 0 });
    await expect.poll(() => of(topics), PATIENCE).toMatchObject({ matched: delivered, lag: 0 });
    // More than wait for the stream at once: it says what it took to the broker that sent it.
    for (let number = 0; number < 10; number++) {
      await topics.publish("w", Note, { number }, { qos: 1 });
      const { value } = await (number === 0 ? waiting : stream.next());
      expect(value).toEqual({ topic: "w", value: { number } });
    }
    await stream.return!();
  }
});

test("A broker on a thread of its own outlives the threads of all others", async () => {
  start({ threads: 1 });
  const topics = await runtime.topics();
  const words = sharedWords();
  const options = { data: words, subscribes: ["t"], restart: "permanent" } as const;
  await runtime.launch(listener, options);
  const crasher = await runtime.launch(adder);
  await topics.publish("t", Note, { number: 0 }, { retain: true, qos: 1 });
  crasher.send(Exit, { code: 3 });
  await expect.poll(() => events.length, PATIENCE).toBe(1);
  expect(await topics.metrics()).toMatchObject({ generation: 1, retained: 1, published: 1 });
  expect(runtime.metrics.threads).toBe(2);
});

test("A kernel with a thread of its own leaves it to others when it ends", async () => {
  start({ threads: 1 });
  const own = await runtime.launch(adder, { ownThread: true });
  await runtime.launch(listener, { data: sharedWords() });
  await runtime.launch(listener, { id: "beside", data: sharedWords() });
  expect(runtime.metrics.threads).toBe(2);
  own.send(Exit, { code: 3 });
  await own.wait();
  expect(runtime.listKernels()).toEqual(["listener", "beside"]); // It was alone there.
  const next = await runtime.launch(adder, { ownThread: true });
  await next.terminate();
  await runtime.launch(adder, { ownThread: true });
  expect(runtime.metrics.threads).toBe(2);
});

test("A broker that is not launched again ends its streams, and topics can be opened anew", async () => {
  start();
  const topics = await runtime.topics();
  const waiting = topics.messages("t", Note).next();
  await topics.metrics();
  await runtime.getKernel(topics.id)!.kill();
  expect(await waiting).toEqual({ done: true, value: undefined });
  await using again = await runtime.topics();
  expect((await again.publish("t", Note, { number: 0 })).id).toBe(1);
});
