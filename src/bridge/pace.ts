// Pace: how often somebody looks at what moves by itself. At once a few times, then once in every turn of the
// event loop, then ever more seldom, until something moves or somebody rings.

import type { BridgeTime } from "./device.ts";
import type { BridgeSettings } from "./options.ts";

/** Lets one loop sleep. A ring while nobody sleeps ends the next sleep at once, so that none is missed. */
export class Wakeup {
  readonly #time: BridgeTime;
  #rung = false;
  #wake: (() => void) | undefined;

  constructor(time: BridgeTime) {
    this.#time = time;
  }

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Sleeps until it is rung, or for `ms`. */
  async sleep(ms: number): Promise<void> {
    if (!this.#rung) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const cancel = ms === Infinity ? undefined : this.#time.after(ms, resolve);
      await promise;
      cancel?.();
      this.#wake = undefined;
    }
    this.#rung = false;
  }
}

export class Pace {
  /** Sleeps, of any length. */
  sleeps = 0;
  readonly #settings: BridgeSettings;
  readonly #time: BridgeTime;
  #looks = 0;

  constructor(settings: BridgeSettings, time: BridgeTime) {
    this.#settings = settings;
    this.#time = time;
  }

  /** Something has moved: look often again. */
  reset(): void {
    this.#looks = 0;
  }

  /** Waits as long as one should before the next look; undefined: not at all. */
  rest(wakeup: Wakeup): Promise<void> | undefined {
    const { pollSpins, pollTurns, pollIntervalUs, pollIntervalMaxUs } = this.#settings;
    const look = this.#looks++;
    if (look < pollSpins) return undefined;
    if (look < pollSpins + pollTurns) return turn(this.#time);
    this.sleeps++;
    const doublings = Math.min(look - pollSpins - pollTurns, 32);
    return wakeup.sleep(Math.min(pollIntervalUs * 2 ** doublings, pollIntervalMaxUs) / 1000);
  }
}

/** Waits for the next turn of the event loop. */
export function turn(time: BridgeTime): Promise<void> {
  return new Promise((resume) => void time.after(0, resume));
}
