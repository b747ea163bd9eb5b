// Executor thread: attaches to a ring by its memory, says so, and drains it until it is told to stop.

import { parentPort, workerData } from "node:worker_threads";
import { Failure } from "../../base/mod.ts";
import { Executor } from "../../executor/mod.ts";
import { type IdlePolicy, Opcodes, Ring } from "../../ring/mod.ts";
import { ringBuffer } from "./ring-buffer.ts";
import { createRingLog, type LogEnd, type LogWriter } from "./ring-log.ts";

/** What the owner hands over. Both memories are shared and outlive the thread. */
export interface ExecutorThreadData {
  readonly memory: SharedArrayBuffer | WebAssembly.Memory;
  /** One word: 0 while the thread shall run, 1 once it shall stop. */
  readonly stop: SharedArrayBuffer;
  readonly owner: number;
  readonly idle: IdlePolicy;
  readonly oneExecutor: boolean;
  readonly batchSlotsMax: number | undefined;
  /** URL of the module that exports `opcodes`. */
  readonly opcodes: string | undefined;
  readonly tickMs: number;
  /** Path of the log to write, which must not be there yet. */
  readonly log: string | undefined;
}

/** What the thread says, in this order. */
export type ExecutorThreadMessage =
  | "attached"
  | { readonly slots: number; readonly log: ThreadLogEnd | undefined };

/** As `LogEnd`, with what a `Failure` found: its class does not pass between threads. */
export type ThreadLogEnd = Omit<LogEnd, "failure"> & { readonly found: string | undefined };

const LOG_SLEEP_MS = 100;
const port = parentPort;
if (port === null) throw new Error("The executor thread was not started as a thread.");
const data = workerData as ExecutorThreadData;
const { owner, batchSlotsMax, tickMs } = data;
const ring = new Ring(ringBuffer(data.memory), { oneExecutor: data.oneExecutor });
const log = data.log === undefined ? undefined : createRingLog(data.log, ring, { owner });
const executor = new Executor(ring, {
  ...{ owner, stop: new Int32Array(data.stop), opcodes: await opcodesOf(data.opcodes) },
  ...(batchSlotsMax === undefined ? {} : { batchSlotsMax }),
  ...(log === undefined ? {} : { recorder: log.recorder }),
  ...(data.memory instanceof WebAssembly.Memory ? { memory: data.memory } : {}),
  clock: () => Math.floor((performance.timeOrigin + performance.now()) / tickMs) | 0,
});
say("attached");
say({ slots: executor.run(log === undefined ? data.idle : awake(data.idle)), log: endOf(log) });

/** Where nothing comes for long, what is recorded still goes to its file. */
function awake({ spins, sleepMs }: IdlePolicy): IdlePolicy {
  return { spins, sleepMs: Math.min(sleepMs, LOG_SLEEP_MS) };
}

function endOf(writer: LogWriter | undefined): ThreadLogEnd | undefined {
  if (writer === undefined) return undefined;
  const { records, lost, failure } = writer.close();
  return { records, lost, found: failure?.found };
}

function say(message: ExecutorThreadMessage): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- A thread has no origin.
  port?.postMessage(message);
}

async function opcodesOf(url: string | undefined): Promise<Opcodes> {
  if (url === undefined) return new Opcodes();
  const { opcodes } = (await import(url)) as { readonly opcodes?: unknown };
  if (opcodes instanceof Opcodes) return opcodes;
  throw new Failure("OPCODE_INVALID", {
    at: url,
    found:
      opcodes === undefined ? "no export `opcodes`" : `an export \`opcodes\` of ${typeof opcodes}`,
    expected: "an export `opcodes` made with `new Opcodes()`",
    fix: "Export the registry that every executor of the ring shall know.",
  });
}
