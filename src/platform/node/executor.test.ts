import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

import { Failure } from "../../base/mod.ts";
import { FAULT_CODES, OBSERVABLE_BASE as O, OPCODES } from "../../layout/mod.ts";
import { createRing, createRingMemory, IDLE, Ring, slotMessage, Tickets } from "../../ring/mod.ts";
import { startExecutor } from "./executor.ts";
import { keepAlive } from "./keep-alive.ts";
import { openRingLog } from "./ring-log.ts";

const opcodes = new URL("./opcodes.fixture.ts", import.meta.url);

function ringOf() {
  const memory = createRing({ slots: 16 });
  const ring = new Ring(memory);
  const tickets = new Tickets(ring, keepAlive);
  const run = (opcode: number, ...args: number[]) =>
    tickets.outcome(ring.offer(slotMessage(opcode, args), 1, { held: true }));
  const observable = (index: number) => ring.words[ring.geometry.controlAt / 4 + O + index];
  return { memory, ring, run, observable };
}

const failureOf = async (promise: Promise<unknown>): Promise<Failure> => {
  const failure = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(Failure);
  return failure as Failure;
};

test.each(Object.entries(IDLE))(
  "startExecutor() runs slots while it idles by %s",
  async (_, idle) => {
    const { memory, run, observable } = ringOf();
    const executor = await startExecutor(memory, { owner: 1, idle, opcodes, oneExecutor: true });
    expect(await run(OPCODES.STORE_U32.code, 21, O)).toMatchObject({ state: "done" });
    expect(await run(8, O, O + 1)).toMatchObject({ state: "done" });
    expect(observable(1)).toBe(42);
    expect(await run(99)).toEqual({ state: "fault", code: FAULT_CODES.UNKNOWN_OPCODE, detail: 99 });
    expect(await executor.stop()).toMatchObject({ how: "stopped", slots: 3, lost: 0 });
    expect(await executor.ended).toEqual(await executor.stop());
  },
);

test("startExecutor() runs slots in a memory of WebAssembly, and hands on what is not simple", async () => {
  const memory = createRingMemory({ slots: 16 });
  const ring = new Ring(memory.buffer as unknown as SharedArrayBuffer);
  const tickets = new Tickets(ring, keepAlive);
  const run = (opcode: number, ...args: number[]) =>
    tickets.outcome(ring.offer(slotMessage(opcode, args), 1, { held: true }));
  await using executor = await startExecutor(memory, { owner: 1, opcodes });
  const outcomes = [run(OPCODES.STORE_U32.code, 21, O), run(8, O, O + 1), run(99)];
  expect((await Promise.all(outcomes)).map(({ state }) => state)).toEqual([
    "done",
    "done",
    "fault",
  ]);
  expect(ring.words[ring.geometry.controlAt / 4 + O + 1]).toBe(42);
  expect(await executor.stop()).toMatchObject({ how: "stopped", slots: 3, lost: 0 });
});

test("An executor that is killed loses the slot that it ran, and another goes on with the rest", async () => {
  const { memory, run } = ringOf();
  const stuck = await startExecutor(memory, { owner: 1, opcodes, batchSlotsMax: 1 });
  const [lost, rest] = [run(9), run(OPCODES.NOP.code)];
  await expect.poll(() => new Ring(memory).owner(0)).toBe(1);
  expect(await stuck.kill()).toEqual({ how: "killed", lost: 1 });
  expect(await lost).toEqual({ state: "fault", code: FAULT_CODES.WORKER_LOST, detail: 1 });
  await using next = await startExecutor(memory, { owner: 2 });
  expect(await rest).toMatchObject({ state: "done" });
  expect(next.owner).toBe(2);
});

test("What waits for others when its executor stops is lost, and says so", async () => {
  const { memory, run } = ringOf();
  const executor = await startExecutor(memory, { owner: 7 });
  const fence = run(OPCODES.BATCH_FENCE.code, 1, 0, 5);
  await run(OPCODES.NOP.code);
  expect(await executor.stop()).toMatchObject({ how: "stopped", slots: 2, lost: 1 });
  expect(await fence).toEqual({ state: "fault", code: FAULT_CODES.WORKER_LOST, detail: 7 });
});

test("SHUTDOWN in a slot stops every executor of the ring", async () => {
  const { memory, run } = ringOf();
  const [one, two] = await Promise.all([1, 2].map((owner) => startExecutor(memory, { owner })));
  expect(await run(OPCODES.SHUTDOWN.code)).toMatchObject({ state: "done" });
  new Ring(memory).work.ring();
  expect([(await one!.ended).how, (await two!.ended).how]).toEqual(["stopped", "stopped"]);
});

test("startExecutor() says what is wrong with a module of opcodes, an owner and a memory", async () => {
  const { memory } = ringOf();
  const start = (options: object) => failureOf(startExecutor(memory, { owner: 1, ...options }));
  const empty = await start({ opcodes: "data:text/javascript,export const a = 1" });
  expect([empty.code, empty.message]).toEqual([
    "EXECUTOR_FAILED",
    expect.stringContaining("no export `opcodes`"),
  ]);
  const missing = await start({ opcodes: new URL("./no-such-file.ts", import.meta.url) });
  expect(missing.message).toContain("no-such-file");
  expect((await start({ owner: 0 })).message).toContain("an owner is 1 or more");
  const wrong = failureOf(startExecutor(new SharedArrayBuffer(8), { owner: 1 }));
  expect((await wrong).code).toBe("RING_INVALID");
});

test("startExecutor() logs every slot that its thread runs, and refuses a file that is there", async () => {
  const { memory, run } = ringOf();
  const log = join(await mkdtemp(join(tmpdir(), "annulus-executor-")), "slots.log");
  const executor = await startExecutor(memory, { owner: 3, opcodes, log });
  await run(OPCODES.STORE_U32.code, 5, O);
  await run(8, O, O + 1);
  const end = await executor.stop();
  expect(end).toMatchObject({ how: "stopped", log: { records: 2, lost: 0, failure: undefined } });
  using reader = openRingLog(log);
  expect([...reader.records()]).toMatchObject([
    { owner: 3, firstWrites: [{ index: O, value: 5 }] },
    { owner: 3, firstWrites: [{ index: O + 1, value: 10 }] },
  ]);
  expect((await failureOf(startExecutor(memory, { owner: 4, log }))).message).toContain("EEXIST");
  await rm(dirname(log), { recursive: true });
});
