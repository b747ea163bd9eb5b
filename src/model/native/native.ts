// Native: the model's own memory and the products that work in it, behind typed calls.
//
// Everything is reserved before the memory exists, so that it never grows and views stay good. Offsets
// are bytes into it; this file vouches to the module that they are within bounds.

import { assert, Failure } from "../../base/mod.ts";
import type { WeightFormat } from "../weights.ts";
import type { NativeLeave } from "./leave.ts";

const PAGE_BYTES = 65_536;
const ALIGN_BYTES = 64; // One cache line.
const MEMORY_BYTES_MAX = 2 ** 32 - PAGE_BYTES; // The last page stays free: `end` fits a u32.
const KEYS_TILE = 4; // Keys are read in fours.

// As the module has them: rows that a tile widens, inputs of one pass, keys scored together.
const TILE_BYTES = 4 * 1024 * 4;
const SCORES_BYTES = 32 * 4;
const MASK_BYTES = 16;

/** Bytes of one element. */
export const FORMAT_BYTES: Readonly<Record<WeightFormat, number>> = { f32: 4, f16: 2, bf16: 2 };

/** Hands out offsets of a memory that is opened later. */
export class NativePlan {
  #end = ALIGN_BYTES; // Offset 0 is nobody's.

  get bytes(): number {
    return this.#end;
  }

  /** Reserves `bytes` on a cache line of their own. Fails with MODEL_TOO_LARGE. */
  reserve(bytes: number): number {
    const at = this.#end;
    this.#end = at + Math.ceil(bytes / ALIGN_BYTES) * ALIGN_BYTES;
    if (this.#end > MEMORY_BYTES_MAX) throw full(this.#end);
    return at;
  }
}

/** Rows of weights in native memory: [outputs, inputs]. */
export interface Matrix {
  readonly at: number;
  readonly outputs: number;
  readonly inputs: number;
  readonly format: WeightFormat;
}

export interface NativeShape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** The longest row that a matrix takes. */
  readonly inputsMax: number;
}

/** Keys and values f32[kvHeads, capacity, headDim] of consecutive positions. */
export interface KeyBlock {
  readonly keysAt: number;
  readonly valuesAt: number;
  readonly capacity: number;
  /** Position of the first key, and how many there are. */
  readonly first: number;
  readonly count: number;
}

/** Rows of queries at consecutive positions, and where their results go. */
export interface Queries {
  readonly queriesAt: number;
  readonly outAt: number;
  readonly rows: number;
  /** Position of the first row: it sees the keys up to its own. */
  readonly position: number;
}

export class Native {
  readonly #exports: Exports;
  readonly #leave: NativeLeave;
  readonly #headsWidth: number;
  readonly #buffer: ArrayBuffer;
  readonly #scratchAt: number;
  readonly #stateAt: number;

  private constructor(exports: Exports, buffer: ArrayBuffer, { leave, shape, at }: Parts) {
    this.#exports = exports;
    this.#leave = leave;
    this.#headsWidth = shape.heads * shape.headDim;
    this.#buffer = buffer;
    this.#scratchAt = at.scratch;
    this.#stateAt = at.state;
  }

  /** Makes the memory that `plan` asks for. `rowsMax` bounds the rows of one attention. */
  static async open(
    plan: NativePlan,
    shape: NativeShape,
    rowsMax: number,
    leave: NativeLeave,
  ): Promise<Native> {
    const scratch = plan.reserve(
      Math.max(TILE_BYTES, SCORES_BYTES, MASK_BYTES + shape.inputsMax * 4),
    );
    const state = plan.reserve(rowsMax * shape.heads * 2 * 4);
    const memory = newMemory(plan.bytes);
    const { instance } = await WebAssembly.instantiate(leave.code.copyBytes(), { env: { memory } });
    const exports = instance.exports as unknown as Exports;
    exports.attention_shape(shape.heads, shape.kvHeads, shape.headDim);
    return new Native(exports, memory.buffer, { leave, shape, at: { scratch, state } });
  }

  /** A view of `count` f32 at `at`. */
  f32(at: number, count: number): Float32Array<ArrayBuffer> {
    return new Float32Array(this.#buffer, at, count);
  }

  /** A view of `bytes` bytes at `at`. */
  bytes(at: number, bytes: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#buffer, at, bytes);
  }

  /** `rows` rows of f32 at `x` times the matrix: rows of its outputs at `y`. */
  multiply(matrix: Matrix, x: number, y: number, rows: number): void {
    const meter = this.#leave.meterOf(matrix);
    meter.begin();
    this.#product(matrix, x, y, rows);
    meter.end(2 * rows * matrix.inputs * matrix.outputs);
  }

  #product({ at, outputs, inputs, format }: Matrix, x: number, y: number, rows: number): void {
    const scratch = this.#scratchAt;
    switch (format) {
      case "f32":
        return this.#exports.multiply_f32(x, at, y, rows, inputs, outputs, scratch);
      case "f16":
        return this.#exports.multiply_f16(x, at, y, rows, inputs, outputs, scratch);
      case "bf16":
        return this.#exports.multiply_bf16(x, at, y, rows, inputs, outputs, scratch);
      default:
        return format satisfies never;
    }
  }

  /** `count` f32 at `target` from the f16 at `source`; a multiple of eight. */
  widenF16(source: number, target: number, count: number): void {
    this.#exports.widen_f16(source, target, count);
  }

  /** Causal attention of `queries` to the blocks that `read` shows, in any order. */
  attend(queries: Queries, read: (show: (block: KeyBlock) => void) => void): void {
    const { queriesAt, outAt, rows, position } = queries;
    const [scores, state] = [this.#scratchAt, this.#stateAt];
    const { attention } = this.#leave; // Blocks are metered: showing them is work of others.
    this.#exports.attention_begin(outAt, state, rows);
    read(({ keysAt, valuesAt, capacity, first, count }) => {
      assert(capacity % KEYS_TILE === 0 && count <= capacity, "a block of keys has whole tiles");
      const seen = position + 1 - first;
      attention.begin();
      this.#exports.attention_block(
        queriesAt,
        keysAt,
        valuesAt,
        capacity,
        count,
        rows,
        seen,
        state,
        outAt,
        scores,
      );
      attention.end(4 * this.#headsWidth * pairsIn({ rows, seen, count }));
    });
    this.#exports.attention_end(outAt, state, rows);
  }
}

interface Parts {
  readonly leave: NativeLeave;
  readonly shape: NativeShape;
  readonly at: { readonly scratch: number; readonly state: number };
}

/** Pairs of a row and a key that it sees: the first row sees `seen` keys of `count`, each next one more. */
function pairsIn({
  rows,
  seen,
  count,
}: Readonly<Record<"rows" | "seen" | "count", number>>): number {
  let pairs = 0;
  for (let row = 0; row < rows; row++) pairs += Math.min(Math.max(seen + row, 0), count);
  return pairs;
}

type Product = (
  x: number,
  w: number,
  y: number,
  rows: number,
  inputs: number,
  outputs: number,
  scratch: number,
) => void;

interface Exports {
  readonly multiply_f32: Product;
  readonly multiply_f16: Product;
  readonly multiply_bf16: Product;
  readonly widen_f16: (source: number, target: number, count: number) => void;
  readonly attention_shape: (heads: number, kvHeads: number, headDim: number) => void;
  readonly attention_begin: (out: number, state: number, rows: number) => void;
  readonly attention_block: (
    queries: number,
    keys: number,
    values: number,
    capacity: number,
    count: number,
    rows: number,
    seen: number,
    state: number,
    out: number,
    scores: number,
  ) => void;
  readonly attention_end: (out: number, state: number, rows: number) => void;
}

function newMemory(bytes: number): WebAssembly.Memory {
  const pages = Math.ceil(bytes / PAGE_BYTES);
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages });
  } catch (cause) {
    throw full(bytes, { cause });
  }
}

function full(bytes: number, options: ErrorOptions = {}): Failure {
  return new Failure(
    "MODEL_TOO_LARGE",
    {
      found: `${(bytes / 2 ** 20).toFixed(0)} MiB of weights, cache and work space`,
      expected: `at most ${MEMORY_BYTES_MAX / 2 ** 20} MiB, and as much as the engine grants`,
      fix: "Use a smaller model, a shorter context or a narrower cache.",
    },
    options,
  );
}
