// kv_unpack_q4_f16: blocks of 4-bit integers, laid out as GGML's Q4_0 and Q4_1 or for KIVI (there of 2 bits too),
// back into f16. In packed u8[rows, blocks, block_bytes]; out x f16[rows, blocks, 32]. Judge: the
// reference, every bit. The formats stand in std/q4.ts and std/kivi-pack.ts.
//
//   q4_0: (code - 8) * d, rounded once; the others: code * step + least, product and sum each rounded
//
// Of f16, what that gives is rounded once more; from 65520 on it is infinity.
// A block whose scale or least value is infinity or NaN was packed by nothing that may be trusted:
// INVALID_INPUT.
// Versions: 1 blocks unpacked into scratch; 2 those of GGML straight to f16 (this one).

import {
  inputAOffset,
  inputASize,
  INVALID_INPUT,
  INVALID_OUTPUT,
  INVALID_PARAMS,
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
} from "../../generated/kernels/kv_unpack_q4_f16.as";
import { BLOCK_F16, BLOCK_VALUES, blocksIn } from "../std/block";
import { KIVI_2, KIVI_WIDE } from "../std/kivi-pack";
import { unpackKeys, unpackValues } from "../std/kivi-unpack";
import { Q4_0, Q4_1, unpackAll0, unpackAll1 } from "../std/q4";

export { kernel_info } from "../../generated/kernels/kv_unpack_q4_f16.as";
export { kernel_backward, kernel_cleanup, kernel_init } from "../std/stateless";
export { forward as kernel_forward, forward as kv_unpack_q4_f16_forward };

function forward(desc: usize): i32 {
  if (paramsSize(desc) != PARAMS_BYTES) return INVALID_PARAMS;
  const params: usize = paramsOffset(desc);
  const kind = format(params);
  if (kind < FORMAT_Q4_0 || kind > FORMAT_KIVI_V2) return INVALID_PARAMS;
  const bytes = bytesOf(kind);
  const blocks = blocksIn(dimRows(params), dimBlocks(params));
  if (dimBlockBytes(params) != bytes) return INVALID_INPUT;
  if (<u64>inputASize(desc) != blocks * bytes) return INVALID_INPUT;
  if (<u64>outputSize(desc) != blocks * BLOCK_F16) return INVALID_OUTPUT;
  const ofKeys = kind == FORMAT_KIVI_K || kind == FORMAT_KIVI_K2;
  if (ofKeys && dimRows(params) % BLOCK_VALUES != 0) return INVALID_INPUT;
  if (scratchSize(desc) < KIVI_WIDE) return OUT_OF_MEMORY;
  const packed: usize = inputAOffset(desc);
  const x: usize = outputOffset(desc);
  const wide: usize = scratchOffset(desc);
  if (kind == FORMAT_Q4_0) return unpackAll0<u16>(packed, x, <usize>blocks, wide);
  if (kind == FORMAT_Q4_1) return unpackAll1<u16>(packed, x, <usize>blocks, wide);
  const end = packed + inputASize(desc);
  if (kind == FORMAT_KIVI_V) return unpackValues<u16>(packed, end, x, wide, 4);
  if (kind == FORMAT_KIVI_V2) return unpackValues<u16>(packed, end, x, wide, 2);
  const rowBytes = dimBlocks(params) * BLOCK_F16;
  if (kind == FORMAT_KIVI_K) return unpackKeys<u16>(packed, end, x, wide, rowBytes, 4);
  return unpackKeys<u16>(packed, end, x, wide, rowBytes, 2);
}

/** Bytes of a packed block. */
// @ts-ignore: decorator
@inline
function bytesOf(kind: u32): u32 {
  if (kind == FORMAT_Q4_0) return Q4_0;
  return kind == FORMAT_KIVI_K2 || kind == FORMAT_KIVI_V2 ? KIVI_2 : Q4_1;
}
