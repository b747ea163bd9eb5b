// KV's cases: rows of 32 heads of 128 values, packed and unpacked. KIVI's keys come in groups of 32 rows,
// so that is what "one token" costs them.

import { value } from "../../onnx/model.ts";
import { type Case, type NoOnnxWork, type OnnxWork, type Size, SIZES, TOKENS } from "../case.ts";

const CHANNELS = 32 * 128;
const BLOCK = 32;
const BLOCKS = CHANNELS / BLOCK;
const GROUP = 32; // Rows of a block of KIVI's keys.

const NO_BLOCKS: NoOnnxWork = { why: "ONNX Runtime has no operator on such blocks" };

const Q4_BYTES = { q4_0: 18, q4_1: 20, kivi_k: 20, kivi_v: 20, kivi_k2: 12, kivi_v2: 12 } as const;
type Q4 = keyof typeof Q4_BYTES;
type Wide = "f32" | "f16";

const FORMATS = Object.keys(Q4_BYTES) as readonly Q4[];

/** f16 goes through the same code once it is widened: a format of each kind tells what that costs. */
const F16_FORMATS: readonly Q4[] = ["q4_0", "kivi_k"];

export const KV: readonly Case[] = [
  ...SIZES.map((size) => packQ8(size, "f32")),
  ...SIZES.map((size) => packQ8(size, "f16")),
  ...FORMATS.flatMap((format) => SIZES.map((size) => packQ4(size, format, "f32"))),
  ...F16_FORMATS.flatMap((format) => SIZES.map((size) => packQ4(size, format, "f16"))),
  ...SIZES.map((size) => unpackQ8(size, "f32")),
  ...SIZES.map((size) => unpackQ8(size, "f16")),
  ...FORMATS.flatMap((format) => SIZES.map((size) => unpackQ4(size, format, "f32"))),
  ...F16_FORMATS.flatMap((format) => SIZES.map((size) => unpackQ4(size, format, "f16"))),
];

function packQ8(size: Size, wide: Wide): Case {
  const rows = TOKENS[size];
  const shape = `${rows}x${CHANNELS}`;
  return {
    kernel: named("kv_pack_q8", wide),
    size,
    shape,
    what: `${wide} into Q8_0 blocks`,
    inputs: { x: [rows, BLOCKS, BLOCK] },
    bound: "arithmetic",
    ...wideSide(wide),
    native: { kernel: `kv_pack_q8_${wide}`, shape },
    onnx: NO_BLOCKS,
  };
}

function unpackQ8(size: Size, wide: Wide): Case {
  const rows = TOKENS[size];
  const shape = `${rows}x${CHANNELS}`;
  return {
    kernel: named("kv_unpack_q8", wide),
    size,
    shape,
    what: `Q8_0 blocks into ${wide}`,
    inputs: { packed: [rows, BLOCKS, 34] },
    fills: { packed: { packedBy: "kv_pack_q8", x: [rows, BLOCKS, BLOCK] } },
    bound: wide === "f32" ? "memory" : "arithmetic",
    ...wideSide(wide),
    native: { kernel: `kv_unpack_q8_${wide}`, shape },
    onnx: wide === "f32" ? dequantised(rows) : NO_BLOCKS,
  };
}

function packQ4(size: Size, format: Q4, wide: Wide): Case {
  const rows = rowsOf(size, format);
  const shape = `${rows}x${CHANNELS}`;
  return {
    kernel: named("kv_pack_q4", wide),
    size,
    shape: `${shape} ${format}`,
    what: `${wide} into blocks of ${bitsOf(format)}-bit integers`,
    inputs: { x: [rows, BLOCKS, BLOCK] },
    params: { format },
    dims: { block_bytes: Q4_BYTES[format] },
    bound: "arithmetic",
    ...wideSide(wide),
    native: { kernel: `kv_pack_${format}_${wide}`, shape },
    onnx: NO_BLOCKS,
  };
}

function unpackQ4(size: Size, format: Q4, wide: Wide): Case {
  const rows = rowsOf(size, format);
  const shape = `${rows}x${CHANNELS}`;
  const dims = { block_bytes: Q4_BYTES[format] };
  return {
    kernel: named("kv_unpack_q4", wide),
    size,
    shape: `${shape} ${format}`,
    what: `blocks of ${bitsOf(format)}-bit integers into ${wide}`,
    inputs: { packed: [rows, BLOCKS, Q4_BYTES[format]] },
    params: { format },
    fills: {
      packed: { packedBy: "kv_pack_q4", x: [rows, BLOCKS, BLOCK], params: { format }, dims },
    },
    bound: wide === "f32" && format.startsWith("q4") ? "memory" : "arithmetic",
    ...wideSide(wide),
    native: { kernel: `kv_unpack_${format}_${wide}`, shape },
    onnx: NO_BLOCKS,
  };
}

function named(kernel: string, wide: Wide): string {
  return wide === "f32" ? kernel : `${kernel}_f16`;
}

/** The goal in bytes per second is about f32. */
function wideSide(wide: Wide): { readonly wide?: string } {
  return wide === "f32" ? { wide: "x" } : {};
}

function bitsOf(format: Q4): number {
  return format.endsWith("2") ? 2 : 4;
}

function rowsOf(size: Size, format: Q4): number {
  return Math.max(TOKENS[size], format.startsWith("kivi_k") ? GROUP : 1);
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
