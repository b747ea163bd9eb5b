// swiglu_f32: y = act(gate) * up, where act is silu, z / (1 + e^-z), or one of the two forms of gelu.
// In gate, up f32[tokens, ffn]; out y like them. Judge: src/reference, relative 2e-6.
//
// A result of act below 2^-126 keeps fewer digits, as f32 has no more. The two forms of gelu differ by up
// to 5e-4, so a model's name for its activation must say which.
//
// Backward. In dy like y, then gate and up; out dgate and dup like them.
// Versions: 1 eight vectors per turn (this one). Times: bench/results.

import {
  inputAOffset,
  inputASize,
  inputBOffset,
  inputBSize,
  INVALID_INPUT,
  INVALID_OUTPUT,
  INVALID_PARAMS,
  OK,
  outputOffset,
  outputSize,
  paramsOffset,
  paramsSize,
} from "../../generated/abi.as";
import { act, ACT_GELU_ERF, dimFfn, dimTokens, PARAMS_BYTES } from "../../generated/kernels/swiglu_f32.as";
import { aligned, f32Bytes2 } from "../std/region";
import { gateBy } from "../std/gate";
import { gateBackward } from "../std/gate-backward";

export { kernel_info } from "../../generated/kernels/swiglu_f32.as";
export { kernel_cleanup, kernel_init } from "../std/stateless";
export { backward as kernel_backward, forward as kernel_forward, forward as swiglu_forward };

function forward(desc: usize): i32 {
  if (paramsSize(desc) != PARAMS_BYTES) return INVALID_PARAMS;
  const params: usize = paramsOffset(desc);
  if (act(params) > ACT_GELU_ERF) return INVALID_PARAMS;
  const size = f32Bytes2(dimTokens(params), dimFfn(params));
  if (<u64>inputASize(desc) != size || <u64>inputBSize(desc) != size) return INVALID_INPUT;
  if (<u64>outputSize(desc) != size) return INVALID_OUTPUT;
  const bytes: usize = inputASize(desc);
  gateBy(act(params), inputAOffset(desc), inputBOffset(desc), outputOffset(desc), bytes);
  return OK;
}

/** Gradients of gate and up. */
function backward(desc: usize): i32 {
  if (paramsSize(desc) != PARAMS_BYTES) return INVALID_PARAMS;
  const params: usize = paramsOffset(desc);
  if (act(params) > ACT_GELU_ERF) return INVALID_PARAMS;
  const size = f32Bytes2(dimTokens(params), dimFfn(params));
  if (<u64>inputASize(desc) != size) return INVALID_INPUT;
  if (<u64>inputBSize(desc) != aligned(size) + size) return INVALID_INPUT;
  if (<u64>outputSize(desc) != aligned(size) + size) return INVALID_OUTPUT;
  const next = <usize>aligned(size);
  const gate: usize = inputBOffset(desc);
  const dgate: usize = outputOffset(desc);
  gateBackward(
    act(params),
    dgate,
    dgate + next,
    inputAOffset(desc),
    gate,
    gate + next,
    <usize>size,
  );
  return OK;
}
