// kv_pack_q4: f32 into blocks of 4-bit integers, byte for byte as GGML's Q4_0 and Q4_1, or of 4 or 2 bits for
// KIVI. In x f32[rows, blocks, 32]; out packed u8[rows, blocks, block_bytes], as many as the format says:
//
//   q4_0 18, q4_1 20: see std/q4.ts
//   kivi_k, kivi_v 20, kivi_k2, kivi_v2 12: see std/kivi-pack.ts; blocks of keys run along 32 rows
//
// NaN and infinity are INVALID_INPUT, and so are values whose scale or minimum is beyond f16; see
// kv_pack_q8. Judge: the reference, every byte.
// Versions: 1 a block per turn (this one).

import {
  inputAOffset,
  inputASize,
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
  dimBlockBytes,
  dimBlocks,
  dimRows,
  format,
  FORMAT_KIVI_K,
  FORMAT_KIVI_K2,
  FORMAT_KIVI_V,
  FORMAT_KIVI_V2,
  FORMAT_Q4_0,
  FORMAT_Q4_1,
  PARAMS_BYTES,
} from "../../generated/kernels/kv_pack_q4.as";
import { BLOCK_F32, BLOCK_VALUES, blocksIn } from "../std/block";
import { KIVI_2, KIVI_WIDE, packKeys, packValues } from "../std/kivi-pack";
import { packAll0, packAll1, Q4_0, Q4_1 } from "../std/q4";

export { kernel_info } from "../../generated/kernels/kv_pack_q4.as";
export { kernel_backward, kernel_cleanup, kernel_init } from "../std/stateless";
export { forward as kernel_forward, forward as kv_pack_q4_forward };

function forward(desc: usize): i32 {
  if (paramsSize(desc) != PARAMS_BYTES) return INVALID_PARAMS;
  const params: usize = paramsOffset(desc);
  const kind = format(params);
  if (kind < FORMAT_Q4_0 || kind > FORMAT_KIVI_V2) return INVALID_PARAMS;
  const bytes = bytesOf(kind);
  const blocks = blocksIn(dimRows(params), dimBlocks(params));
  if (<u64>inputASize(desc) != blocks * BLOCK_F32) return INVALID_INPUT;
  if (dimBlockBytes(params) != bytes) return INVALID_OUTPUT;
  if (<u64>outputSize(desc) != blocks * bytes) return INVALID_OUTPUT;
  const ofKeys = kind == FORMAT_KIVI_K || kind == FORMAT_KIVI_K2;
  if (ofKeys && dimRows(params) % BLOCK_VALUES != 0) return INVALID_INPUT;
  if (scratchSize(desc) < KIVI_WIDE) return OUT_OF_MEMORY;
  if (blocks == 0) return OK;
  const x: usize = inputAOffset(desc);
  const end = x + inputASize(desc);
  const packed: usize = outputOffset(desc);
  const wide: usize = scratchOffset(desc);
  if (kind == FORMAT_Q4_0) return packAll0<f32>(x, end, packed, wide);
  if (kind == FORMAT_Q4_1) return packAll1<f32>(x, end, packed, wide);
  if (kind == FORMAT_KIVI_V) return packValues<f32>(x, end, packed, wide, 4);
  if (kind == FORMAT_KIVI_V2) return packValues<f32>(x, end, packed, wide, 2);
  const rowBytes = dimBlocks(params) * BLOCK_F32;
  if (kind == FORMAT_KIVI_K) return packKeys<f32>(x, end, packed, wide, rowBytes, 4);
  return packKeys<f32>(x, end, packed, wide, rowBytes, 2);
}

/** Bytes of a packed block. */
// @ts-ignore: decorator
@inline
function bytesOf(kind: u32): u32 {
  if (kind == FORMAT_Q4_0) return Q4_0;
  return kind == FORMAT_KIVI_K2 || kind == FORMAT_KIVI_V2 ? KIVI_2 : Q4_1;
}
