// Batches: runs of slots whose copies are under way, oldest first, as both copied lanes keep them.

import type { Copies } from "./copies.ts";
import type { DeviceMemory } from "./device.ts";
import type { BridgeSettings } from "./options.ts";

/** What a lane that copies works with. */
export interface CopyParts {
  readonly memory: DeviceMemory;
  readonly copies: Copies;
  readonly settings: BridgeSettings;
}

/** Copies the slots of messages `first` to `end - 1`, which lie one after another in the queue. */
type CopyRun = (first: number, end: number) => Promise<void>;

interface Batch {
  readonly end: number;
  /** Never rejects, since it may fail before anybody waits for it. */
  readonly failure: Promise<unknown>;
}

export class Batches {
  /** Messages whose copies have begun, since the start. */
  started = 0;
  readonly #capacity: number;
  readonly #settings: BridgeSettings;
  readonly #copyRun: CopyRun;
  readonly #underWay: Batch[] = [];

  constructor(capacity: number, settings: BridgeSettings, copyRun: CopyRun) {
    this.#capacity = capacity;
    this.#settings = settings;
    this.#copyRun = copyRun;
  }

  get isEmpty(): boolean {
    return this.#underWay.length === 0;
  }

  /** Starts as many batches of the messages below `end` as may be under way. */
  startUpTo(end: number): void {
    const { batchSlotsMax, batchesInFlightMax } = this.#settings;
    while (this.started < end && this.#underWay.length < batchesInFlightMax) {
      const first = this.started;
      this.started = Math.min(end, first + batchSlotsMax);
      this.#underWay.push({
        end: this.started,
        failure: failureOf(this.#copy(first, this.started)),
      });
    }
  }

  /** Waits for the oldest batch, and gives its end; undefined: none is under way. Fails as its copies did. */
  async next(): Promise<number | undefined> {
    const oldest = this.#underWay.shift();
    if (oldest === undefined) return undefined;
    const failure = await oldest.failure;
    if (failure !== undefined) throw failure;
    return oldest.end;
  }

  /** Settles when no copy of a batch is under way. */
  settle(): Promise<unknown> {
    return Promise.all(this.#underWay.map(({ failure }) => failure));
  }

  /** Two copies where the slots go round the end of the queue. */
  async #copy(first: number, end: number): Promise<void> {
    const slot = (this.#settings.firstPosition + first) & (this.#capacity - 1);
    const middle = Math.min(end, first + this.#capacity - slot);
    if (middle === end) return this.#copyRun(first, end);
    await bothEnded(this.#copyRun(first, middle), this.#copyRun(middle, end));
  }
}

/** Fails with what either fails with, but not before both have ended. */
async function bothEnded(one: Promise<void>, other: Promise<void>): Promise<void> {
  for (const end of await Promise.allSettled([one, other]))
    if (end.status === "rejected") throw end.reason;
}

/** What a promise fails with, or undefined. */
function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (failure: unknown) => failure,
  );
}
