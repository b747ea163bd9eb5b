// Pack actor: a kernel of a pack, as the thread that serves it has it. An ordinary kernel of the runtime,
// whose `start` verifies the pack again and prepares one call, and whose one message runs it.
//
//   host     evidence, shapes, params, the ticker's page -> start
//   thread   verified pack -> sandbox -> prepared call; its tensors -> host, which sees the same memory
//   host     writes inputs in place -> Invoke -> run -> reads outputs in place
//
// A run that overruns or traps fails its message only: the next one begins with a fresh instance, and the
// actor, its queue and its tensors stay.

import { BroadcastChannel } from "node:worker_threads";
import { Failure, type TensorView } from "../../base/mod.ts";
import { f64, type KernelContext, message } from "../../message/mod.ts";
import { type Evidence, verifyEvidence } from "../../pack/mod.ts";
import { defineKernel } from "../../runtime/mod.ts";
import {
  type CallSetup,
  type PreparedCall,
  Sandbox,
  type SandboxOptions,
  type Ticker,
} from "../../sandbox/mod.ts";
import { carry, Carrying } from "./carried-failure.ts";

/** Runs the prepared call. NaN milliseconds: the budget of its launch. */
export const Invoke = message({ budget_ms: f64 }, { name: "Invoke" });

/** Options of a sandbox that pass between threads. */
export type PackSandboxOptions = Omit<SandboxOptions, "onEvent" | "references">;

/** What `start` gets. */
export interface PackActorData {
  /** The kernel's id in its pack. */
  readonly kernel: string;
  readonly evidence: Evidence;
  readonly setup: CallSetup;
  readonly sandbox: PackSandboxOptions;
  /** The page of the host's ticker: one thread ticks for all. The host holds it while the actor lives. */
  readonly epoch: WebAssembly.Memory;
  /** The name of the channel on which the host waits for `Opened`, once. */
  readonly channel: string;
}

/** Views of the instance's memory, which pass between threads without a copy; or why there are none. */
export type Opened =
  | { readonly opened: true; readonly tensors: Pick<PreparedCall, "inputs" | "outputs" | "shapes"> }
  | { readonly opened: false; readonly failure: string };

/** The definition for one actor. Both sides make it, each with the URL of its own. */
export function packActor(id: string, module: string) {
  return defineKernel({
    ...{ id, module },
    on: [
      Invoke.do(({ budget_ms: budgetMs }, { state }: KernelContext<OpenKernel>) => {
        try {
          state.call!.run(Number.isNaN(budgetMs) ? undefined : { budgetMs });
        } catch (error) {
          throw error instanceof Failure ? new Carrying(error) : error;
        }
      }),
    ],
    start,
    save: ({ call }: OpenKernel) => ({
      inputs: { ...call?.inputs },
      outputs: { ...call?.outputs },
    }),
    restore,
    stays: true, // Its host writes to its tensors.
    stop: ({ state }: KernelContext) => close(state as OpenKernel),
  });
}

/** `call` is not there where it could not be prepared: then the host, which was told, ends the actor. */
interface OpenKernel {
  readonly sandbox: Sandbox | undefined;
  readonly call: PreparedCall | undefined;
}

async function start(data: PackActorData): Promise<OpenKernel> {
  let sandbox: Sandbox | undefined;
  try {
    const pack = await verifyEvidence(data.evidence);
    sandbox = await Sandbox.create(data.sandbox, tickersOf(data.epoch));
    const call = (await sandbox.load(pack, data.kernel)).prepare(data.setup);
    const { inputs, outputs, shapes } = call;
    tell(data.channel, { opened: true, tensors: { inputs, outputs, shapes } });
    return { sandbox, call };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    tell(data.channel, { opened: false, failure: carry(error) });
    return { sandbox, call: undefined };
  }
}

/** As `start`, with the tensors of a checkpoint. What the kernel had beside them begins anew, as after a trap. */
async function restore(saved: unknown, data: unknown): Promise<OpenKernel> {
  const open = await start(data as PackActorData);
  try {
    for (const side of ["inputs", "outputs"] as const)
      if (open.call !== undefined) fill(open.call[side], (saved as Partial<Saved> | null)?.[side]);
    return open;
  } catch (error) {
    await close(open);
    throw error;
  }
}

/** Tensors by name. */
type Saved = Readonly<Record<"inputs" | "outputs", Readonly<Record<string, unknown>>>>;

function fill(tensors: Readonly<Record<string, TensorView>>, saved: Saved["inputs"] = {}): void {
  const isSame = (name: string, tensor: TensorView): boolean => {
    const one = saved[name];
    return ArrayBuffer.isView(one) && one.byteLength === tensor.byteLength;
  };
  for (const [name, tensor] of Object.entries(tensors)) {
    if (!isSame(name, tensor)) throw misfit(name, tensor.byteLength);
    bytesOf(tensor).set(bytesOf(saved[name] as ArrayBufferView));
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function misfit(name: string, bytes: number): Failure {
  return new Failure("CHECKPOINT_INVALID", {
    at: `tensor ${name}`,
    found: "none of that size in the checkpoint",
    expected: `${bytes} bytes`,
    fix: "Launch the kernel with the shapes that it had.",
  });
}

async function close({ sandbox, call }: OpenKernel): Promise<void> {
  call?.[Symbol.dispose]();
  await sandbox?.[Symbol.asyncDispose]();
}

/** The host's ticker, seen from here. The host also learns of its death, and then invokes no more. */
function tickersOf(memory: WebAssembly.Memory) {
  return async ({ intervalMs }: { readonly intervalMs: number }): Promise<Ticker> => ({
    ...{ memory, intervalMs, epoch: new Int32Array(memory.buffer) },
    [Symbol.asyncDispose]: async () => {},
  });
}

/** Messages of kernels carry bytes, and no memory. */
function tell(name: string, opened: Opened): void {
  const channel = new BroadcastChannel(name);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- A thread has no origin.
  channel.postMessage(opened);
  channel.close();
}
