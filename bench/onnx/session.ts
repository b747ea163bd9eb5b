// Session: a graph in one of the two ONNX Runtimes, with its inputs and outputs in place, on one thread.

import type { TensorView } from "../../src/base/mod.ts";
import type { OnnxRuntime, OnnxRuntimeName, OnnxTensor } from "../peers/peers.ts";
import { type Element, type Graph, onnxModel, type Value } from "./model.ts";

/** The elements of a tensor, as many as its shape says. */
export type OnnxData = TensorView | BigInt64Array;

export interface OpenSession extends AsyncDisposable {
  run(): Promise<void>;
  /** What the last run wrote, by name. */
  readonly outputs: Readonly<Record<string, TensorView>>;
}

const TYPES: Readonly<Record<Element, string>> = {
  f32: "float32",
  f16: "float16",
  i8: "int8",
  i64: "int64",
};

const OPTIONS = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: "sequential",
  graphOptimizationLevel: "all",
  logSeverityLevel: 3,
};

/** Both packages share one register of backends, so that each has to say which is its own. */
const PROVIDERS: Readonly<Record<OnnxRuntimeName, string>> = {
  "onnxruntime-node": "cpu",
  "onnxruntime-web": "wasm",
};

/** Whether it writes into tensors that the caller has; onnxruntime-web makes new ones each time. */
const WRITES_IN_PLACE: Readonly<Record<OnnxRuntimeName, boolean>> = {
  "onnxruntime-node": true,
  "onnxruntime-web": false,
};

/** Fails as ONNX Runtime does where it has not what the graph needs. */
export async function openSession(
  name: OnnxRuntimeName,
  runtime: OnnxRuntime,
  graph: Graph,
  inputs: Readonly<Record<string, OnnxData>>,
): Promise<OpenSession> {
  if (name === "onnxruntime-web") runtime.env.wasm.numThreads = 1;
  const options = { ...OPTIONS, executionProviders: [PROVIDERS[name]] };
  const session = await runtime.InferenceSession.create(onnxModel(graph), options);
  const tensor = name === "onnxruntime-node" ? bitsTensor : plainTensor;
  const feeds: Record<string, OnnxTensor> = {};
  for (const input of graph.inputs) feeds[input.name] = tensor(runtime, input, inputs[input.name]!);
  const outputs: Record<string, TensorView> = {};
  const fetches: Record<string, OnnxTensor | null> = {};
  for (const output of graph.outputs) {
    outputs[output.name] = emptyOf(output);
    const place = tensor(runtime, output, outputs[output.name]!);
    fetches[output.name] = WRITES_IN_PLACE[name] ? place : null;
  }
  return {
    run: async () => {
      const results = await session.run(feeds, fetches);
      if (WRITES_IN_PLACE[name]) return;
      for (const output in outputs) outputs[output] = results[output]!.data as TensorView;
    },
    outputs,
    [Symbol.asyncDispose]: () => session.release(),
  };
}

function plainTensor(
  { Tensor }: OnnxRuntime,
  { element, dims }: Value,
  data: OnnxData,
): OnnxTensor {
  return new Tensor(TYPES[element], data, dims);
}

/** onnxruntime-node takes f16 as its bits alone, although the tensors of its package hold Float16Array. */
function bitsTensor(runtime: OnnxRuntime, value: Value, data: OnnxData): OnnxTensor {
  const tensor = plainTensor(runtime, value, data);
  if (!(data instanceof Float16Array)) return tensor;
  const bits = new Uint16Array(data.buffer, data.byteOffset, data.length);
  return Object.defineProperty(tensor, "data", { value: bits });
}

function emptyOf({ element, dims }: Value): Float32Array | Float16Array {
  const count = dims.reduce((product, dim) => product * dim, 1);
  return element === "f16" ? new Float16Array(count) : new Float32Array(count);
}
