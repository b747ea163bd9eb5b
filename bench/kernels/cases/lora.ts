// LoRA's cases: one adapter of rank 16 on a product of 4096 by 4096.

import { type Element, type Graph, value } from "../../onnx/model.ts";
import { type Case, type Size, SIZES, TOKENS } from "../case.ts";

const WIDTH = 4096;
const RANK = 16;
const SCALE = 2; // As of alpha 32.

export const LORA: readonly Case[] = [
  ...SIZES.map((size) => lora(size, "f32")),
  ...SIZES.map((size) => lora(size, "f16")),
];

function lora(size: Size, element: "f32" | "f16"): Case {
  const tokens = TOKENS[size];
  const kernel = `lora_apply_${element}`;
  return {
    kernel,
    size,
    shape: `${tokens}x${WIDTH}x${WIDTH} rank ${RANK}`,
    what: "y = base + scale * B (A x)",
    inputs: {
      x: [tokens, WIDTH],
      a: [1, RANK, WIDTH],
      b: [1, WIDTH, RANK],
      scales: [1],
      base: [tokens, WIDTH],
      adapter: [tokens],
    },
    fills: { scales: SCALE, adapter: 0 },
    bound: "arithmetic",
    native: { kernel, shape: `${tokens}x${WIDTH}x${WIDTH}x${RANK}` },
    onnx: { graph: loraGraph(tokens, element) },
  };
}

/** Two products. The matrices are inputs, as they are to our kernel. */
function loraGraph(tokens: number, element: Element): Graph {
  return {
    inputs: [
      value("x", element, [tokens, WIDTH]),
      value("a", element, [RANK, WIDTH]),
      value("b", element, [WIDTH, RANK]),
      value("base", element, [tokens, WIDTH]),
    ],
    outputs: [value("y", element, [tokens, WIDTH])],
    operations: [
      {
        type: "Gemm",
        inputs: ["x", "a"],
        outputs: ["t"],
        attributes: [{ name: "transB", type: "int", value: 1 }],
      },
      {
        type: "Gemm",
        inputs: ["t", "b", "base"],
        outputs: ["y"],
        attributes: [
          { name: "alpha", type: "float", value: SCALE },
          { name: "transB", type: "int", value: 1 },
        ],
      },
    ],
  };
}
