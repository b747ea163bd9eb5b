// Call: a prepared invocation. Shapes, offsets and params are fixed once; each `run` then arms the
// deadline, enters the kernel, and allocates nothing.
//
// Inputs and outputs are views of the kernel's own memory: the caller writes inputs in place and
// reads outputs in place. After a trap the instance is replaced over the same memory when the call
// runs again, so views stay good, but the kernel may have overwritten any of them: fill them anew.

import { Failure, type TensorView } from "../base/mod.ts";
import { DESCRIPTOR, writeParams } from "../layout/mod.ts";
import { type Pass, shapesOf } from "./backward.ts";
import {
  type BudgetRequest,
  budgetOf,
  disposed,
  type KernelContext,
  requireHealth,
} from "./context.ts";
import { checkDescriptor, newDescriptor, writeDescriptor } from "./descriptor.ts";
import type { KernelInstance } from "./instance.ts";
import type { Budget } from "./link.ts";
import { KeptInputs } from "./kept-inputs.ts";
import { newRecord } from "./record.ts";
import { ARENA_ALIGN, place, type Placement } from "./regions.ts";
import type { BoundShapes, BoundTensor, Dims } from "./shapes.ts";

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

export interface CallOptions {
  readonly pass: Pass;
  /** Runs when the call is disposed, once: gives its memory back, and its instance where it owns it. */
  readonly onDispose: () => void;
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
  readonly #pass: Pass;
  readonly #onDispose: () => void;
  /** The life of the instance that this call was last set up in. */
  #life: number;

  constructor(
    context: KernelContext,
    instance: KernelInstance,
    setup: CallSetup<Inputs>,
    { pass, onDispose }: CallOptions,
  ) {
    const { program } = context;
    this.#context = context;
    this.#instance = instance;
    this.#setup = setup;
    this.#pass = pass;
    this.#onDispose = onDispose;
    this.#budget = budgetOf(context, setup);
    this.shapes = shapesOf(program, pass, instance).bind(setup.inputs, setup.dims);
    this.#placement = place(instance.arena, this.#words, this.shapes, program.params.bytes);
    this.#write();
    this.#life = instance.life;
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
    this.#instance.run(this.#pass, this.#placement.descriptorAt, budget, this.#words, this.shapes);
  }

  /** A copy of the inputs that the kernel cannot reach, to be taken before a run. */
  keepInputs(): KeptInputs {
    return new KeptInputs(this.#instance.memory, this.shapes.inputs, this.#placement.inputsAt);
  }

  /** Fuel that the last run left, in fuel mode. */
  fuelLeft(): bigint {
    return this.#instance.fuelLeft();
  }

  /** Gives the memory back. Views must not be used any more. */
  [Symbol.dispose](): void {
    if (this.#life === GONE) return;
    this.#life = GONE;
    this.#onDispose();
  }

  /** Sets the call up again after a trap: its own or another one's in the same instance. */
  #again(): void {
    requireHealth(this.#context.health);
    if (this.#life === GONE) throw disposed("call");
    this.#write();
    this.#life = this.#instance.life;
  }

  /** Writes params and descriptor, checks them, and initialises the kernel where it is not. */
  #write(): void {
    const { params } = this.#context.program;
    const { paramsAt, descriptorAt } = this.#placement;
    const instance = this.#instance;
    instance.ready();
    writeParams(instance.view, paramsAt, params, this.#setup.params ?? {}, this.shapes.dims);
    checkDescriptor(this.#words, instance.memoryBytes, descriptorAt, ARENA_ALIGN);
    writeDescriptor(instance.words, descriptorAt, this.#words);
    instance.initialise(paramsAt, params.bytes);
  }

  #views(tensors: readonly BoundTensor[], offsets: readonly number[]): Record<string, TensorView> {
    const views = newRecord<TensorView>();
    tensors.forEach(({ name, dtype, bytes }, i) => {
      views[name] = this.#instance.tensor(dtype, offsets[i]!, bytes);
    });
    return views;
  }

  /** What is read-only by contract, which wasm cannot enforce, is compared: this finds who breaks it. */
  #runChecked(budget: Budget): void {
    const { descriptorAt, inputsAt, paramsAt } = this.#placement;
    const readOnly = [
      { what: "params", at: paramsAt, bytes: this.#context.program.params.bytes },
      { what: "descriptor", at: descriptorAt, bytes: DESCRIPTOR.bytes },
      ...this.shapes.inputs.map(({ name, bytes }, i) => {
        return { what: `input "${name}"`, at: inputsAt[i]!, bytes };
      }),
    ].map((part) => ({ ...part, now: this.#instance.tensor("u8", part.at, part.bytes) }));
    const before = readOnly.map(({ now }) => now.slice());
    this.#instance.run(this.#pass, descriptorAt, budget, this.#words, this.shapes);
    readOnly.forEach(({ what, now }, i) => {
      const byte = now.findIndex((value, at) => value !== before[i]![at]);
      if (byte >= 0) throw wroteInput(this.#context.program.kernel, what, byte);
    });
  }
}

function wroteInput(kernel: string, what: string, byte: number): Failure {
  return new Failure(
    "KERNEL_WROTE_INPUT",
    {
      at: `kernel "${kernel}", ${what}`,
      found: `byte ${byte} changed during the call`,
      expected: "inputs, params and descriptor as the caller left them",
      fix: "Report it to the kernel's author: only output and scratch may be written.",
    },
    { detail: { kernel, what, byte } },
  );
}
