// Profile: what one thread records of one kernel's messages, in shared memory: how long each was handled in a ring of
// records, and all of them in a histogram.
//
//   head | histogram | record 0 | record 1 | ...
//
// One thread writes. Whoever reads meanwhile gets whole records: a record's turn is 0 while it is written, and
// a reader that does not find the same turn before and after takes the record as written over. Every word is
// read and written atomically, which keeps that order.

import { PROFILE_FLAGS, PROFILE_HEAD, PROFILE_RECORD } from "../layout/mod.ts";
import { Histogram } from "./histogram.ts";

/** Records of one thread: 256 KB of them. */
const RECORDS = 8192;
const HEAD = PROFILE_HEAD.bytes / 4;
const FIRST = HEAD + Histogram.wordsNeeded;
const WORDS = PROFILE_RECORD.bytes / 4;
const [RECORDED_LOW, RECORDED_HIGH, CAPACITY] = [
  PROFILE_HEAD.fields.recorded_low.at / 4,
  PROFILE_HEAD.fields.recorded_high.at / 4,
  PROFILE_HEAD.fields.capacity.at / 4,
];
const AT = Object.fromEntries(
  Object.entries(PROFILE_RECORD.fields).map(([name, { at }]) => [name, at / 4]),
) as Readonly<Record<keyof typeof PROFILE_RECORD.fields, number>>;

export function createProfile(records: number = RECORDS): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(4 * (FIRST + records * WORDS));
  new Int32Array(memory)[CAPACITY] = records;
  return memory;
}

/** One message's handling. */
export interface Handling {
  readonly type: number;
  readonly source: number;
  readonly lane: number;
  /** See PROFILE_FLAGS. */
  readonly isLate: boolean;
  readonly hasFailed: boolean;
  readonly isCall: boolean;
  /** Of the process's monotonic clock. */
  readonly startNs: number;
  readonly durationNs: number;
}

export class Profile {
  readonly #words: Int32Array;
  readonly #capacity: number;
  readonly histogram: Histogram;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#capacity = this.#words[CAPACITY]!;
    this.histogram = new Histogram(memory, HEAD);
  }

  get bytes(): number {
    return this.#words.byteLength;
  }

  /** Messages recorded so far, those written over too. */
  get recorded(): number {
    for (;;) {
      const high = Atomics.load(this.#words, RECORDED_HIGH) >>> 0;
      const low = Atomics.load(this.#words, RECORDED_LOW) >>> 0;
      if (Atomics.load(this.#words, RECORDED_HIGH) >>> 0 === high) return high * 2 ** 32 + low;
    }
  }

  /** Records one message. Only the thread that handled it may. */
  record(
    type: number,
    source: number,
    lane: number,
    flags: number,
    from: number,
    to: number,
  ): void {
    const words = this.#words;
    const number = this.recorded;
    const at = this.#placeOf(number);
    const startNs = Math.round(from * 1e6);
    const ns = Math.max(0, Math.round((to - from) * 1e6));
    Atomics.store(words, at + AT.turn, 0);
    Atomics.store(words, at + AT.type, type | 0);
    Atomics.store(words, at + AT.source, source | 0);
    Atomics.store(words, at + AT.lane, lane | (flags << 16));
    Atomics.store(words, at + AT.start_low, startNs | 0);
    Atomics.store(words, at + AT.start_high, (startNs / 2 ** 32) | 0);
    Atomics.store(words, at + AT.duration_low, ns | 0);
    Atomics.store(words, at + AT.duration_high, (ns / 2 ** 32) | 0);
    Atomics.store(words, at + AT.turn, turnOf(number));
    const next = number + 1;
    if (next % 2 ** 32 === 0) Atomics.store(words, RECORDED_HIGH, (next / 2 ** 32) | 0);
    Atomics.store(words, RECORDED_LOW, next | 0);
    this.histogram.record(ns);
  }

  /** The records that are still there, oldest first, and how many are not. */
  read(): { readonly handlings: readonly Handling[]; readonly overwritten: number } {
    const { recorded } = this;
    const handlings: Handling[] = [];
    for (let number = Math.max(0, recorded - this.#capacity); number < recorded; number++) {
      const handling = this.#at(number);
      if (handling !== undefined) handlings.push(handling);
    }
    return { handlings, overwritten: recorded - handlings.length };
  }

  /** Undefined: it was written over. */
  #at(number: number): Handling | undefined {
    const at = this.#placeOf(number);
    const word = (name: keyof typeof AT): number => Atomics.load(this.#words, at + AT[name]) >>> 0;
    const turn = turnOf(number) >>> 0;
    if (word("turn") !== turn) return undefined;
    const lane = word("lane");
    const flags = lane >>> 16;
    const handling = {
      ...{ type: word("type"), source: word("source"), lane: lane & 0xffff },
      isLate: (flags & PROFILE_FLAGS.LATE) !== 0,
      hasFailed: (flags & PROFILE_FLAGS.FAILED) !== 0,
      isCall: (flags & PROFILE_FLAGS.CALL) !== 0,
      startNs: word("start_high") * 2 ** 32 + word("start_low"),
      durationNs: word("duration_high") * 2 ** 32 + word("duration_low"),
    };
    return word("turn") === turn ? handling : undefined;
  }

  #placeOf(number: number): number {
    return FIRST + (number % this.#capacity) * WORDS;
  }
}

/** What a record's `turn` says: never 0. Every 2^32nd record shares its turn with the one after it. */
function turnOf(number: number): number {
  return (number + 1) | 0 || 1;
}
