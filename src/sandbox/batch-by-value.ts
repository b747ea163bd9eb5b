// Batch by value: runs many requests on tensors that are copied in and out, all of them placed at once.
//
// All or nothing: where one request ends in an error, the error names it and no outputs are returned.
// Who wants those of the requests before it prepares the batch. As with single calls, what depends on
// shapes alone is kept from one batch to the next.

import type { ArenaMark } from "./arena.ts";
import { BatchLayout } from "./batch-layout.ts";
import { copyIn, outputsOf, type Tensors, type ValueInputs } from "./by-value.ts";
import { type BudgetRequest, budgetOf, type KernelContext } from "./context.ts";
import type { KernelInstance } from "./instance.ts";
import type { BoundShapes } from "./shapes.ts";

/** The budget is that of each request. */
export interface BatchValueRequest extends BudgetRequest {
  readonly requests: readonly ValueInputs[];
}

const NO_PARAMS: Readonly<Record<string, unknown>> = {};

export class BatchByValue {
  readonly #context: KernelContext;
  /** What each request of the last batch was bound to; undefined where it gave `dims` as well. */
  #bound: readonly (BoundShapes | undefined)[] = [];
  /** The last batch's layout, good for the instance that has its arena while that is as it was. */
  #last: { readonly layout: BatchLayout; readonly mark: ArenaMark } | undefined;

  constructor(context: KernelContext) {
    this.#context = context;
  }

  /** Runs every request in `instance`, which the caller holds, and returns copies of their outputs. */
  run(instance: KernelInstance, asked: BatchValueRequest): Tensors[] {
    const { requests } = asked;
    const layout = this.#place(instance, this.#bind(requests));
    for (let i = 0; i < requests.length; i++) {
      const { inputs, params } = requests[i]!;
      const { inputsAt, shapes } = layout.requests[i]!;
      layout.write(instance, i, params ?? NO_PARAMS);
      for (let k = 0; k < inputsAt.length; k++)
        copyIn(instance, shapes.inputs[k]!, inputsAt[k]!, inputs);
    }
    layout.initialise(instance);
    instance.runBatch(layout, 0, budgetOf(this.#context, asked));
    return layout.requests.map(({ shapes, outputsAt }) => outputsOf(instance, shapes, outputsAt));
  }

  /** Requests that are shaped as in the last batch, or as the one before them, are bound already. */
  #bind(requests: readonly ValueInputs[]): BoundShapes[] {
    const { shapes } = this.#context.program;
    const known: (BoundShapes | undefined)[] = [];
    const bound = requests.map(({ inputs, dims }, i) => {
      if (dims !== undefined) return shapes.bind(inputs, dims);
      const like = [this.#bound[i], known[i - 1]].find((each) => {
        return each !== undefined && shapes.bindsAgain(inputs, each);
      });
      return (known[i] = like ?? shapes.bind(inputs));
    });
    this.#bound = requests.map((_, i) => known[i]);
    return bound;
  }

  #place(instance: KernelInstance, bound: readonly BoundShapes[]): BatchLayout {
    const last = this.#last;
    const mark = instance.arena.mark();
    if (
      last?.layout.arena === instance.arena &&
      last.mark === mark &&
      last.layout.requests.length === bound.length &&
      bound.every((shapes, i) => last.layout.requests[i]!.shapes === shapes)
    )
      return last.layout;
    const layout = new BatchLayout(instance, bound);
    this.#last = { layout, mark };
    return layout;
  }
}
