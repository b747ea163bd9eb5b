// Front door `annulus/model` on Node: the model room, and models that lie in folders.

import { setImmediate } from "node:timers/promises";
import { Failure } from "./base/mod.ts";
import {
  type Adapter,
  type Decoder,
  type EndReason,
  generateText,
  type Model,
  openAdapter,
  openModel,
  type Piece,
  randomFrom,
  samplerOf,
} from "./model/mod.ts";
import { modelFolder } from "./platform/node/mod.ts";

export * from "./model/mod.ts";
export { modelFolder } from "./platform/node/mod.ts";

/**
 * Reads a Llama-format model as Hugging Face lays it out: `config.json`, `tokenizer.json` and
 * `model.safetensors` or its shards. Fails with a MODEL or TENSOR code that says what is wrong where.
 */
export async function openModelFolder(folder: string | URL): Promise<Model> {
  return openModel(await modelFolder(folder));
}

/** Reads a LoRA adapter for `model` as PEFT saves it. MODEL_MISMATCH where it is another model's. */
export async function openAdapterFolder(folder: string | URL, model: Model): Promise<Adapter> {
  return openAdapter(await modelFolder(folder), model.config);
}

export interface GenerateOptions {
  /** Tokens to add at most. Default: 128. */
  readonly tokensMax?: number | undefined;
  /** Default: 0, which takes the likeliest token. */
  readonly temperature?: number | undefined;
  /** Draws from the fewest tokens whose shares add up to this. Default: 1, all of them. */
  readonly topP?: number | undefined;
  /** Draws the same again. Default: a new one. */
  readonly seed?: number | undefined;
  /** Once aborted, the loop ends with its reason, thrown. */
  readonly signal?: AbortSignal | undefined;
  /** Told how much of the prompt has been read, in tokens. */
  readonly onRead?: ((tokens: number) => void) | undefined;
}

/**
 * Continues `prompt` with a decoder that was opened for `model`, piece by piece, with a turn of the event
 * loop between them. A decoder makes one text at a time, and goes on from what it has read before:
 * `decoder.reset()` forgets that. Fails with CONTEXT_FULL when the prompt does not fit.
 *
 *   const model = await openModelFolder("tiny-llama");
 *   using decoder = await Decoder.open({ ...model, sandbox, pack, bypass });
 *   for await (const { text } of generate(decoder, model, "In the beginning")) process.stdout.write(text);
 */
export function generate(
  decoder: Decoder,
  { tokenizer }: Pick<Model, "tokenizer">,
  prompt: string,
  options: GenerateOptions = {},
): AsyncGenerator<Piece, EndReason> {
  const {
    tokensMax = 128,
    temperature = 0,
    topP = 1,
    seed = freshSeed(),
    signal,
    onRead,
  } = options;
  if (!Number.isSafeInteger(tokensMax) || tokensMax < 1) throw notACount(tokensMax);
  const sample = samplerOf({ temperature, topP, random: randomFrom(seed) });
  const ids = tokenizer.encode(prompt, { frame: decoder.length === 0 });
  if (ids.length === 0) throw nothingToRead();
  return generateText(decoder, tokenizer, ids, {
    tokensMax,
    sample,
    signal,
    onRead,
    breathe: setImmediate,
  });
}

function freshSeed(): number {
  return Math.floor(Math.random() * 2 ** 32);
}

function notACount(found: number): Failure {
  return new Failure("PARAM_INVALID", {
    at: "tokensMax",
    found: String(found),
    expected: "a whole number of at least 1",
    fix: "Ask for one token or more.",
  });
}

function nothingToRead(): Failure {
  return new Failure("PARAM_INVALID", {
    at: "prompt",
    found: "no text, and a model without a token that begins one",
    expected: "at least one character",
    fix: "Begin the text.",
  });
}
