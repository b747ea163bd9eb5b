// Sample: picks the next token from logits. Chance comes from a generator that is passed in, so a seed
// replays a whole text.

import { Failure } from "../base/mod.ts";

export interface SampleOptions {
  /** 0 takes the likeliest token; above, the logits are divided by it before they are drawn from. */
  readonly temperature: number;
  /** Draws from the fewest tokens whose shares add up to this, of 1. */
  readonly topP: number;
  /** From 0 up to, but not, 1. Not called at temperature 0. */
  readonly random: () => number;
}

export type Sampler = (logits: Float32Array) => number;

/**
 * A sampler. Fails with PARAM_INVALID for a temperature or top-p out of its range. It never picks a token
 * whose logit is not a number, and fails with LOGITS_INVALID where none is one.
 */
export function samplerOf({ temperature, topP, random }: SampleOptions): Sampler {
  if (!(temperature >= 0 && temperature < Infinity))
    throw outOfRange("temperature", temperature, "0 or a positive number");
  if (!(topP > 0 && topP <= 1)) throw outOfRange("topP", topP, "above 0, and at most 1");
  if (temperature === 0) return likeliest;
  return (logits) => {
    const shares = sharesOf(logits, temperature);
    return topP === 1 ? draw(shares, random()) : drawFromTop(shares, topP, random());
  };
}

function outOfRange(at: string, found: number, expected: string): Failure {
  const fix = "Ask for a value in that range.";
  return new Failure("PARAM_INVALID", { at, found: String(found), expected, fix });
}

/** The token with the largest logit; the first of equals. Fails with LOGITS_INVALID where all are NaN. */
export function likeliest(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) {
    const logit = logits[id]!;
    if (logit > logits[best]! || (Number.isNaN(logits[best]!) && !Number.isNaN(logit))) best = id;
  }
  if (Number.isNaN(logits[best])) throw notNumbers(logits.length);
  return best;
}

function notNumbers(count: number): Failure {
  return new Failure("LOGITS_INVALID", {
    at: "logits",
    found: `${count} logits, each NaN`,
    expected: "at least one number",
    fix: "Look for NaN in the weights or the adapter: a download may be damaged, or values too large for f16.",
  });
}

/** Softmax; what is not a number has no share. */
function sharesOf(logits: Float32Array, temperature: number): Float64Array {
  const top = logits[likeliest(logits)]!;
  const shares = Float64Array.from(logits, (logit) => {
    const share = logit === top ? 1 : Math.exp((logit - top) / temperature);
    return Number.isNaN(share) ? 0 : share;
  });
  const sum = shares.reduce((total, share) => total + share, 0);
  return shares.map((share) => share / sum);
}

/** The token at which the running sum of shares passes `chance`. */
function draw(shares: Float64Array, chance: number): number {
  let last = 0;
  let sum = 0;
  for (let id = 0; id < shares.length; id++) {
    if (shares[id]! <= 0) continue;
    last = id;
    sum += shares[id]!;
    if (chance < sum) return id;
  }
  return last; // The shares add up to a little less than one.
}

function drawFromTop(shares: Float64Array, topP: number, chance: number): number {
  // A token below this share cannot be among them: all below it together have less than 1 - topP.
  const least = (1 - topP) / Math.max(shares.length - 1, 1);
  const ids: number[] = [];
  shares.forEach((share, id) => {
    if (share >= least) ids.push(id);
  });
  ids.sort((a, b) => shares[b]! - shares[a]! || a - b);
  let sum = 0;
  const end = ids.findIndex((id) => (sum += shares[id]!) >= topP);
  const kept = end < 0 ? ids : ids.slice(0, end + 1);
  return (
    kept[
      draw(
        Float64Array.from(kept, (id) => shares[id]! / sum),
        chance,
      )
    ] ?? 0
  );
}

/** xoshiro128**, begun from `seed`: the same numbers everywhere. */
export function randomFrom(seed: number): () => number {
  const next = xoshiro128(stateFrom(seed));
  return () => next() / 2 ** 32;
}

/** The generator's 32-bit numbers; `state` is its own from now on, and not all zero. */
export function xoshiro128(state: Uint32Array): () => number {
  const s = state;
  return () => {
    const result = Math.imul(rotated(Math.imul(s[1]!, 5), 7), 9) >>> 0;
    const shifted = s[1]! << 9;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= shifted;
    s[3] = rotated(s[3]!, 11);
    return result;
  };
}

function rotated(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** Spreads a seed of up to 53 bits over the state, by SplitMix32. */
function stateFrom(seed: number): Uint32Array {
  let mixed = (seed % 2 ** 32) ^ Math.floor(seed / 2 ** 32);
  const state = new Uint32Array(4);
  for (let i = 0; i < 4; i++) {
    mixed = (mixed + 0x9e37_79b9) | 0;
    let word = Math.imul(mixed ^ (mixed >>> 16), 0x21f0_aaad);
    word = Math.imul(word ^ (word >>> 15), 0x735a_2d97);
    state[i] = word ^ (word >>> 15);
  }
  return state;
}
