// Model: a host for Llama-format models over pack kernels. Directories as Hugging Face writes them are
// read with bounds; norms, rotations and activations run in the sandbox, matrix products and attention
// as native kernels beside it. The room opens no file and knows no clock and no chance: all are passed
// in.

export { CONFIG_FILE, type ModelConfig, parseConfig } from "./config.ts";
export { Decoder, type DecoderOptions } from "./decoder.ts";
export { KV_FORMATS, type KvFormat } from "./kv.ts";
export { Meter, type Share, type Worker } from "./meter.ts";
export { type ModelFiles, openWeights, type Weights } from "./weights.ts";
