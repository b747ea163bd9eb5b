import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { Failure } from "../../base/mod.ts";
import { sharedTicker } from "./shared-ticker.ts";
import { newEpoch, startTicker, type Ticker } from "./ticker.ts";

function unexpected(error: Failure): void {
  throw error;
}

function start(intervalMs: number): Promise<Ticker> {
  return startTicker({ intervalMs, epoch: newEpoch(), onError: unexpected });
}

/** Whether the epoch moves past `from` within so many loads, during which nothing else can run. */
function advances({ epoch }: Ticker, from: number): boolean {
  for (let i = 0; i < 2_000_000_000; i++) if (Atomics.load(epoch, 0) !== from) return true;
  return false;
}

test("startTicker() has ticked before it resolves, and ticks while this thread is busy", async () => {
  await using ticker = await start(1);
  const first = Atomics.load(ticker.epoch, 0);
  expect(first).toBeGreaterThanOrEqual(1);
  expect(advances(ticker, first)).toBe(true);
  expect(advances(ticker, Atomics.load(ticker.epoch, 0))).toBe(true);
  expect(ticker.memory.buffer).toBe(ticker.epoch.buffer);
});

test("startTicker() adds to whatever the epoch holds, across the wrap of 32 bits", async () => {
  const memory = newEpoch();
  const words = new Int32Array(memory.buffer);
  words[0] = -1; // 2^32 - 1 as the kernels read it.
  await using ticker = await startTicker({ intervalMs: 1, epoch: memory, onError: unexpected });
  const now = Atomics.load(ticker.epoch, 0);
  expect(now).toBeGreaterThanOrEqual(0);
  expect(now).toBeLessThan(1_000_000);
});

test("a disposed ticker stands still, and disposing it twice is fine", async () => {
  const ticker = await start(1);
  await ticker[Symbol.asyncDispose]();
  const last = Atomics.load(ticker.epoch, 0);
  // The thread has exited, so that nobody is left to write: one more wait would only cost time.
  await ticker[Symbol.asyncDispose]();
  expect(Atomics.load(ticker.epoch, 0)).toBe(last);
});

test("startTicker() refuses intervals outside its bounds, on both sides", async () => {
  for (const intervalMs of [0, 0.09, -1, Number.NaN, 60_001])
    await expect(start(intervalMs)).rejects.toThrow("a tick lasts from");
  await (await start(0.1))[Symbol.asyncDispose]();
});

test("startTicker() refuses a memory that no other thread would see", async () => {
  const epoch = new WebAssembly.Memory({ initial: 1 });
  await expect(startTicker({ intervalMs: 1, epoch, onError: unexpected })).rejects.toThrow(
    "shared",
  );
});

const TICKER = new URL("./ticker.ts", import.meta.url);

/** Runs `body` as a process of its own, with `ticker.ts` imported, and returns what it prints. */
async function runScript(body: string, ...flags: string[]): Promise<string> {
  const source = `import { newEpoch, startTicker } from ${JSON.stringify(TICKER.href)};\n${body}`;
  const args = [...flags, "--input-type=module-typescript", "--eval", source];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 });
  return stdout;
}

test("a process with a live ticker ends by itself", async () => {
  const printed = await runScript(`
    const ticker = await startTicker({ intervalMs: 1, epoch: newEpoch(), onError: console.error });
    console.log(ticker.epoch[0] > 0);
  `);
  expect(printed).toBe("true\n");
});

test("a process can end while its ticker starts again and again", async () => {
  const printed = await runScript(`
    for (let i = 0; i < 2; i++) {
      await using ticker = await startTicker({ intervalMs: 1, epoch: newEpoch(), onError: console.error });
    }
    console.log("done");
  `);
  expect(printed).toBe("done\n");
});

test("a ticker whose thread dies tells its owner once", async () => {
  // A thread cannot be killed from outside, so the owner's own handle to it is used.
  const printed = await runScript(`
    import { Worker } from "node:worker_threads";
    const threads: Worker[] = [];
    const on = Worker.prototype.unref;
    Worker.prototype.unref = function () { threads.push(this); return on.call(this); };
    const told = Promise.withResolvers<string>();
    const ticker = await startTicker({
      intervalMs: 1, epoch: newEpoch(), onError: (error) => told.resolve(error.code),
    });
    await threads[0]!.terminate();
    console.log(await told.promise);
    await ticker[Symbol.asyncDispose]();
  `);
  expect(printed).toBe("ENGINE_UNSUPPORTED\n");
});

test("startTicker() fails with ENGINE_UNSUPPORTED where threads are forbidden", async () => {
  const script = `
    const options = { intervalMs: 1, epoch: newEpoch(), onError: console.error };
    await startTicker(options).catch((error) => console.log(error.code, error.cause.code));
  `;
  const printed = await runScript(script, "--permission", "--allow-fs-read=*");
  expect(printed).toBe("ENGINE_UNSUPPORTED ERR_ACCESS_DENIED\n");
});

test("sharedTicker() gives one thread per interval, and stops it with its last holder", async () => {
  const options = { intervalMs: 2, onError: unexpected };
  const [a, b] = await Promise.all([sharedTicker(options), sharedTicker(options)]);
  const other = await sharedTicker({ intervalMs: 3, onError: unexpected });
  expect(a.memory).toBe(b.memory);
  expect(other.memory).not.toBe(a.memory);
  await a[Symbol.asyncDispose]();
  await a[Symbol.asyncDispose](); // Letting go twice does not take b's hold.
  expect(advances(b, Atomics.load(b.epoch, 0))).toBe(true);
  await b[Symbol.asyncDispose]();
  const last = Atomics.load(b.epoch, 0);
  const next = await sharedTicker(options);
  expect(next.memory).not.toBe(b.memory); // A new thread, with an epoch of its own.
  expect(Atomics.load(b.epoch, 0)).toBe(last);
  await Promise.all([next[Symbol.asyncDispose](), other[Symbol.asyncDispose]()]);
});

test("sharedTicker() does not remember a ticker that could not start", async () => {
  const options = { intervalMs: -1, onError: unexpected };
  await expect(sharedTicker(options)).rejects.toThrow("a tick lasts from");
  await expect(sharedTicker(options)).rejects.toThrow("a tick lasts from");
});

test("other threads see the epoch of the memory", async () => {
  await using ticker = await start(1);
  const source = `
    const { parentPort, workerData } = require("node:worker_threads");
    const words = new Int32Array(workerData.buffer);
    const from = Atomics.load(words, 0);
    for (let i = 0; i < 2e9; i++) if (Atomics.load(words, 0) !== from) { parentPort.postMessage(true); break; }`;
  const worker = new Worker(source, { eval: true, workerData: ticker.memory, execArgv: [] });
  expect(await new Promise((resolve) => worker.once("message", resolve))).toBe(true);
  await worker.terminate();
});

const moved = (word: Int32Array, from: number) =>
  expect.poll(() => Atomics.load(word, 0), { interval: 1 }).toBeGreaterThan(from);

test("Ticker.follow() moves another epoch along, beside what others add, until it is let go", async () => {
  await using ticker = await sharedTicker({ intervalMs: 1, onError: unexpected });
  const [one, two] = [newEpoch(), newEpoch()];
  const words = [one, two].map(({ buffer }) => new Int32Array(buffer));
  const release = ticker.follow(one);
  ticker.follow(two);
  await Promise.all(words.map((word) => moved(word, 0)));
  Atomics.add(words[0]!, 0, 2 ** 29);
  await moved(words[0]!, 2 ** 29);
  expect(Atomics.load(words[1]!, 0)).toBeLessThan(2 ** 29);
  release();
  await moved(words[1]!, Atomics.load(words[1]!, 0) + 2); // It has heard by then.
  const still = Atomics.load(words[0]!, 0);
  await moved(words[1]!, Atomics.load(words[1]!, 0) + 2);
  expect(Atomics.load(words[0]!, 0)).toBe(still);
});
