// lora_apply_f16: y = base + scale * B (A x) for each token with the adapter that it names, as
// lora_apply_f32, in f32 but for what is stored, which is rounded once.
// In x f16[tokens, in], a f16[adapters, rank, in], b f16[adapters, out, rank], scales f32[adapters],
// base f16[tokens, out], adapter i32[tokens]; out y like base. Judge: the reference, half a unit in the
// last place and 1e-5 of the sum of the terms' magnitudes.
//
// y has the bits of lora_apply_f32 over the same tensors widened, rounded: also where four tokens or more
// in a row share an adapter, which is then widened into scratch, once for all of them.
// Versions: 1 a token at a time over f16, runs over a widened adapter (this one).

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
} from "../../generated/kernels/lora_apply_f16.as";
import { narrowTo, widenTo } from "../std/half-rows";
import { areKnown, copyRow, expand, isNone, project } from "../std/lora";
import { expandHalf, pad, PADDING, projectHalf, raise } from "../std/lora-half";
import { aligned, f16Bytes2, f16Bytes4, f32Bytes2 } from "../std/region";

export { kernel_info } from "../../generated/kernels/lora_apply_f16.as";
export { kernel_backward, kernel_cleanup, kernel_init } from "../std/stateless";
export { forward as kernel_forward, forward as lora_apply_forward };

const F16: usize = 2; // Bytes of one value.
const F32: usize = 4; // Bytes of one that is widened.
const RUN: usize = 4; // Tokens that share an adapter, from which on it is widened.

function forward(desc: usize): i32 {
  if (paramsSize(desc) != PARAMS_BYTES) return INVALID_PARAMS;
  const params: usize = paramsOffset(desc);
  const adapters = dimAdapters(params);
  const tokens = dimTokens(params);
  const aSize = aligned(f16Bytes4(adapters, dimRank(params), dimIn(params), 1));
  const bSize = aligned(f16Bytes4(adapters, dimOut(params), dimRank(params), 1));
  const scalesSize = aligned(f32Bytes2(adapters, 1));
  const ySize = f16Bytes2(tokens, dimOut(params));
  const before = aSize + bSize + scalesSize + aligned(ySize);
  if (<u64>inputASize(desc) != f16Bytes2(tokens, dimIn(params))) return INVALID_INPUT;
  if (<u64>inputBSize(desc) != before + f32Bytes2(tokens, 1)) return INVALID_INPUT;
  if (<u64>outputSize(desc) != ySize) return INVALID_OUTPUT;
  if (<u64>scratchSize(desc) < scratchBytes(params)) return OUT_OF_MEMORY;
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

/** t and x with their padding, y, A and B, all of f32. */
// @ts-ignore: decorator
@inline
function scratchBytes(params: usize): u64 {
  const t = aligned(f32Bytes2(dimRank(params), 1)) + PADDING;
  const x = aligned(f32Bytes2(dimIn(params), 1)) + PADDING;
  const y = aligned(f32Bytes2(dimOut(params), 1));
  const a = aligned(f32Bytes2(dimRank(params), dimIn(params)));
  return t + x + y + a + f32Bytes2(dimOut(params), dimRank(params));
}

/** Applies adapters run by run: tokens in a row that name the same one. */
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
  const rank: usize = dimRank(params);
  const inBytes = (<usize>dimIn(params)) * F16;
  const outBytes = (<usize>dimOut(params)) * F16;
  const end = adapter + (<usize>dimTokens(params)) * sizeof<i32>();
  let x: usize = inputAOffset(desc);
  let y: usize = outputOffset(desc);
  do {
    const index = load<i32>(adapter);
    const next = endOfRun(adapter, end, index);
    const tokens = (next - adapter) / sizeof<i32>();
    if (isNone(index) || rank == 0) {
      copyRow<u16>(base, y, tokens * outBytes);
    } else {
      const scale = load<f32>(scales + (<usize>index) * F32);
      const ownA = a + (<usize>index) * rank * inBytes;
      const ownB = b + (<usize>index) * rank * outBytes;
      applyRun(desc, params, x, ownA, ownB, scale, base, y, tokens);
    }
    adapter = next;
    x += tokens * inBytes;
    base += tokens * outBytes;
    y += tokens * outBytes;
  } while (adapter != end);
}

// @ts-ignore: decorator
@inline
function endOfRun(adapter: usize, end: usize, index: i32): usize {
  do {
    adapter += sizeof<i32>();
  } while (adapter != end && load<i32>(adapter) == index);
  return adapter;
}

function applyRun(
  desc: usize,
  params: usize,
  x: usize,
  a: usize,
  b: usize,
  scale: f32,
  base: usize,
  y: usize,
  tokens: usize,
): void {
  const rank: usize = dimRank(params);
  const inBytes = (<usize>dimIn(params)) * F32;
  const outBytes = (<usize>dimOut(params)) * F32;
  const t: usize = scratchOffset(desc);
  const wideX = t + roundUp(rank * F32) + PADDING;
  const wideY = wideX + roundUp(inBytes) + PADDING;
  const wideA = wideY + roundUp(outBytes);
  const wideB = wideA + roundUp(rank * inBytes);
  const isWide = tokens >= RUN;
  if (isWide) {
    widenTo(wideA, a, rank * inBytes);
    widenTo(wideB, b, rank * outBytes);
  }
  do {
    widenTo(wideX, x, inBytes);
    widenTo(wideY, base, outBytes);
    if (isWide) {
      project(wideX, inBytes, wideA, t, rank * F32, scale);
      expand(wideY, wideB, t, rank * F32, wideY, outBytes);
    } else {
      pad(wideX + inBytes);
      raise(wideX, inBytes);
      projectHalf(wideX, inBytes, a, t, rank, scale);
      pad(t + rank * F32);
      expandHalf(b, t, rank, wideY, outBytes);
    }
    narrowTo(y, wideY, outBytes);
    x += inBytes / 2;
    base += outBytes / 2;
    y += outBytes / 2;
  } while (--tokens != 0);
}

// @ts-ignore: decorator
@inline
function roundUp(bytes: usize): usize {
  return (bytes + 15) & ~15;
}
