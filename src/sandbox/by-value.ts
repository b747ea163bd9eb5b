// By value: runs a kernel once on tensors that are copied in and out, with everything done anew that the
// kernel may have changed since the last call: params, descriptor, inputs.
//
// Callers tend to repeat themselves, so what depends on shapes alone is kept from one call to the
// next: the binding here, the placement in the instance. Both are looked up by comparing shapes.

import { type DType, Failure, type TensorView } from "../base/mod.ts";
import { writeParams } from "../layout/mod.ts";
import { type Pass, shapesOf } from "./backward.ts";
import { type BudgetRequest, budgetOf, type KernelContext } from "./context.ts";
import { writeDescriptor } from "./descriptor.ts";
import type { KernelInstance } from "./instance.ts";
import { newRecord } from "./record.ts";
import type { BoundShapes, BoundTensor, Dims } from "./shapes.ts";

/** A tensor by value, as `Kernel.call` takes and returns it. */
export interface TensorValue {
  readonly shape: readonly number[];
  readonly data: TensorView;
}

export type Tensors = Readonly<Record<string, TensorValue>>;

/** What a call is made of, by value. */
export interface ValueInputs {
  readonly inputs: Tensors;
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  readonly dims?: Dims | undefined;
}

export interface ValueRequest extends ValueInputs, BudgetRequest {}

const NO_PARAMS: Readonly<Record<string, unknown>> = {};

export class ByValue {
  readonly #context: KernelContext;
  readonly #pass: Pass;
  /** What the inputs of the last call were bound to, unless it gave `dims` as well. */
  #bound: BoundShapes | undefined;

  constructor(context: KernelContext, pass: Pass) {
    this.#context = context;
    this.#pass = pass;
  }

  /** Runs the kernel in `instance`, which the caller holds, and returns copies of its outputs. */
  run(instance: KernelInstance, request: ValueRequest): Tensors {
    const { params } = this.#context.program;
    const shapes = this.#bind(instance, request);
    const { paramsAt, descriptorAt, inputsAt, outputsAt } = instance.place(shapes);
    const { descriptor } = instance;
    writeParams(instance.view, paramsAt, params, request.params ?? NO_PARAMS, shapes.dims);
    writeDescriptor(instance.words, descriptorAt, descriptor);
    for (let i = 0; i < inputsAt.length; i++)
      copyIn(instance, shapes.inputs[i]!, inputsAt[i]!, request.inputs);
    instance.initialise(paramsAt, params.bytes);
    instance.run(this.#pass, descriptorAt, budgetOf(this.#context, request), descriptor, shapes);
    return outputsOf(instance, shapes, outputsAt);
  }

  #bind(instance: KernelInstance, { inputs, dims }: ValueRequest): BoundShapes {
    const shapes = shapesOf(this.#context.program, this.#pass, instance);
    if (dims !== undefined) return shapes.bind(inputs, dims);
    if (this.#bound === undefined || !shapes.bindsAgain(inputs, this.#bound))
      this.#bound = shapes.bind(inputs);
    return this.#bound;
  }
}

/** Copies the input that `tensor` names to where it lies. */
export function copyIn(
  instance: KernelInstance,
  tensor: BoundTensor,
  at: number,
  inputs: Tensors,
): void {
  const { data } = inputs[tensor.name]!;
  checkTensor(tensor, data);
  instance.whole(tensor.dtype).set(data as never, at / data.BYTES_PER_ELEMENT);
}

/** Fails with DTYPE_MISMATCH or SHAPE_MISMATCH where `data` is not what `tensor` needs. */
export function checkTensor(tensor: BoundTensor, data: TensorView): void {
  if (!holds(tensor.dtype, data)) throw wrongType(tensor, data);
  if (data.byteLength !== tensor.bytes) throw wrongLength(tensor, data);
}

/** Copies of a call's outputs, by name. */
export function outputsOf(
  instance: KernelInstance,
  { outputs }: BoundShapes,
  outputsAt: readonly number[],
): Tensors {
  const values = newRecord<TensorValue>();
  for (let i = 0; i < outputsAt.length; i++) {
    const output = outputs[i]!;
    const data = copyOut(instance, output, outputsAt[i]!);
    values[output.name] = { shape: output.shape.slice(), data };
  }
  return values;
}

function copyOut(instance: KernelInstance, { dtype, bytes }: BoundTensor, at: number): TensorView {
  const whole = instance.whole(dtype);
  const size = whole.BYTES_PER_ELEMENT;
  return whole.slice(at / size, (at + bytes) / size);
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

function wrongType({ name, dtype }: BoundTensor, data: TensorView): Failure {
  return new Failure("DTYPE_MISMATCH", {
    at: `input "${name}"`,
    found: Object.prototype.toString.call(data).slice(8, -1),
    expected: `the typed array of ${dtype}`,
    fix: `Convert the data to ${dtype}.`,
  });
}

function wrongLength({ name, shape, bytes }: BoundTensor, data: TensorView): Failure {
  return new Failure("SHAPE_MISMATCH", {
    at: `input "${name}"`,
    found: `${data.byteLength} bytes`,
    expected: `${bytes} bytes for the shape [${shape.join(", ")}]`,
    fix: "Pass as much data as the shape says.",
  });
}
