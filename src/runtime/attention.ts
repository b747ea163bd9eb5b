// Attention: how a thread that serves many kernels learns which of them have messages.
//
// One bit for each kernel says that the thread looks into its queue, or will. Whoever publishes sets the
// bit if it is not set, and rings if the thread sleeps. The thread leaves the bit as long as it looks at
// every turn, so that a busy kernel's bit stands still and costs nobody a cache line. Before it stops
// looking it clears the bit, and then looks once more: a publisher looks at the bit after it has
// published, so one of the two sees the other.

import { assert } from "../base/mod.ts";
import { Bell, type Condition, type IdlePolicy } from "../ring/core.ts";

/** Kernels of one thread. */
export const KERNELS_PER_THREAD = 16_384;

// Words: each on a line of its own, since one side writes while the other looks.
const LINE = 16;
const BELL = 0;
const SLEEPERS = LINE;
const CONTROL = 2 * LINE;
// The thread's own, beside what it looks at in every turn and others seldom write.
const BEATS = CONTROL + 1;
const SERVING = CONTROL + 2;
/** A bit for each word of bits that is not 0. */
const SUMMARY = 3 * LINE;
const BITS = 4 * LINE;
const WORDS = KERNELS_PER_THREAD / 32;

export function createAttention(): SharedArrayBuffer {
  return new SharedArrayBuffer(4 * (BITS + WORDS));
}

export class Attention {
  readonly #words: Int32Array;
  readonly #bell: Bell;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#bell = new Bell(this.#words, BELL, SLEEPERS);
  }

  /** A kernel has messages. Call it after they were published. */
  raise(kernel: number): void {
    const words = this.#words;
    const at = BITS + (kernel >> 5);
    const bit = 1 << (kernel & 31);
    if ((Atomics.load(words, at) & bit) === 0) {
      Atomics.or(words, at, bit);
      const summary = SUMMARY + (kernel >> 10);
      const of = 1 << ((kernel >> 5) & 31);
      if ((Atomics.load(words, summary) & of) === 0) Atomics.or(words, summary, of);
    }
    this.#bell.ring();
  }

  /** A command was posted. */
  command(): void {
    Atomics.add(this.#words, CONTROL, 1);
    this.#bell.ring();
  }

  /** Commands posted so far; wraps. */
  get commands(): number {
    return Atomics.load(this.#words, CONTROL);
  }

  /** The thread's heart beats. Only the thread does this. */
  beat(): void {
    this.#words[BEATS]!++;
  }

  /** How often that was; wraps. */
  get beats(): number {
    return Atomics.load(this.#words, BEATS);
  }

  /** The kernel whose turn it is, or -1. */
  get serving(): number {
    return Atomics.load(this.#words, SERVING) - 1;
  }

  /** Only the thread sets it. */
  set serving(kernel: number) {
    this.#words[SERVING] = kernel + 1;
  }

  /**
   * Calls `visit` with kernels below `kernels` whose bit is set, where any bit was set since the last time;
   * the thread knows which of them it looks at already.
   */
  take(kernels: number, visit: (kernel: number) => void): void {
    const words = this.#words;
    for (let group = 0; group << 10 < kernels; group++) {
      if (Atomics.load(words, SUMMARY + group) === 0) continue;
      let parts = Atomics.exchange(words, SUMMARY + group, 0);
      for (; parts !== 0; parts &= parts - 1) {
        const part = 32 * group + lowest(parts);
        let bits = Atomics.load(words, BITS + part);
        for (; bits !== 0; bits &= bits - 1) visit(32 * part + lowest(bits));
      }
    }
  }

  /** The thread is about to stop looking at a kernel, and looks once more afterwards. */
  clear(kernel: number): void {
    Atomics.and(this.#words, BITS + (kernel >> 5), ~(1 << (kernel & 31)));
  }

  /** Whether any bit of a kernel below `kernels` was set since `take`. */
  any(kernels: number): boolean {
    for (let group = 0; group << 10 < kernels; group++)
      if (Atomics.load(this.#words, SUMMARY + group) !== 0) return true;
    return false;
  }

  /** Waits until `condition` holds. Blocks the thread. */
  wait(condition: Condition, policy: IdlePolicy): boolean {
    return this.#bell.wait(condition, policy);
  }

  /** As `wait`, without blocking; false after `sleepMs` without a move. */
  waitAsync(condition: Condition, sleepMs: number): Promise<boolean> {
    return this.#bell.waitAsync(condition, sleepMs, () => () => {});
  }
}

function lowest(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}

assert(WORDS % 32 === 0, "bits fill whole groups");
assert(WORDS / 32 <= LINE, "the summary fits its line");
