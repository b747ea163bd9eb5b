// swiglu_packed_f16: y = act(gate) * up, as swiglu_f16, where gate and up share one tensor.
// In gate_up f16[tokens, 2, ffn]; out y f16[tokens, ffn]. Judge: src/reference, one unit in the last
// place. The packings are those of swiglu_packed_f32.
// Versions: 1 halves by rows, pairs four at a time (this one). Times: bench/results.

import {
  inputAOffset,
  inputASize,
  INVALID_INPUT,
  INVALID_OUTPUT,
  INVALID_PARAMS,
  OK,
  outputOffset,
  outputSize,
  paramsOffset,
  paramsSize,
} from "../../generated/abi.as";
import {
  act,
  ACT_GELU_ERF,
  dimFfn,
  dimTokens,
  packing,
  PACKING_HALVES,
  PACKING_INTERLEAVED,
  PARAMS_BYTES,
} from "../../generated/kernels/swiglu_packed_f16.as";
import { activate, gateHalves } from "../std/gate-half";
import { storeHalf1, storeHalf4, widen } from "../std/half";
import { f16Bytes2, f16Bytes4 } from "../std/region";
import { gateHalvesPlainly } from "../std/scalar/gate";

export { kernel_info } from "../../generated/kernels/swiglu_packed_f16.as";
export { kernel_backward, kernel_cleanup, kernel_init } from "../std/stateless";
export { forward as kernel_forward, forward as swiglu_packed_forward };

const VECTOR: usize = 16; // Bytes of one v128: 4 pairs of halves.

function forward(desc: usize): i32 {
  if (paramsSize(desc) != PARAMS_BYTES) return INVALID_PARAMS;
  const params: usize = paramsOffset(desc);
  const halves = packing(params) == PACKING_HALVES;
  if (!halves && packing(params) != PACKING_INTERLEAVED) return INVALID_PARAMS;
  if (act(params) > ACT_GELU_ERF) return INVALID_PARAMS;

  const size = f16Bytes2(dimTokens(params), dimFfn(params));
  if (<u64>inputASize(desc) != f16Bytes4(dimTokens(params), 2, dimFfn(params), 1)) {
    return INVALID_INPUT;
  }
  if (<u64>outputSize(desc) != size) return INVALID_OUTPUT;
  if (size == 0) return OK;
  const from: usize = inputAOffset(desc);
  const y: usize = outputOffset(desc);
  if (halves) gateRows(act(params), from, y, <usize>size, <usize>f16Bytes2(1, dimFfn(params)));
  else gatePairs(act(params), from, y, <usize>size);
  return OK;
}

/** Gates token by token; `bytes` is what a token has of either. */
// @ts-ignore: decorator
@inline
function gateRows(act: u32, from: usize, y: usize, size: usize, bytes: usize): void {
  const end = y + size;
  do {
    gateHalves(act, from, from + bytes, y, bytes);
    from += 2 * bytes;
    y += bytes;
  } while (y != end);
}

// @ts-ignore: decorator
@inline
function gatePairs(act: u32, from: usize, y: usize, size: usize): void {
  if (!ASC_FEATURE_SIMD) {
    gateHalvesPlainly(act, from, from + 2, y, size, 4);
    return;
  }
  const vectors = y + (size & ~(VECTOR / 2 - 1));
  const end = y + size;
  while (y != vectors) {
    const pairs = v128.load(from);
    storeHalf4(y, gatePair(act, pairs));
    from += VECTOR;
    y += VECTOR / 2;
  }
  while (y != end) {
    storeHalf1(y, gatePair(act, v128.load32_zero(from)));
    from += 4;
    y += 2;
  }
}

/** Four pairs of a gate and its up. */
// @ts-ignore: decorator
@inline
function gatePair(act: u32, pairs: v128): v128 {
  const gate = widen(i16x8.shuffle(pairs, pairs, 0, 2, 4, 6, 0, 2, 4, 6));
  const up = widen(i16x8.shuffle(pairs, pairs, 1, 3, 5, 7, 1, 3, 5, 7));
  return f32x4.mul(activate(act, gate), up);
}
