// Layer pass: some rows of consecutive positions through the layers.
//
//   stream ─ norm ─ q k v ─ rotate q k ─ keep k v ─ attend ─ o ─ + ─ norm ─ gate up ─ activate ─ down ─ +
//     └────────────────────────────────────────────────────────┘ └─────────────────────────────────────┘
//
// Norms, rotations, activations and adapters are kernels of the pack, in the sandbox; products and
// attention are native. What goes from one to the other is copied once.

import { ADAPT, type Product } from "./adapter-calls.ts";
import type { ModelConfig } from "./config.ts";
import { ACTIVATION, NORM, ROPE, type Turn } from "./kernels.ts";
import type { LayerWeights, ModelLayout, WorkSpace } from "./layout.ts";
import type { Adapter, LowRank, Target } from "./lora.ts";
import type { Meter } from "./meter.ts";
import type { Matrix } from "./native/native.ts";

export class LayerPass {
  readonly #config: ModelConfig;
  readonly #layout: ModelLayout;
  readonly #work: WorkSpace;
  readonly #meter: Meter;
  readonly #adapter: Adapter | undefined;

  constructor(config: ModelConfig, layout: ModelLayout, meter: Meter, adapter?: Adapter) {
    this.#config = config;
    this.#layout = layout;
    this.#work = layout.work;
    this.#meter = meter;
    this.#adapter = adapter;
  }

  /** Takes the turn's stream, whose first row is at `position`, through every layer. */
  run(turn: Turn, position: number): void {
    this.#layout.layers.forEach((layer, index) => {
      const low = this.#adapter?.layers[index];
      this.#attention(turn, { index, layer, low, position });
      this.#feedForward(turn, { index, layer, low, position });
    });
  }

  /** The logits of the turn's last `wanted` rows, in native memory until the next product. */
  logits(turn: Turn, wanted: number): Float32Array<ArrayBuffer> {
    const { finalNorm, head, native, logits } = this.#layout;
    const { inputAt, input, logitsAt } = this.#work;
    this.#meter.ran(NORM, turn.normalise(finalNorm));
    input.set(turn.normed.subarray((turn.rows - wanted) * this.#config.hidden));
    this.#meter.lap("host", "copies");
    native.multiply(head, inputAt, logitsAt, wanted);
    this.#meter.lap("native", "products");
    return logits.subarray(0, wanted * head.outputs);
  }

  /** stream += o · attention(rotated q and k, v). */
  #attention(turn: Turn, pass: Pass): void {
    const { inputAt, input, qkvAt, qkv, attendedAt, attended, outputAt, output } = this.#work;
    const { heads, kvHeads, headDim, hidden } = this.#config;
    const { layer, low } = pass;
    const [queryWidth, keyWidth] = [heads * headDim, kvHeads * headDim];
    const stride = queryWidth + 2 * keyWidth;
    this.#normalise(turn, layer.inputNorm);
    this.#multiply(turn, layer.qkv, inputAt, qkvAt);
    this.#adapt(turn, low?.get("q"), input, { values: qkv, offset: 0, stride });
    this.#adapt(turn, low?.get("k"), input, { values: qkv, offset: queryWidth, stride });
    this.#adapt(turn, low?.get("v"), input, { values: qkv, offset: queryWidth + keyWidth, stride });
    this.#rotate(turn, pass);
    this.#attend(turn, pass);
    this.#multiply(turn, layer.o, attendedAt, outputAt);
    this.#adapt(turn, low?.get("o"), attended, { values: output, offset: 0, stride: hidden });
    this.#add(turn);
  }

  /** stream += down · (silu(gate) * up). */
  #feedForward(turn: Turn, { layer, low }: Pass): void {
    const { inputAt, input, gateAt, gate, upAt, up, outputAt, output } = this.#work;
    const { ffn, hidden } = this.#config;
    this.#normalise(turn, layer.ffnNorm);
    this.#multiply(turn, layer.gate, inputAt, gateAt);
    this.#multiply(turn, layer.up, inputAt, upAt);
    this.#adapt(turn, low?.get("gate"), input, { values: gate, offset: 0, stride: ffn });
    this.#adapt(turn, low?.get("up"), input, { values: up, offset: 0, stride: ffn });
    this.#activate(turn);
    this.#multiply(turn, layer.down, gateAt, outputAt);
    this.#adapt(turn, low?.get("down"), gate, { values: output, offset: 0, stride: hidden });
    this.#add(turn);
  }

  #normalise(turn: Turn, weight: Float32Array): void {
    this.#meter.ran(NORM, turn.normalise(weight));
    this.#work.input.set(turn.normed);
    this.#meter.lap("host", "copies");
  }

  #multiply(turn: Turn, matrix: Matrix, at: number, to: number): void {
    this.#layout.native.multiply(matrix, at, to, turn.rows);
    this.#meter.lap("native", "products");
  }

  /** Adds an adapter's part to a product of `x`. */
  #adapt(turn: Turn, low: LowRank | undefined, x: Float32Array, product: Product): void {
    if (low === undefined || turn.adapter === undefined) return;
    const call = turn.adapter.fill(low, x, product);
    this.#meter.lap("host", "copies");
    this.#meter.ran(ADAPT, turn.adapter.run(call, low, x, product));
    turn.adapter.drain(call, low, product);
    this.#meter.lap("host", "copies");
  }

  /** Rotates queries and keys; queries go to native memory, keys and values to the cache. */
  #rotate(turn: Turn, { index, position }: Pass): void {
    const { heads, kvHeads, headDim } = this.#config;
    const { qkv, queries } = this.#work;
    const queryWidth = heads * headDim;
    const both = queryWidth + kvHeads * headDim;
    const stride = both + kvHeads * headDim;
    for (let row = 0; row < turn.rows; row++)
      turn.turning.set(qkv.subarray(row * stride, row * stride + both), row * both);
    this.#meter.lap("host", "copies");
    this.#meter.ran(ROPE, turn.rotate());
    for (let row = 0; row < turn.rows; row++) {
      const at = row * both;
      queries.set(turn.turned.subarray(at, at + queryWidth), row * queryWidth);
      const key = turn.turned.subarray(at + queryWidth, at + both);
      const value = qkv.subarray(row * stride + both, (row + 1) * stride);
      this.#layout.kv.append(index, position + row, key, value);
    }
    this.#meter.lap("host", "cache");
  }

  #attend({ rows }: Turn, { index, position }: Pass): void {
    const { queriesAt, attendedAt } = this.#work;
    const { native, kv } = this.#layout;
    const queries = { queriesAt, outAt: attendedAt, rows, position };
    native.attend(queries, (show) => kv.read(index, position + rows, show));
    this.#meter.lap("native", "attention");
  }

  #activate(turn: Turn): void {
    const { gate, up } = this.#work;
    const width = turn.rows * this.#config.ffn;
    turn.gate.set(gate.subarray(0, width));
    turn.up.set(up.subarray(0, width));
    this.#meter.lap("host", "copies");
    this.#meter.ran(ACTIVATION, turn.activate());
    gate.set(turn.activated);
    this.#meter.lap("host", "copies");
  }

  #add({ stream }: Turn): void {
    const { output } = this.#work;
    for (let i = 0; i < stream.length; i++) stream[i] = stream[i]! + output[i]!;
    this.#meter.lap("host", "residual");
  }
}

interface Pass {
  readonly index: number;
  readonly layer: LayerWeights;
  readonly low: ReadonlyMap<Target, LowRank> | undefined;
  /** Of the turn's first row. */
  readonly position: number;
}
