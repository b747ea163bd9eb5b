// Commands of a thread device: what its host and its thread say to each other.

import type { QueueGeometry, TransformName } from "../../bridge/mod.ts";

/** Words that both sides share. */
export const DEVICE_WORDS = { bell: 0, signal: 1, stop: 2, first: 3 } as const;
/** Ends of copies: one word each, from `first` on. */
export const COPIES_MAX = 1024;
export const COPY_DONE = 1;
export const COPY_REFUSED = 2;

export interface ThreadDeviceData {
  readonly words: SharedArrayBuffer;
}

export type DeviceCommand =
  | { readonly do: "allocate"; readonly region: number; readonly bytes: number }
  /** Memory that the host sees, too. */
  | { readonly do: "adopt"; readonly region: number; readonly memory: SharedArrayBuffer }
  | { readonly do: "free"; readonly region: number }
  | {
      readonly do: "launch";
      readonly input: KernelQueue;
      readonly output: KernelQueue;
      readonly transform: TransformName;
    }
  | CopyCommand;

export interface KernelQueue {
  readonly region: number;
  readonly geometry: QueueGeometry;
}

export interface CopyCommand {
  readonly do: "in" | "out";
  /** The word that tells of its end. */
  readonly word: number;
  readonly region: number;
  readonly at: number;
  readonly bytes: number;
  readonly host: SharedArrayBuffer;
  readonly hostAt: number;
}
