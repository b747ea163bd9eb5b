// Executors on threads of their own: start, stop, and what is done about one that dies.
//
// However a thread ends, what it still held is swept: each such slot fails with WORKER_LOST, once, and its
// publisher learns of it as of any other fault.

import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { Failure } from "../../base/mod.ts";
import { IDLE, type IdlePolicy, Ring, sweep } from "../../ring/mod.ts";
import type { ExecutorThreadData, ExecutorThreadMessage } from "./executor-thread.ts";
import { ringBuffer } from "./ring-buffer.ts";
import type { ThreadLogEnd } from "./executor-thread.ts";
import { type LogEnd, unwritable } from "./ring-log.ts";

export interface ExecutorThreadOptions {
  /** The name under which it owns slots, from 1. Give each new thread a new one. */
  readonly owner: number;
  /** How it waits for work: IDLE.spinThenWait. */
  readonly idle?: IdlePolicy;
  /** Nobody else claims from the ring while it lives: some five times faster. */
  readonly oneExecutor?: boolean;
  /** The most slots that it claims at once: 64. */
  readonly batchSlotsMax?: number;
  /** A module that exports `opcodes`, a registry of custom opcodes, tables and formats. */
  readonly opcodes?: string | URL;
  /** A file for the log of every slot that it runs; it must not be there yet. See `annulus ring`. */
  readonly log?: string;
  /** Milliseconds of one tick of the ring's clock, in which ageing counts: 1. */
  readonly tickMs?: number;
}

/**
 * How a thread ended. `lost`: slots that it held and that failed with WORKER_LOST. One that is killed, or
 * fails, leaves its log without what it had not written yet.
 */
export type ExecutorEnd =
  | {
      readonly how: "stopped";
      readonly slots: number;
      readonly lost: number;
      readonly log: LogEnd | undefined;
    }
  | { readonly how: "killed"; readonly lost: number }
  | { readonly how: "failed"; readonly failure: Failure; readonly lost: number };

export interface ExecutorThread extends AsyncDisposable {
  readonly owner: number;
  /** Settles once and never rejects. */
  readonly ended: Promise<ExecutorEnd>;
  /** Lets it end what it has claimed, and then end. What waits for others by then is lost. */
  stop(): Promise<ExecutorEnd>;
  /** Ends the thread where it is, such as one whose opcode does not come back. */
  kill(): Promise<ExecutorEnd>;
}

/**
 * Starts an executor for the ring in `memory` on a thread of its own, and resolves once it has attached.
 * Over a memory of createRingMemory() it runs simple slots in WebAssembly. It keeps no process alive. Fails with EXECUTOR_FAILED, RING_INVALID or OPCODE_INVALID.
 */
export async function startExecutor(
  memory: SharedArrayBuffer | WebAssembly.Memory,
  options: ExecutorThreadOptions,
): Promise<ExecutorThread> {
  const { owner, idle = IDLE.spinThenWait, oneExecutor = false, tickMs = 1 } = options;
  const ring = new Ring(ringBuffer(memory));
  const stop = new SharedArrayBuffer(4);
  const { batchSlotsMax, opcodes, log } = options;
  const data = { memory, stop, owner, idle, oneExecutor, tickMs, batchSlotsMax, log };
  const worker = startThread({ ...data, opcodes: opcodes && new URL(opcodes).href });
  let killed = false;
  const ended = endOf(worker, log, () => killed).then((end) => ({
    ...end,
    lost: sweep(ring, owner),
  }));
  const early = await Promise.race([attached(worker), ended]);
  if (early !== undefined) throw early.how === "failed" ? early.failure : died(undefined);
  worker.unref();

  const askToStop = async (): Promise<ExecutorEnd> => {
    worker.ref(); // The process waits for the end that it asked for.
    Atomics.store(new Int32Array(stop), 0, 1);
    ring.work.ring();
    return ended;
  };
  return {
    owner,
    ended,
    stop: askToStop,
    async kill() {
      killed = true;
      await worker.terminate();
      return ended;
    },
    async [Symbol.asyncDispose]() {
      await askToStop();
    },
  };
}

/** The thread's own source: `.ts` in the repository, `.js` where the package is built. */
function startThread(workerData: ExecutorThreadData): Worker {
  const source = new URL(`./executor-thread${extname(import.meta.url)}`, import.meta.url);
  try {
    const name = `annulus-executor-${workerData.owner}`;
    return new Worker(source, { workerData, name, execArgv: [] });
  } catch (cause) {
    throw died(cause); // Such as a process that may not start threads.
  }
}

async function attached(worker: Worker): Promise<undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  worker.once("message", () => resolve(undefined));
  return promise;
}

type End =
  | { readonly how: "stopped"; readonly slots: number; readonly log: LogEnd | undefined }
  | { readonly how: "killed" }
  | { readonly how: "failed"; readonly failure: Failure };

function endOf(worker: Worker, path: string | undefined, killed: () => boolean): Promise<End> {
  const { promise, resolve } = Promise.withResolvers<End>();
  let end: End | undefined;
  worker.on("message", (message: ExecutorThreadMessage) => {
    if (message === "attached") return;
    end = { how: "stopped", slots: message.slots, log: logEndOf(path, message.log) };
  });
  worker.on("error", (cause) => void (end = { how: "failed", failure: died(cause) }));
  worker.on("exit", () => {
    if (killed()) resolve({ how: "killed" });
    else resolve(end ?? { how: "failed", failure: died(undefined) });
  });
  return promise;
}

function logEndOf(path: string | undefined, end: ThreadLogEnd | undefined): LogEnd | undefined {
  if (path === undefined || end === undefined) return undefined;
  const { records, lost, found } = end;
  return { records, lost, failure: found === undefined ? undefined : unwritable(path, found) };
}

/** A `Failure` that the thread threw comes as a plain error with its code and facts. */
function died(cause: unknown): Failure {
  const found = cause instanceof Error ? cause.message : "a thread that ended by itself";
  const facts = {
    at: "executor thread",
    found,
    expected: "a thread that drains the ring until it is stopped",
    fix: "Correct what the message names, then start a new executor under a new owner.",
  };
  return new Failure("EXECUTOR_FAILED", facts, { cause });
}
