// Config: `config.json` of a Hugging Face model directory, as far as a Llama needs it.
//
// What this host would compute wrongly it refuses here: other architectures, biases, other activations.
// A key that is not read cannot change the result of a model of this architecture.

import { type Failure, MODEL_LIMITS } from "../base/mod.ts";
import { Fields, mismatch, parseObject, shown, unsupported } from "./json.ts";
import { parseRope, reachOf, type RopeConfig } from "./rope-config.ts";

export interface ModelConfig {
  /** Width of the residual stream. */
  readonly hidden: number;
  readonly layers: number;
  /** Query heads; each group of heads / kvHeads of them shares keys and values. */
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Width of the feed-forward layer. */
  readonly ffn: number;
  readonly vocabulary: number;
  /** Positions that the model reaches, with its scaling rule if it has one. */
  readonly contextMax: number;
  readonly normEps: number;
  readonly rope: RopeConfig;
  /** True where the embedding matrix is the output matrix too. */
  readonly tied: boolean;
  /** Any of these tokens ends a text. */
  readonly endIds: readonly number[];
}

export const CONFIG_FILE = "config.json";

const SUPPORTED = "LlamaForCausalLM";
const LANES = 8; // The products take inputs eight at a time.
const CONTEXT = { min: 1, max: MODEL_LIMITS.contextMax };

/** Fails with MODEL_FILE_INVALID, MODEL_UNSUPPORTED or MODEL_MISMATCH. */
export function parseConfig(bytes: Uint8Array): ModelConfig {
  const fields = parseObject(bytes, CONFIG_FILE);
  refuseOthers(fields);
  const width = { min: 1, max: MODEL_LIMITS.widthMax };
  const headRange = { min: 1, max: MODEL_LIMITS.headsMax };
  const hidden = fields.integer("hidden_size", width);
  const heads = fields.integer("num_attention_heads", headRange);
  const dimRange = { min: 1, max: MODEL_LIMITS.headDimMax };
  const headDim = fields.integerOr("head_dim", dimRange, hidden / heads);
  const positionsMax = fields.integerOr("max_position_embeddings", CONTEXT, 2048);
  if (headDim % LANES !== 0) throw ragged(fields.path("head_dim"), headDim);
  const rope = parseRope(fields, { headDim, positionsMax });
  const config: ModelConfig = {
    hidden,
    heads,
    layers: fields.integer("num_hidden_layers", { min: 1, max: MODEL_LIMITS.layersMax }),
    kvHeads: fields.integerOr("num_key_value_heads", headRange, heads),
    headDim,
    ffn: fields.integer("intermediate_size", width),
    vocabulary: fields.integer("vocab_size", { min: 1, max: MODEL_LIMITS.vocabularyMax }),
    contextMax: reachOf(rope, positionsMax),
    normEps: fields.positiveOr("rms_norm_eps", 1e-6),
    rope,
    tied: fields.flag("tie_word_embeddings", false),
    endIds: endIdsOf(fields),
  };
  requireRelations(config, fields);
  return config;
}

function refuseOthers(fields: Fields): void {
  const architectures = fields.list("architectures", 16);
  if (architectures.length !== 1 || architectures[0] !== SUPPORTED) {
    const found = architectures.length === 0 ? "none" : architectures.map(shown).join(", ");
    throw unsupported(fields.path("architectures"), found, `["${SUPPORTED}"]`);
  }
  const activation = fields.textOr("hidden_act", "silu");
  if (activation !== "silu") throw unsupported(fields.path("hidden_act"), activation, "silu");
  for (const name of ["attention_bias", "mlp_bias"]) {
    if (fields.flag(name, false)) throw unsupported(fields.path(name), "true", "no biases");
  }
  if (fields.has("quantization_config"))
    throw unsupported(fields.path("quantization_config"), "quantised weights", "f32, f16 or bf16");
}

function endIdsOf(fields: Fields): readonly number[] {
  const range = { min: 0, max: MODEL_LIMITS.vocabularyMax };
  const value = fields.get("eos_token_id");
  if (value === undefined) return [];
  if (!Array.isArray(value)) return [fields.integer("eos_token_id", range)];
  return fields
    .list("eos_token_id", 64)
    .map((id) => Fields.of({ eos_token_id: id }, fields.at).integer("eos_token_id", range));
}

function requireRelations(config: ModelConfig, { at }: Fields): void {
  const { heads, kvHeads, hidden, ffn } = config;
  if (heads % kvHeads !== 0)
    throw mismatch(`${at}/num_key_value_heads`, `${kvHeads}`, `a divisor of ${heads} heads`);
  for (const [name, size] of Object.entries({ hidden_size: hidden, intermediate_size: ffn }))
    if (size % LANES !== 0) throw ragged(`${at}/${name}`, size);
}

function ragged(at: string, size: number): Failure {
  return unsupported(at, `${size}`, `a multiple of ${LANES}`);
}
