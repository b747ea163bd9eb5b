// Doctor checks: each thing that Annulus needs of a machine, tried out one by one.

import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { type Feature, FEATURES } from "../base/mod.ts";
import { BASELINE, hasFeature } from "../pack/mod.ts";
import { newEpoch, sharedTicker, startTicker } from "../platform/node/mod.ts";
import { Sandbox } from "../sandbox/mod.ts";
import { loadCorePack } from "./core-pack.ts";
import { actorChecks } from "./doctor-actors.ts";
import { ALLOW_THREADS, attempted, type Check } from "./doctor-check.ts";
import type { EndlessOutcome } from "./doctor-thread.ts";
import type { Io } from "./io.ts";

const NODE_MAJOR_MIN = 24;
/** What the sandbox itself is made of; kernels may need more, and their packs say so. */
const NEEDED_FEATURES: ReadonlySet<string> = new Set(["multi-memory", "threads"]);
const TICKS_EXPECTED = 3;
/** Patience with a busy machine; what works takes milliseconds. */
const TICKING_MS_MAX = 5_000;
const STOPPING_MS_MAX = 20_000;

export async function checks(io: Io): Promise<readonly Check[]> {
  const node = nodeCheck();
  const basis = [node, sharedMemoryCheck(), ...featureChecks()];
  if (!node.ok) return basis; // The others would tell of nothing but what that Node has not.
  return [
    ...basis,
    await attempted({
      name: "worker threads",
      expected: "a thread that starts and answers",
      turnOn: ALLOW_THREADS,
      attempt: startThread,
    }),
    await attempted({
      name: "ticker",
      expected: "ticks while the caller's thread is busy",
      turnOn: ALLOW_THREADS,
      attempt: tickWhileBusy,
    }),
    await attempted({
      name: "a hard stop",
      expected: "an endless kernel stopped within its budget",
      turnOn: ALLOW_THREADS,
      attempt: stopEndless,
    }),
    await attempted({
      name: "core pack",
      expected: "its kernels load",
      turnOn: "See the rows above; if they are ok, install the package `annulus` again.",
      attempt: () => loadCoreKernels(io),
    }),
    ...(await actorChecks()),
  ];
}

function nodeCheck(): Check {
  const { node } = process.versions;
  return {
    name: "Node",
    ok: Number.parseInt(node, 10) >= NODE_MAJOR_MIN,
    needed: true,
    found: node,
    expected: `${NODE_MAJOR_MIN} or later`,
    turnOn: `Install Node ${NODE_MAJOR_MIN} or later from https://nodejs.org.`,
  };
}

function sharedMemoryCheck(): Check {
  const ok = typeof SharedArrayBuffer === "function";
  return {
    name: "SharedArrayBuffer",
    ok,
    needed: true,
    found: ok ? "there" : "missing",
    expected: "there",
    turnOn: "Use Node 24 or later, which always has it.",
  };
}

/** Flags of Node 24 for what its engine has, but not switched on. */
const FLAGS: Readonly<Partial<Record<Feature, string>>> = {
  exceptions: "--experimental-wasm-exnref",
  fp16: "--experimental-wasm-fp16",
  "legacy-exceptions": "--experimental-wasm-legacy-eh",
};

function featureChecks(): readonly Check[] {
  return FEATURES.map((feature) => {
    const ok = hasFeature(feature);
    const flag = FLAGS[feature];
    return {
      name: `wasm ${feature}`,
      ok,
      needed: NEEDED_FEATURES.has(feature),
      found: ok ? "there" : "missing",
      expected: "there",
      turnOn: flag === undefined ? "Use Node 24 or later." : `Start Node with ${flag}.`,
    };
  });
}

async function startThread(): Promise<string> {
  const start = performance.now();
  const script = "require('node:worker_threads').parentPort.postMessage('there')";
  const worker = new Worker(script, { eval: true, execArgv: [], name: "annulus-doctor" });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  worker.once("message", resolve).once("error", reject);
  worker.once("exit", () => reject(new Error("a thread that ended without an answer")));
  await promise;
  const ms = (performance.now() - start).toFixed(0);
  await worker.terminate();
  return `a thread answered after ${ms} ms`;
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
