// Gate, backward: dup = dy * act(gate) and dgate = dy * up * act'(gate), over regions of f32.

import { geluSlope, siluSlope } from "./activation";
import { activate, GELU_ERF, SILU } from "./gate";
import { gateBackwardPlainly } from "./scalar/gate";

const VECTOR: usize = 16; // Bytes of one v128: 4 values.

export function gateBackward(
  act: u32,
  dgate: usize,
  dup: usize,
  dy: usize,
  gate: usize,
  up: usize,
  bytes: usize,
): void {
  if (!ASC_FEATURE_SIMD) {
    gateBackwardPlainly(act, dgate, dup, dy, gate, up, bytes);
    return;
  }
  const vectors = dy + (bytes & ~(VECTOR - 1));
  const end = dy + bytes;
  while (dy != vectors) {
    const gradient = v128.load(dy);
    const z = v128.load(gate);
    v128.store(dup, f32x4.mul(gradient, activate(act, z)));
    v128.store(dgate, f32x4.mul(f32x4.mul(gradient, v128.load(up)), slope(act, z)));
    dy += VECTOR;
    gate += VECTOR;
    up += VECTOR;
    dgate += VECTOR;
    dup += VECTOR;
  }
  while (dy != end) {
    const gradient = v128.load32_zero(dy);
    const z = v128.load32_zero(gate);
    v128.store32_lane(dup, f32x4.mul(gradient, activate(act, z)), 0);
    const change = f32x4.mul(f32x4.mul(gradient, v128.load32_zero(up)), slope(act, z));
    v128.store32_lane(dgate, change, 0);
    dy += sizeof<f32>();
    gate += sizeof<f32>();
    up += sizeof<f32>();
    dgate += sizeof<f32>();
    dup += sizeof<f32>();
  }
}

function slope(act: u32, z: v128): v128 {
  if (act == SILU) return siluSlope(z);
  return geluSlope(z, act == GELU_ERF);
}
