// Hlc: a hybrid logical clock that threads share. No two of its stamps are equal, and each is after
// whatever its maker had seen.
//
// A stamp is 64 bits, as two halves: `hi` is the upper 32 of 48 bits of Unix milliseconds, `lo` their
// lower 16 above 16 of logical time. Stamps compare as (hi, lo). hlc.as.ts has the arithmetic, since
// JavaScript changes 64 bits at once only as a BigInt, which it allocates.

import { assert } from "../base/mod.ts";
import { HLC } from "./hlc.wasm.ts";

/** Bytes of the wire form: three u64, little-endian: physical in microseconds, logical, node. */
export const STAMP_BYTES = 24;

const WORD = 0; // Where the clock lies in its memory.
const HALF = 2 ** 32;
const TOP = HALF - 1;
/** Stamps taken at once. */
const AHEAD = 16;

interface HlcExports {
  tick(at: number, nowHi: number, nowLo: number): number;
  update(
    at: number,
    ...halvesThenDriftMs: readonly [number, number, number, number, number]
  ): number;
  tickMany(at: number, nowHi: number, nowLo: number, count: number): number;
  observe(
    at: number,
    ...halvesThenDriftMs: readonly [number, number, number, number, number]
  ): number;
  high(): number;
  refused(): number;
}

export interface HybridClockOptions {
  /** The wall clock: Unix milliseconds, at least 0. It may stand still or jump. */
  readonly now: () => number;
  /** How far a remote stamp may be ahead of the wall. 60,000 unless given, at most 2³² - 1. */
  readonly maxDriftMs?: number;
}

/** A stamp and the node that made it, each as halves of 32 bits. */
export interface NodeStamp {
  readonly hi: number;
  readonly lo: number;
  readonly nodeHi: number;
  readonly nodeLo: number;
}

let compiled: WebAssembly.Module | undefined;

/** Memory of one clock, which starts at zero. Every thread makes its own HybridClock over it. */
export function createClockMemory(): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
}

/** One thread's hand on a shared clock. */
export class HybridClock {
  /** Halves of the last stamp that this thread made; 0 before the first. */
  hi = 0;
  lo = 0;
  /** Stamps after the last one that are this thread's. */
  #ahead = 0;
  /** What the clock said when something was observed last: it never says less. */
  #seenHi = 0;
  #seenLo = 0;
  readonly #now: () => number;
  readonly #maxDriftMs: number;
  readonly #wasm: HlcExports;

  constructor(memory: WebAssembly.Memory, options: HybridClockOptions) {
    const { now, maxDriftMs = 60_000 } = options;
    assert(maxDriftMs >= 0 && maxDriftMs <= TOP, "maxDriftMs is 0 to 2^32 - 1");
    this.#now = now;
    this.#maxDriftMs = maxDriftMs;
    compiled ??= new WebAssembly.Module(Uint8Array.from(atob(HLC), (char) => char.charCodeAt(0)));
    const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
    this.#wasm = exports as unknown as HlcExports;
  }

  /** Makes the next stamp, for what this thread does or sends. */
  tick(): void {
    this.#ahead = 0;
    const now = this.#wall();
    this.lo = this.#wasm.tick(WORD, (now / HALF) >>> 0, now >>> 0) >>> 0;
    this.hi = this.#wasm.high() >>> 0;
  }

  /**
   * Makes a stamp after one that was received. False where that is too far ahead of the wall: a peer with
   * a wrong clock must not drag ours along. Then nothing changes.
   */
  update(hi: number, lo: number): boolean {
    this.#ahead = 0;
    const now = this.#wall();
    const wasm = this.#wasm;
    const next = wasm.update(WORD, (now / HALF) >>> 0, now >>> 0, hi, lo, this.#maxDriftMs);
    if (wasm.refused() !== 0) return false;
    this.lo = next >>> 0;
    this.hi = wasm.high() >>> 0;
    return true;
  }

  /**
   * As `tick`, from sixteen stamps that this thread takes at once: one by one they cost as much as a message,
   * since each waits for whatever was written before. What was observed meanwhile begins a new sixteen.
   */
  tickAhead(): void {
    if (this.#ahead === 0) {
      const now = this.#wall();
      this.lo = this.#wasm.tickMany(WORD, (now / HALF) >>> 0, now >>> 0, AHEAD) >>> 0;
      this.hi = this.#wasm.high() >>> 0;
      this.#ahead = AHEAD - 1;
      return;
    }
    this.#ahead--;
    this.lo = (this.lo + 1) >>> 0;
    if (this.lo === 0) this.hi = (this.hi + 1) >>> 0;
  }

  /**
   * Makes sure that this process's later stamps are after one that was received, without making one. False
   * where that is too far ahead of the wall; then nothing changes.
   */
  observe(hi: number, lo: number): boolean {
    this.#ahead = 0;
    if (hi < this.#seenHi || (hi === this.#seenHi && lo <= this.#seenLo)) return true;
    const now = this.#now();
    const wasm = this.#wasm;
    const seen = wasm.observe(WORD, (now / HALF) >>> 0, now >>> 0, hi, lo, this.#maxDriftMs);
    if (wasm.refused() !== 0) return false;
    this.#seenLo = seen >>> 0;
    this.#seenHi = wasm.high() >>> 0;
    return true;
  }

  #wall(): number {
    const now = this.#now();
    assert(now >= 0 && now < 2 ** 48, "the wall clock has Unix milliseconds of 48 bits");
    return now;
  }

  /** Negative where the first stamp is before the second, 0 where they are one. */
  static compare(hi: number, lo: number, otherHi: number, otherLo: number): number {
    return hi === otherHi ? lo - otherLo : hi - otherHi;
  }

  static partsOf(hi: number, lo: number): { physicalMs: number; logical: number } {
    return { physicalMs: hi * 2 ** 16 + (lo >>> 16), logical: lo & 0xffff };
  }

  /** Writes the wire form to `view` from byte `at` on. */
  static write(view: DataView, at: number, stamp: NodeStamp): void {
    const { hi, lo, nodeHi, nodeLo } = stamp;
    const low = (((hi << 16) | (lo >>> 16)) >>> 0) * 1000; // Microseconds may have more than 53 bits.
    view.setUint32(at, low >>> 0, true);
    view.setUint32(at + 4, (hi >>> 16) * 1000 + Math.floor(low / HALF), true);
    view.setUint32(at + 8, lo & 0xffff, true);
    view.setUint32(at + 12, 0, true);
    view.setUint32(at + 16, nodeLo, true);
    view.setUint32(at + 20, nodeHi, true);
  }

  /**
   * Reads the wire form. What no stamp holds is rounded up to a millisecond that does, so that whoever
   * updates with it is still after it. Beyond 48 bits that is the last stamp of all, which drifts too far.
   */
  static read(view: DataView, at: number): NodeStamp {
    const top = view.getUint32(at + 4, true);
    const rest = (top % 1000) * HALF + view.getUint32(at, true);
    const logical = view.getUint32(at + 8, true);
    const exact = rest % 1000 === 0 && logical <= 0xffff && view.getUint32(at + 12, true) === 0;
    const ms = Math.floor(top / 1000) * HALF + Math.floor(rest / 1000) + (exact ? 0 : 1);
    const fits = ms < 2 ** 48;
    return {
      hi: fits ? Math.floor(ms / 2 ** 16) : TOP,
      lo: fits ? (((ms % 2 ** 16) << 16) | (exact ? logical : 0)) >>> 0 : TOP,
      nodeHi: view.getUint32(at + 20, true),
      nodeLo: view.getUint32(at + 16, true),
    };
  }
}
