// Weights: the tensors of a model directory, in one file or many, under the names that Hugging Face
// gives them, each with the shape that the config says.

import { Failure, MODEL_LIMITS } from "../base/mod.ts";
import {
  bf16ArrayToF32,
  f16ArrayToF32,
  openSafetensorsParts,
  type Parts,
  type SafetensorsParts,
} from "../tensor/mod.ts";
import { invalid, mismatch, parseObject, tooLarge, unsupported } from "./json.ts";

/** A model's directory. Names are plain file names. */
export interface ModelFiles {
  /** Undefined where there is no such file. Fails for one that is larger than `bytesMax`. */
  read(name: string, bytesMax: number): Promise<Uint8Array | undefined>;
  /** Opens a file to be read in parts, as weights are. Where it is left out they are read whole. */
  open?(name: string): Promise<Parts | undefined>;
}

/** What a weight is stored as, in the file and in memory. */
export type WeightFormat = "f32" | "f16" | "bf16";

export type WeightData = Float32Array | Float16Array | Uint16Array;

export interface Weight {
  readonly name: string;
  readonly format: WeightFormat;
  readonly shape: readonly number[];
  /** Reads its values. Nobody keeps them here. */
  read(): Promise<WeightData>;
}

export const SINGLE_FILE = "model.safetensors";
export const INDEX_FILE = "model.safetensors.index.json";

/** Opens `model.safetensors`, or all the shards that the index names, and reads their headers. */
export async function openWeights(files: ModelFiles): Promise<Weights> {
  const index = await files.read(INDEX_FILE, MODEL_LIMITS.configBytesMax);
  if (index === undefined)
    return new Weights(new Map([[SINGLE_FILE, await open(files, SINGLE_FILE)]]));
  const places = parseIndex(index);
  const shards = new Map<string, SafetensorsParts>();
  for (const shard of new Set(places.values())) shards.set(shard, await open(files, shard));
  return new Weights(shards, places);
}

export class Weights {
  readonly #files: ReadonlyMap<string, SafetensorsParts>;
  /** The file of each tensor, where an index tells. */
  readonly #places: ReadonlyMap<string, string> | undefined;

  constructor(files: ReadonlyMap<string, SafetensorsParts>, places?: ReadonlyMap<string, string>) {
    this.#files = files;
    this.#places = places;
  }

  /** The weight `name`, checked to have `shape`. Nothing of it is read yet. */
  get(name: string, shape: readonly number[]): Weight {
    const file = this.#fileOf(name);
    const found = file.entries.get(name)!.shape;
    if (found.join() !== shape.join())
      throw mismatch(`tensor "${name}"`, `[${found.join(", ")}]`, `[${shape.join(", ")}]`);
    const format = formatOf(name, file);
    return { name, format, shape, read: async () => (await file.get(name)).data as WeightData };
  }

  #fileOf(name: string): SafetensorsParts {
    const place = this.#places?.get(name);
    if (this.#places !== undefined && place === undefined) throw missing(name);
    const file =
      place === undefined
        ? [...this.#files.values()].find(({ entries }) => entries.has(name))
        : this.#files.get(place);
    if (file === undefined || !file.entries.has(name)) throw missing(name);
    return file;
  }
}

/** The weight's values as f32: a copy but for those that are f32. */
export async function widened(weight: Weight): Promise<Float32Array> {
  return inF32(weight.format, await weight.read());
}

/** Values of a format as f32. */
export function inF32(format: WeightFormat, data: WeightData): Float32Array {
  switch (format) {
    case "f32":
      return data as Float32Array;
    case "f16":
      return f16ArrayToF32(data as Float16Array);
    case "bf16":
      return bf16ArrayToF32(data as Uint16Array);
    default:
      return format satisfies never;
  }
}

function formatOf(name: string, file: SafetensorsParts): WeightFormat {
  const dtype = file.dtype(name);
  if (dtype === "f32" || dtype === "f16" || dtype === "bf16") return dtype;
  throw unsupported(`tensor "${name}"`, `element type ${dtype}`, "f32, f16 or bf16");
}

/** A file of tensors, in parts where the directory can. Undefined where there is none. */
export async function openTensors(
  files: ModelFiles,
  name: string,
): Promise<SafetensorsParts | undefined> {
  const parts = await (files.open === undefined ? readWhole(files, name) : files.open(name));
  if (parts === undefined) return undefined;
  const most = MODEL_LIMITS.weightsFileBytesMax;
  if (parts.bytes > most) throw tooLarge(name, parts.bytes, most);
  return openSafetensorsParts(parts);
}

async function readWhole(files: ModelFiles, name: string): Promise<Parts | undefined> {
  const whole = await files.read(name, MODEL_LIMITS.wholeFileBytesMax);
  return (
    whole && {
      bytes: whole.length,
      read: async (at, bytes) => whole.subarray(at, at + bytes),
    }
  );
}

async function open(files: ModelFiles, name: string): Promise<SafetensorsParts> {
  const file = await openTensors(files, name);
  if (file !== undefined) return file;
  throw new Failure("MODEL_MISMATCH", {
    at: name,
    found: "no such file",
    expected: `${SINGLE_FILE}, or ${INDEX_FILE} and every file that it names`,
    fix: "Download the model's directory completely.",
  });
}

/** Where each tensor lies. A shard is a file beside the index, never a path to anywhere else. */
function parseIndex(bytes: Uint8Array): ReadonlyMap<string, string> {
  const map = parseObject(bytes, INDEX_FILE).object("weight_map");
  const places = new Map<string, string>();
  for (const [tensor, shard] of map.entries()) {
    if (typeof shard !== "string" || !/^[\w.-]{1,255}\.safetensors$/.test(shard))
      throw invalid(map.path(tensor), shard, "the name of a .safetensors file");
    places.set(tensor, shard);
  }
  const shards = new Set(places.values()).size;
  if (shards > MODEL_LIMITS.shardsMax || shards === 0)
    throw invalid(map.at, shards, `1 to ${MODEL_LIMITS.shardsMax} files`);
  return places;
}

function missing(name: string): Failure {
  return mismatch(`tensor "${name}"`, "no such tensor", "every tensor that the config calls for");
}
