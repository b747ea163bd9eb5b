// Tensor output: decides before a kernel runs whether its outputs can be written, and writes them after.

import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { dirname, extname, resolve } from "node:path";
import { type DType, Failure, type TensorView } from "../base/mod.ts";
import type { TensorSpec } from "../pack/mod.ts";
import { type FileDType, type Tensor, writeNpy, writeSafetensors } from "../tensor/mod.ts";
import type { Assignments } from "./assignments.ts";
import type { Io } from "./io.ts";
import { writeWhole } from "./write.ts";

/** One file and the outputs that go into it, by name. A `.npy` takes one. */
export interface OutputFile {
  readonly file: string;
  readonly path: string;
  readonly outputs: readonly string[];
}

/** An output of a call, as the sandbox describes it. */
export interface OutputTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TensorView;
}

/** The files that `asked` names. Fails with USAGE, or with OUTPUT_UNWRITABLE where that shows now. */
export async function planOutputs(
  io: Io,
  asked: Assignments = new Map(),
  specs: readonly TensorSpec[],
): Promise<readonly OutputFile[]> {
  const known = specs.map(({ name }) => name);
  const files = new Map<string, OutputFile>();
  for (const [name, file] of asked) {
    if (!known.includes(name)) throw unknownOutput(name, known);
    const kind = extname(file).toLowerCase();
    if (kind !== ".npy" && kind !== ".safetensors") throw unknownKind(file);
    const path = resolve(io.cwd, file);
    const outputs = [...(files.get(path)?.outputs ?? []), name];
    if (kind === ".npy" && outputs.length > 1) throw twoInOne(file, outputs);
    files.set(path, { file, path, outputs });
  }
  for (const { file, path } of files.values()) await requireWritable(file, path);
  return [...files.values()];
}

/** Writes each file whole or not at all. Fails with OUTPUT_UNWRITABLE. */
export async function writeOutputs(
  files: readonly OutputFile[],
  tensors: readonly OutputTensor[],
): Promise<void> {
  for (const { path, outputs } of files) {
    const chosen = tensors.filter(({ name }) => outputs.includes(name));
    const entries = chosen.map((tensor) => [tensor.name, fileTensor(tensor)] as const);
    const isNpy = extname(path).toLowerCase() === ".npy";
    await writeWhole(path, isNpy ? writeNpy(entries[0]![1]) : writeSafetensors(entries));
  }
}

/** Quantised values have no type in files: they go as bytes, two values to each of q4's. */
function fileTensor({ dtype, shape, data }: OutputTensor): Tensor {
  if (dtype === "q4") return { dtype: "u8", shape: [data.length], data };
  const fileDtype: FileDType = dtype === "q8" ? "u8" : dtype;
  return { dtype: fileDtype, shape, data };
}

/** Finds out early what would otherwise be found out after a long run. */
async function requireWritable(file: string, path: string): Promise<void> {
  const folder = dirname(path);
  try {
    await access(folder, constants.W_OK);
    if (!(await stat(folder)).isDirectory()) throw new Error(`${folder} is no folder`);
  } catch (cause) {
    throw unwritable(file, cause instanceof Error ? cause.message : String(cause), { cause });
  }
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false, // Nothing there yet, as is usual.
  );
  if (isFolder) throw unwritable(file, "a folder of this name");
}

function unwritable(at: string, found: string, options: ErrorOptions = {}): Failure {
  const fix = "Check the path and its permissions.";
  return new Failure(
    "OUTPUT_UNWRITABLE",
    { at, found, expected: "a place to write to", fix },
    options,
  );
}

function unknownOutput(name: string, known: readonly string[]): Failure {
  return new Failure("USAGE", {
    at: `--output ${name}`,
    found: "no such output",
    expected: `one of ${known.join(", ")}`,
    fix: "Name an output of the kernel.",
  });
}

function unknownKind(file: string): Failure {
  return new Failure("USAGE", {
    at: file,
    found: extname(file) === "" ? "a name without an ending" : `the ending ${extname(file)}`,
    expected: ".npy or .safetensors",
    fix: "Give the file one of these endings: it decides the format.",
  });
}

function twoInOne(file: string, outputs: readonly string[]): Failure {
  return new Failure("USAGE", {
    at: file,
    found: `the outputs ${outputs.join(" and ")}`,
    expected: "one: a .npy holds one tensor",
    fix: "Use a .safetensors file, or one file for each.",
  });
}
