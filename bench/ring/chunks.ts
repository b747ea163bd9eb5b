// Chunks: the mean time of one slot for each chunk of them, in nanoseconds.

import type { Timing } from "./contest.ts";

/** Slots of which the mean time is one sample. */
const CHUNK = 65_536;
/** Chunks at the start that are not timed: the engine still compiles. */
const WARM = 6;

/** Times whole chunks of what is counted. */
export class Chunks {
  readonly #samples: number[] = [];
  #start = performance.now();
  #next = CHUNK;
  #before = 0;
  #chunks = 0;

  /** Says that `count` slots are done by now. */
  at(count: number): void {
    if (count < this.#next) return;
    const now = performance.now();
    if (this.#chunks++ >= WARM)
      this.#samples.push(((now - this.#start) * 1e6) / (count - this.#before));
    this.#start = now;
    this.#before = count;
    this.#next = count + CHUNK;
  }

  get timing(): Timing {
    return { samples: this.#samples, callsPerSample: CHUNK };
  }
}
