// Model: ONNX graphs written by hand, so that the comparison needs no exporter and no download.
//
// Field numbers are those of onnx.proto; only what these graphs need is here.

import { type Field, float, integer, message, text } from "./protobuf.ts";

const IR_VERSION = 10;
const OPSET = 21;
const ELEMENT = { f32: 1, i8: 3, i64: 7, f16: 10 } as const;
const ATTRIBUTE_FLOAT = 1;
const ATTRIBUTE_INT = 2;
const MICROSOFT = "com.microsoft"; // Operators of ONNX Runtime that no ONNX opset has.

export type Element = keyof typeof ELEMENT;

export interface Value {
  readonly name: string;
  readonly element: Element;
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

export function value(name: string, element: Element, dims: readonly number[]): Value {
  return { name, element, dims };
}

function graphFields({ inputs, outputs, operations }: Graph): Field[] {
  return [
    ...operations.map((operation) => message(1, operationFields(operation))),
    text(2, "graph"),
    ...inputs.map((input) => message(11, valueFields(input))),
    ...outputs.map((output) => message(12, valueFields(output))),
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
