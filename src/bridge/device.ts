// Device: what a bridge asks of a device's memory. A back end fills this in, and nothing else.
//
// A device says what it can, and has the methods that belong to it; a bridge chooses its strategy by that and
// calls no other. Offsets and lengths of copies are multiples of `copyAlignBytes`, and no copy is larger
// than `copyBytesMax`.

import type { Failure } from "../base/mod.ts";

export interface DeviceCapabilities {
  /** `copyIn` and `copyOut`: they return when the copy is done. */
  readonly blockingCopies: boolean;
  /** `queueCopyIn` and `queueCopyOut`: the device tells when a copy is done. */
  readonly queuedCopies: boolean;
  /** `startCopyIn`, `startCopyOut` and `isDone`: somebody has to ask whether a copy is done. */
  readonly polledCopies: boolean;
  /** `map`: memory of the device that the host reads and writes in place. */
  readonly mappedMemory: boolean;
  /** `pin`: memory of the host that copies reach with no stop on the way. */
  readonly pinnedMemory: boolean;
  /**
   * Which writes to mapped memory the other side sees while a kernel runs. `system`: all, in order, and
   * words whole. `device`: only what a copy has carried.
   */
  readonly visibility: "system" | "device";
  /** `onSignal`: the device tells when it has moved a word of a queue. */
  readonly signals: boolean;
  /** Bytes: a power of two from 1 to 64. */
  readonly copyAlignBytes: number;
  /** Bytes of the largest copy: a multiple of 64. */
  readonly copyBytesMax: number;
}

/** A piece of the device's memory. Back ends add what they need to find it. */
export interface DeviceRegion {
  readonly bytes: number;
}

/**
 * The memory of a device.
 *
 * Copies fail with DEVICE_LOST, or with anything else for a copy that may be tried again. A copy that has
 * settled, well or not, touches neither side's memory any more; a device that is lost settles every copy that
 * is under way. Copies may end in any order: a bridge starts none that needs another before that has ended.
 * Within a copy bytes may arrive in any order too, but aligned words of four bytes arrive whole, and what a
 * kernel reads after it has seen a word is not older than what was copied before that word's copy began.
 */
export interface DeviceMemory {
  /** For people, in failures: "cuda:0". */
  readonly name: string;
  readonly capabilities: DeviceCapabilities;

  /** Memory from a multiple of 64, of any contents. Fails with DEVICE_MEMORY_FULL or DEVICE_LOST. */
  allocate(bytes: number): Promise<DeviceRegion>;
  /** No copy of the region is under way, and no kernel uses it. Of a lost device it does nothing. */
  free(region: DeviceRegion): Promise<void>;

  /** Host memory, zeroed, from a multiple of 64. `unpin` gives back the same array. */
  pin?(bytes: number): Uint8Array;
  unpin?(memory: Uint8Array): void;

  /** The whole region, the same bytes until it is freed: also of a device that is lost, if as it left them. */
  map?(region: DeviceRegion): Uint8Array;

  /** Copies to byte `at` of the region. */
  copyIn?(region: DeviceRegion, at: number, from: Uint8Array): void;
  /** Copies from byte `at` of the region. */
  copyOut?(region: DeviceRegion, at: number, to: Uint8Array): void;

  queueCopyIn?(region: DeviceRegion, at: number, from: Uint8Array): Promise<void>;
  queueCopyOut?(region: DeviceRegion, at: number, to: Uint8Array): Promise<void>;

  /** Starts a copy and returns its number. */
  startCopyIn?(region: DeviceRegion, at: number, from: Uint8Array): number;
  startCopyOut?(region: DeviceRegion, at: number, to: Uint8Array): number;
  /** Whether the copy is done; fails if it failed. After either answer the number may be used again. */
  isDone?(copy: number): boolean;

  /** The host has moved a word of a queue. Cheap: it is called for each of them. */
  notify(): void;
  /**
   * Calls `listener` after the device has moved a word of a queue, once for any number of moves, and never
   * misses the last. Returns what ends that.
   */
  onSignal?(listener: () => void): () => void;
  /** Calls `listener` once, with DEVICE_LOST, also where the device is lost already. */
  onLost(listener: (failure: Failure) => void): () => void;
}

/** Time as a bridge sees it. */
export interface BridgeTime {
  /** Milliseconds from any start; never steps back. */
  nowMs(): number;
  /** Calls `run` after `ms`, in a turn of its own; 0: in the next. Returns what takes that back. */
  after(ms: number, run: () => void): () => void;
}
