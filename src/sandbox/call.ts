// Call: a prepared invocation. Shapes, offsets and params are fixed once; each `run` then arms the
// deadline, enters the kernel, and allocates nothing.
//
// Inputs and outputs are views of the kernel's own memory: the caller writes inputs in place and
// reads outputs in place. After a trap the instance is replaced over the same memory when the call
// runs again, so views stay good, but the kernel may have overwritten any of them: fill them anew.

import { type DType, Failure, type TensorView } from "../base/mod.ts";
import { writeParams } from "../layout/mod.ts";
import { type BudgetRequest, budgetOf, type KernelContext } from "./context.ts";
import {
  checkDescriptor,
  type DescriptorRanges,
  newDescriptor,
  rangesOf,
  writeDescriptor,
} from "./descriptor.ts";
import { disposed, type KernelInstance } from "./instance.ts";
import type { Budget } from "./link.ts";
import { ARENA_ALIGN, place, type Placement } from "./regions.ts";
import type { BoundShapes, BoundTensor, Dims } from "./shapes.ts";
import { KernelError } from "./trap.ts";

export type CallShapes = Readonly<Record<string, readonly number[]>>;

export interface CallSetup<Inputs extends CallShapes = CallShapes> extends BudgetRequest {
  /** The shape of every input, by name. */
  readonly inputs: Inputs;
  /** Values of params; one left out takes the manifest's default. */
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  /** Sizes that no input's shape binds. */
  readonly dims?: Dims | undefined;
  /** Compares the inputs before and after each run, for health checks: slow. */
  readonly checkInputs?: boolean | undefined;
}

/** A life that no instance has: the call was disposed. */
const GONE = -1;

export class PreparedCall<const Inputs extends CallShapes = CallShapes> implements Disposable {
  /** Views of the inputs, to be filled in place. */
  readonly inputs: { readonly [Name in keyof Inputs]: TensorView };
  /** Views of the outputs, good until the next run. */
  readonly outputs: Readonly<Record<string, TensorView>>;
  /** Every tensor with its shape and bytes, and the values of symbolic dimensions. */
  readonly shapes: BoundShapes;
  readonly #context: KernelContext;
  readonly #instance: KernelInstance;
  readonly #setup: CallSetup<Inputs>;
  readonly #budget: Budget;
  readonly #words = newDescriptor();
  readonly #placement: Placement;
  readonly #release: (() => void)[];
  readonly #ranges = (): DescriptorRanges => rangesOf(this.#words);
  /** The life of the instance that this call was last set up in. */
  #life: number;

  constructor(
    context: KernelContext,
    instance: KernelInstance,
    setup: CallSetup<Inputs>,
    release: () => void,
  ) {
    const { program } = context;
    this.#context = context;
    this.#instance = instance;
    this.#setup = setup;
    this.#release = [release];
    this.#budget = budgetOf(context, setup);
    this.#life = instance.life;
    this.shapes = program.shapes.bind(setup.inputs, setup.dims);
    this.#placement = place(instance.arena, this.#words, this.shapes, program.params.bytes);
    this.#write();
    this.inputs = this.#views(this.shapes.inputs, this.#placement.inputsAt) as typeof this.inputs;
    this.outputs = this.#views(this.shapes.outputs, this.#placement.outputsAt);
  }

  /**
   * Runs the kernel once. Throws KernelError when it traps, passes its deadline or returns a code;
   * after a trap the next run begins with a fresh instance.
   */
  run(asked?: BudgetRequest): void {
    if (this.#life !== this.#instance.life || this.#context.health.failure !== undefined)
      this.#again();
    const budget = asked === undefined ? this.#budget : budgetOf(this.#context, asked);
    if (this.#setup.checkInputs === true) return this.#runChecked(budget);
    this.#enter(budget);
  }

  /** Fuel that the last run left, in fuel mode. */
  fuelLeft(): bigint {
    return this.#instance.fuelLeft();
  }

  /** Gives the memory back. Views must not be used any more. */
  [Symbol.dispose](): void {
    if (this.#life === GONE) return;
    this.#life = GONE;
    for (const release of this.#release) release();
  }

  /** Runs `then` when the call is disposed, after its memory is given back. */
  onDispose(then: () => void): void {
    this.#release.push(then);
  }

  #enter(budget: Budget): void {
    try {
      this.#instance.forward(this.#placement.descriptorAt, budget, this.#ranges);
    } catch (error) {
      if (error instanceof KernelError && this.#instance.trapped) {
        this.#context.emit({ type: "trapped", kernel: error.kernel, error });
      }
      throw error;
    }
  }

  /** Sets the call up again after a trap: its own or another one's in the same instance. */
  #again(): void {
    const { failure } = this.#context.health;
    if (failure !== undefined) throw failure;
    if (this.#life === GONE) throw disposed("call");
    if (this.#instance.trapped) this.#instance.revive(this.#context.budget);
    this.#write();
    this.#life = this.#instance.life;
  }

  /** Writes params and descriptor, checks them, and initialises the kernel where it is not. */
  #write(): void {
    const { params } = this.#context.program;
    const { paramsAt, descriptorAt } = this.#placement;
    const instance = this.#instance;
    writeParams(instance.view, paramsAt, params, this.#setup.params ?? {}, this.shapes.dims);
    checkDescriptor(this.#words, instance.memoryBytes, descriptorAt, ARENA_ALIGN);
    writeDescriptor(instance.words, descriptorAt, this.#words);
    instance.initialise(paramsAt, params.bytes, this.#context.budget);
  }

  #views(tensors: readonly BoundTensor[], offsets: readonly number[]): Record<string, TensorView> {
    const views: Record<string, TensorView> = { __proto__: null } as never;
    tensors.forEach(({ name, dtype, bytes }, i) => {
      views[name] = this.#instance.tensor(dtype, offsets[i]!, bytes);
    });
    return views;
  }

  /** Inputs are read-only by contract, which wasm cannot enforce: this finds who breaks it. */
  #runChecked(budget: Budget): void {
    const before = this.shapes.inputs.map((input, i) => this.#bytesOf(input, i).slice());
    this.#enter(budget);
    this.shapes.inputs.forEach((input, i) => {
      const at = this.#bytesOf(input, i).findIndex((byte, k) => byte !== before[i]![k]);
      if (at >= 0) throw wroteInput(this.#context.program.kernel, input.name, at);
    });
  }

  #bytesOf({ bytes }: BoundTensor, i: number): Uint8Array {
    return this.#instance.tensor("u8", this.#placement.inputsAt[i]!, bytes) as Uint8Array;
  }
}

function wroteInput(kernel: string, input: string, at: number): Failure {
  return new Failure(
    "KERNEL_WROTE_INPUT",
    {
      at: `kernel "${kernel}", input "${input}"`,
      found: `byte ${at} changed during the call`,
      expected: "inputs as the caller left them",
      fix: "Report it to the kernel's author: regions A and B are read-only.",
    },
    { detail: { kernel, input, byte: at } },
  );
}

/** Whether a typed array holds elements of `dtype`: q4, q8 and u8 are bytes, bf16 is u16 bits. */
export function holds(dtype: DType, data: TensorView): boolean {
  switch (dtype) {
    case "f32":
      return data instanceof Float32Array;
    case "f16":
      return data instanceof Float16Array;
    case "bf16":
      return data instanceof Uint16Array;
    case "i8":
      return data instanceof Int8Array;
    case "i32":
      return data instanceof Int32Array;
    case "u8":
    case "q4":
    case "q8":
      return data instanceof Uint8Array;
    default:
      return dtype satisfies never;
  }
}
