// Tensor input: finds the tensor that FILE[:TENSOR] names and makes it fit an input of a kernel.
//
// What a file holds is changed in two harmless ways only, and the report says so: halves are widened to
// f32, which is exact, and leading axes of one are added or dropped. Anything else takes --shape.

import { stat } from "node:fs/promises";
import { extname, resolve } from "node:path";
import { type DType, Failure, tensorBytes, type TensorView } from "../base/mod.ts";
import type { TensorSpec } from "../pack/mod.ts";
import {
  bf16ArrayToF32,
  f16ArrayToF32,
  isNpy,
  openSafetensors,
  readNpy,
  type Tensor,
} from "../tensor/mod.ts";
import type { Io } from "./io.ts";
import { readBytes } from "./input.ts";

export interface TensorInput {
  readonly spec: TensorSpec;
  readonly file: string;
  /** The tensor's name in the file; undefined for a `.npy`, which has none. */
  readonly tensor: string | undefined;
  /** As the file has them. */
  readonly fileDtype: DType;
  readonly fileShape: readonly number[];
  /** As the kernel sees it. */
  readonly shape: readonly number[];
  readonly data: TensorView;
}

/** Node reads at most 2^31 - 1 bytes at once, and the reader asks for one more than there are. */
const BOUND = {
  bytesMax: 2 ** 31 - 2,
  code: "TENSOR_FILE_TOO_LARGE",
  fix: "Save the tensor in a file of its own.",
} as const;

/** Files that several inputs name are read once. */
export type ReadFiles = Map<string, Uint8Array<ArrayBuffer>>;

/** Reads the tensor that `text` names for the input `spec`, shaped as `asked` where that is given. */
export async function readTensorInput(
  io: Io,
  spec: TensorSpec,
  text: string,
  asked: readonly number[] | undefined,
  files: ReadFiles,
): Promise<TensorInput> {
  const { file, tensor: name } = await locate(io, text);
  const path = resolve(io.cwd, file);
  const bytes = files.get(path) ?? (await readBytes(io, file, BOUND));
  files.set(path, bytes);
  const [found, tensor] = named(file, () => tensorIn(bytes, file, name, spec));
  const data = fittingData(spec, tensor, file);
  const shape = asked ?? fittingShape(spec, tensor.shape);
  const elements = shape.reduce((product, size) => product * size, 1);
  if (tensorBytes(spec.dtype, elements) !== data.byteLength) throw otherSize(spec, tensor, shape);
  const { dtype: fileDtype, shape: fileShape } = tensor;
  return { spec, file, tensor: found, fileDtype, fileShape, shape, data };
}

/**
 * Splits FILE[:TENSOR]. A colon separates only where a file of that name lies to its left, so paths
 * with colons are themselves, drive letters too, and names of tensors may hold colons.
 */
export async function locate(
  io: Io,
  text: string,
): Promise<{ readonly file: string; readonly tensor: string | undefined }> {
  for (let end = text.length; end > 0; end = text.lastIndexOf(":", end - 1)) {
    const file = text.slice(0, end);
    const isFile = await stat(resolve(io.cwd, file)).then(
      (found) => found.isFile(),
      () => false, // Whatever is wrong with a name that may be none: the end of the loop tells.
    );
    if (isFile) return { file, tensor: end === text.length ? undefined : text.slice(end + 1) };
  }
  throw new Failure("INPUT_UNREADABLE", {
    at: text,
    found: "no file of this name",
    expected: "a .npy or .safetensors file, and after a colon the name of a tensor in it",
    fix: "Check the path.",
  });
}

/** Runs `read`, adding the file's name to the place of a failure. */
function named<Value>(file: string, read: () => Value): Value {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof Failure)) throw cause;
    const { code, found, expected, fix, detail } = cause;
    const at = cause.at === undefined ? file : `${file}, ${cause.at}`;
    throw new Failure(code, { at, found, expected, fix }, { cause, detail });
  }
}

function tensorIn(
  bytes: Uint8Array,
  file: string,
  name: string | undefined,
  { name: input, dtype }: TensorSpec,
): readonly [name: string | undefined, tensor: Tensor] {
  if (isNpy(bytes) || extname(file).toLowerCase() === ".npy") {
    if (name !== undefined) throw nameless(name);
    return [undefined, readNpy(bytes, dtype === "bf16" ? { rawPairs: "bf16" } : {})];
  }
  const tensors = openSafetensors(bytes);
  const [first, second] = tensors.entries.keys();
  if (name === undefined && second !== undefined) throw unnamed(input, [...tensors.entries.keys()]);
  const found = name ?? first ?? "";
  return [found, tensors.get(found)];
}

function fittingData(spec: TensorSpec, { dtype, data }: Tensor, file: string): TensorView {
  if (dtype === (spec.dtype === "q4" || spec.dtype === "q8" ? "u8" : spec.dtype)) return data;
  if (spec.dtype === "f32" && data instanceof Float16Array) return f16ArrayToF32(data);
  if (spec.dtype === "f32" && data instanceof Uint16Array) return bf16ArrayToF32(data);
  throw new Failure("DTYPE_MISMATCH", {
    at: `input "${spec.name}", ${file}`,
    found: dtype,
    expected: spec.dtype,
    fix: `Convert the tensor to ${spec.dtype} and save it again.`,
  });
}

/** The file's shape with the rank that the kernel wants, where leading axes of one make up for it. */
function fittingShape(spec: TensorSpec, fileShape: readonly number[]): readonly number[] {
  const surplus = Math.max(fileShape.length - spec.shape.length, 0);
  if (fileShape.slice(0, surplus).every((size) => size === 1)) {
    const missing = Math.max(spec.shape.length - fileShape.length, 0);
    return [...Array.from({ length: missing }, () => 1), ...fileShape.slice(surplus)];
  }
  throw new Failure("SHAPE_MISMATCH", {
    at: `input "${spec.name}"`,
    found: `${fileShape.length} axes, [${fileShape.join(", ")}]`,
    expected: `${spec.shape.length} axes, [${spec.shape.join(", ")}]`,
    fix: `Say how to read it, such as --shape ${spec.name}=${spec.shape.join("x")} in numbers.`,
  });
}

function otherSize({ name, dtype }: TensorSpec, tensor: Tensor, shape: readonly number[]): Failure {
  return new Failure("SHAPE_MISMATCH", {
    at: `input "${name}"`,
    found: `${tensor.data.length} elements of ${tensor.dtype}, [${tensor.shape.join(", ")}]`,
    expected: `as many as ${dtype} [${shape.join(", ")}] has`,
    fix: `Pass --shape ${name}=... with the tensor's own number of elements.`,
  });
}

function nameless(name: string): Failure {
  return new Failure("TENSOR_NOT_FOUND", {
    found: `the name "${name}"`,
    expected: "no name: a .npy holds one tensor",
    fix: `Leave out ":${name}".`,
  });
}

function unnamed(input: string, names: readonly string[]): Failure {
  const shown = names.slice(0, NAMES_SHOWN).join(", ");
  const more = names.length > NAMES_SHOWN ? `, and ${names.length - NAMES_SHOWN} more` : "";
  return new Failure("TENSOR_NOT_FOUND", {
    found: `${names.length} tensors, and no name`,
    expected: `one of ${shown}${more}`,
    fix: `Name it: --input ${input}=FILE:TENSOR.`,
  });
}

const NAMES_SHOWN = 8;
