// lora_apply_f32: y = base + scale * B (A x) for each token, with the adapter that the token names.
// In x f32[tokens, in], a f32[adapters, rank, in], b f32[adapters, out, rank], scales f32[adapters],
// base f32[tokens, out], adapter i32[tokens]; out y like base. Judge: src/reference, 1e-5 of the sum of
// the terms' magnitudes.
//
// A and B are as PEFT stores them. The host works out the scales: alpha / rank, or alpha / sqrt(rank)
// for rsLoRA. Adapters of lower rank are filled up with zeros. A token whose adapter is -1 gets its base
// row bit for bit; so does every token when the rank is 0. An index beyond is INVALID_INPUT, found
// before anything is written. A B of zeros adds 0, which changes nothing but a base of -0.
//
// The order in which all is added up stands in std/lora.ts.
// Versions: 1 four values of y per turn; 2 eight, and longer turns over x, so that the sandbox's checks
// cost little; 3 sixteen, rank 1 by columns, and long rows of B 16 ranks at a time (this one).

import {
  inputAOffset,
  inputASize,
  inputBOffset,
  inputBSize,
  INVALID_INPUT,
  INVALID_OUTPUT,
  INVALID_PARAMS,
  OK,
  OUT_OF_MEMORY,
  outputOffset,
  outputSize,
  paramsOffset,
  paramsSize,
  scratchOffset,
  scratchSize,
} from "../../generated/abi.as";
import {
  dimAdapters,
  dimIn,
  dimOut,
  dimRank,
  dimTokens,
  PARAMS_BYTES,
} from "../../generated/kernels/lora_apply_f32.as";
import { areKnown, copyRow, expand, isNone, project } from "../std/lora";
import { aligned, f32Bytes2, f32Bytes4 } from "../std/region";

export { kernel_info } from "../../generated/kernels/lora_apply_f32.as";
export { kernel_backward, kernel_cleanup, kernel_init } from "../std/stateless";
export { forward as kernel_forward, forward as lora_apply_forward };

const F32: usize = 4; // Bytes of one value.

function forward(desc: usize): i32 {
  if (paramsSize(desc) != PARAMS_BYTES) return INVALID_PARAMS;
  const params: usize = paramsOffset(desc);
  const adapters = dimAdapters(params);
  const tokens = dimTokens(params);
  const aSize = aligned(f32Bytes4(adapters, dimRank(params), dimIn(params), 1));
  const bSize = aligned(f32Bytes4(adapters, dimOut(params), dimRank(params), 1));
  const scalesSize = aligned(f32Bytes2(adapters, 1));
  const ySize = f32Bytes2(tokens, dimOut(params));
  const before = aSize + bSize + scalesSize + aligned(ySize);
  if (<u64>inputASize(desc) != f32Bytes2(tokens, dimIn(params))) return INVALID_INPUT;
  if (<u64>inputBSize(desc) != before + f32Bytes2(tokens, 1)) return INVALID_INPUT;
  if (<u64>outputSize(desc) != ySize) return INVALID_OUTPUT;
  if (<u64>scratchSize(desc) < f32Bytes2(dimRank(params), 1)) return OUT_OF_MEMORY;
  if (tokens == 0) return OK;

  const a: usize = inputBOffset(desc);
  const b = a + <usize>aSize;
  const scales = b + <usize>bSize;
  const base = scales + <usize>scalesSize;
  const adapter = base + <usize>aligned(ySize);
  if (!areKnown(adapter, tokens, adapters)) return INVALID_INPUT;
  applyAll(desc, params, a, b, scales, base, adapter);
  return OK;
}

// @ts-ignore: decorator
@inline
function applyAll(
  desc: usize,
  params: usize,
  a: usize,
  b: usize,
  scales: usize,
  base: usize,
  adapter: usize,
): void {
  const rankBytes = (<usize>dimRank(params)) * F32;
  const inBytes = (<usize>dimIn(params)) * F32;
  const outBytes = (<usize>dimOut(params)) * F32;
  const t: usize = scratchOffset(desc);
  let x: usize = inputAOffset(desc);
  let y: usize = outputOffset(desc);
  let left = dimTokens(params);
  do {
    const index = load<i32>(adapter);
    if (isNone(index) || rankBytes == 0) {
      copyRow<f32>(base, y, outBytes);
    } else {
      const scale = load<f32>(scales + (<usize>index) * F32);
      project(x, inBytes, a + (<usize>index) * dimRank(params) * inBytes, t, rankBytes, scale);
      expand(base, b + (<usize>index) * dimOut(params) * rankBytes, t, rankBytes, y, outBytes);
    }
    adapter += sizeof<i32>();
    x += inBytes;
    base += outBytes;
    y += outBytes;
  } while (--left != 0);
}
