// Model: a host for Llama-format models over pack kernels. Directories as Hugging Face writes them are
// read with bounds; norms, rotations and activations run in the sandbox, matrix products and attention
// as native kernels beside it. The room opens no file and knows no clock and no chance: all are passed
// in.

export { type ModelConfig, parseConfig } from "./config.ts";
export { Decoder, type DecoderOptions } from "./decoder.ts";
export type { Degraded } from "./degraded.ts";
export { type EndReason, generate, type GenerateOptions } from "./generate.ts";
export { generateText, type Piece, type TextOptions } from "./generate-text.ts";
export { KV_FORMATS, type KvFormat } from "./kv.ts";
export { type Adapter, ADAPTER_WEIGHTS, openAdapter } from "./lora.ts";
export { Meter, type Share, type Worker } from "./meter.ts";
export { NATIVE_HASHES, NATIVE_KINDS } from "./native/leave.ts";
export { type Model, openModel } from "./model.ts";
export { likeliest, randomFrom, type SampleOptions, type Sampler, samplerOf } from "./sample.ts";
export type { TextStream } from "./tokenizer/text-stream.ts";
export { type EncodeOptions, parseTokenizer, type Tokenizer } from "./tokenizer/tokenizer.ts";
export { type ModelFiles, openWeights, type Weights } from "./weights.ts";
export type { Parts } from "../tensor/mod.ts";
