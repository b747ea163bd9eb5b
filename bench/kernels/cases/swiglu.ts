// SwiGLU's cases: a feed-forward width of 11008, from two tensors and from one that holds both.

import { type Element, type Graph, type Operation, value } from "../../onnx/model.ts";
import { type Case, type OnnxWork, type Size, SIZES, TOKENS } from "../case.ts";

const FFN = 11_008;

/** y = gate * sigmoid(gate) * up; ONNX Runtime fuses the first two operators. */
const GATED: readonly Operation[] = [
  { type: "Sigmoid", inputs: ["gate"], outputs: ["s"] },
  { type: "Mul", inputs: ["gate", "s"], outputs: ["silu"] },
  { type: "Mul", inputs: ["silu", "up"], outputs: ["y"] },
];

export const SWIGLU: readonly Case[] = [
  ...SIZES.map((size) => swiglu(size, "f32")),
  ...SIZES.map((size) => swiglu(size, "f16")),
  ...SIZES.map((size) => packed(size, "f32", "halves")),
  ...SIZES.map((size) => packed(size, "f32", "interleaved")),
  ...SIZES.map((size) => packed(size, "f16", "halves")),
  ...SIZES.map((size) => packed(size, "f16", "interleaved")),
];

function swiglu(size: Size, element: "f32" | "f16"): Case {
  const tokens = TOKENS[size];
  const kernel = `swiglu_${element}`;
  const shape = `${tokens}x${FFN}`;
  return {
    kernel,
    size,
    shape,
    what: "y = gate / (1 + e^-gate) * up",
    inputs: { gate: [tokens, FFN], up: [tokens, FFN] },
    bound: "arithmetic",
    native: { kernel, shape },
    onnx: gatedWork(tokens, element),
  };
}

function packed(size: Size, element: "f32" | "f16", packing: "halves" | "interleaved"): Case {
  const tokens = TOKENS[size];
  const kernel = `swiglu_packed_${element}`;
  const shape = `${tokens}x${FFN}`;
  return {
    kernel,
    size,
    shape: `${shape} ${packing}`,
    what: "y = gate / (1 + e^-gate) * up, both in one tensor",
    inputs: { gate_up: [tokens, 2, FFN] },
    params: { packing },
    bound: "arithmetic",
    native: { kernel: `${kernel}_${packing}`, shape },
    onnx: packedWork(tokens, element, packing),
  };
}

function gatedWork(tokens: number, element: Element): OnnxWork {
  const dims = [tokens, FFN];
  const graph = {
    inputs: [value("gate", element, dims), value("up", element, dims)],
    outputs: [value("y", element, dims)],
    operations: GATED,
  };
  return { graph, ...noteOf(element) };
}

/** Gates and ups are split off first: ahead of each other, or as pairs. */
function packedWork(tokens: number, element: Element, packing: "halves" | "interleaved"): OnnxWork {
  const axis = packing === "halves" ? 1 : 2;
  const split = packing === "halves" ? [tokens, 2, FFN] : [tokens, FFN, 2];
  const y = packing === "halves" ? [tokens, 1, FFN] : [tokens, FFN, 1];
  const graph: Graph = {
    inputs: [value("gate_up", element, split)],
    outputs: [value("y", element, y)],
    operations: [
      {
        type: "Split",
        inputs: ["gate_up"],
        outputs: ["gate", "up"],
        attributes: [
          { name: "axis", type: "int", value: axis },
          { name: "num_outputs", type: "int", value: 2 },
        ],
      },
      ...GATED,
    ],
  };
  return { graph, ...noteOf(element) };
}

function noteOf(element: Element): { readonly note?: string } {
  return element === "f16"
    ? { note: "ONNX Runtime computes these operators in f32, and casts" }
    : {};
}
