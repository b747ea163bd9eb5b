// A session and a client, each with the other's bytes, over links that keep what is written.

import { afterAll, beforeEach, expect, test } from "vitest";
import { MONITOR_LIMITS } from "../base/mod.ts";
import { defineKernel } from "../runtime/mod.ts";
import { createRuntime } from "../platform/node/mod.ts";
import { Add, adder, Say } from "../platform/node/kernels.fixture.ts";
import { MonitorClient } from "./client.ts";
import type { MonitorLink } from "./link.ts";
import { parseReply, type Reply } from "./protocol.ts";
import { ratesOf } from "./rates.ts";
import { MonitorSession } from "./session.ts";
import { snapshotOf } from "./snapshot.ts";

const KEY = "k".repeat(64);
const OPENING = { annulus: "monitor", version: 1, key: KEY };
const runtime = createRuntime({ backend: "null", defaultQueueCapacity: 16 });
afterAll(() => runtime.shutdown());
beforeEach(async () => {
  for (const id of runtime.listKernels()) await runtime.getKernel(id)![Symbol.asyncDispose]();
  await runtime.launch(adder);
});

/** A link whose peer takes nothing: what is written waits until `read`. */
class HeldLink implements MonitorLink {
  closed: "now" | "gently" | undefined;
  waiting = 0;
  #text = "";

  write(text: string): void {
    this.waiting += Buffer.byteLength(text);
    this.#text += text;
  }
  close(now?: "now"): void {
    this.closed ??= now ?? "gently";
  }
  read(): string {
    const text = this.#text;
    [this.#text, this.waiting] = ["", 0];
    return text;
  }
}

const name = (i: number, length: number): string => `${i}`.padEnd(length, "\u0001");
const pause = (request: number): object => ({ do: "pause", request, id: "none" });
const end = (request: number): object => ({ do: "terminate", request, id: "adder" });

function session() {
  const link = new HeldLink();
  const ticks: { everyMs: number; tick: () => void }[] = [];
  const made = new MonitorSession({
    ...{ runtime, key: KEY, link, nowMs: () => performance.now() },
    process: { pid: 1, title: "title", script: "script.ts" },
    every: (everyMs, tick) => {
      const one = { everyMs, tick };
      ticks.push(one);
      return () => void ticks.splice(ticks.indexOf(one), 1);
    },
  });
  const say = (...orders: unknown[]): void => {
    for (const order of orders) {
      const line = typeof order === "string" ? order : JSON.stringify(order);
      made.receive(Buffer.from(`${line}\n`));
    }
  };
  const replies = (): Reply[] => link.read().split("\n").slice(0, -1).map(parseReply);
  return { session: made, link, ticks, say, replies };
}

test("A session tells nothing to who has not said the key", () => {
  const wrong = [
    { ...OPENING, key: `${KEY.slice(1)}x` },
    { ...OPENING, key: "" },
    { do: "snapshot" },
  ];
  for (const first of [...wrong, { ...OPENING, key: `${KEY}k` }, "garbage", ""]) {
    const { say, link, session: one } = session();
    say(first, OPENING, { do: "snapshot" });
    expect([link.read(), link.closed, one.isOpen]).toEqual(["", "now", false]);
  }
});

test("A session refuses another version, and says so", () => {
  const { say, link, replies } = session();
  say({ ...OPENING, version: 2 });
  expect(replies()).toMatchObject([
    { kind: "refused", failure: { code: "MONITOR_PROTOCOL", found: "version 2" } },
  ]);
  expect(link.closed).toBe("gently");
});

test("A session says why it ends for bad lines, and does nothing that comes after", () => {
  const { say, link, replies } = session();
  say(OPENING, "garbage", { do: "terminate", request: 1, id: "adder" });
  expect(replies().map(({ kind }) => kind)).toEqual(["welcome", "refused"]);
  expect([link.closed, runtime.getKernel("adder")?.state]).toEqual(["gently", "active"]);
});

test("A session ends for a line without end", () => {
  const { session: one, say, link, replies } = session();
  say(OPENING);
  const { commandBytesMax } = MONITOR_LIMITS;
  one.receive(new Uint8Array(commandBytesMax).fill(120));
  expect(link.closed).toBe(undefined);
  one.receive(Uint8Array.of(120));
  expect(replies().map(({ kind }) => kind)).toEqual(["welcome", "refused"]);
  expect(link.closed).toBe("gently");
});

test("Snapshots hold the counters of the kernels, and rates what happened between two", async () => {
  const kernel = runtime.getKernel("adder")!;
  const before = snapshotOf(runtime, () => 1000);
  for (let i = 0; i < 10; i++) await kernel.call(Add, { a: 1, b: i });
  await kernel.call(Say, { text: "fail" }).catch(() => {});
  const after = snapshotOf(runtime, () => 1500);
  expect(after.kernels).toMatchObject([
    {
      ...{ id: "adder", state: "active", mode: "event-driven", generation: 1, restarts: 0 },
      ...{ messagesProcessed: 10, failed: 1, answered: 11 - 1, sent: 11 },
    },
  ]);
  expect(after.runtime).toEqual(runtime.metrics);
  expect(ratesOf(before, after)).toEqual({ kernels: new Map([["adder", 22]]), total: 22 });
  expect(ratesOf(undefined, after)).toBe(undefined);
  expect(ratesOf(after, after)).toBe(undefined);
  const again = { ...after, atMs: 2500, kernels: [{ ...after.kernels[0]!, uptimeMs: 0 }] };
  expect(ratesOf({ ...after, kernels: after.kernels }, again)?.total).toBe(11); // It began again at 0.
});

test("A snapshot has as many kernels as there is room for, and says how many it has not", async () => {
  const { kernelsMax, idCharactersMax, replyBytesMax } = MONITOR_LIMITS;
  await using many = createRuntime({ backend: "null", defaultQueueCapacity: 2 });
  const launch = (id: string): Promise<unknown> => many.launch(defineKernel({ id, on: [] }));
  for (let i = 0; i < kernelsMax; i++) await launch(`kernel ${i}`);
  const sizes = (): readonly number[] => {
    const { kernels, hidden } = snapshotOf(many, () => 0);
    return [kernels.length, hidden];
  };
  expect(sizes()).toEqual([kernelsMax, 0]);
  await launch("one more");
  expect(sizes()).toEqual([kernelsMax, 1]);

  await using long = createRuntime({ backend: "null", defaultQueueCapacity: 2 });
  for (let i = 0; i < 200; i++)
    await long.launch(defineKernel({ id: name(i, idCharactersMax), on: [] }));
  await long.launch(defineKernel({ id: name(0, idCharactersMax + 1), on: [] }));
  const snapshot = snapshotOf(long, () => 0);
  const bytes = Buffer.byteLength(JSON.stringify({ kind: "snapshot", ...snapshot }));
  expect(bytes).toBeLessThanOrEqual(replyBytesMax);
  expect(snapshot.kernels.length).toBeGreaterThan(100);
  expect(snapshot.kernels.length + snapshot.hidden).toBe(201);
});

test("A watcher that does not read gets no more snapshots, and then the newest", async () => {
  const { session: one, say, ticks, replies } = session();
  say(OPENING);
  expect(replies()).toHaveLength(1);
  say({ do: "watch", everyMs: 500 });
  expect(ticks.map(({ everyMs }) => everyMs)).toEqual([500]);
  for (let i = 0; i < 1000; i++) ticks[0]!.tick();
  expect(one.dropped).toBe(1000);
  expect(replies()).toHaveLength(1);
  await runtime.getKernel("adder")!.call(Add, { a: 1, b: 1 });
  ticks[0]!.tick();
  expect(replies()).toMatchObject([{ kernels: [{ messagesProcessed: 1 }] }]);
  say({ do: "watch", everyMs: 200 });
  expect(ticks.map(({ everyMs }) => everyMs)).toEqual([200]); // In place of the other.
  one.end();
  expect(ticks).toEqual([]);
});

test("A watcher that asks without end and reads nothing is let go", () => {
  const { say, link } = session();
  say(OPENING);
  let asked = 0;
  while (link.closed === undefined && asked < 100_000) {
    say({ do: "snapshot" });
    asked++;
  }
  expect(link.closed).toBe("now");
  expect(link.waiting).toBeGreaterThan(MONITOR_LIMITS.replyBytesMax);
  expect(link.waiting).toBeLessThanOrEqual(2 * MONITOR_LIMITS.replyBytesMax);
});

test("A session has a bounded number of commands under way", async () => {
  const { say, replies } = session();
  say(OPENING);
  const { commandsMax } = MONITOR_LIMITS;
  say(...Array.from({ length: commandsMax }, (_, i) => pause(i)));
  await new Promise((resolve) => setTimeout(resolve, 0));
  expect(replies().map(({ kind }) => kind)).toEqual([
    "welcome",
    ...Array(commandsMax).fill("failed"),
  ]);
  // `terminate` has no answer before the kernel has ended, which takes a turn of the loop.
  await runtime.getKernel("adder")!.call(Add, { a: 1, b: 1 });
  say(...Array.from({ length: commandsMax + 1 }, (_, i) => end(i)));
  expect(replies().at(-1)).toMatchObject({
    kind: "refused",
    failure: { found: `${commandsMax + 1} commands at once` },
  });
});

/** A client and its session, with what each writes carried to the other until both are silent. */
function pair() {
  const near = new HeldLink();
  const far = session();
  const client = new MonitorClient({ key: KEY, link: near });
  const carry = async (): Promise<void> => {
    for (let idle = 0; idle < 20; idle++) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      const [out, back] = [near.read(), far.link.read()];
      if (out !== "") far.session.receive(Buffer.from(out));
      if (back !== "") client.receive(Buffer.from(back));
      if (out + back !== "") idle = 0;
    }
  };
  return { client, near, far, carry };
}

test("MonitorClient.command() pauses, resumes and terminates, and fails as the kernel does", async () => {
  const { client, carry } = pair();
  const kernel = runtime.getKernel("adder")!;
  const did = async (verb: "pause" | "resume" | "terminate", id = "adder"): Promise<unknown> => {
    const outcome = client.command(verb, id).catch((error: unknown) => error);
    await carry();
    return outcome;
  };
  expect(await did("pause")).toEqual({});
  expect(kernel.state).toBe("deactivated");
  expect(await did("pause")).toMatchObject({
    code: "INVALID_STATE_TRANSITION",
    at: "kernel adder",
  });
  expect(await did("resume")).toEqual({});
  expect((await kernel.call(Add, { a: 1, b: 2 })) as unknown).toEqual({ value: 3 });
  expect(await did("terminate")).toEqual({ how: "terminated" });
  expect(runtime.listKernels()).toEqual([]);
  expect(await did("terminate")).toMatchObject({ code: "KERNEL_NOT_FOUND", at: "kernel adder" });
});

test("MonitorClient knows whom it watches, and gets snapshots as often as it asked", async () => {
  const { client, far, carry } = pair();
  const seen: number[] = [];
  client.watch(250, ({ kernels }) => void seen.push(kernels.length));
  await carry();
  far.ticks[0]!.tick();
  await carry();
  expect(await client.welcome).toEqual({ pid: 1, title: "title", script: "script.ts" });
  expect([seen, far.ticks[0]!.everyMs]).toEqual([[1, 1], 250]);
});

test("MonitorClient settles all that waits when the connection ends", async () => {
  const { client, near } = pair();
  const waits = [client.snapshot(), client.command("pause", "adder")];
  client.end();
  for (const wait of [...waits, client.snapshot(), client.command("pause", "adder")])
    await expect(wait).rejects.toMatchObject({ code: "MONITOR_NOT_FOUND" });
  await expect(client.welcome).rejects.toMatchObject({ code: "MONITOR_REFUSED" });
  expect([await client.ended, near.closed]).toEqual([undefined, "now"]);
});

test.each([
  ["garbage\n", "garbage"],
  ['{"kind":"done","request":7}\n', "an answer to 7"],
  ['{"kind":"welcome","version":9,"process":{"pid":1,"title":"","script":""}}\n', "version 9"],
  ["x".repeat(MONITOR_LIMITS.replyBytesMax + 1), /^a line of \d+ bytes or more$/],
])("MonitorClient ends for a process that says %.60s", async (said, found) => {
  const near = new HeldLink();
  const client = new MonitorClient({ key: KEY, link: near });
  client.receive(Buffer.from(said));
  const failure = await client.ended;
  expect(failure?.code).toBe("MONITOR_PROTOCOL");
  expect(failure?.found).toMatch(found);
  expect(near.closed).toBe("now");
});
