// Pack kernel: a kernel of a verified pack as an actor, as its host holds it.
//
// A launch fixes shapes and params, as a prepared call does. Tensors lie in the memory of the instance, on
// whichever thread that is: the caller writes inputs in place, invokes, and reads outputs in place.

import type { Failure } from "../../base/mod.ts";
import type {
  CallOptions,
  CheckpointOptions,
  KernelEnd,
  KernelHandle,
  KernelMetrics,
  KernelState,
  KernelStatus,
} from "../../runtime/mod.ts";
import type { CallShapes, PreparedCall } from "../../sandbox/mod.ts";
import { carriedBy } from "./carried-failure.ts";
import { Invoke, type packActor } from "./pack-actor.ts";

export interface InvokeOptions extends CallOptions {
  /** For this invocation: the launch's, and at most what the kernel was granted. */
  readonly budgetMs?: number;
}

/** Views of the instance's memory. */
export type PackTensors<Inputs extends CallShapes> = Pick<
  PreparedCall<Inputs>,
  "inputs" | "outputs" | "shapes"
>;
export type PackDefinition = ReturnType<typeof packActor>;

/** Whether the clock still ticks by which budgets are kept. */
interface Clocked {
  readonly failure: Failure | undefined;
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
  readonly #clock: Clocked;

  constructor(handle: KernelHandle<PackDefinition>, tensors: PackTensors<Inputs>, clock: Clocked) {
    this.handle = handle;
    this.inputs = tensors.inputs;
    this.outputs = tensors.outputs;
    this.shapes = tensors.shapes;
    this.#clock = clock;
  }

  /**
   * Runs the kernel once on what the inputs hold. Fails with the sandbox's failure, such as
   * KERNEL_DEADLINE, after which the next invocation has a fresh instance; or as `KernelHandle.call` does. A
   * caller that gives up waiting leaves the tensors to the kernel until it ends.
   */
  async invoke(options?: InvokeOptions): Promise<void> {
    if (this.#clock.failure !== undefined) throw this.#clock.failure; // Nothing would stop it.
    const value = { budget_ms: options?.budgetMs ?? NaN };
    try {
      await this.handle.call(Invoke, value, options);
    } catch (error) {
      throw carriedBy(error);
    }
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
}
