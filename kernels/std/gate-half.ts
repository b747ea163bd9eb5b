// Gate, half: y = act(gate) * up over regions of f16, in f32 but for what is stored.

import { gelu, siluHalf } from "./activation";
import { GELU_ERF, SILU } from "./gate";
import {
  firstFour,
  lastFour,
  loadHalf1,
  lowerBits,
  storeHalf1,
  storeHalf8,
  upperBits,
} from "./half";
import { gateHalvesPlainly } from "./scalar/gate";

const VECTOR: usize = 16; // Bytes of one v128: 8 halves.

/** Gates `bytes` bytes by the activation `act`. */
export function gateHalves(act: u32, gate: usize, up: usize, y: usize, bytes: usize): void {
  if (!ASC_FEATURE_SIMD) {
    gateHalvesPlainly(act, gate, up, y, bytes, 2);
    return;
  }
  const vectors = gate + (bytes & ~(VECTOR - 1));
  const end = gate + bytes;
  while (gate != vectors) {
    const gates = v128.load(gate);
    const gatesLower = lowerBits(gates);
    const gatesUpper = upperBits(gates);
    const ups = v128.load(up);
    const lower = lowerBits(ups);
    const upper = upperBits(ups);
    const low = activate(act, firstFour(gatesLower, gatesUpper));
    const high = activate(act, lastFour(gatesLower, gatesUpper));
    storeHalf8(
      y,
      f32x4.mul(low, firstFour(lower, upper)),
      f32x4.mul(high, lastFour(lower, upper)),
    );
    gate += VECTOR;
    up += VECTOR;
    y += VECTOR;
  }
  while (gate != end) {
    storeHalf1(y, f32x4.mul(activate(act, loadHalf1(gate)), loadHalf1(up)));
    gate += 2;
    up += 2;
    y += 2;
  }
}

/** One vector through any of the activations, whose result is rounded to f16. */
// @ts-ignore: decorator
@inline
export function activate(act: u32, z: v128): v128 {
  if (act == SILU) return siluHalf(z);
  return gelu(z, act == GELU_ERF);
}
