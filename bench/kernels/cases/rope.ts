// RoPE's cases: 32 heads of 128 values. The rows of 512 tokens in f32 are `rope_f32_seq512` of the seed's
// benchmark template: x random f32 [1, 512, 32, 128], freqs f32 [512, 64].
//
// Cosines and sines are part of our call and of native C's; ONNX Runtime is given them as tables.

import type { TensorView } from "../../../src/base/mod.ts";
import { type Element, type Graph, value } from "../../onnx/model.ts";
import { type Case, type OnnxWork, type Size, SIZES, TOKENS } from "../case.ts";

const HEADS = 32;
const DIM = 128;
const HALF = DIM / 2;
const BLOCK = 32; // Values of a Q8_0 block, which takes 34 bytes.

type Layout = "interleaved" | "half_split";

export const ROPE: readonly Case[] = [
  ...SIZES.map((size) => rope(size, "f32", "interleaved")),
  ...SIZES.map((size) => rope(size, "f32", "half_split")),
  ...SIZES.map((size) => rope(size, "f16", "interleaved")),
  ...SIZES.map((size) => rope(size, "f16", "half_split")),
  ...SIZES.map((size) => ropeQ8(size, "interleaved")),
  ...SIZES.map((size) => ropeQ8(size, "half_split")),
];

function rope(size: Size, element: "f32" | "f16", layout: Layout): Case {
  const seq = TOKENS[size];
  const dims = [1, seq, HEADS, DIM];
  const kernel = `rope_${element}`;
  return {
    kernel,
    size,
    shape: `${dims.join("x")} ${layout}`,
    what: "pairs turned by the angles of their position",
    inputs: { x: dims, freqs: [seq, HALF] },
    params: { layout },
    fills: { freqs: "angles" },
    bound: element === "f32" ? "memory" : "arithmetic", // Conversions of f16 are most of it.
    native: { kernel: `${kernel}_${layout}`, shape: dims.join("x") },
    onnx: rotary(seq, element, layout),
  };
}

function ropeQ8(size: Size, layout: Layout): Case {
  const seq = TOKENS[size];
  const blocks = DIM / BLOCK;
  const shape = `1x${seq}x${HEADS}x${DIM}`;
  return {
    kernel: "rope_q8",
    size,
    shape: `${shape} ${layout}`,
    what: "Q8_0 blocks unpacked, turned by the angles of their position, and packed anew",
    inputs: { x: [1, seq, HEADS, blocks, 34], freqs: [seq, HALF] },
    params: { layout },
    fills: {
      x: { packedBy: "kv_pack_q8", x: [seq, HEADS * blocks, BLOCK] },
      freqs: "angles",
    },
    bound: "arithmetic",
    native: { kernel: `rope_q8_${layout}`, shape },
    onnx: { why: "ONNX Runtime has no operator on such blocks" },
  };
}

function rotary(seq: number, element: "f32" | "f16", layout: Layout): OnnxWork {
  const table = (of: (angle: number) => number) => {
    return ({ freqs }: Readonly<Record<string, TensorView>>) =>
      element === "f32"
        ? Float32Array.from(freqs as Float32Array, of)
        : Float16Array.from(freqs as Float32Array, of);
  };
  return {
    graph: rotaryGraph(seq, element, layout),
    derived: {
      positions: () => BigInt64Array.from({ length: seq }, (_, i) => BigInt(i)),
      cos: table(Math.cos),
      sin: table(Math.sin),
    },
    note: "ONNX Runtime is given cosines and sines; the others work them out",
  };
}

function rotaryGraph(seq: number, element: Element, layout: Layout): Graph {
  const dims = [1, seq, HEADS * DIM];
  return {
    inputs: [
      value("x", element, dims),
      value("positions", "i64", [1, seq]),
      value("cos", element, [seq, HALF]),
      value("sin", element, [seq, HALF]),
    ],
    outputs: [value("y", element, dims)],
    operations: [
      {
        type: "RotaryEmbedding",
        domain: "com.microsoft",
        inputs: ["x", "positions", "cos", "sin"],
        outputs: ["y"],
        attributes: [{ name: "interleaved", type: "int", value: layout === "interleaved" ? 1 : 0 }],
      },
    ],
  };
}
