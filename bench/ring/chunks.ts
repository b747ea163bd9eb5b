// Chunks: the mean time of one slot for each chunk of them, in nanoseconds.

import type { Timing } from "./contest.ts";

/** The most slots of which the mean time is one sample, and the fewest chunks of a contest. */
const CHUNK = 65_536;
const CHUNKS = 32;
/** Chunks at the start that are not timed: the engine still compiles. */
const WARM = 6;

/** Times whole chunks of what is counted. */
export class Chunks {
  readonly #samples: number[] = [];
  readonly #chunk: number;
  #start = performance.now();
  #next: number;
  #before = 0;
  #chunks = 0;

  /** For so many slots in all. */
  constructor(slots: number) {
    this.#chunk = Math.min(CHUNK, slots / CHUNKS);
    this.#next = this.#chunk;
  }

  /** Says that `count` slots are done by now. */
  at(count: number): void {
    if (count < this.#next) return;
    const now = performance.now();
    if (this.#chunks++ >= WARM)
      this.#samples.push(((now - this.#start) * 1e6) / (count - this.#before));
    this.#start = now;
    this.#before = count;
    this.#next = count + this.#chunk;
  }

  get timing(): Timing {
    return { samples: this.#samples, callsPerSample: this.#chunk };
  }
}
