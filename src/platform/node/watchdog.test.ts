// The watchdog, by threads that really hang, and by some that only seem to.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterEach, expect, test } from "vitest";
import type { Runtime, SupervisionEvent } from "../../runtime/mod.ts";
import { Hang, HangLater, Ping, sick, Sleep, well } from "./hang-kernels.fixture.ts";
import { createRuntime } from "./runtime.ts";

const HEARTBEAT_MS = 400;
const run = promisify(execFile);
let runtime: Runtime;
let events: SupervisionEvent[] = [];
const start = (threads: number, heartbeatTimeoutMs: number = HEARTBEAT_MS): void => {
  events = [];
  runtime = createRuntime({
    ...{ threads, supervision: { heartbeatTimeoutMs } },
    onSupervision: (event) => events.push(event),
  });
};
afterEach(() => runtime.shutdown());
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "ok",
    (error: { code: string }) => error.code,
  );

test.each([
  ["in its turn", Hang],
  ["after an await", HangLater],
] as const)(
  "A kernel that hangs %s is ended with HEARTBEAT_LOST and launched again",
  async (_, how) => {
    start(2);
    const kernel = await runtime.launch(sick, { restart: "permanent" });
    const neighbour = await runtime.launch(well); // On a thread of its own.
    expect(await kernel.call(Ping, { number: 1 })).toEqual({ number: 1 });
    const [held, queued] = [kernel.call(how, { number: 1 }), kernel.call(Ping, { number: 2 })].map(
      codeOf,
    );
    expect(await kernel.wait()).toMatchObject({
      ...{ how: "killed", lost: 2, exitCode: 1 },
      failure: { code: "HEARTBEAT_LOST", at: "kernel sick" },
    });
    expect(await held).toBe("WORKER_LOST");
    expect(["WORKER_LOST", "KERNEL_TERMINATED"]).toContain(await queued);
    await expect.poll(() => events.length, { timeout: 20_000 }).toBe(1);
    expect(events).toEqual([{ kind: "restarted", id: "sick", generation: 2 }]);
    const again = runtime.getKernel("sick")!;
    expect(again.metrics).toMatchObject({ generation: 2, restarts: 1 });
    expect(await again.call(Ping, { number: 3 })).toEqual({ number: 3 });
    expect(await neighbour.call(Ping, { number: 4 })).toEqual({ number: 4 });
  },
);

test("Neighbours of a kernel that hangs fail with it and are launched again, and it alone is blamed", async () => {
  start(1);
  const neighbour = await runtime.launch(well, { restart: "permanent" });
  const kernel = await runtime.launch(sick, { restart: "permanent" });
  kernel.send(Hang, { number: 1 });
  await expect.poll(() => kernel.metrics.inHand, { timeout: 10_000 }).toBe(1);
  const waiting = codeOf(neighbour.call(Ping, { number: 1 }));
  const [sickEnd, wellEnd] = await Promise.all([kernel.wait(), neighbour.wait()]);
  expect(sickEnd).toMatchObject({ how: "killed", failure: { code: "HEARTBEAT_LOST" } });
  expect(wellEnd).toMatchObject({ how: "killed", failure: { code: "WORKER_LOST" } });
  expect(["WORKER_LOST", "KERNEL_TERMINATED"]).toContain(await waiting);
  await expect.poll(() => events.length, { timeout: 20_000 }).toBe(2);
  expect(events.map(({ kind, id }) => `${kind} ${id}`).toSorted()).toEqual([
    "restarted sick",
    "restarted well",
  ]);
  expect(await runtime.getKernel("well")!.call(Ping, { number: 2 })).toEqual({ number: 2 });
});

test("A thread of a grid that sleeps while another has the only message is not hung", async () => {
  start(2);
  const kernel = await runtime.launch(well, { gridSize: 2 });
  const ms = 3 * HEARTBEAT_MS;
  expect(await kernel.call(Sleep, { ms })).toEqual({ number: ms });
  expect(kernel.state).toBe("active");
});

test("Kernels that await, sleep idle, are deactivated or drain are not hung", async () => {
  start(2);
  const waits = await runtime.launch(well);
  const idle = await runtime.launch(sick);
  const paused = await runtime.launch(sick, { id: "paused" });
  paused.send(Ping, { number: 1 });
  paused.suspend();
  const slow = waits.call(Sleep, { ms: 3 * HEARTBEAT_MS });
  const behind = waits.call(Ping, { number: 1 }); // Its only lane is taken for as long.
  expect([await slow, await behind]).toEqual([{ number: 3 * HEARTBEAT_MS }, { number: 1 }]);
  const last = waits.call(Sleep, { ms: 2 * HEARTBEAT_MS });
  expect(await waits.terminate()).toMatchObject({ how: "terminated" });
  expect(await last).toEqual({ number: 2 * HEARTBEAT_MS });
  expect([idle.state, paused.state]).toEqual(["active", "deactivated"]);
  paused.resume();
  expect(await paused.receive(Ping)).toEqual({ number: 1 });
});

test("A kernel that hangs while it is terminated is killed by that, and stays away", async () => {
  start(1);
  const kernel = await runtime.launch(sick, { restart: "permanent" });
  kernel.send(Hang, { number: 1 });
  await expect.poll(() => kernel.metrics.inHand, { timeout: 10_000 }).toBe(1);
  const end = await kernel.terminate({ timeoutMs: 2 * HEARTBEAT_MS });
  expect(end).toEqual({ how: "killed", lost: 1 });
  expect([events, runtime.listKernels()]).toEqual([[], []]);
});

const file = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);

test("The watchdog is off unless it is asked for, and keeps no process alive", async () => {
  const program = `
    const { createRuntime } = await import(${file("runtime.ts")});
    const { sick } = await import(${file("hang-kernels.fixture.ts")});
    const runtime = createRuntime({ threads: 1, supervision: { heartbeatTimeoutMs: 50 } });
    await runtime.launch(sick);
    console.log("launched");`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", program]);
  expect(stdout).toBe("launched\n"); // And the process ended.

  start(1, Infinity);
  const kernel = await runtime.launch(sick);
  kernel.send(Hang, { number: 1 });
  await expect.poll(() => kernel.metrics.inHand, { timeout: 10_000 }).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 3 * HEARTBEAT_MS));
  expect(kernel.state).toBe("active");
  expect(await kernel.kill()).toEqual({ how: "killed", lost: 1 });
});
