// swiglu_packed_f32: y = act(gate) * up, as swiglu_f32, where gate and up share one tensor.
// In gate_up f32[tokens, 2, ffn]; out y f32[tokens, ffn]. Judge: src/reference, relative 2e-6.
//
// A token has 2 * ffn values. In halves they are all gates, then all ups, as a matrix of both stacked
// gives them; interleaved they are pairs of a gate and its up. Nothing in the values tells which, so
// there is no default.
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
} from "../../generated/kernels/swiglu_packed_f32.as";
import { activate, gateBy } from "../std/gate";
import { f32Bytes2, f32Bytes4 } from "../std/region";
import { gatePlainly } from "../std/scalar/gate";

export { kernel_info } from "../../generated/kernels/swiglu_packed_f32.as";
export { kernel_backward, kernel_cleanup, kernel_init } from "../std/stateless";
export { forward as kernel_forward, forward as swiglu_packed_forward };

const VECTOR: usize = 16; // Bytes of one v128: 4 values.

function forward(desc: usize): i32 {
  if (paramsSize(desc) != PARAMS_BYTES) return INVALID_PARAMS;
  const params: usize = paramsOffset(desc);
  const halves = packing(params) == PACKING_HALVES;
  if (!halves && packing(params) != PACKING_INTERLEAVED) return INVALID_PARAMS;
  if (act(params) > ACT_GELU_ERF) return INVALID_PARAMS;

  const size = f32Bytes2(dimTokens(params), dimFfn(params));
  if (<u64>inputASize(desc) != f32Bytes4(dimTokens(params), 2, dimFfn(params), 1)) {
    return INVALID_INPUT;
  }
  if (<u64>outputSize(desc) != size) return INVALID_OUTPUT;
  if (size == 0) return OK;
  const from: usize = inputAOffset(desc);
  const y: usize = outputOffset(desc);
  if (halves) gateRows(act(params), from, y, <usize>size, <usize>f32Bytes2(1, dimFfn(params)));
  else gatePairs(act(params), from, y, <usize>size);
  return OK;
}

/** Gates token by token; `bytes` is what a token has of either. */
// @ts-ignore: decorator
@inline
function gateRows(act: u32, from: usize, y: usize, size: usize, bytes: usize): void {
  const end = y + size;
  do {
    gateBy(act, from, from + bytes, y, bytes);
    from += 2 * bytes;
    y += bytes;
  } while (y != end);
}

// @ts-ignore: decorator
@inline
function gatePairs(act: u32, from: usize, y: usize, size: usize): void {
  if (!ASC_FEATURE_SIMD) {
    gatePlainly(act, from, from + 4, y, size, 8);
    return;
  }
  const vectors = y + (size & ~(VECTOR - 1));
  const end = y + size;
  while (y != vectors) {
    const a = v128.load(from);
    const b = v128.load(from, 16);
    const up = i32x4.shuffle(a, b, 1, 3, 5, 7);
    v128.store(y, f32x4.mul(activate(act, i32x4.shuffle(a, b, 0, 2, 4, 6)), up));
    from += 2 * VECTOR;
    y += VECTOR;
  }
  while (y != end) {
    const product = f32x4.mul(activate(act, v128.load32_zero(from)), v128.load32_zero(from, 4));
    v128.store32_lane(y, product, 0);
    from += 2 * sizeof<f32>();
    y += sizeof<f32>();
  }
}
