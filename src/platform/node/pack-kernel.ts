// Pack kernel: a kernel of a verified pack as an actor, as its host holds it.
//
// A launch fixes shapes and params, as a prepared call does. Tensors lie in the memory of the instance, on
// whichever thread that is: the caller writes inputs in place, invokes, and reads outputs in place.
//
// Three things stop a run before its budget is spent: `interrupt`, a signal, and `timeoutMs`. Each moves the
// actor's own epoch past the run's deadline, so that the kernel stops itself at its next check.

import { Failure } from "../../base/mod.ts";
import type {
  CallOptions,
  CheckpointOptions,
  KernelEnd,
  KernelHandle,
  KernelMetrics,
  KernelState,
  KernelStatus,
} from "../../runtime/mod.ts";
import type { CallShapes } from "../../sandbox/mod.ts";
import { carriedBy } from "./carried-failure.ts";
import { pause } from "./event-loop.ts";
import { Invoke, type packActor, type PackTensors } from "./pack-actor.ts";
import type { PackEpoch } from "./pack-epoch.ts";

export interface InvokeOptions extends CallOptions {
  /** For this invocation: the launch's, and at most what the kernel was granted. */
  readonly budgetMs?: number;
}

export type PackDefinition = ReturnType<typeof packActor>;

/** The clock by which budgets are kept, and what the host may do with it. */
export interface PackClock {
  /** It does not tick any more. */
  readonly failure: Failure | undefined;
  readonly epoch: PackEpoch;
  /** Kernels look at it. */
  readonly stops: boolean;
}

export class PackKernel<const Inputs extends CallShapes = CallShapes> implements AsyncDisposable {
  /** Views of the inputs, to be filled in place. After a trap the kernel may have overwritten any. */
  readonly inputs: PackTensors<Inputs>["inputs"];
  /** Views of the outputs, good from one `invoke` to the next. */
  readonly outputs: PackTensors<Inputs>["outputs"];
  /** Every tensor with its shape and bytes, and the values of symbolic dimensions. */
  readonly shapes: PackTensors<Inputs>["shapes"];
  /** The actor itself, as `getKernel` also gives it. */
  readonly handle: KernelHandle<PackDefinition>;
  readonly #clock: PackClock;

  constructor(
    handle: KernelHandle<PackDefinition>,
    tensors: PackTensors<Inputs>,
    clock: PackClock,
  ) {
    this.handle = handle;
    this.inputs = tensors.inputs;
    this.outputs = tensors.outputs;
    this.shapes = tensors.shapes;
    this.#clock = clock;
  }

  /**
   * Runs the kernel once on what the inputs hold. Fails with the sandbox's failure, such as
   * KERNEL_DEADLINE, with HANDLER_INTERRUPTED after `interrupt`, or as `KernelHandle.call` does: with
   * CALL_CANCELLED and CALL_TIMEOUT where the caller gave up, and then the run has ended too. After any stop
   * the next invocation has a fresh instance.
   */
  async invoke(options?: InvokeOptions): Promise<void> {
    const { failure, epoch } = this.#clock;
    if (failure !== undefined) throw failure; // Nothing would stop it.
    const run = epoch.next();
    try {
      await this.handle.call(Invoke, { budget_ms: options?.budgetMs ?? NaN, run }, options);
    } catch (error) {
      if (hasGivenUp(error)) await this.#stop(run);
      throw carriedBy(error);
    }
  }

  /**
   * Stops the run that goes on: it fails with HANDLER_INTERRUPTED, and the next one begins with a fresh
   * instance. Does nothing where none goes on. Fails with OPTION_UNSUPPORTED where the sandbox's `interrupt`
   * is not `epoch`: such a kernel looks at no clock, and only `kill` ends it before its fuel does.
   */
  interrupt(): void {
    if (!this.#clock.stops) throw unstoppable(this.id);
    this.handle.interrupt();
  }

  get id(): string {
    return this.handle.id;
  }

  get state(): KernelState {
    return this.handle.state;
  }

  get isActive(): boolean {
    return this.handle.isActive;
  }

  get isTerminated(): boolean {
    return this.handle.isTerminated;
  }

  get status(): KernelStatus {
    return this.handle.status;
  }

  get metrics(): KernelMetrics {
    return this.handle.metrics;
  }

  activate(): void {
    this.handle.activate();
  }

  deactivate(): void {
    this.handle.deactivate();
  }

  suspend(): void {
    this.handle.suspend();
  }

  resume(): void {
    this.handle.resume();
  }

  /** As `KernelHandle.terminate`. The tensors stay readable while somebody holds them. */
  terminate(options?: { readonly timeoutMs?: number }): Promise<KernelEnd> {
    return this.handle.terminate(options);
  }

  kill(): Promise<KernelEnd> {
    return this.handle.kill();
  }

  /**
   * Inputs and outputs with what waits, as `KernelHandle.checkpoint`. What the kernel keeps in its memory
   * beside them is not in it.
   */
  checkpoint(options?: CheckpointOptions): Promise<Uint8Array> {
    return this.handle.checkpoint(options);
  }

  wait(): Promise<KernelEnd> {
    return this.handle.wait();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.handle[Symbol.asyncDispose]();
  }

  /** The tensors are the caller's again when its run has ended, which it does at its next check. */
  async #stop(run: number): Promise<void> {
    const { epoch, stops } = this.#clock;
    epoch.giveUp(run);
    if (!stops) return; // It may run for as long as it likes.
    while (epoch.isGoing(run) && !this.isTerminated) await pause();
  }
}

function hasGivenUp(error: unknown): boolean {
  return (
    error instanceof Failure && (error.code === "CALL_CANCELLED" || error.code === "CALL_TIMEOUT")
  );
}

function unstoppable(id: string): Failure {
  return new Failure("OPTION_UNSUPPORTED", {
    at: `kernel "${id}", interrupt()`,
    found: "a sandbox whose kernels do not look at the clock",
    expected: 'one with `interrupt: "epoch"`',
    fix: "Launch it so, or end it with kill().",
  });
}
