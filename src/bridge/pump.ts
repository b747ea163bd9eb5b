// Pump: the two loops that move a bridge's lanes, how they rest, and how they come to an end.
//
// A loop rests as its lane needs: for the host when only the host can go on; for a signal where the device gives
// signals; otherwise by looking ever more seldom.

import type { BridgeTime, DeviceMemory } from "./device.ts";
import { deviceLost } from "./faults.ts";
import type { Opened } from "./open.ts";
import type { BridgeSettings } from "./options.ts";
import { Pace, turn, Wakeup } from "./pace.ts";

export interface PumpParts {
  readonly memory: DeviceMemory;
  readonly opened: Opened;
  readonly settings: BridgeSettings;
  readonly time: BridgeTime;
  /** Whether copies end by themselves, so that one may fail to. */
  readonly isWatched: boolean;
  /** Whether somebody waits for room in the input queue. */
  readonly wantsRoom: () => boolean;
  /** Something may have moved. */
  readonly onInput: () => void;
  readonly onOutput: () => void;
  readonly onFailure: (failure: unknown) => void;
}

interface Beat {
  readonly wakeup: Wakeup;
  readonly pace: Pace;
}

export class Pump {
  /** Signals that the device gave. */
  signals = 0;
  /** The device had taken all, and had nothing left, when it was asked last. */
  isDrained = false;
  /** Some copy has not ended for too long. */
  hasHung = false;
  readonly #parts: PumpParts;
  readonly #input: Beat;
  readonly #output: Beat;
  readonly #ends: (() => void)[] = [];
  readonly #consumed = Promise.withResolvers<void>();
  #inputLoop: Promise<void> = Promise.resolve();
  #outputLoop: Promise<void> = Promise.resolve();
  #isOver = false;
  #isDraining = false;
  /** When the last fetching ends, once it has begun. */
  #fetchUntilMs: number | undefined;

  constructor(parts: PumpParts) {
    const { settings, time } = parts;
    this.#parts = parts;
    this.#input = { wakeup: new Wakeup(time), pace: new Pace(settings, time) };
    this.#output = { wakeup: new Wakeup(time), pace: new Pace(settings, time) };
  }

  get sleeps(): number {
    return this.#input.pace.sleeps + this.#output.pace.sleeps;
  }

  start(): void {
    const { memory, isWatched } = this.#parts;
    if (memory.capabilities.signals) this.#ends.push(memory.onSignal!(() => this.#signalled()));
    if (isWatched) this.#watch();
    this.#inputLoop = this.#guarded(() => this.#moveInput());
    this.#outputLoop = this.#guarded(() => this.#moveOutput());
  }

  /** Somebody has sent a message, or wants to. */
  wakeInput(): void {
    this.#input.wakeup.ring();
  }

  /** Somebody has taken a message, or wants one. */
  wakeOutput(): void {
    this.#output.wakeup.ring();
  }

  /** Looks often again: somebody waits for the device. */
  hurry(): void {
    this.#input.pace.reset();
    this.#output.pace.reset();
  }

  /** Waits until the device has taken all, then fetches all that it has sent, both up to `timeoutMs`. */
  async drain(timeoutMs: number): Promise<void> {
    const { time, opened } = this.#parts;
    const untilMs = time.nowMs() + timeoutMs;
    this.#isDraining = true;
    this.hurry();
    this.wakeInput();
    const cancel = time.after(timeoutMs, this.#consumed.resolve);
    await this.#consumed.promise;
    cancel();
    this.#fetchUntilMs = untilMs;
    this.wakeOutput();
    await this.#outputLoop;
    const { accepted, consumed } = opened.input;
    this.isDrained &&= accepted === consumed;
  }

  /** Ends the loops, and settles when no copy is under way any more. */
  async stop(): Promise<void> {
    this.#isOver = true;
    this.#consumed.resolve();
    this.wakeInput();
    this.wakeOutput();
    for (const end of this.#ends.splice(0)) end();
    await Promise.all([this.#inputLoop, this.#outputLoop]);
  }

  async #moveInput(): Promise<void> {
    const lane = this.#parts.opened.input;
    while (!this.#isOver) {
      const looks = this.#isDraining || this.#parts.wantsRoom();
      const hasMoved = await lane.pump(looks);
      this.#parts.onInput();
      if (this.#isDraining && lane.consumed === lane.accepted) return this.#consumed.resolve();
      await this.#rest(this.#input, hasMoved, looks || lane.needsDevice);
    }
  }

  async #moveOutput(): Promise<void> {
    const lane = this.#parts.opened.output;
    while (!this.#isOver) {
      const hasMoved = await lane.pump();
      this.#parts.onOutput();
      if (this.#fetchUntilMs !== undefined) {
        this.isDrained = !hasMoved && lane.needsDevice;
        if (!hasMoved || this.#parts.time.nowMs() >= this.#fetchUntilMs) return;
      }
      await this.#rest(this.#output, hasMoved, lane.needsDevice);
    }
  }

  async #rest({ pace, wakeup }: Beat, hasMoved: boolean, needsDevice: boolean): Promise<void> {
    const { memory, time } = this.#parts;
    if (hasMoved) {
      pace.reset();
      await turn(time); // Others have their turn too, whoever keeps this loop busy.
    } else if (needsDevice && !memory.capabilities.signals) await pace.rest(wakeup);
    else await wakeup.sleep(Infinity);
  }

  async #guarded(loop: () => Promise<void>): Promise<void> {
    const { opened, onFailure } = this.#parts;
    try {
      await loop();
    } catch (failure) {
      onFailure(failure);
    }
    await Promise.all([opened.input.settle(), opened.output.settle()]);
  }

  #signalled(): void {
    this.signals++;
    this.wakeInput();
    this.wakeOutput();
  }

  /** Copies that never end are a device that is gone, whether or not it says so. */
  #watch(): void {
    const { time, opened, settings, memory, onFailure } = this.#parts;
    const copies = opened.copies!;
    let [ended, cancel] = [-1, (): void => {}];
    const look = (): void => {
      this.hasHung = copies.underWay > 0 && copies.ended === ended;
      ended = copies.ended;
      if (this.hasHung)
        onFailure(deviceLost(memory.name, `no end of a copy in ${settings.copyTimeoutMs} ms`));
      else cancel = time.after(settings.copyTimeoutMs, look);
    };
    look();
    this.#ends.push(() => cancel());
  }
}
