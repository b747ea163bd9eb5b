// Pace: which handlers are quick, as far as their thread has seen.
//
// A thread shows answers some at a time, so that one waits for the handlers of those behind it. That is right
// only where these are quick. So a handler that is not known to be quick starts when all answers before it
// are shown, and is timed alone; after some quick runs in a row it is known. Known ones are timed together,
// which costs a look at the clock for each group, and one slow group makes all of them unknown again.

/** What is known of one handler. */
export interface Known {
  /** Quick runs in a row. */
  runs: number;
  /** The round in which those were. */
  round: number;
}

/** Quick runs in a row until a handler is known to be quick. */
const RUNS = 8;
/** A run of this many milliseconds is slow, and so is a group of this many. */
const RUN_MS = 0.0125;
const GROUP_MS = 0.1;

export class Pace {
  readonly #nowMs: () => number;
  #round = 0;
  #fromMs = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Time counts from here. */
  begin(): void {
    this.#fromMs = this.#nowMs();
  }

  isQuick(known: Known): boolean {
    return known.runs >= RUNS && known.round === this.#round;
  }

  /** A handler has run, alone since `begin`. */
  ran(known: Known): void {
    const isQuick = this.#passed() < RUN_MS;
    known.runs = isQuick ? (known.round === this.#round ? known.runs + 1 : 1) : 0;
    known.round = this.#round;
  }

  /** Handlers that are known to be quick have run. */
  ranTogether(): void {
    if (this.#passed() >= GROUP_MS) this.#round++;
  }

  /** Milliseconds since the last look at the clock. */
  #passed(): number {
    const now = this.#nowMs();
    const passed = now - this.#fromMs;
    this.#fromMs = now;
    return passed;
  }
}
