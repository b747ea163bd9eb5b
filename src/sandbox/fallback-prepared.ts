// Prepared chain: a prepared call of a chain's kernel whose other links run where the kernel fails.
//
// Inputs and outputs are views of the kernel's own memory, where a kernel that goes wrong may write
// anything before it traps. So every run first copies the inputs out: one copy of their bytes, which is
// all that a chain adds to a call that goes well. After a failure the next link computes from the copy,
// its outputs go into the same views, and the inputs are put back as they were.
//
// Where the kernel does not load, or fails as it is prepared, the views are the host's own memory, and
// every run is a call by value. A pool that is empty is no such failure: a prepared call would keep the
// slow form for life, so the caller hears of it.

import { Failure, type TensorView, viewOf } from "../base/mod.ts";
import type { KernelEntry } from "../pack/mod.ts";
import type { TensorValue } from "./by-value.ts";
import type { CallSetup, CallShapes, PreparedCall } from "./call.ts";
import { type BudgetRequest, disposed } from "./context.ts";
import type { Answer, LinkFailure, Links, Tensors } from "./fallback-links.ts";
import { mayFallBack } from "./fallback-policy.ts";
import type { CallRequest, Kernel, TenantChoice } from "./kernel.ts";
import type { KeptInputs } from "./kept-inputs.ts";
import { newRecord } from "./record.ts";
import { type BoundShapes, type BoundTensor, ShapePlan } from "./shapes.ts";

interface InPlace {
  readonly call: PreparedCall;
  readonly kept: KeptInputs;
}

type Views = Readonly<Record<string, TensorView>>;

export class PreparedChain<const Inputs extends CallShapes = CallShapes> implements Disposable {
  /**
   * Views of the inputs, to be filled in place. A run in which the kernel fails leaves them as it found
   * them; one that goes well leaves what the kernel left, which by contract is the same.
   */
  readonly inputs: { readonly [Name in keyof Inputs]: TensorView };
  /** Views of the outputs, good until the next run. */
  readonly outputs: Views;
  readonly shapes: BoundShapes;
  /** Why the views are the host's own memory; undefined where they are the kernel's. */
  readonly outOfPlace: Failure | undefined;
  readonly #links: Links;
  readonly #setup: CallSetup<Inputs> & TenantChoice;
  /** Undefined where the kernel cannot be called in place. */
  readonly #inPlace: InPlace | undefined;
  /** What the links by value compute from: the copy, or the host's own views. */
  readonly #given: Readonly<Record<string, TensorValue>>;
  #open = true;

  constructor(
    links: Links,
    entry: KernelEntry,
    kernel: Kernel | Failure,
    setup: CallSetup<Inputs> & TenantChoice,
  ) {
    this.#links = links;
    this.#setup = setup;
    const prepared = kernel instanceof Failure ? kernel : tryPrepare(kernel, setup);
    this.outOfPlace = prepared instanceof Failure ? prepared : undefined;
    this.#inPlace = prepared instanceof Failure ? undefined : prepared;
    const { call, kept } = this.#inPlace ?? {};
    this.shapes = call?.shapes ?? new ShapePlan(entry).bind(setup.inputs, setup.dims);
    const own = kept?.views ?? viewsOf(this.shapes.inputs);
    this.inputs = (call?.inputs ?? own) as typeof this.inputs;
    this.outputs = call?.outputs ?? viewsOf(this.shapes.outputs);
    this.#given = valuesOf(this.shapes.inputs, own);
  }

  /**
   * Runs the first link that can, and says which it was. Throws what is the caller's own fault;
   * FALLBACKS_EXHAUSTED, with every error, when no link answers: outputs then mean nothing.
   */
  run(asked?: BudgetRequest): Answer {
    if (!this.#open) throw disposed("call");
    if (this.#inPlace === undefined) return this.#runByValue(asked, 0, []);
    const { call, kept } = this.#inPlace;
    kept.take();
    if (this.#links.firstRests) return this.#runByValue(asked, 0, []);
    try {
      call.run(asked);
    } catch (error) {
      kept.putBack(); // First: it may be an error that the caller hears of.
      const failure = this.#links.failed(error);
      return this.#runByValue(asked, 1, [failure]);
    }
    return this.#links.answered();
  }

  /** Gives the memory back. Views must not be used any more. */
  [Symbol.dispose](): void {
    this.#open = false;
    this.#inPlace?.call[Symbol.dispose]();
  }

  #runByValue(asked: BudgetRequest = {}, from: number, failures: readonly LinkFailure[]): Answer {
    const { tenant, params, dims, budgetMs, budgetTicks, fuel } = this.#setup;
    const budget = { budgetMs, budgetTicks, fuel, ...asked };
    const request: CallRequest = { tenant, params, dims, ...budget, inputs: this.#given };
    const [outputs, answer] = this.#links.run(request, from, failures);
    for (const name in outputs) this.outputs[name]!.set(outputs[name]!.data as never);
    return answer;
  }
}

/** The call, or what the kernel fails at it with. Throws what the caller must hear of. */
function tryPrepare(kernel: Kernel, setup: CallSetup & TenantChoice): InPlace | Failure {
  try {
    const call = kernel.prepare(setup);
    return { call, kept: call.keepInputs() };
  } catch (error) {
    if (!mayFallBack(error) || error.code === "POOL_EXHAUSTED") throw error;
    return error;
  }
}

function viewsOf(tensors: readonly BoundTensor[]): Views {
  const views = newRecord<TensorView>();
  for (const { name, dtype, bytes } of tensors)
    views[name] = viewOf(dtype, new ArrayBuffer(bytes), 0, bytes);
  return views;
}

function valuesOf(tensors: readonly BoundTensor[], views: Views): Tensors {
  const values = newRecord<TensorValue>();
  for (const { name, shape } of tensors) values[name] = { shape, data: views[name]! };
  return values;
}
