// LoRA: low-rank adapters as PEFT saves them: for a matrix W the product becomes W x + scale B (A x),
// with A [rank, in] and B [out, rank].
//
// PEFT has many variants. What is not this one is refused by name: an adapter half applied would still
// make text.

import { Failure, MODEL_LIMITS } from "../base/mod.ts";
import type { ModelConfig } from "./config.ts";
import { type Fields, invalid, mismatch, parseObject, unsupported } from "./json.ts";
import { type ModelFiles, openTensors, widened, Weights } from "./weights.ts";

/** The products of a layer that an adapter may change. */
export const TARGETS = ["q", "k", "v", "o", "gate", "up", "down"] as const;
export type Target = (typeof TARGETS)[number];

export interface LowRank {
  readonly target: Target;
  readonly inputs: number;
  readonly outputs: number;
  readonly rank: number;
  readonly scale: number;
  /** [rank, inputs]. */
  readonly a: Float32Array;
  /** [outputs, rank]. */
  readonly b: Float32Array;
}

export interface Adapter {
  readonly rank: number;
  readonly scale: number;
  /** Of each layer, what changes which product. */
  readonly layers: readonly ReadonlyMap<Target, LowRank>[];
}

export const ADAPTER_CONFIG = "adapter_config.json";
export const ADAPTER_WEIGHTS = "adapter_model.safetensors";

const NAME =
  /^base_model\.model\.model\.layers\.(\d+)\.(?:self_attn|mlp)\.(\w+)_proj\.lora_([AB])\.weight$/;

/**
 * Reads an adapter for a model of `config`. `weightsFile` may have another name. Fails with
 * MODEL_FILE_INVALID, MODEL_UNSUPPORTED or MODEL_MISMATCH.
 */
export async function openAdapter(
  files: ModelFiles,
  config: ModelConfig,
  weightsFile: string = ADAPTER_WEIGHTS,
): Promise<Adapter> {
  const settings = await files.read(ADAPTER_CONFIG, MODEL_LIMITS.configBytesMax);
  const { rank, scale } = parseAdapterConfig(required(settings, ADAPTER_CONFIG));
  const file = required(await openTensors(files, weightsFile), weightsFile);
  const weights = new Weights(new Map([[weightsFile, file]]));
  const found = new Set([...file.entries.keys()].map((name) => placeOf(name, config)));
  const layers: Map<Target, LowRank>[] = [];
  for (let layer = 0; layer < config.layers; layer++) {
    const targets = TARGETS.filter((target) => found.has(`${layer} ${target}`));
    const low = new Map<Target, LowRank>();
    for (const target of targets)
      low.set(target, await lowRank(weights, config, { layer, target, rank, scale }));
    layers.push(low);
  }
  return { rank, scale, layers };
}

/** Fails with MODEL_MISMATCH where the adapter was opened for a model of other layers or widths. */
export function requireFit({ layers }: Adapter, config: ModelConfig): void {
  const expected = `an adapter opened for a model of ${config.layers} layers with these widths`;
  if (layers.length !== config.layers)
    throw mismatch("adapter", `one for ${layers.length} layers`, expected);
  for (const { target, inputs, outputs } of layers.flatMap((layer) => [...layer.values()])) {
    const widths = widthsOf(target, config);
    if (inputs !== widths.inputs || outputs !== widths.outputs)
      throw mismatch(`adapter, ${target}_proj`, `[${outputs}, ${inputs}]`, expected);
  }
}

/** alpha / rank, or with rsLoRA alpha / sqrt(rank). */
export function parseAdapterConfig(bytes: Uint8Array): {
  readonly rank: number;
  readonly scale: number;
} {
  const fields = parseObject(bytes, ADAPTER_CONFIG);
  refuseOthers(fields);
  const rank = fields.integer("r", { min: 1, max: MODEL_LIMITS.loraRankMax });
  const alpha = fields.positiveOr("lora_alpha", 8);
  return { rank, scale: alpha / (fields.flag("use_rslora", false) ? Math.sqrt(rank) : rank) };
}

function refuseOthers(fields: Fields): void {
  const type = fields.text("peft_type");
  if (type !== "LORA") throw unsupported(fields.path("peft_type"), type, "LORA");
  const bias = fields.textOr("bias", "none");
  if (bias !== "none") throw unsupported(fields.path("bias"), bias, "none");
  for (const name of ["use_dora", "fan_in_fan_out", "lora_bias"]) {
    if (fields.flag(name, false)) throw unsupported(fields.path(name), "true", "false");
  }
  for (const name of ["rank_pattern", "alpha_pattern"]) {
    if ((fields.objectOr(name, undefined)?.entries() ?? []).length > 0)
      throw unsupported(fields.path(name), "a rank or alpha of its own", "one for all");
  }
  if (fields.list("modules_to_save", 64).length > 0)
    throw unsupported(fields.path("modules_to_save"), "whole modules", "low ranks alone");
}

/** "layer target" of a tensor's name. */
function placeOf(name: string, { layers }: ModelConfig): string {
  const [, layer, target] = NAME.exec(name) ?? [];
  if (layer === undefined || !TARGETS.includes(target as Target))
    throw unsupported(
      `tensor "${name.slice(0, 128)}"`,
      "another place",
      `${TARGETS.join("_proj, ")}_proj`,
    );
  if (Number(layer) >= layers)
    throw mismatch(`tensor "${name}"`, `layer ${layer}`, `${layers} layers`);
  return `${Number(layer)} ${target}`;
}

interface Place {
  readonly layer: number;
  readonly target: Target;
  readonly rank: number;
  readonly scale: number;
}

async function lowRank(
  weights: Weights,
  config: ModelConfig,
  { layer, target, rank, scale }: Place,
): Promise<LowRank> {
  const { inputs, outputs } = widthsOf(target, config);
  const part = ["gate", "up", "down"].includes(target) ? "mlp" : "self_attn";
  const name = `base_model.model.model.layers.${layer}.${part}.${target}_proj`;
  const a = await widened(weights.get(`${name}.lora_A.weight`, [rank, inputs]));
  const b = await widened(weights.get(`${name}.lora_B.weight`, [outputs, rank]));
  for (const [half, data] of [
    ["A", a],
    ["B", b],
  ] as const) {
    const at = data.findIndex((value) => !Number.isFinite(value));
    if (at >= 0) throw invalid(`tensor "${name}.lora_${half}.weight"`, data[at], "finite weights");
  }
  return { target, inputs, outputs, rank, scale, a, b };
}

function widthsOf(target: Target, config: ModelConfig) {
  const { hidden, ffn, heads, kvHeads, headDim } = config;
  switch (target) {
    case "q":
      return { inputs: hidden, outputs: heads * headDim };
    case "k":
    case "v":
      return { inputs: hidden, outputs: kvHeads * headDim };
    case "o":
      return { inputs: heads * headDim, outputs: hidden };
    case "gate":
    case "up":
      return { inputs: hidden, outputs: ffn };
    case "down":
      return { inputs: ffn, outputs: hidden };
    default:
      return target satisfies never;
  }
}

function required<Found>(found: Found | undefined, at: string): Found {
  if (found !== undefined) return found;
  throw new Failure("MODEL_MISMATCH", {
    at,
    found: "no such file",
    expected: `${ADAPTER_CONFIG} and ${ADAPTER_WEIGHTS} in one folder`,
    fix: "Name an adapter as PEFT saves it.",
  });
}
