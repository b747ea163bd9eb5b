// Strategy: how messages get from one memory to the other, chosen by what the device can.

import { BRIDGE_LIMITS, Failure } from "../base/mod.ts";
import type { DeviceCapabilities, DeviceMemory } from "./device.ts";
import type { BridgeOptions } from "./options.ts";

/** Best first, which is the order in which `auto` asks. */
export const STRATEGIES = ["unified", "async", "dma-polling", "sync"] as const;

/**
 * `unified`: both sides work in the same memory, and nothing is copied. `async`: copies are queued, and the
 * device tells of their end. `dma-polling`: copies are started, and asked about. `sync`: each copy holds
 * the thread until it is done.
 */
export type Strategy = (typeof STRATEGIES)[number];

export interface Refusal {
  readonly strategy: Strategy;
  readonly why: string;
}

export interface Unused {
  readonly option: keyof BridgeOptions;
  readonly why: string;
}

export interface TransferPlan {
  readonly strategy: Strategy;
  /** Why `auto` took none of the better ones; empty where a strategy was asked for. */
  readonly refused: readonly Refusal[];
  /** Options that were given and have nothing to decide under this strategy. */
  readonly unused: readonly Unused[];
}

const CANNOT: Readonly<Record<Strategy, (can: DeviceCapabilities) => string | undefined>> = {
  unified: (can) => {
    if (!can.mappedMemory) return "the device has no memory that the host can map";
    return can.visibility === "system"
      ? undefined
      : "host and device see each other's writes only after copies";
  },
  async: (can) => (can.queuedCopies ? undefined : "the device does not tell when a copy is done"),
  "dma-polling": (can) =>
    can.polledCopies ? undefined : "the device starts no copies that can be asked about",
  sync: (can) =>
    can.blockingCopies ? undefined : "the device has no copies that return when they are done",
};

const NEEDS: Readonly<Record<Strategy, readonly (keyof DeviceMemory)[]>> = {
  unified: ["map"],
  async: ["queueCopyIn", "queueCopyOut"],
  "dma-polling": ["startCopyIn", "startCopyOut", "isDone"],
  sync: ["copyIn", "copyOut"],
};

function lacks(memory: DeviceMemory, methods: readonly (keyof DeviceMemory)[]): string | undefined {
  const missing = methods.find((method) => memory[method] === undefined);
  return missing && `the device says that it can, and has no ${missing}()`;
}

/** Fails with OPTION_UNSUPPORTED where the device cannot do what was asked, with the reasons. */
export function planTransfer(memory: DeviceMemory, options: BridgeOptions): TransferPlan {
  const { capabilities } = memory;
  checkCopies(memory);
  const { strategy = "auto" } = options;
  const candidates =
    strategy === "auto" ? STRATEGIES : STRATEGIES.filter((one) => one === strategy);
  const refused: Refusal[] = [];
  for (const candidate of candidates) {
    const why = CANNOT[candidate](capabilities) ?? lacks(memory, NEEDS[candidate]);
    if (why === undefined)
      return { strategy: candidate, refused, unused: unusedBy(candidate, capabilities, options) };
    refused.push({ strategy: candidate, why });
  }
  const found =
    refused.length === 0
      ? `"${String(strategy)}"`
      : refused.map(({ strategy, why }) => `${strategy}: ${why}`).join("; ");
  const facts = {
    at: `strategy on ${memory.name}`,
    found,
    expected: `auto or one of ${STRATEGIES.join(", ")} that the device can`,
    fix: "Take `auto`, or a device that can copy.",
  };
  throw new Failure("OPTION_UNSUPPORTED", facts, { detail: { refused } });
}

function checkCopies({ name, capabilities: { copyAlignBytes, copyBytesMax } }: DeviceMemory): void {
  const most = BRIDGE_LIMITS.copyAlignBytesMax;
  const isAligned =
    Number.isInteger(Math.log2(copyAlignBytes)) && copyAlignBytes >= 1 && copyAlignBytes <= most;
  if (isAligned && copyBytesMax >= most && copyBytesMax % most === 0) return;
  throw new Failure("OPTION_UNSUPPORTED", {
    at: `capabilities of ${name}`,
    found: `copies in steps of ${copyAlignBytes} bytes, of up to ${copyBytesMax}`,
    expected: `a power of two up to ${most}, and a multiple of ${most}`,
    fix: "Let the back end split or widen copies.",
  });
}

const POLLING = ["pollSpins", "pollTurns", "pollIntervalUs", "pollIntervalMaxUs"] as const;
const COPYING = [
  "batchSlotsMax",
  "batchesInFlightMax",
  "copyAttemptsMax",
  "copyTimeoutMs",
] as const;

function unusedBy(
  strategy: Strategy,
  { signals }: DeviceCapabilities,
  options: BridgeOptions,
): Unused[] {
  const unused: Unused[] = [];
  const say = (names: readonly (keyof BridgeOptions)[], why: string): void => {
    for (const option of names) if (options[option] !== undefined) unused.push({ option, why });
  };
  if (strategy === "unified") say(COPYING, "nothing is copied");
  if (strategy === "sync")
    say(["batchesInFlightMax", "copyTimeoutMs"], "a copy holds the thread until it is done");
  if (signals && strategy !== "dma-polling")
    say(POLLING, "the device tells when something has moved");
  return unused;
}
