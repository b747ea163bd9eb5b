// Gate, half: y = act(gate) * up over regions of f16, in f32 but for what is stored.

import { gelu, siluHalf } from "./activation";
import { GELU_ERF, SILU } from "./gate";
import { loadHalf1, loadHalf4, storeHalf1, storeHalf8 } from "./half";

const VECTOR: usize = 16; // Bytes of one v128: 8 halves.

/** Gates `bytes` bytes by the activation `act`. */
export function gateHalves(act: u32, gate: usize, up: usize, y: usize, bytes: usize): void {
  const vectors = gate + (bytes & ~(VECTOR - 1));
  const end = gate + bytes;
  while (gate != vectors) {
    const low = f32x4.mul(activate(act, loadHalf4(gate)), loadHalf4(up));
    const high = f32x4.mul(activate(act, loadHalf4(gate + 8)), loadHalf4(up + 8));
    storeHalf8(y, low, high);
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
