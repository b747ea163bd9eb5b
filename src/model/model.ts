// Model: a directory with a config, weights and a tokenizer, read and held against each other.

import { Failure, MODEL_LIMITS } from "../base/mod.ts";
import { CONFIG_FILE, type ModelConfig, parseConfig } from "./config.ts";
import { mismatch } from "./json.ts";
import { parseTokenizer, type Tokenizer, TOKENIZER_FILE } from "./tokenizer/tokenizer.ts";
import { type ModelFiles, openWeights, type Weights } from "./weights.ts";

export interface Model {
  readonly config: ModelConfig;
  readonly tokenizer: Tokenizer;
  readonly weights: Weights;
}

/** Reads a model's directory. Fails with one of the MODEL codes, or as reading tensors does. */
export async function openModel(files: ModelFiles): Promise<Model> {
  const config = parseConfig(await required(files, CONFIG_FILE, MODEL_LIMITS.configBytesMax));
  const tokens = await required(files, TOKENIZER_FILE, MODEL_LIMITS.tokenizerBytesMax);
  const tokenizer = parseTokenizer(tokens);
  if (tokenizer.size > config.vocabulary)
    throw mismatch(TOKENIZER_FILE, `${tokenizer.size} tokens`, `${config.vocabulary} or fewer`);
  return { config, tokenizer, weights: await openWeights(files) };
}

async function required(files: ModelFiles, name: string, bytesMax: number): Promise<Uint8Array> {
  const bytes = await files.read(name, bytesMax);
  if (bytes !== undefined) return bytes;
  throw new Failure("MODEL_MISMATCH", {
    at: name,
    found: "no such file",
    expected: "a directory with config.json, tokenizer.json and model.safetensors",
    fix: "Name the directory of a model as Hugging Face lays it out.",
  });
}
