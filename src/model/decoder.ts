// Decoder: a Llama, token by token. Norms, rotations and activations run as pack kernels in the
// sandbox; matrix products and attention run as native kernels beside it.
//
// One layer, for some rows of consecutive positions:
//
//   stream ─ norm ─ q k v ─ rotate q k ─ keep k v ─ attend ─ o ─ + ─ norm ─ gate up ─ activate ─ down ─ +
//     └────────────────────────────────────────────────────────┘ └─────────────────────────────────────┘
//
// The cache is written before it is read, at positions that only count once all layers are done. So
// a failure midway leaves the decoder where it was.

import { assert, Failure } from "../base/mod.ts";
import type { VerifiedPack } from "../pack/mod.ts";
import type { Sandbox } from "../sandbox/mod.ts";
import type { ModelConfig } from "./config.ts";
import { ACTIVATION, NORM, PackKernels, ROPE, type Turn } from "./kernels.ts";
import type { KvFormat, KvStore } from "./kv.ts";
import { openLayout, type ModelLayout } from "./layout.ts";
import { Meter } from "./meter.ts";
import type { Native } from "./native/native.ts";
import { rotationAngles } from "./rotation.ts";
import type { Weights } from "./weights.ts";

export interface DecoderOptions {
  readonly config: ModelConfig;
  readonly weights: Weights;
  readonly sandbox: Sandbox;
  /** Where the kernels come from. */
  readonly pack: VerifiedPack;
  /** What the cache keeps keys and values as. Default: f32. */
  readonly kv?: KvFormat | undefined;
  /** Positions to make room for. Default: all that the model was made for. */
  readonly positions?: number | undefined;
  readonly meter?: Meter | undefined;
}

/** Rows that go through the model together while a prompt is read. */
export const CHUNK_ROWS = 32;

export class Decoder implements Disposable {
  readonly config: ModelConfig;
  /** Positions that there is room for. */
  readonly positions: number;
  readonly #layout: ModelLayout;
  readonly #native: Native;
  readonly #kernels: PackKernels;
  readonly #kv: KvStore;
  readonly #meter: Meter;
  readonly #angles: Float32Array;
  /** Turns of one row and of a whole chunk are kept; others are made when needed. */
  readonly #turns = new Map<number, Turn>();
  #length = 0;

  private constructor(
    config: ModelConfig,
    layout: ModelLayout,
    kernels: PackKernels,
    meter: Meter,
  ) {
    this.config = config;
    this.positions = layout.positions;
    this.#layout = layout;
    this.#native = layout.native;
    this.#kv = layout.kv;
    this.#kernels = kernels;
    this.#meter = meter;
    this.#angles = rotationAngles(config, this.positions);
  }

  /** Loads kernels and weights. Fails as those do, and with MODEL_TOO_LARGE. */
  static async open(options: DecoderOptions): Promise<Decoder> {
    const { config, weights, sandbox, pack, kv = "f32", meter = new Meter() } = options;
    const positions = Math.min(options.positions ?? config.contextMax, config.contextMax);
    const layout = await openLayout({ config, weights, kv, positions, rowsMax: CHUNK_ROWS });
    const kernels = await PackKernels.load(sandbox, pack, config);
    return new Decoder(config, layout, kernels, meter);
  }

  /** Tokens read so far. */
  get length(): number {
    return this.#length;
  }

  /** What one position of the cache takes. */
  get cacheBytesPerPosition(): number {
    return this.#kv.bytesPerPosition;
  }

  /** Forgets what was read. */
  reset(): void {
    this.#length = 0;
  }

  /** Reads `ids` and returns the logits after the last of them. CONTEXT_FULL reads nothing. */
  feed(ids: readonly number[]): Float32Array {
    return this.#feed(ids, 1).slice();
  }

  /** Reads `ids` and returns the logits after each of them: [ids.length, vocabulary]. */
  feedAll(ids: readonly number[]): Float32Array {
    const { vocabulary } = this.config;
    const all = new Float32Array(ids.length * vocabulary);
    for (let from = 0; from < ids.length; from += CHUNK_ROWS) {
      const chunk = ids.slice(from, from + CHUNK_ROWS);
      all.set(this.#feed(chunk, chunk.length), from * vocabulary);
    }
    return all;
  }

  [Symbol.dispose](): void {
    this.#turns.clear();
    this.#kernels[Symbol.dispose]();
  }

  /** Reads `ids`; the view it returns has the logits of the last `wanted` rows of the last chunk. */
  #feed(ids: readonly number[], wanted: number): Float32Array {
    this.#require(ids);
    this.#meter.begin();
    let logits = new Float32Array(0);
    for (let from = 0; from < ids.length; from += CHUNK_ROWS) {
      const chunk = ids.slice(from, from + CHUNK_ROWS);
      const isLast = from + chunk.length === ids.length;
      logits = this.#withTurn(chunk.length, (turn) => {
        this.#readChunk(chunk, turn);
        return isLast ? this.#logits(turn, wanted) : logits;
      });
      this.#length += chunk.length;
    }
    return logits;
  }

  #require(ids: readonly number[]): void {
    const { vocabulary } = this.config;
    const wrong = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < vocabulary));
    assert(ids.length > 0, "a decoder reads at least one token");
    if (wrong !== undefined) throw unknownToken(wrong, vocabulary);
    const found = this.#length + ids.length;
    if (found > this.positions) throw contextFull(found, this.positions);
  }

  #withTurn<Value>(rows: number, use: (turn: Turn) => Value): Value {
    const kept = this.#turns.get(rows);
    if (kept !== undefined) return use(kept);
    const turn = this.#kernels.turn(rows);
    if (rows === 1 || rows === CHUNK_ROWS) {
      this.#turns.set(rows, turn);
      return use(turn);
    }
    using brief = turn;
    return use(brief);
  }

  #readChunk(ids: readonly number[], turn: Turn): void {
    const { hidden, headDim } = this.config;
    const half = headDim / 2;
    const from = this.#length * half;
    ids.forEach((id, row) =>
      this.#layout.embed(id, turn.stream.subarray(row * hidden, (row + 1) * hidden)),
    );
    turn.angles.set(this.#angles.subarray(from, from + ids.length * half));
    this.#meter.lap("host", "embedding");
    for (let layer = 0; layer < this.config.layers; layer++) {
      this.#attention(layer, turn);
      this.#feedForward(layer, turn);
    }
  }

  /** stream += o · attention(rotated q and k, v). */
  #attention(index: number, turn: Turn): void {
    const { layers, work } = this.#layout;
    const layer = layers[index]!;
    const meter = this.#meter;
    turn.normalise(layer.inputNorm);
    meter.lap("sandbox", NORM);
    work.input.set(turn.normed);
    meter.lap("host", "copies");
    this.#native.multiply(layer.qkv, work.inputAt, work.qkvAt, turn.rows);
    meter.lap("native", "products");
    this.#rotate(index, turn);
    const position = this.#length;
    const queries = {
      queriesAt: work.queriesAt,
      outAt: work.attendedAt,
      rows: turn.rows,
      position,
    };
    this.#native.attend(queries, (show) => this.#kv.read(index, position + turn.rows, show));
    meter.lap("native", "attention");
    this.#native.multiply(layer.o, work.attendedAt, work.outputAt, turn.rows);
    meter.lap("native", "products");
    this.#add(turn);
  }

  /** Rotates queries and keys; queries go to native memory, keys and values to the cache. */
  #rotate(index: number, turn: Turn): void {
    const { heads, kvHeads, headDim } = this.config;
    const { work } = this.#layout;
    const [queryWidth, keyWidth] = [heads * headDim, kvHeads * headDim];
    const both = queryWidth + keyWidth;
    const stride = both + keyWidth;
    for (let row = 0; row < turn.rows; row++)
      turn.turning.set(work.qkv.subarray(row * stride, row * stride + both), row * both);
    this.#meter.lap("host", "copies");
    turn.rotate();
    this.#meter.lap("sandbox", ROPE);
    for (let row = 0; row < turn.rows; row++) {
      const at = row * both;
      work.queries.set(turn.turned.subarray(at, at + queryWidth), row * queryWidth);
      const key = turn.turned.subarray(at + queryWidth, at + both);
      const value = work.qkv.subarray(row * stride + both, (row + 1) * stride);
      this.#kv.append(index, this.#length + row, key, value);
    }
    this.#meter.lap("host", "cache");
  }

  /** stream += down · (silu(gate) * up). */
  #feedForward(index: number, turn: Turn): void {
    const { layers, work } = this.#layout;
    const layer = layers[index]!;
    const meter = this.#meter;
    const width = turn.rows * this.config.ffn;
    turn.normalise(layer.ffnNorm);
    meter.lap("sandbox", NORM);
    work.input.set(turn.normed);
    meter.lap("host", "copies");
    this.#native.multiply(layer.gate, work.inputAt, work.gateAt, turn.rows);
    this.#native.multiply(layer.up, work.inputAt, work.upAt, turn.rows);
    meter.lap("native", "products");
    turn.gate.set(work.gate.subarray(0, width));
    turn.up.set(work.up.subarray(0, width));
    meter.lap("host", "copies");
    turn.activate();
    meter.lap("sandbox", ACTIVATION);
    work.gate.set(turn.activated);
    meter.lap("host", "copies");
    this.#native.multiply(layer.down, work.gateAt, work.outputAt, turn.rows);
    meter.lap("native", "products");
    this.#add(turn);
  }

  #add({ stream }: Turn): void {
    const { output } = this.#layout.work;
    for (let i = 0; i < stream.length; i++) stream[i] = stream[i]! + output[i]!;
    this.#meter.lap("host", "residual");
  }

  /** The logits of the turn's last `wanted` rows, in native memory until the next product. */
  #logits(turn: Turn, wanted: number): Float32Array<ArrayBuffer> {
    const { hidden } = this.config;
    const { finalNorm, head, work, logits } = this.#layout;
    turn.normalise(finalNorm);
    this.#meter.lap("sandbox", NORM);
    work.input.set(turn.normed.subarray((turn.rows - wanted) * hidden));
    this.#meter.lap("host", "copies");
    this.#native.multiply(head, work.inputAt, work.logitsAt, wanted);
    this.#meter.lap("native", "products");
    return logits.subarray(0, wanted * head.outputs);
  }
}

function contextFull(found: number, positions: number): Failure {
  return new Failure("CONTEXT_FULL", {
    found: `${found} tokens`,
    expected: `at most ${positions}`,
    fix: "Shorten the prompt, or ask for fewer tokens.",
  });
}

function unknownToken(id: number, vocabulary: number): Failure {
  return new Failure("MODEL_MISMATCH", {
    at: `token ${id}`,
    found: "a token that the model has no embedding for",
    expected: `0 to ${vocabulary - 1}`,
    fix: "Use the tokenizer that belongs to the model.",
  });
}
