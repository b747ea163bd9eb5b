// Simulated device: memory of its own, copies that take time and may fail, and a kernel, all on the caller's clock.
//
// A copy carries its first half when it begins and the rest when it ends, and the kernel runs in between: who
// shows a message before its copy has ended shows half of it here, and who reuses host memory too early
// sends something else.

import { assert, Failure } from "../base/mod.ts";
import type { BridgeTime, DeviceCapabilities, DeviceMemory, DeviceRegion } from "./device.ts";
import { DeviceKernel, type Transform, TRANSFORMS } from "./device-kernel.ts";
import { deviceLost } from "./faults.ts";
import { type DeviceQueue, QueueView } from "./queue.ts";

export interface CopyFacts {
  /** Its number among the device's copies, from 0. */
  readonly index: number;
  readonly direction: "in" | "out";
  readonly bytes: number;
}

/** What becomes of a copy: it is done; it fails after its first half; it never ends; the device is lost in it. */
export type Fault = "none" | "fail" | "hang" | "lose";

export interface SimulatedTime extends BridgeTime {
  /** Holds the caller for `ms`: a copy that blocks. */
  block(ms: number): void;
}

export interface SimulatedDeviceOptions {
  readonly time: SimulatedTime;
  /** Left out, it can all that the interface has. */
  readonly capabilities?: Partial<DeviceCapabilities>;
  /** Bytes that can be allocated: 1 GiB. */
  readonly memoryBytes?: number;
  /** Milliseconds that a copy takes, of any size: 0.01. */
  readonly latencyMs?: number;
  /** Bytes that all copies together carry in a millisecond: any. */
  readonly bytesPerMs?: number;
  /** Milliseconds for which the kernel handles each message: 0. */
  readonly messageMs?: number;
  /** From 0 to 1. Polled copies then end in an order that it decides, and not in that of their start. */
  readonly random?: () => number;
  readonly fault?: (copy: CopyFacts) => Fault;
}

export const SIMULATED_CAPABILITIES: DeviceCapabilities = {
  blockingCopies: true,
  queuedCopies: true,
  polledCopies: true,
  mappedMemory: true,
  pinnedMemory: true,
  visibility: "system",
  signals: true,
  copyAlignBytes: 4,
  copyBytesMax: 1 << 20,
};

interface Region extends DeviceRegion {
  readonly memory: Uint8Array;
  isFree: boolean;
}

/** Messages that the kernel handles before it looks at the time. */
const STEP = 64;
const LATENCY_MS = 0.01;
const MEMORY_BYTES = 2 ** 30;

export class SimulatedDevice implements DeviceMemory {
  readonly name = "simulated";
  readonly capabilities: DeviceCapabilities;
  /** Bytes allocated on the device, and pinned on the host, and not given back. */
  allocatedBytes = 0;
  pinnedBytes = 0;
  readonly #options: SimulatedDeviceOptions;
  readonly #pinned = new Set<Uint8Array>();
  readonly #lostListeners = new Set<(failure: Failure) => void>();
  readonly #signalListeners = new Set<() => void>();
  readonly #underWay = new Set<(failure: Failure) => void>();
  readonly #polled = new Map<number, Error | "pending" | "done">();
  #lost: Failure | undefined;
  #copies = 0;
  #busyUntilMs = 0;
  #kernel: DeviceKernel | undefined;
  #isStepping = false;

  constructor(options: SimulatedDeviceOptions) {
    this.#options = options;
    this.capabilities = { ...SIMULATED_CAPABILITIES, ...options.capabilities };
  }

  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  async allocate(bytes: number): Promise<DeviceRegion> {
    if (this.#lost) throw this.#lost;
    const { memoryBytes = MEMORY_BYTES } = this.#options;
    if (this.allocatedBytes + bytes > memoryBytes)
      throw memoryFull(this.name, bytes, memoryBytes - this.allocatedBytes);
    this.allocatedBytes += bytes;
    const region: Region = { bytes, memory: new Uint8Array(bytes).fill(0xa5), isFree: false };
    return region;
  }

  async free(region: DeviceRegion): Promise<void> {
    const own = region as Region;
    if (own.isFree || this.#lost) return;
    own.isFree = true;
    this.allocatedBytes -= own.bytes;
  }

  pin(bytes: number): Uint8Array {
    const pinned = new Uint8Array(bytes);
    this.#pinned.add(pinned);
    this.pinnedBytes += bytes;
    return pinned;
  }

  unpin(memory: Uint8Array): void {
    if (this.#pinned.delete(memory)) this.pinnedBytes -= memory.length;
  }

  map(region: DeviceRegion): Uint8Array {
    return (region as Region).memory;
  }

  copyIn(region: DeviceRegion, at: number, from: Uint8Array): void {
    this.#block("in", deviceBytes(region, at, from.length), from);
  }

  copyOut(region: DeviceRegion, at: number, to: Uint8Array): void {
    this.#block("out", to, deviceBytes(region, at, to.length));
  }

  queueCopyIn(region: DeviceRegion, at: number, from: Uint8Array): Promise<void> {
    return this.#queue("in", deviceBytes(region, at, from.length), from);
  }

  queueCopyOut(region: DeviceRegion, at: number, to: Uint8Array): Promise<void> {
    return this.#queue("out", to, deviceBytes(region, at, to.length));
  }

  startCopyIn(region: DeviceRegion, at: number, from: Uint8Array): number {
    return this.#start("in", deviceBytes(region, at, from.length), from);
  }

  startCopyOut(region: DeviceRegion, at: number, to: Uint8Array): number {
    return this.#start("out", to, deviceBytes(region, at, to.length));
  }

  isDone(copy: number): boolean {
    const state = this.#polled.get(copy);
    assert(state !== undefined, `copy ${copy} was started and not asked about to its end`);
    if (state === "pending") return false;
    this.#polled.delete(copy);
    if (state === "done") return true;
    throw state;
  }

  notify(): void {
    this.#runKernel();
  }

  onSignal(listener: () => void): () => void {
    this.#signalListeners.add(listener);
    return () => void this.#signalListeners.delete(listener);
  }

  onLost(listener: (failure: Failure) => void): () => void {
    if (this.#lost !== undefined) {
      const failure = this.#lost;
      return this.#options.time.after(0, () => listener(failure));
    }
    this.#lostListeners.add(listener);
    return () => void this.#lostListeners.delete(listener);
  }

  /** Starts a kernel on the queues of a bridge, in place of the one before. */
  launch(
    queues: { readonly input: DeviceQueue; readonly output: DeviceQueue },
    transform: Transform = TRANSFORMS.echo,
  ): void {
    this.#kernel = new DeviceKernel(viewOf(queues.input), viewOf(queues.output), transform);
    this.#runKernel();
  }

  /** The kernel handles no message any more. */
  halt(): void {
    this.#kernel = undefined;
  }

  /** The device's own bytes of a region: what its kernel sees, and may do. */
  bytesOf(region: DeviceRegion): Uint8Array {
    return (region as Region).memory;
  }

  /** The device is gone, and with it every copy under way. */
  lose(found = "a device that was lost"): void {
    if (this.#lost !== undefined) return;
    const failure = (this.#lost = deviceLost(this.name, found));
    this.halt();
    for (const fail of this.#underWay) fail(failure);
    this.#underWay.clear();
    for (const listener of this.#lostListeners) listener(failure);
    this.#lostListeners.clear();
  }

  #block(direction: CopyFacts["direction"], to: Uint8Array, from: Uint8Array): void {
    let [isOver, failure] = [false, undefined as Error | undefined];
    const { durationMs, finish } = this.#begin(direction, to, from, (found) => {
      [isOver, failure] = [true, found];
    });
    this.#options.time.block(durationMs);
    this.#step(1); // The kernel runs on while the host is held.
    finish();
    if (failure !== undefined) throw failure;
    assert(isOver, "a copy that blocks does not hang: nothing could end it");
  }

  #queue(direction: CopyFacts["direction"], to: Uint8Array, from: Uint8Array): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const { durationMs, finish } = this.#begin(direction, to, from, (failure) =>
      failure === undefined ? resolve() : reject(failure),
    );
    this.#options.time.after(durationMs, finish);
    return promise;
  }

  #start(direction: CopyFacts["direction"], to: Uint8Array, from: Uint8Array): number {
    const copy = this.#copies;
    this.#polled.set(copy, "pending");
    const { durationMs, finish } = this.#begin(direction, to, from, (failure) =>
      this.#polled.set(copy, failure ?? "done"),
    );
    const { random = () => 0, time, latencyMs = LATENCY_MS } = this.#options;
    time.after(durationMs + 4 * random() * latencyMs, finish);
    return copy;
  }

  /** Carries the first half. `finish` carries the rest, and `end` is told once how it ended. */
  #begin(
    direction: CopyFacts["direction"],
    to: Uint8Array,
    from: Uint8Array,
    end: (failure?: Error) => void,
  ): { readonly durationMs: number; readonly finish: () => void } {
    const { time, latencyMs = LATENCY_MS, bytesPerMs = Infinity, fault } = this.#options;
    const bytes = to.length;
    const { copyAlignBytes, copyBytesMax } = this.capabilities;
    const isWhole = from.length === bytes && bytes % copyAlignBytes === 0;
    assert(
      isWhole && bytes > 0 && bytes <= copyBytesMax,
      `a copy of ${bytes} bytes is as declared`,
    );
    const index = this.#copies++;
    const nowMs = time.nowMs();
    this.#busyUntilMs = Math.max(nowMs, this.#busyUntilMs) + bytes / bytesPerMs;
    const durationMs = this.#busyUntilMs - nowMs + latencyMs;
    if (this.#lost !== undefined) {
      end(this.#lost);
      return { durationMs: 0, finish: () => {} };
    }
    const half = (bytes >> 1) & ~3; // Words arrive whole.
    to.set(from.subarray(0, half));
    this.#underWay.add(end);
    const finish = (): void => {
      const outcome = fault?.({ index, direction, bytes }) ?? "none";
      if (!this.#underWay.has(end) || outcome === "hang") return;
      if (outcome === "lose") return this.lose("a device that was lost during a copy");
      this.#underWay.delete(end);
      if (outcome === "fail") return end(new Error("a simulated fault"));
      to.set(from.subarray(half), half);
      end();
      this.#runKernel();
    };
    return { durationMs, finish };
  }

  #step(most: number): number {
    const moved = this.#kernel?.step(most) ?? 0;
    if (moved > 0 && this.capabilities.signals)
      for (const listener of this.#signalListeners) listener();
    return moved;
  }

  /** A step soon, and further ones for as long as there is something to do. */
  #runKernel(): void {
    if (this.#kernel === undefined || this.#isStepping) return;
    const { time, messageMs = 0 } = this.#options;
    this.#isStepping = true;
    time.after(messageMs, () => {
      this.#isStepping = false;
      if (this.#step(messageMs > 0 ? 1 : STEP) === 0) return;
      this.#runKernel();
    });
  }
}

function viewOf({ region, geometry }: DeviceQueue): QueueView {
  return new QueueView((region as Region).memory, geometry);
}

function deviceBytes(region: DeviceRegion, at: number, bytes: number): Uint8Array {
  const { memory, isFree } = region as Region;
  assert(!isFree, "a region is copied while it is allocated");
  assert(at >= 0 && at + bytes <= memory.length, `bytes ${at} to ${at + bytes} lie in the region`);
  return memory.subarray(at, at + bytes);
}

export function memoryFull(name: string, bytes: number, left: number): Failure {
  return new Failure("DEVICE_MEMORY_FULL", {
    at: `device ${name}`,
    found: `a request for ${bytes} bytes`,
    expected: `at most ${left}`,
    fix: "Create the bridge with smaller capacities or payloads, or dispose of others.",
  });
}
