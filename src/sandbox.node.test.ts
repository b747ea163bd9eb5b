import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import * as front from "./index.node.ts";
import { failureIn, failureOf } from "./pack/failure-of.fixture.ts";
import { handTicker, verified } from "./sandbox/kernel.fixture.ts";
import * as door from "./sandbox.node.ts";
import { Sandbox, type SandboxEvent } from "./sandbox.node.ts";

const REQUEST = { inputs: { x: { shape: [1], data: new Float32Array(1) } } };

test("Sandbox.create() needs nothing: its clock ticks while this thread is inside a kernel", async () => {
  await using sandbox = await Sandbox.create();
  expect(sandbox.preset).toBe(door.PRESETS.server);
  const endless = await sandbox.load(await verified({ forward: "(loop (br 0)) unreachable" }));
  const error = failureOf(() => endless.call({ ...REQUEST, budgetTicks: 1 }));
  expect(error).toBeInstanceOf(door.KernelError);
  expect(error.code).toBe("KERNEL_DEADLINE");
});

test("sandboxes of one interval share a ticker, which outlives all but the last of them", async () => {
  const limits = { epochTickMs: 1 };
  const first = await Sandbox.create({ limits });
  await using second = await Sandbox.create({ limits });
  await first[Symbol.asyncDispose]();
  const endless = await second.load(await verified({ forward: "(loop (br 0)) unreachable" }));
  const stopped = failureOf(() => endless.call({ ...REQUEST, budgetTicks: 2 }));
  expect(stopped.code).toBe("KERNEL_DEADLINE");
});

test("Sandbox.create() takes a ticker of the host's own", async () => {
  const ticker = handTicker(42);
  await using sandbox = await Sandbox.create({ ticker: ticker.source });
  expect(sandbox.ticks).toBe(42);
});

/** Starts a sandbox and gives the thread that ticks for it, which nobody else can reach. */
async function withItsThread(onEvent: (event: SandboxEvent) => void) {
  const threads: Worker[] = [];
  const { unref } = Worker.prototype;
  Worker.prototype.unref = function () {
    threads.push(this);
    unref.call(this);
  };
  try {
    const sandbox = await Sandbox.create({ limits: { epochTickMs: 3 }, onEvent });
    return { sandbox, thread: threads[0]! };
  } finally {
    Worker.prototype.unref = unref;
  }
}

test("when the ticker's thread dies every call refuses, and a new sandbox has a new thread", async () => {
  const told = Promise.withResolvers<SandboxEvent>();
  const { sandbox, thread } = await withItsThread(told.resolve);
  const from = await verified();
  const kernel = await sandbox.load(from);
  using call = kernel.prepare({ inputs: { x: [1] } });
  call.run();
  await thread.terminate();
  expect(await told.promise).toMatchObject({ type: "ticker-died" });
  for (const use of [() => call.run(), () => kernel.call(REQUEST), () => kernel.info()])
    expect(failureOf(use).code).toBe("ENGINE_UNSUPPORTED");
  expect((await failureIn(sandbox.load(from))).code).toBe("ENGINE_UNSUPPORTED");
  await sandbox[Symbol.asyncDispose]();
  await using next = await Sandbox.create({ limits: { epochTickMs: 3 } });
  (await next.load(from)).call(REQUEST);
});

test("the front door `annulus` leads to the same things as the rooms' own doors", () => {
  const { inspect, instrument, KernelError, PRESETS } = door;
  expect(front).toMatchObject({ inspect, instrument, KernelError, PRESETS, Sandbox });
  expect(Object.keys(front).toSorted()).toEqual([
    "FAILURES",
    "Failure",
    "FallbackChain",
    "KernelError",
    "Lease",
    "PRESETS",
    "PreparedCall",
    "REFERENCES",
    "Sandbox",
    "VERSION",
    "inspect",
    "instrument",
    "loadPack",
    "parseKeyring",
    "trustKeys",
  ]);
});
