// Gate: y = act(gate) * up over regions of f32, for the kernels of gated activations.
//
// Speed. Gates below -86 are rare in trained models, so a turn of the wide loop, 32 values, asks once
// whether it has any. `up` is multiplied in last, with the usual rules of f32.

import { gelu, isDeep, silu, siluAny } from "./activation";
import { gatePlainly } from "./scalar/gate";

const WIDE: usize = 128; // Bytes that one turn of the wide loop takes: 32 values.
const VECTOR: usize = 16; // Bytes of one v128: 4 values.
const ZERO = memory.data<f32>([0]);

/** The activations by their number in manifests. */
// @ts-ignore: decorator
@inline
export const SILU: u32 = 0;
// @ts-ignore: decorator
@inline
export const GELU_TANH: u32 = 1;
// @ts-ignore: decorator
@inline
export const GELU_ERF: u32 = 2;

/** Gates `bytes` bytes by the activation `act`. */
// @ts-ignore: decorator
@inline
export function gateBy(act: u32, gate: usize, up: usize, y: usize, bytes: usize): void {
  if (!ASC_FEATURE_SIMD) gatePlainly(act, gate, up, y, bytes, sizeof<f32>());
  else if (act == SILU) gateAll(gate, up, y, bytes);
  else gateGelu(act == GELU_ERF, gate, up, y, bytes);
}

/** One vector through any of the activations. */
// @ts-ignore: decorator
@inline
export function activate(act: u32, z: v128): v128 {
  if (act == SILU) return siluAny(z);
  return gelu(z, act == GELU_ERF);
}

function gateGelu(exact: bool, gate: usize, up: usize, y: usize, bytes: usize): void {
  const vectors = gate + (bytes & ~(VECTOR - 1));
  const end = gate + bytes;
  while (gate != vectors) {
    v128.store(y, f32x4.mul(gelu(v128.load(gate), exact), v128.load(up)));
    gate += VECTOR;
    up += VECTOR;
    y += VECTOR;
  }
  while (gate != end) {
    const product = f32x4.mul(gelu(v128.load32_zero(gate), exact), v128.load32_zero(up));
    v128.store32_lane(y, product, 0);
    gate += sizeof<f32>();
    up += sizeof<f32>();
    y += sizeof<f32>();
  }
}

function gateAll(gate: usize, up: usize, y: usize, bytes: usize): void {
  const wide = gate + (bytes & ~(WIDE - 1));
  const vectors = gate + (bytes & ~(VECTOR - 1));
  const end = gate + bytes;
  if (gate != wide) {
    do {
      if (anyDeep(gate)) {
        deepEight(gate, up, y);
      } else {
        gateOne(gate, up, y);
        gateOne(gate + 16, up + 16, y + 16);
        gateOne(gate + 32, up + 32, y + 32);
        gateOne(gate + 48, up + 48, y + 48);
        gateOne(gate + 64, up + 64, y + 64);
        gateOne(gate + 80, up + 80, y + 80);
        gateOne(gate + 96, up + 96, y + 96);
        gateOne(gate + 112, up + 112, y + 112);
      }
      gate += WIDE;
      up += WIDE;
      y += WIDE;
    } while (gate != wide);
  }
  if (gate != vectors) {
    do {
      v128.store(y, f32x4.mul(siluAny(v128.load(gate)), v128.load(up)));
      gate += VECTOR;
      up += VECTOR;
      y += VECTOR;
    } while (gate != vectors);
  }
  if (gate != end) {
    do {
      const product = f32x4.mul(siluAny(v128.load32_zero(gate)), v128.load32_zero(up));
      v128.store32_lane(y, product, 0);
      gate += sizeof<f32>();
      up += sizeof<f32>();
      y += sizeof<f32>();
    } while (gate != end);
  }
}

/** Whether one of 32 gates is below -86. A NaN is not, and hides none: it never enters `least`. */
// @ts-ignore: decorator
@inline
function anyDeep(gate: usize): bool {
  let least = v128.load32_splat(ZERO);
  least = f32x4.pmin(least, v128.load(gate));
  least = f32x4.pmin(least, v128.load(gate, 16));
  least = f32x4.pmin(least, v128.load(gate, 32));
  least = f32x4.pmin(least, v128.load(gate, 48));
  least = f32x4.pmin(least, v128.load(gate, 64));
  least = f32x4.pmin(least, v128.load(gate, 80));
  least = f32x4.pmin(least, v128.load(gate, 96));
  least = f32x4.pmin(least, v128.load(gate, 112));
  return isDeep(least);
}

// @ts-ignore: decorator
@inline
function gateOne(gate: usize, up: usize, y: usize): void {
  v128.store(y, f32x4.mul(silu(v128.load(gate)), v128.load(up)));
}

/** For eight vectors of which one is deep. */
function deepEight(gate: usize, up: usize, y: usize): void {
  const end = gate + WIDE;
  do {
    v128.store(y, f32x4.mul(siluAny(v128.load(gate)), v128.load(up)));
    gate += VECTOR;
    up += VECTOR;
    y += VECTOR;
  } while (gate != end);
}
