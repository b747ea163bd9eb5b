// Backward: what one kernel's `kernel_backward` takes and gives. It is called like the forward function:
//
//   inputs    the gradient of every output, named d and the output, then every input as it was
//   outputs   the gradient of every input that its manifest lists in `gradients`, named likewise
//   params, dimensions, scratch   those of the forward call
//
// The manifest says which gradients there are, and the kernel's own `kernel_info` whether it computes
// them. What either denies fails before the call, as NO_GRADIENTS.

import { Failure } from "../base/mod.ts";
import type { KernelEntry } from "../pack/mod.ts";
import { readInfo } from "./info.ts";
import type { KernelInstance } from "./instance.ts";
import type { Program } from "./program.ts";
import { ShapePlan, type TensorSpec } from "./shapes.ts";

/** Which of a kernel's functions a call enters. */
export type Pass = "forward" | "backward";

/** The tensors of a call of `program` that `instance` will run. Fails with NO_GRADIENTS. */
export function shapesOf(program: Program, pass: Pass, instance: KernelInstance): ShapePlan {
  return pass === "forward" ? program.shapes : program.backward.shapesFor(instance);
}

export class Backward {
  readonly #kernel: string;
  readonly #exported: boolean;
  readonly #shapes: ShapePlan | undefined;
  /** What kernel_info says; asked once, since an answer that changes is none. */
  #supported: boolean | undefined;

  constructor(entry: KernelEntry, exported: boolean) {
    this.#kernel = entry.id;
    this.#exported = exported;
    const { gradients = [] } = entry;
    this.#shapes = gradients.length === 0 ? undefined : planOf(entry, gradients);
  }

  /** The tensors of the backward call. Fails with NO_GRADIENTS; `instance` is asked for its info. */
  shapesFor(instance: KernelInstance): ShapePlan {
    if (!this.#exported) throw this.#none("a module without kernel_backward");
    if (this.#shapes === undefined) throw this.#none("a manifest that lists no gradients");
    this.#supported ??= readInfo(instance).supportsBackward;
    if (this.#supported) return this.#shapes;
    throw this.#none("supports_backward 0 in its kernel_info");
  }

  #none(found: string): Failure {
    return new Failure("NO_GRADIENTS", {
      at: `kernel "${this.#kernel}"`,
      found,
      expected: "a kernel whose kernel_backward computes gradients",
      fix: "Use a kernel that has gradients, such as the core pack's rmsnorm_f32.",
    });
  }
}

function planOf(entry: KernelEntry, gradients: readonly string[]): ShapePlan {
  const { inputs, outputs, scratch } = entry;
  const named = new Map(inputs.map((input) => [input.name, input]));
  return new ShapePlan({
    inputs: [...outputs.map(gradientOf), ...inputs],
    outputs: gradients.map((name) => gradientOf(named.get(name)!)),
    scratch,
  });
}

function gradientOf(tensor: TensorSpec): TensorSpec {
  return { ...tensor, name: `d${tensor.name}` };
}
