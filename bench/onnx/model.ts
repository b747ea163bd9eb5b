// Model: ONNX graphs written by hand, so that the comparison needs no exporter and no download.
//
// Field numbers are those of onnx.proto; only what these graphs need is here.

import { type Field, float, integer, message, text } from "./protobuf.ts";

const IR_VERSION = 10;
const OPSET = 21;
const ELEMENT = { f32: 1, i64: 7 } as const;
const ATTRIBUTE_FLOAT = 1;
const ATTRIBUTE_INT = 2;
const MICROSOFT = "com.microsoft"; // Operators of ONNX Runtime that no ONNX opset has.

export interface Value {
  readonly name: string;
  readonly element: keyof typeof ELEMENT;
  readonly dims: readonly number[];
}

export interface Attribute {
  readonly name: string;
  readonly type: "float" | "int";
  readonly value: number;
}

export interface Operation {
  readonly type: string;
  readonly domain?: typeof MICROSOFT;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: readonly Attribute[];
}

export interface Graph {
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly operations: readonly Operation[];
}

/** The bytes of a model file. */
export function onnxModel(graph: Graph): Uint8Array {
  return Uint8Array.from(
    [
      integer(1, IR_VERSION),
      message(7, graphFields(graph)),
      message(8, [text(1, ""), integer(2, OPSET)]),
      message(8, [text(1, MICROSOFT), integer(2, 1)]),
    ].flat(),
  );
}

/** y = x / sqrt(mean(x²) + eps) * weight, as one operator. */
export function rmsnormModel(rows: number, dim: number, eps: number): Uint8Array {
  return onnxModel({
    inputs: [f32("x", [rows, dim]), f32("weight", [dim])],
    outputs: [f32("y", [rows, dim])],
    operations: [
      {
        type: "SimplifiedLayerNormalization",
        inputs: ["x", "weight"],
        outputs: ["y"],
        attributes: [
          { name: "axis", type: "int", value: -1 },
          { name: "epsilon", type: "float", value: eps },
        ],
      },
    ],
  });
}

/** y = gate * sigmoid(gate) * up; ONNX Runtime fuses the first two operators. */
export function swigluModel(tokens: number, ffn: number): Uint8Array {
  const dims = [tokens, ffn];
  return onnxModel({
    inputs: [f32("gate", dims), f32("up", dims)],
    outputs: [f32("y", dims)],
    operations: [
      { type: "Sigmoid", inputs: ["gate"], outputs: ["s"] },
      { type: "Mul", inputs: ["gate", "s"], outputs: ["silu"] },
      { type: "Mul", inputs: ["silu", "up"], outputs: ["y"] },
    ],
  });
}

/** Rotary embedding of [batch, seq, heads * dim]; cosines and sines are inputs, worked out before. */
export function ropeModel(
  [batch, seq, heads, dim]: readonly [number, number, number, number],
  layout: "interleaved" | "half_split",
): Uint8Array {
  const x = [batch, seq, heads * dim];
  const table = [seq, dim / 2];
  return onnxModel({
    inputs: [
      f32("x", x),
      { name: "positions", element: "i64", dims: [batch, seq] },
      f32("cos", table),
      f32("sin", table),
    ],
    outputs: [f32("y", x)],
    operations: [
      {
        type: "RotaryEmbedding",
        domain: MICROSOFT,
        inputs: ["x", "positions", "cos", "sin"],
        outputs: ["y"],
        attributes: [{ name: "interleaved", type: "int", value: layout === "interleaved" ? 1 : 0 }],
      },
    ],
  });
}

function f32(name: string, dims: readonly number[]): Value {
  return { name, element: "f32", dims };
}

function graphFields({ inputs, outputs, operations }: Graph): Field[] {
  return [
    ...operations.map((operation) => message(1, operationFields(operation))),
    text(2, "graph"),
    ...inputs.map((value) => message(11, valueFields(value))),
    ...outputs.map((value) => message(12, valueFields(value))),
  ];
}

function operationFields(operation: Operation): Field[] {
  const { inputs, outputs, type, domain = "", attributes = [] } = operation;
  return [
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(4, type),
    ...attributes.map((attribute) => message(5, attributeFields(attribute))),
    text(7, domain),
  ];
}

function attributeFields({ name, type, value }: Attribute): Field[] {
  return type === "float"
    ? [text(1, name), float(2, value), integer(20, ATTRIBUTE_FLOAT)]
    : [text(1, name), integer(3, value), integer(20, ATTRIBUTE_INT)];
}

function valueFields({ name, element, dims }: Value): Field[] {
  const shape = dims.map((dim) => message(1, [integer(1, dim)]));
  const tensor = [integer(1, ELEMENT[element]), message(2, shape)];
  return [text(1, name), message(2, [message(1, tensor)])];
}
