// Blocks: places for payloads that are too large for a slot's own cell, shared by all kernels.
//
// One bit for each block, taken and freed by one compare-exchange, and one word that says whose it is. Who
// publishes takes the block and gives it to the slot that names it; who has read the payload frees it, in
// the name of that slot. So a slot that names another's block reads nothing of it, and frees nothing. Until a
// block is given, it is the thread's that took it, so that what a thread held can be freed after its death.

import { Views } from "../message/mod.ts";

const LINE_BYTES = 64;
const HEAD_WORDS = 3; // Blocks, bytes of one, and the cursor that spreads publishers.
const CURSOR = 2;
/** Whose a block is that is free, or that a thread has taken which nobody survives. */
const NOBODY = 0;

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
  /** Of all blocks: each queue of a thread reads payloads there. */
  readonly views: Views;
  readonly blockBytes: number;
  readonly count: number;
  readonly #words: Int32Array;
  readonly #owners: number;
  readonly #first: number;
  /** In whose name it takes blocks: slots have numbers above 0. */
  readonly holder: number;

  /** `thread`: a number of the thread's own from 1 on; left out for one that ends with all others. */
  constructor(memory: SharedArrayBuffer, thread = 0) {
    this.memory = memory;
    this.holder = -thread | 0;
    this.views = new Views(memory);
    this.#words = new Int32Array(memory);
    this.count = this.#words[0]!;
    this.blockBytes = this.#words[1]!;
    this.#owners = HEAD_WORDS + groupsOf(this.count);
    this.#first = headBytes(this.count);
  }

  /** Byte offset of a block that is now the caller's, or -1: none is free. */
  take(): number {
    const words = this.#words;
    const start = Atomics.load(words, CURSOR);
    const groups = groupsOf(this.count);
    for (let i = 0; i < groups; i++) {
      const group = (start + i) % groups;
      const at = HEAD_WORDS + group;
      for (;;) {
        const taken = Atomics.load(words, at);
        const bit = ~taken & (taken + 1); // The lowest that is free.
        const block = 32 * group + 31 - Math.clz32(bit);
        if (bit === 0 || block >= this.count) break;
        if (Atomics.compareExchange(words, at, taken, taken | bit) !== taken) continue;
        words[this.#owners + block] = this.holder; // A thread is not killed before this, which no call precedes.
        if (i > 0) Atomics.store(words, CURSOR, group);
        return this.#first + block * this.blockBytes;
      }
    }
    return -1;
  }

  /** The block that the caller has taken is `owner`'s from now on. */
  give(at: number, owner: number): void {
    Atomics.store(this.#words, this.#owners + this.#blockAt(at), owner);
  }

  /**
   * Frees a block of `owner`, once. False: it is another's, or the offset is no block's; a hostile slot may
   * say anything.
   */
  free(at: number, owner: number = this.holder): boolean {
    const block = this.#blockAt(at);
    if (block < 0) return false;
    const ownerAt = this.#owners + block;
    if (Atomics.compareExchange(this.#words, ownerAt, owner, NOBODY) !== owner) return false;
    Atomics.and(this.#words, HEAD_WORDS + (block >> 5), ~(1 << (block & 31)));
    return true;
  }

  /** Whether a payload of `bytes` at `at` lies in one block, which is `owner`'s. */
  holds(at: number, bytes: number, owner: number = this.holder): boolean {
    const block = this.#blockAt(at);
    if (block < 0 || bytes > this.blockBytes) return false;
    return Atomics.load(this.#words, this.#owners + block) === owner;
  }

  /** A thread has died: frees what it had taken and not given. Says how many blocks that were. */
  abandon(thread: number): number {
    let freed = 0;
    for (let block = 0; block < this.count; block++)
      freed += Number(this.free(this.#first + block * this.blockBytes, -thread));
    return freed;
  }

  /** Blocks that somebody holds. */
  get taken(): number {
    let taken = 0;
    for (let group = 0; group < groupsOf(this.count); group++)
      for (let bits = Atomics.load(this.#words, HEAD_WORDS + group); bits !== 0; bits &= bits - 1)
        taken++;
    return taken;
  }

  /** Which block starts at `at`, or -1. */
  #blockAt(at: number): number {
    const block = (at - this.#first) / this.blockBytes;
    return Number.isInteger(block) && block >= 0 && block < this.count ? block : -1;
  }
}

function groupsOf(blocks: number): number {
  return Math.ceil(blocks / 32);
}

function headBytes(blocks: number): number {
  const words = HEAD_WORDS + groupsOf(blocks) + blocks;
  return Math.ceil((4 * words) / LINE_BYTES) * LINE_BYTES;
}
