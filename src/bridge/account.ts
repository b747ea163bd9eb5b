// Account: what a bridge says of itself, while it runs and when it has ended. All counts are since the start.

import type { Failure } from "../base/mod.ts";
import type { Copies, CopyCount } from "./copies.ts";
import type { InputLane } from "./input-lane.ts";
import type { OutputLane } from "./output-lane.ts";
import type { Strategy } from "./strategy.ts";

/** `failed`: what is left is still there to take. */
export type BridgeState = "ready" | "running" | "draining" | "stopped" | "failed";

export interface BridgeStats {
  readonly strategy: Strategy;
  readonly state: BridgeState;
  readonly input: {
    /** Messages taken over from senders, and the bytes of their payloads. */
    readonly accepted: number;
    readonly payloadBytes: number;
    /** Those that the device may see, and those that it had taken when the bridge last looked. */
    readonly published: number;
    readonly consumed: number;
    /** Times that the queue's tail moved. */
    readonly batches: number;
    /** `offer` calls that found no room, and `enqueueInput` calls that had to wait for it. */
    readonly refused: number;
    readonly stalls: number;
  };
  readonly output: {
    /** Messages that the device has shown, that have come here, and that were taken. */
    readonly seen: number;
    readonly fetched: number;
    readonly taken: number;
    /** Bytes of the payloads that were taken. */
    readonly payloadBytes: number;
    /** Runs of messages that came together. */
    readonly batches: number;
    /** Times that fetching stopped since nobody took what was here. */
    readonly stalls: number;
  };
  /** Copies that ended well and all their bytes; none under `unified`. */
  readonly copiesIn: Readonly<CopyCount>;
  readonly copiesOut: Readonly<CopyCount>;
  /** Copies tried again. */
  readonly retries: number;
  /** Sleeps between two looks at the device, and signals that it gave. */
  readonly sleeps: number;
  readonly signals: number;
}

/** How a bridge ended, and where every message was then. */
export interface BridgeEnd {
  readonly how: "stopped" | "failed";
  readonly failure: Failure | undefined;
  /** The device had taken all that was accepted, and had nothing that is not here. */
  readonly drained: boolean;
  /** accepted = consumed + untaken + uncertain + unsent. See `leftovers`. */
  readonly input: {
    readonly accepted: number;
    readonly consumed: number;
    readonly untaken: number;
    readonly uncertain: number;
    readonly unsent: number;
  };
  /** seen = taken + left + unfetched. What is left can still be taken. */
  readonly output: {
    readonly seen: number;
    readonly taken: number;
    readonly left: number;
    readonly unfetched: number;
  };
}

const NO_COPIES: CopyCount = { copies: 0, bytes: 0 };

interface Parts {
  readonly strategy: Strategy;
  readonly input: InputLane;
  readonly output: OutputLane;
  readonly copies: Copies | undefined;
}

type Own = Pick<BridgeStats, "state" | "sleeps" | "signals"> &
  Pick<BridgeStats["input"], "refused" | "stalls">;

export function statsOf({ strategy, input, output, copies }: Parts, own: Own): BridgeStats {
  const { accepted, payloadBytes, published, consumed, batches } = input;
  const { state, sleeps, signals, refused, stalls } = own;
  return {
    strategy,
    state,
    input: { accepted, payloadBytes, published, consumed, batches, refused, stalls },
    output: {
      seen: output.seen,
      fetched: output.fetched,
      taken: output.taken,
      payloadBytes: output.payloadBytes,
      batches: output.batches,
      stalls: output.stalls,
    },
    copiesIn: { ...(copies?.in ?? NO_COPIES) },
    copiesOut: { ...(copies?.out ?? NO_COPIES) },
    retries: copies?.retries ?? 0,
    sleeps,
    signals,
  };
}

export function endOf(
  { input, output }: Pick<Parts, "input" | "output">,
  failure: Failure | undefined,
  drained: boolean,
): BridgeEnd {
  const { accepted, consumed, published, attempted } = input;
  const { seen, fetched, taken } = output;
  return {
    how: failure === undefined ? "stopped" : "failed",
    failure,
    drained: drained && failure === undefined,
    input: {
      accepted,
      consumed,
      untaken: published - consumed,
      uncertain: attempted - published,
      unsent: accepted - attempted,
    },
    output: { seen, taken, left: fetched - taken, unfetched: seen - fetched },
  };
}
