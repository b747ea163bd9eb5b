// Weights: the tensors of a model directory, in one file or many, under the names that Hugging Face
// gives them, each with the shape that the config says.

import { Failure, MODEL_LIMITS } from "../base/mod.ts";
import {
  bf16ArrayToF32,
  f16ArrayToF32,
  openSafetensors,
  type SafetensorsFile,
} from "../tensor/mod.ts";
import type { Tensor } from "../tensor/mod.ts";
import { invalid, mismatch, parseObject, unsupported } from "./json.ts";

/** A model's directory. Names are plain file names. */
export interface ModelFiles {
  /** Undefined where there is no such file. Fails for one that is larger than `bytesMax`. */
  read(name: string, bytesMax: number): Promise<Uint8Array | undefined>;
}

/** What a weight is stored as, in the file and in memory. */
export type WeightFormat = "f32" | "f16" | "bf16";

export interface Weight {
  readonly name: string;
  readonly format: WeightFormat;
  readonly shape: readonly number[];
  readonly data: Float32Array | Float16Array | Uint16Array;
}

export const SINGLE_FILE = "model.safetensors";
export const INDEX_FILE = "model.safetensors.index.json";

/** Opens `model.safetensors`, or all the shards that the index names. */
export async function openWeights(files: ModelFiles): Promise<Weights> {
  const index = await files.read(INDEX_FILE, MODEL_LIMITS.configBytesMax);
  if (index === undefined)
    return new Weights(new Map([[SINGLE_FILE, await open(files, SINGLE_FILE)]]));
  const places = parseIndex(index);
  const shards = new Map<string, SafetensorsFile>();
  for (const shard of new Set(places.values())) shards.set(shard, await open(files, shard));
  return new Weights(shards, places);
}

export class Weights {
  readonly #files: ReadonlyMap<string, SafetensorsFile>;
  /** The file of each tensor, where an index tells. */
  readonly #places: ReadonlyMap<string, string> | undefined;

  constructor(files: ReadonlyMap<string, SafetensorsFile>, places?: ReadonlyMap<string, string>) {
    this.#files = files;
    this.#places = places;
  }

  /** The weight `name`, checked to have `shape`. Its data is a view of the file. */
  get(name: string, shape: readonly number[]): Weight {
    const tensor = this.#tensor(name);
    if (tensor.shape.join() !== shape.join())
      throw mismatch(`tensor "${name}"`, `[${tensor.shape.join(", ")}]`, `[${shape.join(", ")}]`);
    const format = formatOf(name, tensor);
    return { name, format, shape, data: tensor.data as Weight["data"] };
  }

  #tensor(name: string): Tensor {
    const place = this.#places?.get(name);
    if (this.#places !== undefined && place === undefined) throw missing(name);
    const file =
      place === undefined
        ? [...this.#files.values()].find(({ entries }) => entries.has(name))
        : this.#files.get(place);
    if (file === undefined || !file.entries.has(name)) throw missing(name);
    return file.get(name);
  }
}

/** The weight's values as f32: a copy but for those that are f32. */
export function widened({ format, data }: Weight): Float32Array {
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

function formatOf(name: string, { dtype }: Tensor): WeightFormat {
  if (dtype === "f32" || dtype === "f16" || dtype === "bf16") return dtype;
  throw unsupported(`tensor "${name}"`, `element type ${dtype}`, "f32, f16 or bf16");
}

async function open(files: ModelFiles, name: string): Promise<SafetensorsFile> {
  const bytes = await files.read(name, MODEL_LIMITS.weightsFileBytesMax);
  if (bytes !== undefined) return openSafetensors(bytes);
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
