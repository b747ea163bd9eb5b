// Batch: a prepared call of many requests. One `run` enters WebAssembly once, and the kernel is called
// there for one request after the other: results are those of as many single calls, bit for bit.
//
//   budget    each request's own: a slow one takes nothing from the others. A run may last as long as
//             all budgets together
//   a code, a trap, a passed deadline in request k
//             the KernelError names k as `request`. Outputs of 0 to k - 1 stand; k's are undefined; the
//             others did not run. `run({ first: k + 1 })` goes on behind it
//
// After a trap the instance is replaced when the batch runs again, as a prepared call's is: views stay
// good, but the kernel may have overwritten any tensor, so fill the inputs of what is to run anew.

import { Failure, type TensorView } from "../base/mod.ts";
import { BatchLayout } from "./batch-layout.ts";
import type { CallShapes } from "./call.ts";
import {
  type BudgetRequest,
  budgetOf,
  disposed,
  type KernelContext,
  requireHealth,
} from "./context.ts";
import type { KernelInstance } from "./instance.ts";
import type { Budget } from "./link.ts";
import { newRecord } from "./record.ts";
import type { BoundShapes, BoundTensor, Dims } from "./shapes.ts";

/** One request, as `CallSetup` has a call. */
export interface RequestSetup<Inputs extends CallShapes = CallShapes> {
  readonly inputs: Inputs;
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  readonly dims?: Dims | undefined;
}

/** The budget is that of each request. */
export interface BatchSetup<Inputs extends CallShapes = CallShapes> extends BudgetRequest {
  readonly requests: readonly RequestSetup<Inputs>[];
}

export interface BatchRun extends BudgetRequest {
  /** The first request to run, from 0. Default: 0. */
  readonly first?: number | undefined;
}

export interface BatchedRequest<Inputs extends CallShapes = CallShapes> {
  /** Views of the inputs, to be filled in place. */
  readonly inputs: { readonly [Name in keyof Inputs]: TensorView };
  /** Views of the outputs, good until the next run. */
  readonly outputs: Readonly<Record<string, TensorView>>;
  readonly shapes: BoundShapes;
}

/** A life that no instance has: the batch was disposed. */
const GONE = -1;
const NO_PARAMS: Readonly<Record<string, unknown>> = {};

export class PreparedBatch<const Inputs extends CallShapes = CallShapes> implements Disposable {
  readonly requests: readonly BatchedRequest<Inputs>[];
  readonly #context: KernelContext;
  readonly #instance: KernelInstance;
  readonly #setup: BatchSetup<Inputs>;
  readonly #budget: Budget;
  readonly #layout: BatchLayout;
  readonly #onDispose: () => void;
  /** The life of the instance that this batch was last set up in. */
  #life: number;

  constructor(
    context: KernelContext,
    instance: KernelInstance,
    setup: BatchSetup<Inputs>,
    onDispose: () => void,
  ) {
    this.#context = context;
    this.#instance = instance;
    this.#setup = setup;
    this.#onDispose = onDispose;
    this.#budget = budgetOf(context, setup);
    const shapes = setup.requests.map(({ inputs, dims }) => {
      return context.program.shapes.bind(inputs, dims);
    });
    this.#layout = new BatchLayout(instance, shapes);
    this.#write();
    this.#life = instance.life;
    this.requests = this.#layout.requests.map(({ shapes: bound, inputsAt, outputsAt }) => ({
      inputs: this.#views(bound.inputs, inputsAt) as BatchedRequest<Inputs>["inputs"],
      outputs: this.#views(bound.outputs, outputsAt),
      shapes: bound,
    }));
  }

  /** Runs every request from `first` on. Throws KernelError, whose `request` says at which it ended. */
  run(asked?: BatchRun): void {
    if (this.#life !== this.#instance.life || this.#context.health.failure !== undefined)
      this.#again();
    const first = asked?.first ?? 0;
    const { length } = this.requests;
    if (!Number.isInteger(first) || first < 0 || first > length) throw notARequest(first, length);
    const budget = asked === undefined ? this.#budget : budgetOf(this.#context, asked);
    this.#instance.runBatch(this.#layout, first, budget);
  }

  /** Gives the memory back. Views must not be used any more. */
  [Symbol.dispose](): void {
    if (this.#life === GONE) return;
    this.#life = GONE;
    this.#onDispose();
  }

  /** Sets the batch up again after a trap: its own or another call's in the same instance. */
  #again(): void {
    requireHealth(this.#context.health);
    if (this.#life === GONE) throw disposed("batch");
    this.#write();
    this.#life = this.#instance.life;
  }

  #write(): void {
    const instance = this.#instance;
    instance.ready();
    this.#setup.requests.forEach(({ params }, i) => {
      this.#layout.write(instance, i, params ?? NO_PARAMS);
    });
    this.#layout.initialise(instance);
  }

  #views(tensors: readonly BoundTensor[], offsets: readonly number[]): Record<string, TensorView> {
    const views = newRecord<TensorView>();
    tensors.forEach(({ name, dtype, bytes }, i) => {
      views[name] = this.#instance.tensor(dtype, offsets[i]!, bytes);
    });
    return views;
  }
}

function notARequest(first: number, count: number): Failure {
  return new Failure("PARAM_INVALID", {
    at: "first",
    found: String(first),
    expected: `a request's index, from 0, or ${count}, which runs none`,
    fix: "Pass the index of the first request to run.",
  });
}
