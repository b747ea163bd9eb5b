// swiglu, plainly and in f64: the judge of every faster version.

import type { Reference } from "../base/mod.ts";
import { KERNEL_CODES } from "../layout/mod.ts";
import { dim, floatsIn, floatsOut, param } from "./tensors.ts";

export type Activation = "silu" | "gelu_tanh" | "gelu_erf";

/** y = act(gate) * up for every element. */
export function swiglu(
  gate: ArrayLike<number>,
  up: ArrayLike<number>,
  act: Activation = "silu",
): Float64Array {
  const activate = ACTIVATIONS[act];
  return Float64Array.from({ length: gate.length }, (_, i) => activate(gate[i]!) * up[i]!);
}

/** swiglu of one tensor: for each of its tokens `ffn` gates, then as many ups, or pairs of them. */
export function swigluPacked(
  gateUp: ArrayLike<number>,
  ffn: number,
  packing: "halves" | "interleaved",
  act: Activation = "silu",
): Float64Array {
  const activate = ACTIVATIONS[act];
  return Float64Array.from({ length: gateUp.length / 2 }, (_, at) => {
    const i = at % ffn;
    const first = 2 * (at - i) + (packing === "halves" ? i : 2 * i);
    return activate(gateUp[first]!) * gateUp[first + (packing === "halves" ? ffn : 1)]!;
  });
}

/** z / (1 + e^-z), written so that no part of it overflows; its limit at -infinity is -0. */
export function silu(z: number): number {
  if (z === -Infinity) return -0;
  return z < 0 ? (z * Math.exp(z)) / (1 + Math.exp(z)) : z / (1 + Math.exp(-z));
}

/** z / 2 * (1 + tanh(sqrt(2 / π) * (z + 0.044715 z³))), as silu is written. */
export function geluTanh(z: number): number {
  if (z === -Infinity) return -0;
  const v = Math.sqrt(8 / Math.PI) * (z + 0.044715 * z ** 3);
  return v < 0 ? (z * Math.exp(v)) / (1 + Math.exp(v)) : z / (1 + Math.exp(-v));
}

/** z / 2 * (1 + erf(z / sqrt(2))). */
export function geluErf(z: number): number {
  if (z === -Infinity) return -0;
  return (z / 2) * erfc(-z * Math.SQRT1_2);
}

/** The complementary error function, to some 14 digits: a series near 0, a continued fraction beyond. */
function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x);
  if (!(x < Infinity)) return Number.isNaN(x) ? x : 0;
  if (x >= 2) {
    let fraction = x;
    for (let k = 120; k > 0; k--) fraction = x + k / 2 / fraction;
    return Math.exp(-x * x) / Math.sqrt(Math.PI) / fraction;
  }
  let [term, sum] = [x, x];
  for (let n = 1; n < 60; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return 1 - ((2 * sum) / Math.sqrt(Math.PI)) * Math.exp(-x * x);
}

const ACTIVATIONS: Readonly<Record<Activation, (z: number) => number>> = {
  silu,
  gelu_tanh: geluTanh,
  gelu_erf: geluErf,
};

/** The activations and packings by their numbers in the manifests. */
const ACTS = ["silu", "gelu_tanh", "gelu_erf"] as const;
const PACKINGS = [undefined, "halves", "interleaved"] as const;

export const swigluReference: Reference = (call) => {
  const act = ACTS[param(call, "act")];
  if (act === undefined) return KERNEL_CODES.INVALID_PARAMS;
  const gate = floatsIn(call, "gate", "tokens", "ffn");
  const up = floatsIn(call, "up", "tokens", "ffn");
  if (gate === undefined || up === undefined) return KERNEL_CODES.INVALID_INPUT;
  const y = floatsOut(call, "y", "tokens", "ffn");
  if (y === undefined) return KERNEL_CODES.INVALID_OUTPUT;
  y.set(swiglu(gate, up, act));
  return KERNEL_CODES.OK;
};

export const swigluPackedReference: Reference = (call) => {
  const packing = PACKINGS[param(call, "packing")];
  const act = ACTS[param(call, "act")];
  if (packing === undefined || act === undefined) return KERNEL_CODES.INVALID_PARAMS;
  const gateUp = floatsIn(call, "gate_up", "tokens", 2, "ffn");
  if (gateUp === undefined) return KERNEL_CODES.INVALID_INPUT;
  const y = floatsOut(call, "y", "tokens", "ffn");
  if (y === undefined) return KERNEL_CODES.INVALID_OUTPUT;
  y.set(swigluPacked(gateUp, dim(call, "ffn"), packing, act));
  return KERNEL_CODES.OK;
};
