// Decoder: a Llama, token by token, with all that it holds: weights and cache in native memory, kernels
// leased from the sandbox.
//
// The cache is written before it is read, at positions that only count once all layers are done. So
// a failure midway leaves the decoder where it was.

import { assert, Failure } from "../base/mod.ts";
import type { BypassPolicy } from "../bypass/mod.ts";
import type { VerifiedPack } from "../pack/mod.ts";
import type { AngleProfile } from "../rope/mod.ts";
import type { Sandbox } from "../sandbox/mod.ts";
import type { ModelConfig } from "./config.ts";
import { type Degraded, degradedOf } from "./degraded.ts";
import { PackKernels, type Turn } from "./kernels.ts";
import type { KvFormat } from "./kv.ts";
import { kvFor } from "./kv-open.ts";
import { LayerPass } from "./layer-pass.ts";
import { type LoadListener, openLayout, type ModelLayout } from "./layout.ts";
import { type Adapter, requireFit } from "./lora.ts";
import { Meter } from "./meter.ts";
import { Rotation } from "./rotation.ts";
import type { Weights } from "./weights.ts";

export interface DecoderOptions {
  readonly config: ModelConfig;
  readonly weights: Weights;
  readonly sandbox: Sandbox;
  /** Where the kernels come from. */
  readonly pack: VerifiedPack;
  /** The host's leave for what runs outside the sandbox: NATIVE_KINDS and NATIVE_HASHES are what it takes. */
  readonly bypass: BypassPolicy;
  /** What the cache keeps keys and values as. Default: f32. */
  readonly kv?: KvFormat | undefined;
  /** Positions to make room for. Default: all that the model was made for. */
  readonly positions?: number | undefined;
  /** Changes the model's products, by a kernel of the pack. */
  readonly adapter?: Adapter | undefined;
  /** How angles are rounded: "hf-f32" gives what the model's own f32 code does far out. Default: "exact". */
  readonly angles?: AngleProfile | undefined;
  readonly meter?: Meter | undefined;
  /** Told how many bytes of the weights are in memory, of how many. */
  readonly onLoad?: LoadListener | undefined;
}

interface Parts {
  readonly layout: ModelLayout;
  readonly kernels: PackKernels;
  readonly rotation: Rotation;
}

/** Rows that go through the model together while a prompt is read. */
export const CHUNK_ROWS = 32;

export class Decoder implements Disposable {
  readonly config: ModelConfig;
  /** Positions that there is room for. */
  readonly positions: number;
  readonly #layout: ModelLayout;
  readonly #kernels: PackKernels;
  readonly #pass: LayerPass;
  readonly #meter: Meter;
  readonly #rotation: Rotation;
  /** Turns of one row and of a whole chunk are kept; others are made when needed. */
  readonly #turns = new Map<number, Turn>();
  #length = 0;

  private constructor(parts: Parts, options: DecoderOptions) {
    const { layout, kernels, rotation } = parts;
    const { config, adapter, meter = new Meter() } = options;
    this.config = config;
    this.positions = layout.positions;
    this.#layout = layout;
    this.#kernels = kernels;
    this.#pass = new LayerPass(config, layout, meter, adapter);
    this.#meter = meter;
    this.#rotation = rotation;
  }

  /** Loads kernels and weights. Fails as those do, with MODEL_TOO_LARGE, and with BYPASS_REFUSED. */
  static async open(options: DecoderOptions): Promise<Decoder> {
    const meter = options.meter ?? new Meter();
    const { config, weights, sandbox, pack, bypass, adapter, kv: format = "f32" } = options;
    const positions = positionsOf(options);
    if (adapter !== undefined) requireFit(adapter, config);
    const kv = await kvFor({ format, sandbox, pack, meter });
    using held = new DisposableStack();
    const rowsMax = CHUNK_ROWS;
    const { onLoad } = options;
    const layout = await openLayout({ config, weights, bypass, kv, positions, rowsMax, onLoad });
    held.use(layout.kv);
    const adapts = adapter !== undefined;
    const rotation = new Rotation(config.rope, positions, options.angles ?? "exact");
    const ropeScale = rotation.scale;
    const kernels = await PackKernels.load({ sandbox, pack, config, ropeScale, adapts });
    held.move();
    return new Decoder({ layout, kernels, rotation }, { ...options, meter });
  }

  /** Tokens read so far. */
  get length(): number {
    return this.#length;
  }

  /** Native memory: weights, work space and, unless it is packed, the cache. */
  get memoryBytes(): number {
    return this.#layout.bytes;
  }

  /** What one position of the cache takes. */
  get cacheBytesPerPosition(): number {
    return this.#layout.kv.bytesPerPosition;
  }

  /** Kernels that failed so far, and what stood in for them. */
  get degraded(): readonly Degraded[] {
    return degradedOf([...this.#kernels.chains, ...this.#layout.kv.chains]);
  }

  /** Forgets what was read. */
  reset(): void {
    this.#length = 0;
  }

  /** Fails as feeding `ids` would, and reads nothing: with CONTEXT_FULL, or MODEL_MISMATCH. */
  check(ids: readonly number[]): void {
    const { vocabulary } = this.config;
    const wrong = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < vocabulary));
    assert(ids.length > 0, "a decoder reads at least one token");
    if (wrong !== undefined) throw unknownToken(wrong, vocabulary);
    const found = this.#length + ids.length;
    if (found > this.positions) throw contextFull(found, this.positions);
  }

  /** Reads `ids` without telling what might come next. CONTEXT_FULL reads nothing. */
  read(ids: readonly number[]): void {
    this.#feed(ids, 0);
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
    for (const turn of this.#turns.values()) turn[Symbol.dispose]();
    this.#turns.clear();
    this.#kernels[Symbol.dispose]();
    this.#layout.kv[Symbol.dispose]();
  }

  /** Reads `ids`; the view it returns has the logits of the last `wanted` rows of the last chunk. */
  #feed(ids: readonly number[], wanted: number): Float32Array {
    this.check(ids);
    this.#meter.begin();
    let logits = new Float32Array(0);
    for (let from = 0; from < ids.length; from += CHUNK_ROWS) {
      const chunk = ids.slice(from, from + CHUNK_ROWS);
      const isLast = from + chunk.length === ids.length;
      logits = this.#withTurn(chunk.length, (turn) => {
        this.#readChunk(chunk, turn);
        return isLast && wanted > 0 ? this.#pass.logits(turn, wanted) : logits;
      });
      this.#length += chunk.length;
    }
    return logits;
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
    const { hidden } = this.config;
    ids.forEach((id, row) => {
      this.#layout.embed(id, turn.stream.subarray(row * hidden, (row + 1) * hidden));
    });
    turn.angles.set(this.#rotation.angles(this.#length, ids.length));
    this.#meter.lap("host", "embedding");
    this.#pass.run(turn, this.#length);
  }
}

/** As many as asked for, within what the model reaches. */
function positionsOf({ config, positions = config.contextMax }: DecoderOptions): number {
  if (Number.isSafeInteger(positions) && positions > 0)
    return Math.min(positions, config.contextMax);
  throw new Failure("PARAM_INVALID", {
    at: "positions",
    found: String(positions),
    expected: "a whole number of at least 1",
    fix: "Make room for the prompt and the tokens to come.",
  });
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
