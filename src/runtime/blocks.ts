// Blocks: places for payloads that are too large for a slot's own cell, shared by all kernels.
//
// One bit for each block, taken and freed by one compare-exchange. Who publishes takes the block; who has
// read the payload frees it.

const LINE_BYTES = 64;
const HEAD_WORDS = 3; // Blocks, bytes of one, and the cursor that spreads publishers.
const CURSOR = 2;

export interface BlocksShape {
  readonly blocks: number;
  /** Bytes of each: the largest payload. A multiple of 64. */
  readonly blockBytes: number;
}

export function createBlocks({ blocks, blockBytes }: BlocksShape): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(headBytes(blocks) + blocks * blockBytes);
  new Int32Array(memory).set([blocks, blockBytes]);
  return memory;
}

export class Blocks {
  readonly memory: SharedArrayBuffer;
  readonly blockBytes: number;
  readonly count: number;
  readonly #words: Int32Array;
  readonly #first: number;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
    this.count = this.#words[0]!;
    this.blockBytes = this.#words[1]!;
    this.#first = headBytes(this.count);
  }

  /** Byte offset of a block that is now the caller's, or -1: none is free. */
  take(): number {
    const words = this.#words;
    const start = Atomics.load(words, CURSOR);
    const groups = Math.ceil(this.count / 32);
    for (let i = 0; i < groups; i++) {
      const group = (start + i) % groups;
      const at = HEAD_WORDS + group;
      for (;;) {
        const taken = Atomics.load(words, at);
        const bit = ~taken & (taken + 1); // The lowest that is free.
        const block = 32 * group + 31 - Math.clz32(bit);
        if (bit === 0 || block >= this.count) break;
        if (Atomics.compareExchange(words, at, taken, taken | bit) !== taken) continue;
        if (i > 0) Atomics.store(words, CURSOR, group);
        return this.#first + block * this.blockBytes;
      }
    }
    return -1;
  }

  /** Frees a block. Offsets that are no block's are ignored: a hostile slot may say anything. */
  free(at: number): void {
    const block = (at - this.#first) / this.blockBytes;
    if (!Number.isInteger(block) || block < 0 || block >= this.count) return;
    Atomics.and(this.#words, HEAD_WORDS + (block >> 5), ~(1 << (block & 31)));
  }

  /** Whether a payload of `bytes` at `at` lies in one block. */
  holds(at: number, bytes: number): boolean {
    const block = (at - this.#first) / this.blockBytes;
    return Number.isInteger(block) && block >= 0 && block < this.count && bytes <= this.blockBytes;
  }

  /** Blocks that somebody holds. */
  get taken(): number {
    let taken = 0;
    for (let group = 0; group < Math.ceil(this.count / 32); group++)
      for (let bits = Atomics.load(this.#words, HEAD_WORDS + group); bits !== 0; bits &= bits - 1)
        taken++;
    return taken;
  }
}

function headBytes(blocks: number): number {
  const words = HEAD_WORDS + Math.ceil(blocks / 32);
  return Math.ceil((4 * words) / LINE_BYTES) * LINE_BYTES;
}
