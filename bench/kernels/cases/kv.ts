// KV's cases: rows of 32 heads of 128 values, packed and unpacked. KIVI's keys come in groups of 32 rows,
// so that is what "one token" costs them.

import { value } from "../../onnx/model.ts";
import { type Case, type NoOnnxWork, type OnnxWork, type Size, SIZES, TOKENS } from "../case.ts";

const CHANNELS = 32 * 128;
const BLOCK = 32;
const BLOCKS = CHANNELS / BLOCK;
const GROUP = 32; // Rows of a block of KIVI's keys.

const NO_BLOCKS: NoOnnxWork = { why: "ONNX Runtime has no operator on such blocks" };

const Q4_BYTES = { q4_0: 18, q4_1: 20, kivi_k: 20, kivi_v: 20 } as const;
type Q4 = keyof typeof Q4_BYTES;

const FORMATS = Object.keys(Q4_BYTES) as readonly Q4[];

export const KV: readonly Case[] = [
  ...SIZES.map(packQ8),
  ...FORMATS.flatMap((format) => SIZES.map((size) => packQ4(size, format))),
  ...SIZES.map(unpackQ8),
  ...FORMATS.flatMap((format) => SIZES.map((size) => unpackQ4(size, format))),
];

function packQ8(size: Size): Case {
  const rows = TOKENS[size];
  const shape = `${rows}x${CHANNELS}`;
  return {
    kernel: "kv_pack_q8",
    size,
    shape,
    what: "f32 into Q8_0 blocks",
    inputs: { x: [rows, BLOCKS, BLOCK] },
    bound: "arithmetic",
    wide: "x",
    native: { kernel: "kv_pack_q8", shape },
    onnx: NO_BLOCKS,
  };
}

function unpackQ8(size: Size): Case {
  const rows = TOKENS[size];
  const shape = `${rows}x${CHANNELS}`;
  return {
    kernel: "kv_unpack_q8",
    size,
    shape,
    what: "Q8_0 blocks into f32",
    inputs: { packed: [rows, BLOCKS, 34] },
    fills: { packed: { packedBy: "kv_pack_q8", x: [rows, BLOCKS, BLOCK] } },
    bound: "memory",
    wide: "x",
    native: { kernel: "kv_unpack_q8", shape },
    onnx: dequantised(rows),
  };
}

function packQ4(size: Size, format: Q4): Case {
  const rows = rowsOf(size, format);
  const shape = `${rows}x${CHANNELS}`;
  return {
    kernel: "kv_pack_q4",
    size,
    shape: `${shape} ${format}`,
    what: "f32 into blocks of 4-bit integers",
    inputs: { x: [rows, BLOCKS, BLOCK] },
    params: { format },
    dims: { block_bytes: Q4_BYTES[format] },
    bound: "arithmetic",
    wide: "x",
    native: { kernel: `kv_pack_q4_${format}`, shape },
    onnx: NO_BLOCKS,
  };
}

function unpackQ4(size: Size, format: Q4): Case {
  const rows = rowsOf(size, format);
  const shape = `${rows}x${CHANNELS}`;
  const dims = { block_bytes: Q4_BYTES[format] };
  return {
    kernel: "kv_unpack_q4",
    size,
    shape: `${shape} ${format}`,
    what: "blocks of 4-bit integers into f32",
    inputs: { packed: [rows, BLOCKS, Q4_BYTES[format]] },
    params: { format },
    fills: {
      packed: { packedBy: "kv_pack_q4", x: [rows, BLOCKS, BLOCK], params: { format }, dims },
    },
    bound: format.startsWith("kivi") ? "arithmetic" : "memory", // Neighbours share their bytes.
    wide: "x",
    native: { kernel: `kv_unpack_q4_${format}`, shape },
    onnx: NO_BLOCKS,
  };
}

function rowsOf(size: Size, format: Q4): number {
  return Math.max(TOKENS[size], format === "kivi_k" ? GROUP : 1);
}

/** The same numbers from two tensors: codes, and steps as f32. */
function dequantised(rows: number): OnnxWork {
  return {
    graph: {
      inputs: [value("codes", "i8", [rows, CHANNELS]), value("steps", "f32", [rows, BLOCKS])],
      outputs: [value("x", "f32", [rows, CHANNELS])],
      operations: [
        {
          type: "DequantizeLinear",
          inputs: ["codes", "steps"],
          outputs: ["x"],
          attributes: [
            { name: "axis", type: "int", value: 1 },
            { name: "block_size", type: "int", value: BLOCK },
          ],
        },
      ],
    },
    derived: {
      codes: ({ packed }) => codesOf(packed as Uint8Array),
      steps: ({ packed }) => stepsOf(packed as Uint8Array),
    },
    note: "ONNX Runtime takes codes and f32 steps from two tensors",
  };
}

const Q8_BYTES = 34; // A step as f16, then 32 codes.

function codesOf(packed: Uint8Array): Int8Array {
  const codes = new Int8Array((packed.length / Q8_BYTES) * BLOCK);
  for (let block = 0; block * Q8_BYTES < packed.length; block++)
    codes.set(packed.subarray(block * Q8_BYTES + 2, (block + 1) * Q8_BYTES), block * BLOCK);
  return codes;
}

function stepsOf(packed: Uint8Array): Float32Array {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const blocks = packed.length / Q8_BYTES;
  return Float32Array.from({ length: blocks }, (_, i) => view.getFloat16(i * Q8_BYTES, true));
}
