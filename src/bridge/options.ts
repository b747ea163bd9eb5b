// Options of a bridge, with their defaults. Every one has an effect, is refused, or stands among the plan's
// unused with the reason.

import { BRIDGE_LIMITS, Failure } from "../base/mod.ts";
import { queueGeometry } from "./queue.ts";
import type { Strategy } from "./strategy.ts";

export interface BridgeOptions {
  /** How messages reach the device: `auto`, the best that it can. */
  readonly strategy?: Strategy | "auto";
  /** Messages under way to the device, until it has taken them: 1024. A power of two. */
  readonly inputCapacity?: number;
  /** Messages from the device that wait there, and as many on the host: 1024. A power of two. */
  readonly outputCapacity?: number;
  /** Bytes of the largest message, either way: 1008, with which a slot has 1024. */
  readonly payloadBytesMax?: number;
  /** Messages that one batch carries: 64. */
  readonly batchSlotsMax?: number;
  /** Batches of one direction that are copied at a time: 4. */
  readonly batchesInFlightMax?: number;
  /** How often a copy is tried before the bridge fails: 3. */
  readonly copyAttemptsMax?: number;
  /** Milliseconds without any end of a copy, while some are under way, after which the device counts as lost: 10,000. */
  readonly copyTimeoutMs?: number;
  /** Looks at the device at once, before it waits for a turn of the event loop: 20. */
  readonly pollSpins?: number;
  /** Looks in turns of the event loop, before it sleeps: 50. */
  readonly pollTurns?: number;
  /** Microseconds of the first sleep between two looks, which doubles with each: 100. */
  readonly pollIntervalUs?: number;
  /** Microseconds of the longest sleep: 5000. */
  readonly pollIntervalMaxUs?: number;
  /** Milliseconds that `stop` drains: 5000. */
  readonly stopTimeoutMs?: number;
  /** Where positions start to count, modulo 2^32: 0. Tests of the wrap start near its end. */
  readonly firstPosition?: number;
}

export const BRIDGE_DEFAULTS = {
  strategy: "auto",
  inputCapacity: 1024,
  outputCapacity: 1024,
  payloadBytesMax: 1008,
  batchSlotsMax: 64,
  batchesInFlightMax: 4,
  copyAttemptsMax: 3,
  copyTimeoutMs: 10_000,
  pollSpins: 20,
  pollTurns: 50,
  pollIntervalUs: 100,
  pollIntervalMaxUs: 5000,
  stopTimeoutMs: 5000,
  firstPosition: 0,
} as const satisfies Required<BridgeOptions>;

export type BridgeSettings = Required<BridgeOptions>;

/** The least and the most of each number, both included. */
export const BRIDGE_RANGES = {
  inputCapacity: [2, BRIDGE_LIMITS.capacityMax],
  outputCapacity: [2, BRIDGE_LIMITS.capacityMax],
  payloadBytesMax: [0, BRIDGE_LIMITS.payloadBytesMax],
  batchSlotsMax: [1, BRIDGE_LIMITS.capacityMax],
  batchesInFlightMax: [1, BRIDGE_LIMITS.batchesInFlightMax],
  copyAttemptsMax: [1, BRIDGE_LIMITS.copyAttemptsMax],
  copyTimeoutMs: [1, BRIDGE_LIMITS.timeoutMsMax],
  pollSpins: [0, BRIDGE_LIMITS.pollLooksMax],
  pollTurns: [0, BRIDGE_LIMITS.pollLooksMax],
  pollIntervalUs: [1, BRIDGE_LIMITS.pollIntervalUsMax],
  pollIntervalMaxUs: [1, BRIDGE_LIMITS.pollIntervalUsMax],
  stopTimeoutMs: [0, BRIDGE_LIMITS.timeoutMsMax],
  firstPosition: [0, 2 ** 32 - 1],
} as const satisfies Partial<Record<keyof BridgeOptions, readonly [number, number]>>;

type NumberOption = keyof typeof BRIDGE_RANGES;

/** Every option with its default. Fails with OPTION_UNSUPPORTED for what cannot be. */
export function resolveBridge(options: BridgeOptions): BridgeSettings {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const settings: BridgeSettings = { ...BRIDGE_DEFAULTS, ...Object.fromEntries(given) };
  for (const [name, [least, most]] of Object.entries(BRIDGE_RANGES)) {
    const value = settings[name as NumberOption];
    if (!Number.isInteger(value) || value < least || value > most)
      throw unsupported(name, value, `a whole number from ${least} to ${most}`);
  }
  for (const name of ["inputCapacity", "outputCapacity"] as const) {
    const capacity = settings[name];
    if ((capacity & (capacity - 1)) !== 0) throw unsupported(name, capacity, "a power of two");
    const { totalBytes } = queueGeometry({ capacity, payloadBytesMax: settings.payloadBytesMax });
    if (totalBytes > BRIDGE_LIMITS.queueBytesMax)
      throw unsupported(name, `${totalBytes} bytes`, `at most ${BRIDGE_LIMITS.queueBytesMax}`);
  }
  if (settings.pollIntervalMaxUs < settings.pollIntervalUs)
    throw unsupported("pollIntervalMaxUs", settings.pollIntervalMaxUs, "at least pollIntervalUs");
  return settings;
}

function unsupported(name: string, found: unknown, expected: string): Failure {
  const fix = "Create the bridge with another value, or leave it out.";
  return new Failure("OPTION_UNSUPPORTED", { at: name, found: String(found), expected, fix });
}
