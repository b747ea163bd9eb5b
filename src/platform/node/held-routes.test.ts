// Routes that a thread holds: each keeps the queues of the kernel that it leads to.

import { expect, test } from "vitest";
import { Runtime, type ServingThread } from "../../runtime/mod.ts";
import { pause } from "./event-loop.ts";
import { keepAlive } from "./keep-alive.ts";
import { notify } from "./notices.ts";
import { asker, doubler } from "./route-kernels.fixture.ts";
import { ownServingThread } from "./serving-thread.ts";
import { listener, sharedWords, teller } from "./topic-kernels.fixture.ts";

/** This thread, and the routes that it was told to make and not told to forget. */
function watched(thread: ServingThread, held: Set<string>): ServingThread {
  return {
    ...thread,
    route(index, route) {
      held.add(`${index} to ${route.id}`);
      return thread.route(index, route);
    },
    unroute(index, kernel) {
      held.delete(`${index} to ${kernel}`);
      return thread.unroute(index, kernel);
    },
  };
}

function start(held: Set<string>): Runtime {
  return new Runtime({
    ...{ backend: "null", refusals: {}, threadsMax: 1, keepAlive, pause, notify },
    startThread: () => Promise.reject(new Error("no thread is started")),
    ownThread: (spec) => watched(ownServingThread(spec, pause), held),
    nowMs: () => performance.now(),
    wallMs: () => Date.now(),
    stampMs: () => Date.now(),
    readCheckpoint: () => Promise.reject(new Error("no checkpoint is read")),
    repeat: () => () => {},
  });
}

test("A broker forgets the ways to kernels that have ended, and knows them again when they are back", async () => {
  const held = new Set<string>();
  await using runtime = start(held);
  const topics = await runtime.topics();
  await topics.subscribe("u", "kernel 0");
  const before = new Set(held); // Its own.
  const others = (): string[] => [...held].filter((route) => !before.has(route));
  for (let round = 0; round < 5; round++) {
    const id = `kernel ${round % 2}`;
    const kernel = await runtime.launch(listener, { id, data: sharedWords(), subscribes: ["t"] });
    expect(others()).toEqual([`0 to ${id}`]);
    await kernel.terminate();
    expect(held).toEqual(before);
  }
  const publisher = await runtime.launch(teller, { publishes: ["t"] });
  await publisher.terminate();
  expect(others().filter((route) => route.startsWith("0 "))).toEqual([]); // The publisher's own went with it.
});

test("Routes that a launch names, or the host made, stay until the kernel that sends has ended", async () => {
  const held = new Set<string>();
  await using runtime = start(held);
  await runtime.launch(asker, { routes: ["doubler"] });
  const first = await runtime.launch(doubler);
  await runtime.connect("doubler", "asker");
  expect([...held]).toEqual(["0 to doubler", "1 to asker"]);
  await first.terminate();
  expect([...held]).toEqual(["0 to doubler", "1 to asker"]); // It may be launched again.
  await runtime.launch(doubler);
  expect(held.size).toBe(2);
});
