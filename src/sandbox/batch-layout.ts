// Batch layout: the requests of one batch in one arena.
//
//   | descriptor 0 | descriptor 1 | ... | params 0, tensors 0 | params 1, tensors 1 | ...
//
// Descriptors lie side by side, so that the batch entry steps from one to the next. Everything else of
// a request lies as a single call's would.

import { Failure, SANDBOX_LIMITS } from "../base/mod.ts";
import { DESCRIPTOR, writeParams } from "../layout/mod.ts";
import type { Arena } from "./arena.ts";
import { checkDescriptor, newDescriptor, writeDescriptor } from "./descriptor.ts";
import type { KernelInstance } from "./instance.ts";
import { ARENA_ALIGN, place, type Placement } from "./regions.ts";
import type { BoundShapes } from "./shapes.ts";

/** One request: its tensors, where they lie, and its descriptor as the host has it. */
export interface PlacedRequest extends Placement {
  readonly shapes: BoundShapes;
  readonly words: Uint32Array;
}

export class BatchLayout {
  readonly arena: Arena;
  readonly requests: readonly PlacedRequest[];
  /** First byte of the first descriptor. */
  readonly #start: number;

  /** Takes memory for every request. OUT_OF_MEMORY takes nothing; PARAM_INVALID: they are too many. */
  constructor(instance: KernelInstance, shapes: readonly BoundShapes[]) {
    if (shapes.length > SANDBOX_LIMITS.batchRequestsMax) throw tooMany(shapes.length);
    const { arena } = instance;
    const mark = arena.mark();
    try {
      this.arena = arena;
      this.#start = arena.allocate(shapes.length * DESCRIPTOR.bytes);
      this.requests = shapes.map((each, i) => placed(instance, each, this.at(i)));
    } catch (error) {
      arena.release(mark);
      throw error;
    }
  }

  /** Where request `i`'s descriptor lies. */
  at(i: number): number {
    return this.#start + i * DESCRIPTOR.bytes;
  }

  /** The request whose descriptor lies at `at`; undefined where none of them does. */
  indexOf(at: number): number | undefined {
    const i = (at - this.#start) / DESCRIPTOR.bytes;
    return i >= 0 && i < this.requests.length ? i : undefined;
  }

  /** Writes request `i`'s params and descriptor. */
  write(instance: KernelInstance, i: number, params: Readonly<Record<string, unknown>>): void {
    const { descriptorAt, paramsAt, shapes, words } = this.requests[i]!;
    writeParams(instance.view, paramsAt, instance.program.params, params, shapes.dims);
    writeDescriptor(instance.words, descriptorAt, words);
  }

  /** Runs kernel_init with the params of the first request, where it has not run. */
  initialise(instance: KernelInstance): void {
    const first = this.requests[0];
    if (first !== undefined) instance.initialise(first.paramsAt, instance.program.params.bytes);
  }
}

function placed(instance: KernelInstance, shapes: BoundShapes, at: number): PlacedRequest {
  const words = newDescriptor();
  const { params } = instance.program;
  const placement = place(instance.arena, words, shapes, params.bytes, at);
  checkDescriptor(words, instance.memoryBytes, at, ARENA_ALIGN);
  return { ...placement, shapes, words };
}

function tooMany(count: number): Failure {
  const expected = `at most ${SANDBOX_LIMITS.batchRequestsMax}`;
  return new Failure("PARAM_INVALID", {
    at: "requests",
    found: `${count} requests in one batch`,
    expected,
    fix: "Split the batch.",
  });
}
