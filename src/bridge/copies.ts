// Copies: one way to ask for a copy, whatever the strategy: split where the device takes no more at once, tried
// again where it fails, and counted.

import { Failure } from "../base/mod.ts";
import type { BridgeTime, DeviceMemory, DeviceRegion } from "./device.ts";
import { copyFailed } from "./faults.ts";
import type { BridgeSettings } from "./options.ts";
import { Pace, Wakeup } from "./pace.ts";
import type { Strategy } from "./strategy.ts";

/** Copies that ended well, and their bytes: those of payloads, slots' words and queues' words. */
export interface CopyCount {
  copies: number;
  bytes: number;
}

/** Makes one copy. It settles, or returns, when the copy has ended. */
type Once = (region: DeviceRegion, at: number, host: Uint8Array) => void | Promise<void>;

export class Copies {
  readonly in: CopyCount = { copies: 0, bytes: 0 };
  readonly out: CopyCount = { copies: 0, bytes: 0 };
  /** Copies tried again. */
  retries = 0;
  /** Copies that have begun and not ended, and how many ever ended. */
  underWay = 0;
  ended = 0;
  readonly #memory: DeviceMemory;
  readonly #settings: BridgeSettings;
  readonly #time: BridgeTime;
  readonly #onceIn: Once;
  readonly #onceOut: Once;

  constructor(
    strategy: Exclude<Strategy, "unified">,
    memory: DeviceMemory,
    settings: BridgeSettings,
    time: BridgeTime,
  ) {
    this.#memory = memory;
    this.#settings = settings;
    this.#time = time;
    [this.#onceIn, this.#onceOut] = this.#ways(strategy);
  }

  /** Fails with DEVICE_LOST or DEVICE_COPY_FAILED. */
  copyIn(region: DeviceRegion, at: number, from: Uint8Array): Promise<void> {
    return this.#whole(this.#onceIn, this.in, region, at, from);
  }

  copyOut(region: DeviceRegion, at: number, to: Uint8Array): Promise<void> {
    return this.#whole(this.#onceOut, this.out, region, at, to);
  }

  async #whole(
    once: Once,
    count: CopyCount,
    region: DeviceRegion,
    at: number,
    host: Uint8Array,
  ): Promise<void> {
    const { copyBytesMax } = this.#memory.capabilities;
    for (let from = 0; from < host.length; from += copyBytesMax) {
      const piece = host.subarray(from, from + copyBytesMax);
      await this.#untilDone(() => once(region, at + from, piece));
      count.copies++;
      count.bytes += piece.length;
    }
  }

  async #untilDone(once: () => void | Promise<void>): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      this.underWay++;
      try {
        return await once();
      } catch (cause) {
        if (cause instanceof Failure && cause.code === "DEVICE_LOST") throw cause;
        if (attempt >= this.#settings.copyAttemptsMax)
          throw copyFailed(this.#memory, attempt, cause);
        this.retries++;
      } finally {
        this.underWay--;
        this.ended++;
      }
    }
  }

  #ways(strategy: Exclude<Strategy, "unified">): [Once, Once] {
    const memory = this.#memory;
    switch (strategy) {
      case "sync":
        return [
          (region, at, from) => memory.copyIn!(region, at, from),
          (region, at, to) => memory.copyOut!(region, at, to),
        ];
      case "async":
        return [
          (region, at, from) => memory.queueCopyIn!(region, at, from),
          (region, at, to) => memory.queueCopyOut!(region, at, to),
        ];
      case "dma-polling":
        return [
          (region, at, from) => this.#polled(memory.startCopyIn!(region, at, from)),
          (region, at, to) => this.#polled(memory.startCopyOut!(region, at, to)),
        ];
      default:
        return strategy satisfies never;
    }
  }

  async #polled(copy: number): Promise<void> {
    const pace = new Pace(this.#settings, this.#time);
    const wakeup = new Wakeup(this.#time);
    while (!this.#memory.isDone!(copy)) await pace.rest(wakeup);
  }
}
