// Kernels that send to each other, on threads of their own.

import { afterEach, expect, test } from "vitest";
import { Failure } from "../../base/mod.ts";
import type { Runtime } from "../../runtime/mod.ts";
import {
  Answer,
  Ask,
  asker,
  Ball,
  doubler,
  Fall,
  Flood,
  ping,
  pong,
  Report,
} from "./route-kernels.fixture.ts";
import { createRuntime } from "./runtime.ts";

let runtime: Runtime;
const start = () => (runtime = createRuntime({ threads: 2 }));
afterEach(() => runtime.shutdown());

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "no failure",
    (error: unknown) => (error instanceof Failure ? error.code : String(error)),
  );

test("KernelContext.send() goes straight to the other kernel, which knows the source, until its hops are used up", async () => {
  start();
  const one = await runtime.launch(ping, { routes: ["pong"] });
  const two = await runtime.launch(pong, { routes: ["ping"] });
  one.send(Ball, { round: 0 });
  const reports = [];
  for (let round = 0; round < 9; round++)
    reports.push(await (round % 2 === 0 ? one : two).receiveTimeout(Report, 5000));
  expect(reports.map(({ round }) => round)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  expect(reports[0]!.source).toBe(0);
  expect(reports.slice(1).map(({ source }) => source)).toEqual(
    [1, 2, 3, 4, 5, 6, 7, 8].map((round) => (round % 2 === 1 ? one.number : two.number)),
  );
  expect(reports.map(({ status }) => status)).toEqual([
    ...Array.from({ length: 8 }, () => "delivered"),
    "max-hops",
  ]);
});

test("KernelContext.call() waits for another kernel's answer, or fails as it did", async () => {
  start();
  const kernel = await runtime.launch(asker, { routes: ["doubler"], blockSize: 32 });
  expect(await codeOf(kernel.call(Ask, { number: 1 }))).toBe("HANDLER_FAILED"); // There is no doubler.
  const other = await runtime.launch(doubler);
  expect(await kernel.call(Ask, { number: 20 })).toEqual({ number: 41 });
  const answers = Array.from({ length: 200 }, (_, number) =>
    kernel.call(Ask, { number: number + 100 }),
  );
  expect((await Promise.all(answers)).map(({ number }) => number)).toEqual(
    Array.from({ length: 200 }, (_, number) => 2 * (number + 100) + 1),
  );
  const failure = await kernel.call(Ask, { number: 13 }).catch((error: unknown) => error);
  expect(String((failure as Failure).cause)).toContain(
    "The kernel's handler failed at kernel doubler",
  );
  expect(other.metrics).toMatchObject({ messagesProcessed: 201, failed: 1 });
});

test("A route outlives its target: it says not-active meanwhile, and finds the next of that id", async () => {
  start();
  const kernel = await runtime.launch(asker, { routes: ["doubler"] });
  expect(await kernel.call(Flood, { count: 1 })).toEqual({ status: "not-found" });
  const first = await runtime.launch(doubler);
  expect(await kernel.call(Flood, { count: 3 })).toEqual({ status: "delivered" });
  await first.terminate();
  expect(await kernel.call(Flood, { count: 1 })).toEqual({ status: "not-active" });
  const second = await runtime.launch(doubler, { inputQueueCapacity: 4, autoActivate: false });
  expect(await kernel.call(Flood, { count: 1 })).toEqual({ status: "not-active" });
  second.activate();
  second.deactivate();
  second.activate();
  expect(await kernel.call(Flood, { count: 1 })).toEqual({ status: "delivered" });
  expect(await second.receiveTimeout(Answer, 5000)).toEqual({ number: 0 });
});

test("A route between tenants is refused, by the runtime and where it is used", async () => {
  start();
  const kernel = await runtime.launch(asker, { tenant: 1, routes: ["doubler"] });
  await runtime.launch(doubler, { tenant: 2 });
  expect(await codeOf(runtime.connect("asker", "doubler"))).toBe("TENANT_MISMATCH");
  expect(await kernel.call(Flood, { count: 1 })).toEqual({ status: "tenant-mismatch" });
});

test.each([0, 1])(
  "A thread that dies while it writes to another's queue stops nobody behind it: in a block %i",
  async (inBlock) => {
    runtime = createRuntime({ threads: 2, payloadBlocks: 1 }); // One that is lost fails the second round.
    const other = await runtime.launch(doubler, { inputQueueCapacity: 4 });
    for (const round of [1, 2]) {
      const kernel = await runtime.launch(asker, { routes: ["doubler"], ownThread: true });
      kernel.send(Fall, { inBlock });
      const behind = [1, 2].map((number) => other.call(Ask, { number }));
      expect(await kernel.wait()).toMatchObject({ how: "killed", exitCode: 3 });
      behind.push(other.call(Ask, { number: 3 }));
      expect((await Promise.all(behind)).map(({ number }) => number)).toEqual([2, 4, 6]);
      expect(other.metrics).toMatchObject({ messagesProcessed: 3 * round, failed: round });
    }
    expect(await other.terminate()).toEqual({ how: "terminated", refused: 0 });
  },
);

test("Host and kernels publish to one queue at once, and every message is handled", async () => {
  start();
  const other = await runtime.launch(doubler, { inputQueueCapacity: 16_384 });
  const kernel = await runtime.launch(asker);
  for (let number = 0; number < 100; number++) other.send(Ask, { number: number + 100 }); // Gathered.
  await runtime.connect("asker", "doubler");
  const flood = kernel.call(Flood, { count: 13 });
  for (let number = 0; number < 2000; number++) other.send(Ask, { number: number + 100 });
  expect(await flood).toEqual({ status: "delivered" });
  await expect.poll(() => other.metrics.messagesProcessed, { timeout: 10_000 }).toBe(2113);
  expect(other.metrics.sent).toBe(2100);
});
