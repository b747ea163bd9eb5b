// Checkpoints of actors: taken while they work, and gone on from in another runtime and another process.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, expect, test } from "vitest";
import { Failure } from "../../base/mod.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../../runtime/mod.ts";
import { readCheckpoint, writeCheckpoint } from "./checkpoint-file.ts";
import { createRuntime, type NodeRuntime } from "./runtime.ts";
import { Ask, Block, hooked, Large, ledger, Slow, Spoil, Step } from "./state-kernels.fixture.ts";

let runtime: NodeRuntime;
const start = (options = {}) => void (runtime = createRuntime({ threads: 2, ...options }));
afterEach(() => runtime.shutdown());
const codeOf = (error: unknown): unknown => (error instanceof Failure ? error.code : error);

const stamp = (of: Uint8Array): bigint => {
  const { stampHigh, stampLow } = decodeCheckpoint(of);
  return (BigInt(stampHigh) << 32n) | BigInt(stampLow);
};

test("A checkpoint has the state; the kernel goes on, and another one goes on from there", async () => {
  start();
  const kernel = await runtime.launch(ledger);
  for (let n = 1; n <= 10; n++) await kernel.call(Step, { n });
  const bytes = await kernel.checkpoint();
  await kernel.call(Step, { n: 11 });
  expect(await kernel.call(Ask, { nothing: 0 })).toMatchObject({ handled: 11 });
  await kernel.terminate();
  const again = await runtime.launch(ledger, { restore: bytes });
  expect(await again.call(Ask, { nothing: 0 })).toMatchObject({ handled: 10, steps: 10 });
  await again.call(Step, { n: 11 });
  expect(await again.call(Ask, { nothing: 0 })).toMatchObject({ handled: 11, wrong: 0 });
});

test.each(["worker", "null"] as const)("It works on the backend %s", async (backend) => {
  start({ backend });
  const kernel = await runtime.launch(hooked);
  await kernel.call(Step, { n: 4 });
  const bytes = await kernel.checkpoint();
  await kernel.terminate();
  const again = await runtime.launch(hooked, { restore: bytes });
  expect((await again.call(Step, { n: 1 })).steps).toBe(5);
  expect(await again.call(Ask, { nothing: 0 })).toEqual({ sent: "restore of save".length });
});

test("Messages that wait are in it, large ones too and in order; calls are counted and left to the live kernel", async () => {
  start();
  const kernel = await runtime.launch(ledger);
  kernel.send(Block, { ms: 60_000 });
  await expect.poll(() => kernel.metrics.inHand, { timeout: 10_000 }).toBe(1);
  for (let n = 1; n <= 100; n++) kernel.send(Step, { n });
  kernel.send(Large, { data: new Uint8Array(3000) });
  const call = kernel.call(Step, { n: 101 });
  kernel.deactivate(); // Behind the message that runs, nothing is handled.
  const taken = kernel.checkpoint();
  kernel.interrupt();
  const bytes = await taken;
  const { messages, calls, id } = decodeCheckpoint(bytes);
  expect([messages.length, calls, id]).toEqual([101, 1, "ledger"]);
  kernel.activate();
  expect(await call).toEqual({ n: 101 });
  await kernel.terminate();

  const again = await runtime.launch(ledger, { restore: bytes });
  const told = await again.call(Ask, { nothing: 0 });
  expect(told).toMatchObject({ handled: 3100, steps: 100, wrong: 0, sources: 1 });
});

test("Priorities and deadlines come back with the messages that wait", async () => {
  start();
  const paused = await runtime.launch(ledger, { priorities: true });
  paused.send(Block, { ms: 60_000 });
  await expect.poll(() => paused.metrics.inHand).toBe(1);
  paused.send(Step, { n: 2 }, { priority: "LOW" });
  paused.send(Step, { n: 1 }, { priority: "HIGH" });
  paused.send(Step, { n: 9 }, { ttlMs: -1000 });
  paused.deactivate();
  const taken = paused.checkpoint();
  paused.interrupt();
  const bytes = await taken;
  await paused.kill();
  const again = await runtime.launch(ledger, { priorities: true, restore: bytes });
  await expect.poll(() => again.metrics.messagesProcessed + again.metrics.expired).toBe(3);
  expect(again.metrics.expired).toBe(1);
  expect(await again.call(Ask, { nothing: 0 })).toMatchObject({ handled: 2, wrong: 0, steps: 2 });
});

test("The clock goes on behind the checkpoint's stamp, and one too far ahead is CLOCK_SKEW", async () => {
  start();
  const first = await runtime.launch(ledger);
  const bytes = await first.checkpoint();
  const checkpoint = decodeCheckpoint(bytes);
  const later = await first.checkpoint();
  expect(stamp(later) > stamp(bytes)).toBe(true);
  await first.terminate();

  const ahead = (ms: bigint): Uint8Array => {
    const moved = stamp(bytes) + (ms << 16n);
    const [stampHigh, stampLow] = [Number(moved >> 32n), Number(moved & 0xffff_ffffn)];
    return encodeCheckpoint({ ...checkpoint, stampHigh, stampLow });
  };
  const failed = await runtime.launch(ledger, { restore: ahead(600_000n) }).catch(codeOf);
  expect(failed).toBe("CLOCK_SKEW");
  const again = await runtime.launch(ledger, { restore: ahead(30_000n) });
  expect(stamp(await again.checkpoint()) > stamp(ahead(30_000n))).toBe(true);
});

test("What does not fit is refused with a code, and the id stays free", async () => {
  start({ payloadBlocks: 2 });
  const kernel = await runtime.launch(ledger);
  const bytes = await kernel.checkpoint();
  expect(await kernel.checkpoint({ bytesMax: 64 }).catch(codeOf)).toBe("STATE_UNSAVABLE");
  expect(await kernel.checkpoint({ bytesMax: bytes.length }).then((b) => b.length)).toBe(
    bytes.length,
  );
  await kernel.call(Spoil, { with: "a function" });
  expect(await kernel.checkpoint().catch(codeOf)).toBe("STATE_UNSAVABLE");
  await kernel.call(Spoil, { with: "" });
  const slow = kernel.call(Slow, { n: 1, ms: 60_000 }).catch(codeOf);
  await expect.poll(() => kernel.metrics.inHand, { timeout: 10_000 }).toBe(1);
  expect(await kernel.checkpoint({ timeoutMs: 10 }).catch(codeOf)).toBe("REST_TIMEOUT");
  kernel.interrupt();
  expect(await slow).toBe("HANDLER_INTERRUPTED");
  await kernel.terminate();
  expect(await kernel.checkpoint().catch(codeOf)).toBe("KERNEL_TERMINATED");

  const refused = (restore: Uint8Array, options = {}) =>
    runtime.launch(ledger, { restore, ...options }).catch(codeOf);
  const { messages, ...rest } = decodeCheckpoint(bytes);
  const one = {
    ...{ messageId: 1n, correlationId: 0n, source: 0n, dest: 0n, messageType: BigInt(Step.id) },
    ...{ flags: 0x200, priority: 2 as const, tenant: 0n, auditOrg: 0n, auditEngagement: 0n },
    timestamp: { physicalUs: 0n, logical: 0n, node: 0n },
    deadline: { physicalUs: 0n, logical: 0n, node: 0n },
    payload: new Uint8Array(4),
  };
  const large = { ...one, payload: new Uint8Array(70_000) };
  const block = { ...one, payload: new Uint8Array(1000) };
  const withMessages = (some: (typeof one)[]) => encodeCheckpoint({ ...rest, messages: some });
  expect(messages).toEqual([]);
  expect(await refused(bytes.subarray(1))).toBe("CHECKPOINT_INVALID");
  expect(await refused(encodeCheckpoint({ ...rest, messages, id: "bank" }))).toBe(
    "CHECKPOINT_INVALID",
  );
  const state = Uint8Array.of(99);
  expect(await refused(encodeCheckpoint({ ...rest, messages, state }))).toBe("CHECKPOINT_INVALID");
  const unknown = { ...one, messageType: 77n };
  const other = encodeCheckpoint({ ...rest, types: [77], messages: [unknown] });
  expect(await refused(other)).toBe("CHECKPOINT_INVALID");
  const three = withMessages([one, one, one]);
  expect(await refused(three, { inputQueueCapacity: 2 })).toBe("QUEUE_FULL");
  expect(await refused(withMessages([block, large]))).toBe("MESSAGE_TOO_LARGE");
  expect(await refused(withMessages([block, block, block]))).toBe("QUEUE_FULL");
  expect(await refused(bytes, { gridSize: 2 })).toBe("OPTION_UNSUPPORTED");
  const again = await runtime.launch(ledger, { restore: withMessages([block, block]) }); // No block is lost.
  await expect.poll(() => again.metrics.failed).toBe(2); // Their bytes are no steps.
});

test("Supervision launches a kernel again from the newest generation of its file", async () => {
  await using folder = await scratch();
  const file = pathToFileURL(join(folder.path, "ledger.ckpt"));
  const restarted = Promise.withResolvers<void>();
  start({
    onSupervision: ({ kind }: { kind: string }) => kind === "restarted" && restarted.resolve(),
  });
  const failed = runtime.launch(ledger, { restore: file }).catch(codeOf);
  expect(await failed).toBe("CHECKPOINT_UNREADABLE");
  const first = await runtime.launch(ledger);
  await writeCheckpoint(file, await first.checkpoint());
  await first.terminate();

  const neighbour = await runtime.launch(hooked);
  const kernel = await runtime.launch(ledger, { restore: file, restart: "permanent" });
  await kernel.call(Step, { n: 1 });
  await writeCheckpoint(file, await kernel.checkpoint());
  await kernel.call(Step, { n: 2 }); // Is lost.
  await kernel.move(); // To its neighbour's thread, with which it falls.
  await neighbour.kill();
  await restarted.promise;
  const again = runtime.getKernel("ledger") as typeof kernel;
  expect(await again.call(Ask, { nothing: 0 })).toMatchObject({ handled: 1, steps: 1 });
});

test("A process that is killed and started again goes on from its last checkpoint", async () => {
  start();
  await using folder = await scratch();
  const file = join(folder.path, "ledger.ckpt");
  const victim = new URL("checkpoint-process.fixture.ts", import.meta.url);
  let reached = 0;
  for (let life = 1; life <= 3; life++) {
    const child = spawn(process.execPath, [victim.pathname, file], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (more: string) => void (text += more));
    await expect
      .poll(() => text.match(/stored/g)?.length ?? 0, { timeout: 50_000 })
      .toBeGreaterThan(2);
    child.kill("SIGKILL");
    expect(await once(child, "exit")).toEqual([null, "SIGKILL"]);
    const from = Number(/^from (\d+) wrong 0$/m.exec(text)?.[1]);
    expect(from > 0).toBe(life > 1);
    expect(from).toBeGreaterThanOrEqual(reached); // At least what was stored before it was killed.
    reached = Math.max(...[...text.matchAll(/^stored (\d+)$/gm)].map(([, n]) => Number(n)));
    expect(reached).toBeGreaterThan(from);
  }
  const stored = (await readCheckpoint(file))!;
  const kernel = await runtime.launch(ledger, { restore: stored.bytes });
  const { handled, wrong } = await kernel.call(Ask, { nothing: 0 });
  expect([handled >= reached, wrong]).toEqual([true, 0]);
}, 200_000);

async function scratch() {
  const path = await mkdtemp(join(tmpdir(), "annulus-checkpoint-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
