// RMSNorm's cases: rows of a hidden width of 4096, alone and after a residual sum.

import { type Case, type Size, SIZES, TOKENS } from "../case.ts";
import { type Element, type Graph, value } from "../../onnx/model.ts";

const DIM = 4096;
const EPS = 1e-5;
const GOAL_DECODE_NS = 500;

export const RMSNORM: readonly Case[] = [
  ...SIZES.map((size) => rmsnorm(size, "f32")),
  ...SIZES.map((size) => rmsnorm(size, "f16")),
  ...SIZES.map((size) => residual(size, "f32")),
  ...SIZES.map((size) => residual(size, "f16")),
];

function rmsnorm(size: Size, element: "f32" | "f16"): Case {
  const rows = TOKENS[size];
  const kernel = `rmsnorm_${element}`;
  const shape = `${rows}x${DIM}`;
  return {
    kernel,
    size,
    shape,
    what: "y = x / sqrt(mean(x²) + eps) * weight",
    inputs: { x: [rows, DIM], weight: [DIM] },
    params: { eps: EPS },
    bound: element === "f32" ? "memory" : "arithmetic", // Conversions of f16 are most of it.
    native: { kernel, shape },
    onnx: { graph: normGraph(rows, element) },
    ...(kernel === "rmsnorm_f32" && size === "decode" ? { nsMax: GOAL_DECODE_NS } : {}),
  };
}

function residual(size: Size, element: "f32" | "f16"): Case {
  const rows = TOKENS[size];
  const kernel = `rmsnorm_residual_${element}`;
  const shape = `${rows}x${DIM}`;
  return {
    kernel,
    size,
    shape,
    what: "h = x + residual, and y = rmsnorm of h",
    inputs: { x: [rows, DIM], residual: [rows, DIM], weight: [DIM] },
    params: { eps: EPS },
    bound: element === "f32" ? "memory" : "arithmetic", // Conversions of f16 are most of it.
    native: { kernel, shape },
    onnx: { graph: skipNormGraph(rows, element) },
  };
}

function normGraph(rows: number, element: Element): Graph {
  return {
    inputs: [value("x", element, [rows, DIM]), value("weight", element, [DIM])],
    outputs: [value("y", element, [rows, DIM])],
    operations: [
      {
        type: "SimplifiedLayerNormalization",
        inputs: ["x", "weight"],
        outputs: ["y"],
        attributes: [
          { name: "axis", type: "int", value: -1 },
          { name: "epsilon", type: "float", value: EPS },
        ],
      },
    ],
  };
}

/** The second and third outputs of the operator, which nobody wants, have no name. */
function skipNormGraph(rows: number, element: Element): Graph {
  const dims = [rows, DIM];
  return {
    inputs: [
      value("x", element, dims),
      value("residual", element, dims),
      value("weight", element, [DIM]),
    ],
    outputs: [value("y", element, dims), value("h", element, dims)],
    operations: [
      {
        type: "SkipSimplifiedLayerNormalization",
        domain: "com.microsoft",
        inputs: ["x", "residual", "weight"],
        outputs: ["y", "", "", "h"],
        attributes: [{ name: "epsilon", type: "float", value: EPS }],
      },
    ],
  };
}
