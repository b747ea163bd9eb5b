// Tensor: elements of one type in row-major order, and the checks that readers and writers share.

import { Failure, sizeBytes, TENSOR_LIMITS, type TensorView, viewOf } from "../base/mod.ts";

/** The element types that tensor files carry. Quantised blocks (q4, q8) have no file format here. */
export const FILE_DTYPES = ["f32", "f16", "bf16", "i32", "i8", "u8"] as const;
export type FileDType = (typeof FILE_DTYPES)[number];

export interface Tensor {
  readonly dtype: FileDType;
  /** Row-major: the last dimension is the one that lies together. Empty for a single number. */
  readonly shape: readonly number[];
  /** May be a view of the file's bytes: it lives as long as they do, and changes as they do. */
  readonly data: TensorView;
}

const VIEW_NAMES: Readonly<Record<FileDType, string>> = {
  f32: "Float32Array",
  f16: "Float16Array",
  bf16: "Uint16Array",
  i32: "Int32Array",
  i8: "Int8Array",
  u8: "Uint8Array",
};

/** How many elements `shape` has, or undefined when no file could hold so many. */
export function elementsOf(shape: readonly number[]): number | undefined {
  const elements = shape.reduce((product, dimension) => product * dimension, 1);
  return Number.isSafeInteger(elements) ? elements : undefined; // NaN is 0 times an overflow.
}

/** A tensor over `length` bytes of `bytes`: a view where the element's alignment allows, or a copy. */
export function tensorOver(
  bytes: Uint8Array,
  range: { readonly start: number; readonly end: number },
  type: { readonly dtype: FileDType; readonly shape: readonly number[] },
): Tensor {
  const offset = bytes.byteOffset + range.start;
  const length = range.end - range.start;
  const aligned = offset % sizeBytes(type.dtype) === 0;
  const data = aligned
    ? viewOf(type.dtype, bytes.buffer, offset, length)
    : viewOf(type.dtype, bytes.slice(range.start, range.end).buffer, 0, length);
  return { ...type, data };
}

/** The bytes of a tensor that a writer is about to keep, after checking that it is what it says. */
export function checkedBytes(tensor: Tensor, name: string): Uint8Array {
  const { dtype, shape, data } = tensor;
  const expected = VIEW_NAMES[dtype];
  if (expected === undefined) {
    throw new Failure("TENSOR_FILE_UNSUPPORTED", {
      at: name,
      found: `element type ${dtype}`,
      expected: FILE_DTYPES.join(", "),
      fix: "Unpack quantised values to f32 or f16 first, or store their blocks as u8.",
    });
  }
  if (data[Symbol.toStringTag] !== expected) {
    throw misfit(name, `${dtype} in a ${data[Symbol.toStringTag]}`, `a ${expected}`);
  }
  if (shape.length > TENSOR_LIMITS.rankMax) {
    throw tooLarge(name, `${shape.length} dimensions`, `at most ${TENSOR_LIMITS.rankMax}`);
  }
  if (!shape.every((dimension) => Number.isSafeInteger(dimension) && dimension >= 0)) {
    throw misfit(name, `shape [${shape.join(", ")}]`, "whole numbers from 0 up");
  }
  const elements = elementsOf(shape);
  if (elements !== data.length) {
    throw misfit(
      name,
      `${data.length} elements`,
      `[${shape.join(", ")}] = ${elements ?? "no size"}`,
    );
  }
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function misfit(at: string, found: string, expected: string): Failure {
  const fix = "Give the tensor the shape and the typed array that belong to its element type.";
  return new Failure("TENSOR_INVALID", { at, found, expected, fix });
}

/** The reader's and the writer's refusal of what lies beyond a bound. */
export function tooLarge(at: string, found: string, expected: string): Failure {
  const fix = "Split the file, or see TENSOR_LIMITS for the bounds and their reasons.";
  return new Failure("TENSOR_FILE_TOO_LARGE", { at, found, expected, fix });
}
