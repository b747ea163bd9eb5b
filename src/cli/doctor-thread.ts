// Doctor thread: lets a kernel run for ever in a thread of its own, so that `annulus doctor` gets its
// answer also where the kernel is not stopped. Posts one EndlessOutcome.

import { parentPort } from "node:worker_threads";
import { Failure, type FailureCode } from "../base/mod.ts";
import { generateSigningKey, trustKeys, verifyPack } from "../pack/mod.ts";
import { sharedTicker } from "../platform/node/mod.ts";
import { type Kernel, Sandbox } from "../sandbox/mod.ts";
import { endlessPack } from "./endless-kernel.ts";

export interface EndlessOutcome {
  /** How the endless call ended. */
  readonly stoppedBy: FailureCode | "itself";
  readonly afterMs: number;
  readonly budgetMs: number;
}

const BUDGET_TICKS = 5;

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- A thread has no origin.
parentPort?.postMessage(await outcome());

async function outcome(): Promise<EndlessOutcome> {
  const { key } = await generateSigningKey();
  const pack = await verifyPack(await endlessPack(key), {
    trust: await trustKeys(key.publicKey),
    now: Date.now,
    runtimeVersion: "0.1.0", // The pack is made here and fits any.
    platform: { name: "node", version: process.versions.node },
  });
  await using sandbox = await Sandbox.create({}, sharedTicker);
  const kernel = await sandbox.load(pack, "endless");
  const start = performance.now();
  const stoppedBy = end(kernel, true);
  const afterMs = performance.now() - start;
  const next = end(kernel, false);
  if (next !== "itself") throw new Error(`after the stop, the next call ended with ${next}`);
  return { stoppedBy, afterMs, budgetMs: BUDGET_TICKS * sandbox.limits.epochTickMs };
}

function end(kernel: Kernel, spin: boolean): EndlessOutcome["stoppedBy"] {
  try {
    kernel.call({ inputs: {}, params: { spin }, budgetTicks: BUDGET_TICKS });
    return "itself";
  } catch (error) {
    if (error instanceof Failure) return error.code;
    throw error;
  }
}
