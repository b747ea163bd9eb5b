// Side: one thread of a contest. Its data says which of the parts below it plays; it sends its times once
// it is done, and throws where the contents are not what they should be.

import { createRequire } from "node:module";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";

import { createRingLog } from "../../src/platform/node/mod.ts";
import { Executor } from "../../src/executor/mod.ts";
import { CONTROL, OBSERVABLE_BASE, SLOT_STATUS } from "../../src/layout/mod.ts";
import { type IdlePolicy, Opcodes, Ring, slotMessage } from "../../src/ring/mod.ts";
import { Chunks } from "./chunks.ts";
import type { Timing } from "./contest.ts";

interface RingSide {
  readonly memory: SharedArrayBuffer;
  /** Slots of all publishers together: a multiple of what is published at once. */
  readonly slots: number;
  /** Slots published or claimed at once. */
  readonly run: number;
  /** Whether nobody else publishes, or claims. */
  readonly alone: boolean;
}

export type SideData =
  | ({ readonly part: "publish"; readonly first: number; readonly step: number } & RingSide)
  | ({ readonly part: "take"; readonly owner: number; readonly takers: number } & RingSide)
  | ({ readonly part: "publish-program"; readonly words: Int32Array } & RingSide)
  | ({
      readonly part: "execute";
      readonly stored: number;
      /** Where to log every slot. */
      readonly log?: string | undefined;
      /** The ring's memory, to run simple slots in WebAssembly. */
      readonly quick?: WebAssembly.Memory | undefined;
    } & RingSide)
  | { readonly part: "serve"; readonly memory: SharedArrayBuffer; readonly idle: IdlePolicy }
  | {
      readonly part: "trip";
      readonly memory: SharedArrayBuffer;
      readonly trips: number;
      readonly pauseMs: number;
    }
  | {
      readonly part: "wake" | "woken";
      readonly buffer: SharedArrayBuffer;
      readonly trips: number;
      readonly pauseMs: number;
    }
  | { readonly part: "post"; readonly port: MessagePort; readonly messages: number }
  | { readonly part: "receive"; readonly port: MessagePort; readonly messages: number }
  | { readonly part: "echo"; readonly port: MessagePort }
  | { readonly part: "post-trips"; readonly port: MessagePort; readonly trips: number }
  | {
      readonly part: "push" | "pop";
      readonly buffer: SharedArrayBuffer;
      readonly slots: number;
      readonly run: number;
    };

const NONE: Timing = { samples: [], callsPerSample: 0 };

async function play(side: SideData): Promise<Timing> {
  switch (side.part) {
    case "publish":
      return publish(side);
    case "take":
      return take(side);
    case "publish-program":
      return publishProgram(side);
    case "execute":
      return execute(side);
    case "serve":
      return serve(side);
    case "trip":
      return trip(side);
    case "wake":
      return wake(side);
    case "woken":
      return woken(side);
    case "post":
      return post(side);
    case "receive":
      return receive(side);
    case "echo":
      return echo(side.port);
    case "post-trips":
      return postTrips(side);
    case "push":
    case "pop":
      return ringbuf(side);
  }
}

/** Item `i` has `i` in its first argument. */
function publish({
  memory,
  slots,
  run,
  alone,
  first,
  step,
}: Extract<SideData, { part: "publish" }>): Timing {
  const ring = new Ring(memory, { onePublisher: alone });
  const words = new Int32Array(16 * run);
  for (let i = 0; i < run; i++) words.set(slotMessage(0), 16 * i);
  for (let item = first * run; item < slots; item += step * run) {
    for (let i = 0; i < run; i++) words[16 * i + 4] = item + i;
    while (ring.offer(words, run) < 0);
  }
  return NONE;
}

function take({
  memory,
  slots,
  run,
  alone,
  owner,
  takers,
}: Extract<SideData, { part: "take" }>): Timing {
  const ring = new Ring(memory, { oneExecutor: alone });
  const control = ring.geometry.controlAt / 4;
  const [taken, sumAt] = [control + OBSERVABLE_BASE, control + OBSERVABLE_BASE + 1];
  const into = new Int32Array(run);
  const { words } = ring;
  const clock = new Chunks(slots);
  let [own, sum] = [0, 0];
  while (takers === 1 ? own < slots : Atomics.load(words, taken) < slots) {
    const count = ring.claim(owner, into);
    for (let i = 0; i < count; i++) sum = (sum + words[ring.at(into[i]!) + 4]!) | 0;
    ring.completeAll(into, 0, count);
    own += count;
    if (takers > 1 && count > 0) Atomics.add(words, taken, count);
    clock.at(own * takers); // Where several take, each sees a part of the rate.
  }
  Atomics.add(words, sumAt, sum);
  const last = Atomics.add(words, sumAt + 1, 1) + 1 === takers;
  const total = Atomics.load(words, sumAt);
  if (last && total !== sumTo(slots)) throw new Error(`the items' sum is ${total}`);
  return owner === 1 ? clock.timing : NONE;
}

/** The sum of 0 to `count - 1`, modulo 2^32. */
function sumTo(count: number): number {
  return Number(BigInt.asIntN(32, (BigInt(count) * BigInt(count - 1)) / 2n));
}

function publishProgram({
  memory,
  slots,
  run,
  words,
}: Extract<SideData, { part: "publish-program" }>): Timing {
  const ring = new Ring(memory, { onePublisher: true });
  refill(ring);
  for (let item = 0; item < slots; item += run) {
    while (ring.offer(words, run) < 0);
    if (item % (1 << 20) === 0) refill(ring);
  }
  return NONE;
}

function refill({ words, geometry }: Ring): void {
  Atomics.store(words, (geometry.controlAt + CONTROL.fields.quotas.at) / 4, -1);
}

/** Runs all slots; `stored` is what the first observable word must hold in the end. */
function execute({
  memory,
  slots,
  run,
  stored,
  log,
  quick,
}: Extract<SideData, { part: "execute" }>): Timing {
  const ring = new Ring(memory, { oneExecutor: true });
  const writer = log === undefined ? undefined : createRingLog(log, ring, { owner: 1 });
  const recorder = writer === undefined ? {} : { recorder: writer.recorder };
  const options = { owner: 1, opcodes: BUSY, batchSlotsMax: run, ...recorder };
  const executor = new Executor(
    ring,
    quick === undefined ? options : { ...options, memory: quick },
  );
  const clock = new Chunks(slots);
  for (let done = 0; done < slots; clock.at(done)) done += executor.turn();
  const control = ring.geometry.controlAt / 4;
  const word = (at: number): number => ring.words[control + at]!;
  const found = [
    word(CONTROL.fields.fault_count.at / 4),
    word(CONTROL.fields.done_count.at / 4),
    word(OBSERVABLE_BASE),
  ];
  if (found.join() !== [0, slots, stored].join()) throw new Error(`the ring ends with ${found}`);
  const end = writer?.close();
  if (end !== undefined && end.records !== slots)
    throw new Error(`the log has ${end.records} slots`);
  return clock.timing;
}

/** Opcode 8 works for about a microsecond, and writes what it made of its argument. */
const BUSY = new Opcodes().register({
  ...{ name: "busy", code: 8, arity: 2, bound: 1, idempotent: true },
  body: ({ args: [rounds = 0, to = 0], write }) => {
    let state = 1;
    for (let i = 0; i < rounds; i++) state = (Math.imul(state, 1_103_515_245) + 12_345) | 0;
    write(to, state === 0 ? 1 : 7);
    return undefined;
  },
});

function serve({ memory, idle }: Extract<SideData, { part: "serve" }>): Timing {
  const ring = new Ring(memory, { oneExecutor: true });
  new Executor(ring, { owner: 1, opcodes: new Opcodes() }).run(idle);
  return NONE;
}

/** Publishes one slot, looks until it is done, and so on; between two trips it may sleep. */
function trip({ memory, trips, pauseMs }: Extract<SideData, { part: "trip" }>): Timing {
  const ring = new Ring(memory, { onePublisher: true });
  const control = ring.geometry.controlAt / 4;
  const words = slotMessage(1, [0, OBSERVABLE_BASE]);
  const never = new Int32Array(new SharedArrayBuffer(4));
  const held = { held: true };
  const samples: number[] = [];
  refill(ring);
  for (let i = -trips / 10; i < trips; i++) {
    if (pauseMs > 0) Atomics.wait(never, 0, 0, pauseMs);
    words[4] = i;
    const start = performance.now();
    const slot = ring.offer(words, 1, held);
    while (ring.status(slot) !== SLOT_STATUS.DONE);
    if (i >= 0) samples.push((performance.now() - start) * 1e6);
    if (ring.words[control + OBSERVABLE_BASE] !== i) throw new Error("a trip changed nothing");
    ring.release(slot);
  }
  Atomics.store(ring.words, control, 1); // SHUTDOWN.
  ring.work.ring();
  return { samples, callsPerSample: 1 };
}

type Wake = Extract<SideData, { part: "wake" | "woken" }>;

/** The least that waking another thread takes: one word, one notification, one word back. */
function wake({ buffer, trips, pauseMs }: Wake): Timing {
  const words = new Int32Array(buffer);
  const samples: number[] = [];
  for (let i = 1; i <= trips; i++) {
    Atomics.wait(words, 2, 0, pauseMs);
    const start = performance.now();
    Atomics.store(words, 0, i);
    Atomics.notify(words, 0);
    while (Atomics.load(words, 1) !== i);
    samples.push((performance.now() - start) * 1e6);
  }
  return { samples, callsPerSample: 1 };
}

function woken({ buffer, trips }: Wake): Timing {
  const words = new Int32Array(buffer);
  for (let i = 1; i <= trips; i++) {
    while (Atomics.load(words, 0) !== i) Atomics.wait(words, 0, i - 1);
    Atomics.store(words, 1, i);
  }
  return NONE;
}

async function post({ port, messages }: Extract<SideData, { part: "post" }>): Promise<Timing> {
  for (let i = 0; i < messages; i++) {
    const words = new Int32Array(16);
    words[4] = i;
    port.postMessage(words);
    if (i % 4096 === 4095) await once(port); // Else all of them pile up in memory.
  }
  return NONE;
}

async function receive({
  port,
  messages,
}: Extract<SideData, { part: "receive" }>): Promise<Timing> {
  const chunk = 4096;
  const samples: number[] = [];
  let [count, start] = [0, performance.now()];
  const { promise, resolve, reject } = Promise.withResolvers<Timing>();
  port.on("message", (words: Int32Array) => {
    if (words[4] !== count) reject(new Error(`message ${words[4]} came as number ${count}`));
    if (++count % chunk !== 0) return;
    const now = performance.now();
    if (count > 4 * chunk) samples.push(((now - start) * 1e6) / chunk);
    start = now;
    port.postMessage(0);
    if (count === messages) resolve({ samples, callsPerSample: chunk });
  });
  return promise;
}

async function echo(port: MessagePort): Promise<Timing> {
  const { promise, resolve } = Promise.withResolvers<Timing>();
  port.on("message", (words: Int32Array | null) => {
    if (words === null) resolve(NONE);
    else port.postMessage(words);
  });
  return promise;
}

async function postTrips({
  port,
  trips,
}: Extract<SideData, { part: "post-trips" }>): Promise<Timing> {
  const samples: number[] = [];
  for (let i = -trips / 10; i < trips; i++) {
    const words = new Int32Array(16);
    words[4] = i;
    const start = performance.now();
    port.postMessage(words);
    const back = (await once(port)) as Int32Array;
    if (i >= 0) samples.push((performance.now() - start) * 1e6);
    if (back[4] !== i) throw new Error("another message came back");
  }
  port.postMessage(null);
  return { samples, callsPerSample: 1 };
}

function once(port: MessagePort): Promise<unknown> {
  return new Promise((resolve) => port.once("message", resolve));
}

/** The few methods of `ringbuf.js` that are used. */
interface RingBuffer {
  push(elements: Int32Array): number;
  pop(elements: Int32Array): number;
  available_write(): number;
  available_read(): number;
}

function ringbuf({
  part,
  buffer,
  slots,
  run,
}: Extract<SideData, { part: "push" | "pop" }>): Timing {
  const require = createRequire(new URL("../peers/package.json", import.meta.url));
  const { RingBuffer } = require("ringbuf.js") as {
    readonly RingBuffer: new (buffer: SharedArrayBuffer, type: typeof Int32Array) => RingBuffer;
  };
  const ring = new RingBuffer(buffer, Int32Array);
  const words = new Int32Array(16 * run);
  const clock = new Chunks(slots);
  let sum = 0;
  for (let item = 0; item < slots; item += run) {
    if (part === "push") {
      for (let i = 0; i < run; i++) words[16 * i + 4] = item + i;
      while (ring.available_write() < words.length);
      ring.push(words);
      continue;
    }
    while (ring.available_read() < words.length);
    ring.pop(words);
    for (let i = 0; i < run; i++) sum = (sum + words[16 * i + 4]!) | 0;
    clock.at(item + run);
  }
  if (part === "push") return NONE;
  if (sum !== sumTo(slots)) throw new Error(`the items' sum is ${sum}`);
  return clock.timing;
}

const data = workerData as SideData;
const timing = await play(data);
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- A thread has no origin.
parentPort!.postMessage(timing);
if ("port" in data) data.port.close();
