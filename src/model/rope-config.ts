// Rope config: how a `config.json` says that positions turn, as theta and a scaling rule of src/rope.
//
// Older files have `rope_theta` and `rope_scaling`, newer ones both in `rope_parameters`. Whatever is
// said in an unknown way is refused: a model that is turned wrongly still makes text.

import { Failure, MODEL_LIMITS } from "../base/mod.ts";
import { ropeFrequencies, type RopeScaling } from "../rope/mod.ts";
import { type Fields, invalid, shown, unsupported } from "./json.ts";

export interface RopeConfig {
  /** Values of a head that turn; those behind them stay. */
  readonly dims: number;
  readonly theta: number;
  readonly scaling: RopeScaling | undefined;
}

export interface RopeModel {
  readonly headDim: number;
  /** `max_position_embeddings`. */
  readonly positionsMax: number;
}

const TYPES = ["default", "linear", "dynamic", "yarn", "llama3", "longrope"] as const;
const ORIGINAL = "original_max_position_embeddings";
const PARTIAL = "partial_rotary_factor";

/** Fails with MODEL_UNSUPPORTED or MODEL_FILE_INVALID. */
export function parseRope(config: Fields, model: RopeModel): RopeConfig {
  const own = config.objectOr("rope_scaling", config.objectOr("rope_parameters", undefined));
  const newer = config.objectOr("rope_parameters", own);
  const holderOf = (name: string): Fields => (newer?.has(name) === true ? newer : config);
  const rope: RopeConfig = {
    dims: dimsOf(holderOf(PARTIAL), model.headDim),
    theta: holderOf("rope_theta").positiveOr("rope_theta", 1e4),
    scaling: own && scalingOf(own, config, model.positionsMax),
  };
  requireNumbers(rope, own?.at ?? config.at);
  return rope;
}

/** Positions that the model reaches with its rule: older files count those of its training. */
export function reachOf({ scaling }: RopeConfig, positionsMax: number): number {
  const reach = Math.max(positionsMax, Math.floor(stretchedReach(scaling, positionsMax)));
  return Math.min(reach, Math.max(positionsMax, MODEL_LIMITS.contextMax));
}

function stretchedReach(scaling: RopeScaling | undefined, positionsMax: number): number {
  switch (scaling?.rule) {
    case "linear":
    case "dynamic":
      return positionsMax * scaling.factor;
    case "yarn":
      return scaling.trained * scaling.factor;
    default:
      return positionsMax;
  }
}

function dimsOf(fields: Fields, headDim: number): number {
  const dims = Math.floor(headDim * fields.positiveOr(PARTIAL, 1));
  if (dims >= 2 && dims % 2 === 0 && dims <= headDim) return dims;
  throw unsupported(
    fields.path(PARTIAL),
    `${dims} of ${headDim} values to turn`,
    "an even number of a head's values",
  );
}

function scalingOf(own: Fields, config: Fields, positionsMax: number): RopeScaling | undefined {
  const type = own.textOr("rope_type", own.textOr("type", "default"));
  const trained = trainedOn(own, config, positionsMax);
  switch (type) {
    case "default":
      return undefined;
    case "linear":
      return { rule: "linear", factor: own.positive("factor") };
    case "dynamic":
      return { rule: "dynamic", factor: own.positive("factor"), trained: positionsMax };
    case "yarn":
      return yarnOf(own, positionsMax, trained);
    case "llama3":
      return {
        rule: "llama3",
        factor: own.positive("factor"),
        lowFactor: own.positive("low_freq_factor"),
        highFactor: own.positive("high_freq_factor"),
        trained,
      };
    case "su": // What longrope was called at first.
    case "longrope":
      return {
        rule: "longrope",
        short: divisorsOf(own, "short_factor"),
        long: divisorsOf(own, "long_factor"),
        trained,
        factor: own.positiveOr("factor", positionsMax / trained),
        ...attentionOf(own),
      };
    default:
      throw unsupported(own.path("rope_type"), shown(type), TYPES.join(", "));
  }
}

/** Positions of the original training: beside the rule in some models, in it in most. */
function trainedOn(own: Fields, config: Fields, positionsMax: number): number {
  const range = { min: 1, max: MODEL_LIMITS.contextMax };
  return config.integerOr(ORIGINAL, range, own.integerOr(ORIGINAL, range, positionsMax));
}

function yarnOf(own: Fields, positionsMax: number, trained: number): RopeScaling {
  const multiplier = (name: string): number | undefined =>
    own.has(name) && own.get(name) !== 0 ? own.positive(name) : undefined; // Zero means none.
  const [mscale, mscaleAllDim] = [multiplier("mscale"), multiplier("mscale_all_dim")];
  return {
    rule: "yarn",
    factor: own.positiveOr("factor", positionsMax / trained),
    trained,
    betaFast: own.positiveOr("beta_fast", 32),
    betaSlow: own.positiveOr("beta_slow", 1),
    truncate: own.flag("truncate", true),
    ...attentionOf(own),
    ...(mscale === undefined || mscaleAllDim === undefined ? {} : { mscale, mscaleAllDim }),
  };
}

function attentionOf(own: Fields): { readonly attentionFactor?: number } {
  const name = "attention_factor";
  return own.has(name) ? { attentionFactor: own.positive(name) } : {};
}

function divisorsOf(own: Fields, name: string): readonly number[] {
  return own.list(name, MODEL_LIMITS.headDimMax).map((value, i) => {
    if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
    throw invalid(`${own.path(name)}/${i}`, value, "a number greater than zero");
  });
}

/**
 * What the rule makes of every pair must be numbers, at any length, and so must the angles at the last
 * position and the factor be, as the kernels take them: in f32.
 */
function requireNumbers(rope: RopeConfig, at: string): void {
  const fix = "Correct the file, or download it again.";
  for (const length of [0, MODEL_LIMITS.contextMax]) {
    try {
      const { frequencies, scale } = ropeFrequencies({ ...rope, length });
      const angleMax = Math.max(...frequencies) * MODEL_LIMITS.contextMax;
      if (Number.isFinite(Math.fround(angleMax)) && Number.isFinite(Math.fround(scale))) continue;
      const found = `angles of ${angleMax} and a factor of ${scale}`;
      throw new Failure("MODEL_FILE_INVALID", { at, found, expected: "numbers in f32", fix });
    } catch (cause) {
      if (!(cause instanceof Failure) || cause.code === "MODEL_FILE_INVALID") throw cause;
      const { found, expected } = cause;
      const facts = { at: `${at}: ${cause.at}`, found, expected };
      throw new Failure("MODEL_FILE_INVALID", { ...facts, fix }, { cause });
    }
  }
}
