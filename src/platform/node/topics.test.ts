// Topics between kernels on threads of their own.

import { afterEach, expect, test } from "vitest";
import { failureIn } from "../../pack/failure-of.fixture.ts";
import { NOTHING, type Runtime, type Topics } from "../../runtime/mod.ts";
import { createRuntime } from "./runtime.ts";
import {
  Ask,
  Attack,
  Large,
  listener,
  Note,
  sharedWords,
  teller,
  Tell,
  WORDS,
} from "./topic-kernels.fixture.ts";

let runtime: Runtime;
const start = (options = {}) => (runtime = createRuntime({ threads: 4, ...options }));
afterEach(() => runtime.shutdown());

const PATIENCE = { timeout: 10_000 };

const tell = (number: number, topic: string) => ({ number, qos: 1, id: 0, topic });

/** How often each number was handled. */
function handled(words: Int32Array, count: number): number[] {
  return [...words.subarray(WORDS.ended, WORDS.ended + count)];
}

async function of(topics: Topics, subscriber: string) {
  return (await topics.metrics()).subscribers[subscriber];
}

test("What a kernel publishes reaches whoever subscribed, by launch, by the host, and the host itself", async () => {
  start();
  const topics = await runtime.topics();
  const [one, two] = [sharedWords(), sharedWords()];
  await runtime.launch(listener, { data: one, subscribes: ["rooms/*/heat"] });
  const other = await runtime.launch(listener, { id: "other", data: two });
  expect(await topics.subscribe("rooms/#", other)).toBe(0);
  const stream = topics.messages("rooms/kitchen/#", Note);
  const kernel = await runtime.launch(teller, { publishes: ["rooms/#"] });
  expect(JSON.parse((await kernel.call(Ask, tell(0, "rooms/kitchen/heat"))).text)).toMatchObject({
    ...{ matched: 3, isDuplicate: false },
  });
  expect(JSON.parse((await kernel.call(Ask, tell(1, "rooms/hall/light"))).text).matched).toBe(1);
  expect(JSON.parse((await kernel.call(Ask, tell(2, "rooms/hall/heat"))).text).matched).toBe(2);
  await expect.poll(() => handled(two, 3), PATIENCE).toEqual([1, 1, 1]);
  await expect.poll(() => handled(one, 3), PATIENCE).toEqual([1, 0, 1]);
  const first = await stream.next();
  expect(first.value).toEqual({ topic: "rooms/kitchen/heat", value: { number: 0 } });
  await stream.return!();
  expect(await topics.unsubscribe("rooms/#", other)).toBe(true);
  expect(await topics.unsubscribe("rooms/#", other)).toBe(false);
  expect((await topics.publish("rooms/hall/light", Note, { number: 3 })).matched).toBe(0);
  await expect
    .poll(async () => (await topics.metrics()).subscribers, PATIENCE)
    .toMatchObject({ listener: { matched: 2, handled: 2, lag: 0 }, other: { matched: 3, lag: 0 } });
  expect(await topics.metrics()).toMatchObject({ published: 4, forbidden: 0, generation: 1 });
});

test("A kernel tells without waiting, and learns what became of that on its way", async () => {
  start();
  const kernel = await runtime.launch(teller, { publishes: ["a/#"] });
  const some = { first: 0, count: 1, qos: 0, id: 0, topic: "a/b" };
  expect((await kernel.call(Tell, some)).text).toBe("not-found");
  const words = sharedWords();
  await runtime.launch(listener, { data: words, subscribes: ["a/b"] });
  await runtime.topics(); // Who was launched before joins now.
  expect((await kernel.call(Tell, { ...some, count: 100 })).text).toBe("delivered");
  await expect.poll(() => handled(words, 100), PATIENCE).toEqual(Array(100).fill(1));
});

test("A late subscriber gets what is retained, until NOTHING clears it; the oldest topic makes room", async () => {
  start();
  const topics = await runtime.topics({ retainedMax: 2 });
  for (const [number, topic] of ["x/1", "x/2", "x/3"].entries())
    await topics.publish(topic, Note, { number }, { retain: true, qos: 1 });
  const words = sharedWords();
  const kernel = await runtime.launch(listener, { data: words });
  expect(await topics.subscribe("x/*", kernel)).toBe(2);
  await expect.poll(() => handled(words, 3), PATIENCE).toEqual([0, 1, 1]);
  expect(await topics.metrics()).toMatchObject({ retained: 2, retainedForgotten: 1 });
  const cleared = await topics.publish("x/2", NOTHING, {}, { retain: true });
  expect([cleared.matched, (await topics.metrics()).retained]).toEqual([0, 1]);
  const stream = topics.messages("x/#", Note);
  expect((await stream.next()).value).toEqual({ topic: "x/3", value: { number: 2 } });
  await stream.return!();
  expect(await failureIn(topics.publish("x/2", NOTHING, {}))).toMatchObject({
    code: "TOPIC_INVALID",
  });
});

test("A receipt says what became of a publication; the oldest are forgotten and counted", async () => {
  start();
  const topics = await runtime.topics({ receiptsMax: 2 });
  const words = sharedWords();
  await runtime.launch(listener, { data: words, subscribes: ["t"] });
  const { id } = await topics.publish("t", Note, { number: 0 }, { qos: 1 });
  const settled = { id, topic: "t", matched: 1, handled: 1, failed: 0, dropped: 0, lost: 0 };
  await expect.poll(() => topics.receipt(id), PATIENCE).toMatchObject(settled);
  const unknown = await topics.publish("t", Large, { text: "no handler" }, { qos: 1 });
  await expect.poll(() => topics.receipt(unknown.id), PATIENCE).toMatchObject({ failed: 1 });
  await topics.publish("nobody", Note, { number: 0 });
  expect(await topics.receipt(id)).toBe(undefined);
  expect(await topics.metrics()).toMatchObject({ receipts: 2, receiptsForgotten: 1 });
});

test("A publication of the same number and kernel is taken once", async () => {
  start();
  const topics = await runtime.topics();
  const words = sharedWords();
  await runtime.launch(listener, { data: words, subscribes: [{ filter: "t", qos: 2 }] });
  const kernel = await runtime.launch(teller, { publishes: ["t"] });
  const ask = { number: 0, qos: 2, id: 7, topic: "t" };
  expect(JSON.parse((await kernel.call(Ask, ask)).text)).toMatchObject({ matched: 1 });
  expect(JSON.parse((await kernel.call(Ask, ask)).text)).toEqual({
    ...{ id: 0, matched: 0, isDuplicate: true },
  });
  // The same number of another is another publication.
  const own = await topics.publish("t", Note, { number: 1 }, { qos: 2, id: 7 });
  expect(own).toMatchObject({ matched: 1, isDuplicate: false });
  await expect.poll(() => handled(words, 2), PATIENCE).toEqual([1, 1]);
  // Launched again, the kernel has another number of the runtime's, and is still the same publisher.
  await kernel.terminate();
  const again = await runtime.launch(teller, { publishes: ["t"] });
  expect(JSON.parse((await again.call(Ask, ask)).text).isDuplicate).toBe(true);
  expect(await topics.metrics()).toMatchObject({ published: 2, duplicates: 2 });
  expect(handled(words, 2)).toEqual([1, 1]);
});

test("A slow subscriber stops nobody else: its queue is bounded, and what finds no room is dropped", async () => {
  start();
  const topics = await runtime.topics({ queueMax: 8, inFlightMax: 2 });
  const [slow, quick] = [sharedWords(), sharedWords()];
  Atomics.store(slow, WORDS.hold, 1);
  await runtime.launch(listener, { id: "slow", data: slow, subscribes: ["t/#"] });
  await runtime.launch(listener, { id: "quick", data: quick, subscribes: ["t/#"] });
  const count = 50;
  for (let number = 0; number < count; number++)
    await topics.publish("t/a", Note, { number }, { qos: 1 }).then(async ({ id }) => {
      // Its turn: the other one's queue is as short.
      await expect.poll(async () => (await topics.receipt(id))!.handled, PATIENCE).toBe(1);
    });
  expect(handled(quick, count)).toEqual(Array(count).fill(1));
  expect(await of(topics, "slow")).toMatchObject({ matched: 50, lag: 10, dropped: 40, handled: 0 });
  Atomics.store(slow, WORDS.hold, 0);
  Atomics.notify(slow, WORDS.hold);
  await expect.poll(() => of(topics, "slow"), PATIENCE).toMatchObject({ handled: 10, lag: 0 });
  expect(handled(slow, 10)).toEqual(Array(10).fill(1));
});

test("Quality 0 is dropped where the kernel's own queue is full", async () => {
  start();
  const topics = await runtime.topics();
  const words = sharedWords();
  Atomics.store(words, WORDS.hold, 1);
  const options = { data: words, inputQueueCapacity: 4, subscribes: ["t"] };
  await runtime.launch(listener, options);
  for (let number = 0; number < 10; number++) await topics.publish("t", Note, { number });
  expect(await of(topics, "listener")).toMatchObject({ matched: 10, dropped: 6, lag: 4 });
  Atomics.store(words, WORDS.hold, 0);
  Atomics.notify(words, WORDS.hold);
  await expect.poll(() => of(topics, "listener"), PATIENCE).toMatchObject({ handled: 4, lag: 0 });
});

test("A stream of the host takes as it likes: what it does not take is bounded", async () => {
  start();
  const topics = await runtime.topics({ queueMax: 4 });
  const stop = new AbortController();
  const stream = topics.messages("t", Note, { signal: stop.signal });
  for (let number = 0; number < 10; number++) await topics.publish("t", Note, { number });
  expect(await of(topics, "1: t")).toMatchObject({ matched: 10, dropped: 6, lag: 4 });
  const numbers: number[] = [];
  for await (const { value } of stream) if (numbers.push(value.number) === 4) break;
  expect(numbers).toEqual([0, 1, 2, 3]);

  const both = [topics.messages("t", Note), topics.messages("#", Note)];
  const firsts = both.map((one) => one.next());
  await topics.publish("t", Note, { number: 9 });
  for (const first of await Promise.all(firsts)) expect(first.value!.value).toEqual({ number: 9 });
  const last = both[0]!.next();
  await both[0]!.return!();
  expect(await last).toEqual({ done: true, value: undefined });
  const aborted = topics.messages("t", Note, { signal: stop.signal });
  const waiting = aborted.next().catch((error: unknown) => error);
  stop.abort(new RangeError("enough"));
  expect(await waiting).toMatchObject({ message: "enough" });
  await expect
    .poll(async () => Object.keys((await topics.metrics()).subscribers), PATIENCE)
    .toEqual(["3: #"]);
});

test("A kernel publishes only where its launch allows it, whatever it writes", async () => {
  start();
  const topics = await runtime.topics();
  const words = sharedWords();
  await runtime.launch(listener, { data: words, subscribes: ["#"] });
  const kernel = await runtime.launch(teller, { publishes: ["own/#"] });
  const ask = { number: 0, qos: 0, id: 0, topic: "secret/plan" };
  expect((await kernel.call(Ask, ask)).text).toBe("TOPIC_FORBIDDEN");
  expect((await kernel.call(Ask, { ...ask, topic: "own/*" })).text).toBe("TOPIC_INVALID");
  const broker = topics.id;
  for (const how of [0, 1, 2, 3, 4, 5])
    expect((await kernel.call(Attack, { how, broker })).text).toBe("delivered");
  await expect
    .poll(() => topics.metrics(), PATIENCE)
    .toMatchObject({ published: 0, forbidden: 2, invalid: 3, retained: 0 });
  // Neither order was obeyed.
  await expect.poll(() => runtime.kernelMetrics(broker).failed, PATIENCE).toBe(2);
  expect((await topics.publish("own/x", Note, { number: 5 }, { qos: 1 })).matched).toBe(1);
  await expect.poll(() => handled(words, 6), PATIENCE).toEqual([0, 0, 0, 0, 0, 1]);
});

test("Tenants have topics of their own, and do not reach each other's", async () => {
  start({ threads: 5 });
  const [one, two] = [await runtime.topics({ tenant: 1 }), await runtime.topics({ tenant: 2 })];
  const words = sharedWords();
  await runtime.launch(listener, { tenant: 1, data: words, subscribes: ["#"] });
  const routes = [one.id, "listener"];
  const kernel = await runtime.launch(teller, { tenant: 2, publishes: ["#"], routes });
  const ask = { number: 0, qos: 1, id: 0, topic: "a" };
  expect(JSON.parse((await kernel.call(Ask, ask)).text)).toMatchObject({ matched: 0 });
  for (const how of [0, 3])
    expect((await kernel.call(Attack, { how, broker: one.id })).text).toBe("tenant-mismatch");
  expect(await failureIn(two.subscribe("#", "listener"))).toMatchObject({
    code: "TENANT_MISMATCH",
  });
  // One that is subscribed before it is there: the broker finds another tenant's kernel.
  await two.subscribe("#", "late");
  await runtime.launch(listener, { id: "late", tenant: 1, data: words });
  await two.publish("a", Note, { number: 1 }, { qos: 1 });
  await expect.poll(() => of(two, "late"), PATIENCE).toMatchObject({ matched: 1, failed: 1 });
  expect(await one.metrics()).toMatchObject({ published: 0, forbidden: 0 });
  expect(handled(words, 2)).toEqual([0, 0]);
  expect(await failureIn(runtime.topics({ tenant: 2 }))).toMatchObject({
    code: "KERNEL_ALREADY_ACTIVE",
  });
});

test("What cannot be is refused before anything starts", async () => {
  start();
  const codes = [];
  for (const launch of [
    () => runtime.launch(teller, { publishes: ["a//b"] }),
    () => runtime.launch(teller, { subscribes: ["a/#/b"] }),
    () => runtime.launch(teller, { subscribes: [{ filter: "a", qos: 3 as 2 }] }),
    () => runtime.launch(teller, { id: "annulus:topics:0" }),
    () => runtime.launch(teller, { ownThread: true, gridSize: 2 }),
    () => runtime.launch(teller, { ownThread: true, mode: "event-driven" }),
    () => runtime.topics({ queueMax: 0 }),
    () => runtime.topics({ tenant: 0.5 }),
  ])
    codes.push((await failureIn(launch())).code);
  const [topic, option] = ["TOPIC_INVALID", "OPTION_UNSUPPORTED"];
  expect(codes).toEqual([topic, topic, ...Array<string>(6).fill(option)]);
  const topics = await runtime.topics();
  expect(await failureIn(topics.publish("a", Note, { number: 1 }, { id: 0.5 }))).toMatchObject({
    code: option,
  });
  await topics[Symbol.asyncDispose]();
  expect(await failureIn(topics.publish("a", Note, { number: 1 }))).toMatchObject({
    code: "KERNEL_TERMINATED",
  });
  await using again = await runtime.topics();
  expect((await again.publish("a", Note, { number: 1 })).id).toBe(1);
});

test("Topics work without threads, in turns of the caller's own", async () => {
  start({ backend: "null" });
  const topics = await runtime.topics();
  const words = sharedWords();
  await runtime.launch(listener, { data: words, subscribes: ["t"] });
  await topics.publish("t", Note, { number: 0 }, { qos: 2 });
  await expect.poll(() => of(topics, "listener"), PATIENCE).toMatchObject({ handled: 1, lag: 0 });
});
