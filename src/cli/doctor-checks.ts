// Doctor checks: each thing that Annulus needs of a machine, tried out one by one.

import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { FEATURES } from "../base/mod.ts";
import { BASELINE, hasFeature } from "../pack/mod.ts";
import { newEpoch, sharedTicker, startTicker } from "../platform/node/mod.ts";
import { Sandbox } from "../sandbox/mod.ts";
import { loadCorePack } from "./core-pack.ts";
import type { EndlessOutcome } from "./doctor-thread.ts";
import type { Io } from "./io.ts";

export interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** Without it nothing runs; else it only limits which kernels do. */
  readonly needed: boolean;
  readonly found: string;
  readonly expected: string;
}

const NODE_MAJOR_MIN = 24;
/** What the sandbox itself is made of; kernels may need more, and their packs say so. */
const NEEDED_FEATURES: ReadonlySet<string> = new Set(["multi-memory", "threads"]);
const TICKS_EXPECTED = 3;
/** Patience with a busy machine; what works takes milliseconds. */
const TICKING_MS_MAX = 5_000;
const STOPPING_MS_MAX = 20_000;

export async function checks(io: Io): Promise<readonly Check[]> {
  return [
    nodeCheck(),
    sharedMemoryCheck(),
    ...featureChecks(),
    await attempted("ticker", "ticks while the caller's thread is busy", tickWhileBusy),
    await attempted("a hard stop", "an endless kernel stopped within its budget", stopEndless),
    await attempted("core pack", "its kernels load", () => loadCoreKernels(io)),
  ];
}

function nodeCheck(): Check {
  const { node } = process.versions;
  const ok = Number.parseInt(node, 10) >= NODE_MAJOR_MIN;
  return { name: "Node", ok, needed: true, found: node, expected: `${NODE_MAJOR_MIN} or later` };
}

function sharedMemoryCheck(): Check {
  const ok = typeof SharedArrayBuffer === "function";
  const found = ok ? "there" : "missing";
  return { name: "SharedArrayBuffer", ok, needed: true, found, expected: "there" };
}

function featureChecks(): readonly Check[] {
  return FEATURES.map((feature) => {
    const ok = hasFeature(feature);
    const needed = NEEDED_FEATURES.has(feature);
    const found = ok ? "there" : "missing";
    return { name: `wasm ${feature}`, ok, needed, found, expected: "there" };
  });
}

/** A check that does something: what it throws is what was found. */
async function attempted(
  name: string,
  expected: string,
  attempt: () => Promise<string>,
): Promise<Check> {
  try {
    return { name, ok: true, needed: true, found: await attempt(), expected };
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    return { name, ok: false, needed: true, found, expected };
  }
}

async function tickWhileBusy(): Promise<string> {
  await using ticker = await startTicker({ intervalMs: 1, epoch: newEpoch(), onError: () => {} });
  const first = Atomics.load(ticker.epoch, 0);
  const start = performance.now();
  while (performance.now() - start < TICKING_MS_MAX) {
    const ticks = (Atomics.load(ticker.epoch, 0) - first) | 0;
    if (ticks >= TICKS_EXPECTED) return `${ticks} ticks of 1 ms while this thread was busy`;
  }
  throw new Error(`no ${TICKS_EXPECTED} ticks in ${TICKING_MS_MAX} ms`);
}

async function stopEndless(): Promise<string> {
  const { stoppedBy, afterMs, budgetMs } = await endlessOutcome();
  if (stoppedBy !== "KERNEL_DEADLINE")
    throw new Error(`an endless kernel that ended: ${stoppedBy}`);
  return `an endless kernel stopped after ${afterMs.toFixed(1)} ms of ${budgetMs}; the next call ran`;
}

/** Runs the endless kernel in a thread, which is killed if nothing else stops it. */
async function endlessOutcome(): Promise<EndlessOutcome> {
  const source = new URL(`./doctor-thread${extname(import.meta.url)}`, import.meta.url);
  const worker = new Worker(source, { name: "annulus-doctor", execArgv: [] });
  const { promise, resolve, reject } = Promise.withResolvers<EndlessOutcome>();
  const timer = setTimeout(() => {
    reject(new Error(`an endless kernel still running after ${STOPPING_MS_MAX} ms`));
  }, STOPPING_MS_MAX);
  worker.once("message", resolve).once("error", reject);
  worker.once("exit", () => reject(new Error("a thread that ended without an answer")));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}

async function loadCoreKernels(io: Io): Promise<string> {
  const quiet = { ...io, err: () => {} }; // That the pack is unsigned is no news here.
  const pack = await loadCorePack(quiet, { allowUnsigned: true });
  await using sandbox = await Sandbox.create({}, sharedTicker);
  const kernels = [];
  for (const kernel of pack.kernels) kernels.push(await sandbox.load(kernel));
  const shown = kernels.map(({ id, variant }) =>
    variant === BASELINE ? id : `${id} (${variant})`,
  );
  return shown.join(", ");
}
