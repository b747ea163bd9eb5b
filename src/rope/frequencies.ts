// Frequencies: radians per position of each pair, theta^(-2i / dims), and the rules that stretch them
// over more positions than a model was trained on.
//
// All of it is f64. Only `dynamic` and `longrope` depend on how long the sequence is now: keys that were
// turned before such a rule switches stay as they were turned, so a host decides on `length` per request.

import { Failure } from "../base/mod.ts";

export type RopeScaling =
  /** Position interpolation: every frequency by 1 / factor. */
  | { readonly rule: "linear"; readonly factor: number }
  /** A larger theta, so that the slowest pair is stretched by `factor` and the quickest not at all. */
  | { readonly rule: "ntk"; readonly factor: number }
  /** The same with a theta that grows with the sequence, once it is longer than `trained`. */
  | { readonly rule: "dynamic"; readonly factor: number; readonly trained: number }
  | YarnScaling
  | Llama3Scaling
  | LongropeScaling
  /** GGUF's tensor `rope_freqs`: a divisor for every pair. */
  | { readonly rule: "divisors"; readonly divisors: ArrayLike<number> };

export interface YarnScaling {
  readonly rule: "yarn";
  readonly factor: number;
  /** Positions of the original training. */
  readonly trained: number;
  /** Turns over `trained` from which a pair stays as it is; 32 unless told. */
  readonly betaFast?: number;
  /** Turns over `trained` to which a pair is stretched wholly; 1 unless told. */
  readonly betaSlow?: number;
  /** Whether the ramp begins and ends at whole pairs, as it does unless told. */
  readonly truncate?: boolean;
  /** The factor on cosines and sines, where the model names it: 0.1 ln(factor) + 1 unless told. */
  readonly attentionFactor?: number;
  /** The two multipliers of 0.1 ln(factor), whose results are divided. */
  readonly mscale?: number;
  readonly mscaleAllDim?: number;
}

export interface Llama3Scaling {
  readonly rule: "llama3";
  /** 8, 1, 4 and 8192 unless told. */
  readonly factor?: number;
  readonly lowFactor?: number;
  readonly highFactor?: number;
  readonly trained?: number;
}

export interface LongropeScaling {
  readonly rule: "longrope";
  /** Divisors for every pair up to `trained` positions, and beyond. */
  readonly short: ArrayLike<number>;
  readonly long: ArrayLike<number>;
  readonly trained: number;
  /** How many times `trained` the model reaches. */
  readonly factor: number;
  readonly attentionFactor?: number;
}

export interface RopeFrequencyOptions {
  /** How many values of a head turn: an even number, less than the head's for partial rotation. */
  readonly dims: number;
  readonly theta: number;
  readonly scaling?: RopeScaling | undefined;
  /** Tokens of the sequence, for `dynamic` and `longrope`; 0 unless told. */
  readonly length?: number;
}

export interface RopeFrequencies {
  /** Radians per position of each of dims / 2 pairs. */
  readonly frequencies: Float64Array;
  /** The factor on cosines and sines. */
  readonly scale: number;
}

/** The frequencies of a model. Fails with PARAM_INVALID where they would not be numbers. */
export function ropeFrequencies(options: RopeFrequencyOptions): RopeFrequencies {
  const { dims, theta, scaling, length = 0 } = options;
  need("dims", dims, Number.isSafeInteger(dims) && dims >= 0 && dims % 2 === 0, "even");
  needPositive("theta", theta);
  const plain = plainFrequencies(dims, theta);
  if (scaling === undefined) return { frequencies: plain, scale: 1 };
  const result = scaled(plain, scaling, { dims, theta, length });
  result.frequencies.forEach((w, i) => needPositive(`frequency ${i}`, w));
  needPositive("the attention factor", result.scale);
  return result;
}

function plainFrequencies(dims: number, theta: number): Float64Array {
  return Float64Array.from({ length: dims / 2 }, (_, i) => theta ** ((-2 * i) / dims));
}

interface Model {
  readonly dims: number;
  readonly theta: number;
  readonly length: number;
}

function scaled(plain: Float64Array, scaling: RopeScaling, model: Model): RopeFrequencies {
  const { dims, theta, length } = model;
  switch (scaling.rule) {
    case "linear":
      return { frequencies: plain.map((w) => w / scaling.factor), scale: 1 };
    case "ntk":
      return {
        frequencies: plainFrequencies(dims, stretched(theta, scaling.factor, dims)),
        scale: 1,
      };
    case "dynamic": {
      const { factor, trained } = scaling;
      needPositive("scaling.trained", trained);
      const growth = length > trained ? (factor * length) / trained - (factor - 1) : 1;
      return { frequencies: plainFrequencies(dims, stretched(theta, growth, dims)), scale: 1 };
    }
    case "yarn":
      return yarn(plain, scaling, model);
    case "llama3":
      return { frequencies: plain.map((w) => llama3(w, scaling)), scale: 1 };
    case "longrope": {
      const { trained, factor } = scaling;
      const scale = scaling.attentionFactor ?? longropeScale(factor, trained);
      const list = length > trained ? scaling.long : scaling.short;
      return { frequencies: divided(plain, list), scale };
    }
    case "divisors":
      return { frequencies: divided(plain, scaling.divisors), scale: 1 };
    default:
      return scaling satisfies never;
  }
}

/** The theta that slows the last pair by `factor`. One pair has none that is slower: it stays. */
function stretched(theta: number, factor: number, dims: number): number {
  return dims > 2 ? theta * factor ** (dims / (dims - 2)) : theta;
}

/** Quick pairs stay, slow ones are divided by the factor, and between them a ramp leads over. */
function yarn(plain: Float64Array, scaling: YarnScaling, { dims, theta }: Model): RopeFrequencies {
  const { factor, trained, betaFast = 32, betaSlow = 1, truncate = true } = scaling;
  const pairAt = (turns: number): number =>
    (dims * Math.log(trained / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [first, last] = [pairAt(betaFast), pairAt(betaSlow)];
  const low = Math.max(truncate ? Math.floor(first) : first, 0);
  const high = Math.min(truncate ? Math.ceil(last) : last, dims - 1);
  const width = high === low ? 0.001 : high - low; // Never a division by zero.
  const frequencies = plain.map((w, i) => {
    const ramp = Math.min(Math.max((i - low) / width, 0), 1);
    return w * (1 - ramp) + (w / factor) * ramp;
  });
  return { frequencies, scale: yarnScale(scaling) };
}

function yarnScale({ factor, attentionFactor, mscale, mscaleAllDim }: YarnScaling): number {
  if (attentionFactor !== undefined) return attentionFactor;
  const of = (multiplier: number): number =>
    factor <= 1 ? 1 : 0.1 * multiplier * Math.log(factor) + 1;
  if (mscale === undefined || mscaleAllDim === undefined) return of(1);
  return of(mscale) / of(mscaleAllDim);
}

function llama3(w: number, scaling: Llama3Scaling): number {
  const { factor = 8, lowFactor = 1, highFactor = 4, trained = 8192 } = scaling;
  const turns = (trained * w) / (2 * Math.PI); // What the pair makes over the original training.
  if (turns > highFactor) return w;
  if (turns < lowFactor) return w / factor;
  const smooth = (turns - lowFactor) / (highFactor - lowFactor);
  return ((1 - smooth) * w) / factor + smooth * w;
}

function longropeScale(factor: number, trained: number): number {
  return factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(trained));
}

function divided(plain: Float64Array, divisors: ArrayLike<number>): Float64Array {
  need("divisors", divisors.length, divisors.length === plain.length, String(plain.length));
  return plain.map((w, i) => w / divisors[i]!);
}

function needPositive(at: string, value: number): void {
  need(at, value, value > 0 && value < Infinity, "a positive number");
}

function need(at: string, found: number, holds: boolean, expected: string): void {
  if (holds) return;
  const fix = "Correct the model's rope parameters.";
  throw new Failure("PARAM_INVALID", { at, found: String(found), expected, fix });
}
