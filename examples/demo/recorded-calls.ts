// Recorded calls: what went into a trained model's layers and what came out, and our kernels' answer.
//
// The model (test/data/tiny-llama) was run by PyTorch. An error is compared with the largest value of the
// recorded output, since that is what later layers feel.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Sandbox, VerifiedPack } from "../../src/index.node.ts";
import { openSafetensors, type Tensor } from "../../src/tensor.ts";

const FILE = join(import.meta.dirname, "../../test/data/tiny-llama/activations.safetensors");
const LAYERS = [0, 5];
const RUNS = 2000;

interface RecordedCall {
  readonly kernel: string;
  readonly tensor: string;
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly params: Readonly<Record<string, unknown>>;
  /** What the model computed. */
  readonly expected: Tensor;
  /** How far from it we may be, as a share of its largest value. */
  readonly allowed: number;
}

export interface Result {
  readonly kernel: string;
  readonly tensor: string;
  readonly shape: readonly number[];
  readonly error: number;
  readonly allowed: number;
  readonly medianMs: number;
  /** Read and written by one run. */
  readonly bytes: number;
  readonly ok: boolean;
}

export async function recordedCalls(): Promise<readonly RecordedCall[]> {
  const file = openSafetensors(await readFile(FILE));
  const freqs = file.get("rope.freqs");
  return LAYERS.flatMap((layer): RecordedCall[] => {
    const get = (name: string): Tensor => file.get(`layers.${layer}.${name}`);
    const norm = (part: string): RecordedCall => ({
      kernel: "rmsnorm_f32",
      tensor: `layers.${layer}.${part}`,
      inputs: { x: rows(get(`${part}.x`)), weight: get(`${part}.weight`) },
      params: { eps: 1e-5 },
      expected: get(`${part}.y`),
      allowed: 1e-6,
    });
    const rope = (part: string): RecordedCall => ({
      kernel: "rope_f32",
      tensor: `layers.${layer}.${part}`,
      inputs: { x: get(`${part}.x`), freqs },
      params: { layout: "half_split" },
      expected: get(`${part}.rope_half_split`),
      allowed: 5e-6, // The recorded angles are f32; the model turned by the f64 they came from.
    });
    const swiglu: RecordedCall = {
      kernel: "swiglu_f32",
      tensor: `layers.${layer}.mlp`,
      inputs: { gate: rows(get("mlp.gate")), up: rows(get("mlp.up")) },
      params: {},
      expected: get("mlp.swiglu"),
      allowed: 1e-6,
    };
    return [
      norm("input_layernorm"),
      rope("q"),
      rope("k"),
      norm("post_attention_layernorm"),
      swiglu,
    ];
  });
}

/** The file's [1, tokens, n] as the [tokens, n] that the kernels take. */
function rows({ dtype, shape, data }: Tensor): Tensor {
  return { dtype, shape: shape.slice(1), data };
}

/** Runs one call until its time is known, and compares what it wrote. */
export async function runCall(
  sandbox: Sandbox,
  pack: VerifiedPack,
  { kernel: id, tensor, inputs, params, expected, allowed }: RecordedCall,
): Promise<Result> {
  const kernel = await sandbox.load(pack, id);
  const given = Object.entries(inputs);
  const shapes = Object.fromEntries(given.map(([name, { shape }]) => [name, shape]));
  using call = kernel.prepare({ inputs: shapes, params });
  for (const [name, { data }] of given) (call.inputs[name] as Float32Array).set(data);
  const medianMs = medianOf(() => call.run());
  const y = call.outputs["y"] as Float32Array;
  const error = errorOf(y, expected.data);
  const bytes = given.reduce((sum, [, { data }]) => sum + data.byteLength, y.byteLength);
  const { shape } = call.shapes.outputs[0]!;
  return { kernel: id, tensor, shape, error, allowed, medianMs, bytes, ok: error <= allowed };
}

function medianOf(run: () => void): number {
  const times = new Float64Array(RUNS);
  for (let i = 0; i < RUNS; i++) {
    const start = performance.now();
    run();
    times[i] = performance.now() - start;
  }
  return times.sort()[RUNS / 2]!;
}

/** The largest difference, as a share of the largest expected value; NaN where anything is NaN. */
function errorOf(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [error, largest] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    error = Math.max(error, Math.abs(actual[i]! - expected[i]!));
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return error / largest;
}
