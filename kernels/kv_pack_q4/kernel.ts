// kv_pack_q4: f32 into blocks of 4-bit integers, byte for byte as GGML's Q4_0 and Q4_1, or for KIVI.
// In x f32[rows, blocks, 32]; out packed u8[rows, blocks, block_bytes], 18 or 20 as the format says.
// Judge: src/reference, every byte.
//
//   q4_0: | d f16 |         | 16 bytes of codes |     x is about (code - 8) * d
//   q4_1: | d f16 | min f16 | 16 bytes of codes |     x is about code * d + min
//
// Byte j holds the code of value j in its low half and that of value j + 16 in its high half.
// For kivi_k, whose blocks run along 32 rows, and kivi_v see std/kivi-pack.ts: 20 bytes.
//
// q4_0: d = m / -8, where m is the first of the values with the largest magnitude, with its sign; the
// opposite of m is therefore clipped to 7/8. Codes are x * (1 / d) + 8.5 without its fraction, at most
// 15. Zeros have d = -0 and codes of 8. q4_1: d = (max - min) / 15 and codes (x - min) * (1 / d) + 0.5
// without its fraction, at most 15. Both take codes from what is not yet rounded to f16.
//
// NaN, infinity, and values whose d or min is beyond f16 are INVALID_INPUT; see kv_pack_q8.
//
// Speed. Codes stay f32 until two make a byte: low + 16 * high is exact, and one addition of 1.5 * 2^23
// then moves both into the low bits. Constants stay in registers.
// Versions: 1 a block per turn (this one).

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
} from "../../generated/kernels/kv_pack_q4.as";
import { BLOCK_F32, BLOCK_VALUES, blocksIn } from "../std/block";
import { KIVI_2, packKeys, packValues } from "../std/kivi-pack";
import { packAll0, packAll1, Q4_0, Q4_1 } from "../std/q4";

export { kernel_info } from "../../generated/kernels/kv_pack_q4.as";
export { kernel_backward, kernel_cleanup, kernel_init } from "../std/stateless";
export { forward as kernel_forward, forward as kv_pack_q4_forward };

const Q4_0: u32 = 18; // Bytes of a packed block.
const Q4_1: u32 = 20;

const MAGIC = memory.data<f32>([12582912]); // 1.5 * 2^23.
const FIFTEEN = memory.data<f32>([15]);
const SIXTEEN = memory.data<f32>([16]);

function forward(desc: usize): i32 {
  if (paramsSize(desc) != PARAMS_BYTES) return INVALID_PARAMS;
  const params: usize = paramsOffset(desc);
  const kind = format(params);
  if (kind < FORMAT_Q4_0 || kind > FORMAT_KIVI_V) return INVALID_PARAMS;
  const bytes: u32 = kind == FORMAT_Q4_0 ? Q4_0 : Q4_1;
  const blocks = blocksIn(dimRows(params), dimBlocks(params));
  if (<u64>inputASize(desc) != blocks * BLOCK_F32) return INVALID_INPUT;
  if (dimBlockBytes(params) != bytes) return INVALID_OUTPUT;
  if (<u64>outputSize(desc) != blocks * bytes) return INVALID_OUTPUT;
  if (kind == FORMAT_KIVI_K && dimRows(params) % BLOCK_VALUES != 0) return INVALID_INPUT;
  if (blocks == 0) return OK;
  const x: usize = inputAOffset(desc);
  const end = x + inputASize(desc);
  const packed: usize = outputOffset(desc);
  if (kind == FORMAT_Q4_0) return packAll0<f32>(x, end, packed, 0);
  if (kind == FORMAT_Q4_1) return packAll1<f32>(x, end, packed, 0);
  if (kind == FORMAT_KIVI_V) return packValues<f32>(x, end, packed, 0, 4);
  if (kind == FORMAT_KIVI_V2) return packValues<f32>(x, end, packed, 0, 2);
  const rowBytes = dimBlocks(params) * BLOCK_F32;
  if (kind == FORMAT_KIVI_K) return packKeys<f32>(x, end, packed, 0, rowBytes, 4);
  return packKeys<f32>(x, end, packed, 0, rowBytes, 2);
}

// @ts-ignore: decorator
@inline
function bytesOf(kind: u32): u32 {
  if (kind == FORMAT_Q4_0) return Q4_0;
  return kind == FORMAT_KIVI_K2 || kind == FORMAT_KIVI_V2 ? KIVI_2 : Q4_1;
}
