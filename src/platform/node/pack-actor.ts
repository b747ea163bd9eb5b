// Pack actor: a kernel of a pack, as the thread that serves it has it. An ordinary kernel of the runtime,
// whose `start` verifies the pack again and prepares one call, and whose one message runs it.
//
//   host     evidence, shapes, params, the actor's epoch -> start
//   thread   verified pack -> sandbox -> prepared call; its tensors -> host, which sees the same memory
//   host     writes inputs in place -> Invoke -> run -> reads outputs in place
//
// A run that overruns, traps or is stopped fails its message only: the next one begins with a fresh instance,
// and the actor, its queue and its tensors stay.

import { Failure, type TensorView } from "../../base/mod.ts";
import { f64, type KernelContext, message, u32 } from "../../message/mod.ts";
import type { Evidence } from "../../pack/mod.ts";
import { defineKernel } from "../../runtime/mod.ts";
import {
  type CallSetup,
  type CallShapes,
  type PreparedCall,
  Sandbox,
  type SandboxOptions,
  type Ticker,
} from "../../sandbox/mod.ts";
import { carry, Carrying } from "./carried-failure.ts";
import { PackEpoch } from "./pack-epoch.ts";
import { VerifiedPacks } from "./pack-verified.ts";

/** Runs the prepared call, under a number by which it can be stopped. NaN: the budget of its launch. */
export const Invoke = message({ budget_ms: f64, run: u32 }, { name: "Invoke" });

/** Options of a sandbox that pass between threads. */
export type PackSandboxOptions = Omit<SandboxOptions, "onEvent" | "references">;

/** What `start` gets. */
export interface PackActorData {
  /** The kernel's id in its pack. */
  readonly kernel: string;
  readonly evidence: Evidence;
  readonly setup: CallSetup;
  readonly sandbox: PackSandboxOptions;
  /** The actor's page, which the host's ticker moves. The host holds that while the actor lives. */
  readonly epoch: WebAssembly.Memory;
}

/** Views of the instance's memory, which pass between threads without a copy. */
export type PackTensors<Inputs extends CallShapes = CallShapes> = Pick<
  PreparedCall<Inputs>,
  "inputs" | "outputs" | "shapes"
>;

/** The tensors, or why there are none. */
export type Opened =
  | { readonly opened: true; readonly tensors: PackTensors }
  | { readonly opened: false; readonly failure: string };

/** The definition for one actor. Both sides make it, each with the URL of its own; the host can stop runs. */
export function packActor(id: string, module: string, onInterrupt: () => void = () => {}) {
  return defineKernel({
    ...{ id, module, start, shares, onInterrupt },
    on: [Invoke.do(invoke)],
    save: ({ call }: OpenKernel) => ({
      inputs: { ...call?.inputs },
      outputs: { ...call?.outputs },
    }),
    restore,
    stays: true, // Its host writes to its tensors.
    stop: ({ state }: KernelContext) => close(state as OpenKernel),
  });
}

/** `call` is not there where it could not be prepared: then the host, which is told, ends the actor. */
interface OpenKernel {
  readonly epoch: PackEpoch;
  readonly sandbox: Sandbox | undefined;
  readonly call: PreparedCall | undefined;
  readonly failure: Failure | undefined;
}

/** This thread's. */
const verified = new VerifiedPacks();

async function start(data: PackActorData): Promise<OpenKernel> {
  const epoch = new PackEpoch(data.epoch);
  let sandbox: Sandbox | undefined;
  try {
    const pack = await verified.of(data.evidence);
    sandbox = await Sandbox.create(data.sandbox, tickersOf(epoch));
    const kernel = await sandbox.load(pack, data.kernel);
    epoch.look(); // All that took a while, and preparing may run code of the kernel's.
    return { epoch, sandbox, call: kernel.prepare(data.setup), failure: undefined };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { epoch, sandbox, call: undefined, failure: error };
  }
}

function shares({ call, failure }: OpenKernel): Opened {
  if (call === undefined) return { opened: false, failure: carry(failure!) };
  const { inputs, outputs, shapes } = call;
  return { opened: true, tensors: { inputs, outputs, shapes } };
}

function invoke(
  { budget_ms: budgetMs, run }: { readonly budget_ms: number; readonly run: number },
  context: KernelContext<OpenKernel>,
): void {
  const { epoch, call } = context.state;
  const isWanted = epoch.begin(run);
  try {
    if (!isWanted || context.interrupted) throw stopped(context.kernel); // It need not begin.
    call!.run(Number.isNaN(budgetMs) ? undefined : { budgetMs });
  } catch (error) {
    const wasStopped = epoch.end(run);
    if (!(error instanceof Failure)) throw error;
    const isStop = wasStopped && error.code === "KERNEL_DEADLINE";
    throw new Carrying(isStop ? stopped(context.kernel, error) : error);
  }
  epoch.end(run);
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
function tickersOf({ memory, seen }: PackEpoch) {
  return async ({ intervalMs }: { readonly intervalMs: number }): Promise<Ticker> => ({
    ...{ memory, intervalMs, epoch: seen },
    [Symbol.asyncDispose]: async () => {},
  });
}

/** `where`: the deadline's failure, which knows the place in the kernel. */
function stopped(id: string, where?: Failure): Failure {
  return new Failure("HANDLER_INTERRUPTED", {
    at: where?.at ?? `kernel "${id}"`,
    found: "a run that was told to stop",
    expected: "its end",
    fix: "Nothing: the actor and its tensors stay. Fill the inputs again, and invoke.",
  });
}
