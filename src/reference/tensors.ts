// Tensors: finds the tensors of a call and compares their sizes with its dimensions, as kernels compare
// their regions before they touch memory. Shapes are spelt as the manifests spell them.

import type { ReferenceCall, ReferenceOutput, TensorView } from "../base/mod.ts";

type Shape = readonly (string | number)[];
type Floats = Float32Array | Float16Array;

/** The input of that name and shape when it holds floats; undefined where the call has none such. */
export function floatsIn(call: ReferenceCall, name: string, ...shape: Shape): Floats | undefined {
  const view = call.inputs[name];
  return isFloat(view) && view.length === elements(call, shape) ? view : undefined;
}

export function bytesIn(call: ReferenceCall, name: string, ...shape: Shape) {
  const view = call.inputs[name];
  return view instanceof Uint8Array && view.length === elements(call, shape) ? view : undefined;
}

export function integersIn(call: ReferenceCall, name: string, ...shape: Shape) {
  const view = call.inputs[name];
  return view instanceof Int32Array && view.length === elements(call, shape) ? view : undefined;
}

/** The output of that name and shape: a kernel's floats, or the f64 of whoever judges one. */
export function floatsOut(
  call: ReferenceCall,
  name: string,
  ...shape: Shape
): Floats | Float64Array | undefined {
  const view = call.outputs[name];
  const floats = view instanceof Float64Array || isFloat(view) ? view : undefined;
  return floats?.length === elements(call, shape) ? floats : undefined;
}

export function bytesOut(call: ReferenceCall, name: string, ...shape: Shape) {
  const view = call.outputs[name];
  return view instanceof Uint8Array && view.length === elements(call, shape) ? view : undefined;
}

/** The value of a dimension; NaN, which fits no tensor, where the call does not tell it. */
export function dim({ dims }: ReferenceCall, name: string): number {
  return dims[name] ?? NaN;
}

/** The value of a param; NaN, which no check accepts, where the call does not tell it. */
export function param({ params }: ReferenceCall, name: string): number {
  return Number(params[name] ?? NaN);
}

/** A bool of the manifest; false where the kernel has none of that name. */
export function flag({ params }: ReferenceCall, name: string): boolean {
  return Number(params[name] ?? 0) !== 0;
}

function elements(call: ReferenceCall, shape: Shape): number {
  return shape.reduce<number>((product, size) => {
    return product * (typeof size === "number" ? size : dim(call, size));
  }, 1);
}

function isFloat(view: TensorView | ReferenceOutput | undefined): view is Floats {
  return view instanceof Float32Array || view instanceof Float16Array;
}
