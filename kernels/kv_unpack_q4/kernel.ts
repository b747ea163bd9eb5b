// kv_unpack_q4: blocks of 4-bit integers, laid out as GGML's Q4_0 and Q4_1 or for KIVI, back into f32.
// In packed u8[rows, blocks, block_bytes], 18 or 20 as the format says; out x f32[rows, blocks, 32].
// Judge: src/reference, every bit. The layouts are in kv_pack_q4/kernel.ts.
// For kivi_k and kivi_v see std/kivi-pack.ts.
//
//   q4_0: x = (code - 8) * d          q4_1: x = code * d + min, product and sum each rounded
//
// A block whose d or min is infinity or NaN was packed by nothing that may be trusted: INVALID_INPUT.
// Versions: 1 two blocks per turn, so that loop control costs little (this one).

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
  dimBlockBytes,
  dimBlocks,
  dimRows,
  format,
  FORMAT_KIVI_K,
  FORMAT_KIVI_V,
  FORMAT_Q4_0,
  FORMAT_Q4_1,
  PARAMS_BYTES,
} from "../../generated/kernels/kv_unpack_q4.as";
import { BLOCK_F32, BLOCK_VALUES, blocksIn, f16Value, isF16Beyond } from "../std/block";
import { highHalves, lowHalves, moved16, scaled16 } from "../std/codes";
import { unpackKeys, unpackValues } from "../std/kivi-unpack";

export { kernel_info } from "../../generated/kernels/kv_unpack_q4.as";
export { kernel_backward, kernel_cleanup, kernel_init } from "../std/stateless";
export { forward as kernel_forward, forward as kv_unpack_q4_forward };

const Q4_0: u32 = 18; // Bytes of a packed block.
const Q4_1: u32 = 20;

function forward(desc: usize): i32 {
  if (paramsSize(desc) != PARAMS_BYTES) return INVALID_PARAMS;
  const params: usize = paramsOffset(desc);
  const kind = format(params);
  if (kind < FORMAT_Q4_0 || kind > FORMAT_KIVI_V) return INVALID_PARAMS;
  const bytes: u32 = kind == FORMAT_Q4_0 ? Q4_0 : Q4_1;
  const blocks = blocksIn(dimRows(params), dimBlocks(params));
  if (dimBlockBytes(params) != bytes) return INVALID_INPUT;
  if (<u64>inputASize(desc) != blocks * bytes) return INVALID_INPUT;
  if (<u64>outputSize(desc) != blocks * BLOCK_F32) return INVALID_OUTPUT;
  if (kind == FORMAT_KIVI_K && dimRows(params) % BLOCK_VALUES != 0) return INVALID_INPUT;
  const packed: usize = inputAOffset(desc);
  const x: usize = outputOffset(desc);
  const count = <usize>blocks;
  if (kind == FORMAT_Q4_0) return unpackAll0(packed, x, count);
  if (kind == FORMAT_Q4_1) return unpackAll1(packed, x, count);
  const end = packed + inputASize(desc);
  if (kind == FORMAT_KIVI_V) return unpackValues<f32>(packed, end, x, 0, 4);
  if (kind == FORMAT_KIVI_V2) return unpackValues<f32>(packed, end, x, 0, 2);
  const rowBytes = dimBlocks(params) * BLOCK_F32;
  if (kind == FORMAT_KIVI_K) return unpackKeys<f32>(packed, end, x, 0, rowBytes, 4);
  return unpackKeys<f32>(packed, end, x, 0, rowBytes, 2);
}

/** False when the block's scale or least value is no number. */
// @ts-ignore: decorator
@inline
function unpackOne1(packed: usize, x: usize): bool {
  const scale = <u32>load<u16>(packed);
  const least = <u32>load<u16>(packed, 2);
  if (isF16Beyond(scale) || isF16Beyond(least)) return false;
  const d = f32x4.splat(f16Value(scale));
  const from = f32x4.splat(f16Value(least));
  const codes = v128.load(packed, 4);
  moved16(lowHalves(codes), x, d, from);
  moved16(highHalves(codes), x + 64, d, from);
  return true;
}
