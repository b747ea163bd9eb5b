// Layout: everything of a model that lies in native memory: weights, cache, work space.
//
// All is reserved first and then opened at once. Weights keep the format that they have in their file:
// 16 bits are widened in registers, which costs less than moving twice the bytes.

import type { BypassPolicy } from "../bypass/mod.ts";
import { bf16ToF32, f16ToF32 } from "../tensor/mod.ts";
import type { ModelConfig } from "./config.ts";
import { invalid } from "./json.ts";
import type { KvOpener, KvShape, KvStore } from "./kv.ts";
import { askLeave } from "./native/leave.ts";
import { FORMAT_BYTES, type Matrix, Native, NativePlan } from "./native/native.ts";
import { inF32, type Weight, type WeightData, type WeightFormat } from "./weights.ts";
import { type Weights, widened } from "./weights.ts";

export interface LayerWeights {
  readonly inputNorm: Float32Array;
  /** Queries, keys and values in one product. */
  readonly qkv: Matrix;
  readonly o: Matrix;
  readonly ffnNorm: Float32Array;
  readonly gate: Matrix;
  readonly up: Matrix;
  readonly down: Matrix;
}

/** Room for the rows of one turn. */
export interface WorkSpace {
  readonly inputAt: number;
  readonly input: Float32Array;
  readonly qkvAt: number;
  readonly qkv: Float32Array;
  readonly queriesAt: number;
  readonly queries: Float32Array;
  readonly attendedAt: number;
  readonly attended: Float32Array;
  readonly gateAt: number;
  readonly gate: Float32Array;
  readonly upAt: number;
  readonly up: Float32Array;
  readonly outputAt: number;
  readonly output: Float32Array;
  readonly logitsAt: number;
}

export interface ModelLayout {
  readonly native: Native;
  /** Weights, cache and work space. */
  readonly bytes: number;
  readonly positions: number;
  readonly layers: readonly LayerWeights[];
  readonly finalNorm: Float32Array;
  readonly head: Matrix;
  readonly work: WorkSpace;
  readonly logits: Float32Array<ArrayBuffer>;
  readonly kv: KvStore;
  /** Writes a token's embedding to `target`. */
  embed(id: number, target: Float32Array): void;
}

export interface LayoutRequest {
  readonly config: ModelConfig;
  readonly weights: Weights;
  /** Admits the native kernels, or refuses them. */
  readonly bypass: BypassPolicy;
  /** Reserves the cache's room. */
  readonly kv: (plan: NativePlan, shape: KvShape) => KvOpener;
  readonly positions: number;
  /** Rows of the largest turn. */
  readonly rowsMax: number;
  readonly onLoad?: LoadListener | undefined;
}

const EMBEDDING = "model.embed_tokens.weight";

/** Reserves, opens and fills the memory of a model. */
export async function openLayout(request: LayoutRequest): Promise<ModelLayout> {
  const { config, weights, positions, rowsMax } = request;
  const loader = new Loader(weights);
  const { vocabulary, hidden } = config;
  const embedding = loader.matrix([[EMBEDDING, vocabulary]], hidden);
  const hasHead = !config.tied;
  const head = hasHead ? loader.matrix([["lm_head.weight", vocabulary]], hidden) : embedding;
  const finalNorm = loader.vector("model.norm.weight", hidden);
  const layers = Array.from({ length: config.layers }, (_, layer) =>
    layerOf(loader, config, layer),
  );
  const { plan } = loader;
  const leave = await askLeave(request.bypass, loader.matrices);
  const openKv = request.kv(plan, { config, positions });
  const openWork = workSpace(plan, config, rowsMax);
  const inputsMax = Math.max(hidden, config.ffn, config.heads * config.headDim);
  const native = await Native.open(plan, { ...config, inputsMax }, rowsMax, leave);
  await loader.load(native, request.onLoad ?? (() => {}));
  const work = openWork(native);
  return {
    native,
    bytes: plan.bytes,
    positions,
    layers,
    finalNorm,
    head,
    work,
    logits: native.f32(work.logitsAt, rowsMax * vocabulary),
    kv: openKv(native),
    embed: embedderOf(native, embedding),
  };
}

function layerOf(loader: Loader, config: ModelConfig, layer: number): LayerWeights {
  const { hidden, heads, kvHeads, headDim, ffn } = config;
  const name = (part: string): string => `model.layers.${layer}.${part}.weight`;
  const qkv: Part[] = [
    [name("self_attn.q_proj"), heads * headDim],
    [name("self_attn.k_proj"), kvHeads * headDim],
    [name("self_attn.v_proj"), kvHeads * headDim],
  ];
  return {
    inputNorm: loader.vector(name("input_layernorm"), hidden),
    qkv: loader.matrix(qkv, hidden),
    o: loader.matrix([[name("self_attn.o_proj"), hidden]], heads * headDim),
    ffnNorm: loader.vector(name("post_attention_layernorm"), hidden),
    gate: loader.matrix([[name("mlp.gate_proj"), ffn]], hidden),
    up: loader.matrix([[name("mlp.up_proj"), ffn]], hidden),
    down: loader.matrix([[name("mlp.down_proj"), hidden]], ffn),
  };
}

/** A weight's name, and how many rows of a matrix it gives. */
type Part = readonly [name: string, outputs: number];

/** Called as weights are read. */
export type LoadListener = (bytes: number, bytesTotal: number) => void;

/**
 * Reserves matrices while a plan is made, and fills them once there is memory: tensor by tensor, so that
 * no more than one is held beside it.
 */
class Loader {
  readonly plan = new NativePlan();
  readonly matrices: Matrix[] = [];
  readonly #weights: Weights;
  readonly #loads: { readonly bytes: number; readonly run: (native: Native) => Promise<void> }[] =
    [];

  constructor(weights: Weights) {
    this.#weights = weights;
  }

  /** One matrix of several weights, one below the other; f32 where they differ in format. */
  matrix(parts: readonly Part[], inputs: number): Matrix {
    const found = parts.map(([name, outputs]) => this.#weights.get(name, [outputs, inputs]));
    const first = found[0]!.format;
    const format = found.every((weight) => weight.format === first) ? first : "f32";
    const outputs = parts.reduce((sum, [, rows]) => sum + rows, 0);
    const rowBytes = inputs * FORMAT_BYTES[format];
    const at = this.plan.reserve(outputs * rowBytes);
    let to = at;
    for (const weight of found) {
      const [start, bytes] = [to, weight.shape[0]! * rowBytes];
      const run = async (native: Native): Promise<void> => {
        const data = await inFormat(weight, format);
        native.bytes(start, bytes).set(new Uint8Array(data.buffer, data.byteOffset, bytes));
      };
      this.#loads.push({ bytes, run });
      to += bytes;
    }
    const matrix = { at, outputs, inputs, format };
    this.matrices.push(matrix);
    return matrix;
  }

  /** A vector stays outside: it goes to a kernel of the pack. */
  vector(name: string, size: number): Float32Array {
    const weight = this.#weights.get(name, [size]);
    const vector = new Float32Array(size);
    this.#loads.push({
      bytes: vector.byteLength,
      run: async () => vector.set(await widened(weight)),
    });
    return vector;
  }

  async load(native: Native, onLoad: LoadListener): Promise<void> {
    const total = this.#loads.reduce((sum, { bytes }) => sum + bytes, 0);
    let done = 0;
    onLoad(done, total);
    for (const { bytes, run } of this.#loads) {
      await run(native);
      onLoad((done += bytes), total);
    }
  }
}

async function inFormat(weight: Weight, format: WeightFormat): Promise<WeightData> {
  const data = await weight.read();
  if (weight.format === "f16") requireFinite(weight.name, data);
  return weight.format === format ? data : inF32(weight.format, data);
}

/** The products widen f16 in a way that would make large numbers of infinities. */
function requireFinite(name: string, data: WeightData): void {
  const bits = new Uint16Array(data.buffer, data.byteOffset, data.length);
  for (let at = 0; at < bits.length; at++) {
    if ((bits[at]! & 0x7c00) === 0x7c00)
      throw invalid(`tensor "${name}", element ${at}`, "infinity or NaN", "finite weights");
  }
}

function embedderOf(native: Native, { at, inputs, outputs, format }: Matrix): ModelLayout["embed"] {
  const rows =
    format === "f32"
      ? native.f32(at, inputs * outputs)
      : new Uint16Array(native.bytes(at, 0).buffer, at, inputs * outputs);
  const widen = { f32: (value: number) => value, f16: f16ToF32, bf16: bf16ToF32 }[format];
  return (id, target) => {
    for (let i = 0; i < inputs; i++) target[i] = widen(rows[id * inputs + i]!);
  };
}

function workSpace(
  plan: NativePlan,
  { hidden, heads, kvHeads, headDim, ffn, vocabulary }: ModelConfig,
  rows: number,
): (native: Native) => WorkSpace {
  const queryWidth = heads * headDim;
  const qkvWidth = queryWidth + 2 * kvHeads * headDim;
  const reserve = (width: number): number => plan.reserve(rows * width * 4);
  const at = {
    inputAt: reserve(hidden),
    qkvAt: reserve(qkvWidth),
    queriesAt: reserve(queryWidth),
    attendedAt: reserve(queryWidth),
    gateAt: reserve(ffn),
    upAt: reserve(ffn),
    outputAt: reserve(hidden),
    logitsAt: reserve(vocabulary),
  };
  return (native) => ({
    ...at,
    input: native.f32(at.inputAt, rows * hidden),
    qkv: native.f32(at.qkvAt, rows * qkvWidth),
    queries: native.f32(at.queriesAt, rows * queryWidth),
    attended: native.f32(at.attendedAt, rows * queryWidth),
    gate: native.f32(at.gateAt, rows * ffn),
    up: native.f32(at.upAt, rows * ffn),
    output: native.f32(at.outputAt, rows * hidden),
  });
}
