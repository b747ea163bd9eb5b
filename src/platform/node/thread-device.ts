// Thread device: a device that is a thread, whose memory nobody else reaches but by copies that it carries out. It
// proves a bridge against real concurrency, and is what a back end looks like.
//
// Host memory that is shared is what this device calls pinned: copies go to it and from it at once. Any other
// takes a stop in shared memory on its way.

import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { assert, Failure } from "../../base/mod.ts";
import {
  type DeviceCapabilities,
  deviceLost,
  type DeviceMemory,
  type DeviceQueue,
  type DeviceRegion,
  type TransformName,
} from "../../bridge/mod.ts";
import {
  COPIES_MAX,
  COPY_DONE,
  type CopyCommand,
  DEVICE_WORDS,
  type DeviceCommand,
  type KernelQueue,
  type ThreadDeviceData,
} from "./thread-device-commands.ts";

export const THREAD_DEVICE_CAPABILITIES: DeviceCapabilities = {
  blockingCopies: true,
  queuedCopies: true,
  polledCopies: true,
  mappedMemory: true,
  pinnedMemory: true,
  visibility: "system",
  signals: true,
  copyAlignBytes: 1,
  copyBytesMax: 1 << 24,
};

/** How long a copy may hold its caller before the thread counts as gone. */
const BLOCKED_MS_MAX = 5000;

interface Region extends DeviceRegion {
  readonly region: number;
  readonly mapped: Uint8Array | undefined;
}

/** A copy under way: where its bytes still have to go when it is done, if anywhere. */
interface UnderWay {
  readonly stop: Uint8Array | undefined;
  readonly to: Uint8Array | undefined;
}

export class ThreadDevice implements DeviceMemory, AsyncDisposable {
  readonly name = "thread";
  readonly capabilities: DeviceCapabilities;
  readonly #worker: Worker;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #free: number[] = [];
  readonly #copies = new Map<number, UnderWay>();
  readonly #lostListeners = new Set<(failure: Failure) => void>();
  readonly #ended: Promise<void>;
  #regions = 0;
  #lost: Failure | undefined;
  #isDisposed = false;

  /** Starts the thread. It keeps the process alive until the device is disposed. */
  constructor(capabilities: Partial<DeviceCapabilities> = {}) {
    this.capabilities = { ...THREAD_DEVICE_CAPABILITIES, ...capabilities };
    const words = new SharedArrayBuffer(4 * (DEVICE_WORDS.first + COPIES_MAX));
    this.#words = new Int32Array(words);
    for (let i = COPIES_MAX; i-- > 0;) this.#free.push(DEVICE_WORDS.first + i);
    const source = new URL(`./thread-device-thread${extname(import.meta.url)}`, import.meta.url);
    const workerData: ThreadDeviceData = { words };
    this.#worker = new Worker(source, { workerData, name: "annulus-device", execArgv: [] });
    let cause: unknown;
    this.#worker.on("error", (error) => void (cause = error));
    this.#ended = new Promise((resolve) => {
      this.#worker.on("exit", () => {
        this.#lose(cause);
        resolve();
      });
    });
  }

  allocate(bytes: number): Promise<DeviceRegion> {
    if (this.#lost !== undefined) return Promise.reject(this.#lost);
    const region = this.#regions++;
    if (!this.capabilities.mappedMemory) {
      this.#say({ do: "allocate", region, bytes });
      return Promise.resolve<Region>({ bytes, region, mapped: undefined });
    }
    const memory = new SharedArrayBuffer(bytes);
    this.#say({ do: "adopt", region, memory });
    return Promise.resolve<Region>({ bytes, region, mapped: new Uint8Array(memory) });
  }

  free(region: DeviceRegion): Promise<void> {
    this.#say({ do: "free", region: (region as Region).region });
    return Promise.resolve();
  }

  pin(bytes: number): Uint8Array {
    return new Uint8Array(new SharedArrayBuffer(bytes));
  }

  /** Shared memory goes when nobody has it any more. */
  unpin(): void {}

  map(region: DeviceRegion): Uint8Array {
    const { mapped } = region as Region;
    assert(mapped !== undefined, "a device that maps has mapped every region");
    return mapped;
  }

  copyIn(region: DeviceRegion, at: number, from: Uint8Array): void {
    this.#await(this.startCopyIn(region, at, from));
  }

  copyOut(region: DeviceRegion, at: number, to: Uint8Array): void {
    this.#await(this.startCopyOut(region, at, to));
  }

  queueCopyIn(region: DeviceRegion, at: number, from: Uint8Array): Promise<void> {
    return this.#told(this.startCopyIn(region, at, from));
  }

  queueCopyOut(region: DeviceRegion, at: number, to: Uint8Array): Promise<void> {
    return this.#told(this.startCopyOut(region, at, to));
  }

  startCopyIn(region: DeviceRegion, at: number, from: Uint8Array): number {
    return this.#start("in", region as Region, at, from);
  }

  startCopyOut(region: DeviceRegion, at: number, to: Uint8Array): number {
    return this.#start("out", region as Region, at, to);
  }

  isDone(copy: number): boolean {
    const state = Atomics.load(this.#words, copy);
    if (state === 0 && this.#lost === undefined) return false;
    const { stop, to } = this.#copies.get(copy)!;
    this.#copies.delete(copy);
    if (state === 0) throw this.#lost!; // Its word is not used again: nobody may write it any more.
    this.#free.push(copy);
    if (state !== COPY_DONE) throw new Error("the thread has no such bytes");
    if (stop !== undefined && to !== undefined) to.set(stop);
    return true;
  }

  notify(): void {
    Atomics.add(this.#words, DEVICE_WORDS.bell, 1);
    Atomics.notify(this.#words, DEVICE_WORDS.bell);
  }

  onSignal(listener: () => void): () => void {
    const state = { isOver: false, seen: Atomics.load(this.#words, DEVICE_WORDS.signal) };
    const listen = async (): Promise<void> => {
      while (!state.isOver) {
        const change = Atomics.waitAsync(this.#words, DEVICE_WORDS.signal, state.seen);
        if (change.async) await change.value;
        state.seen = Atomics.load(this.#words, DEVICE_WORDS.signal);
        if (!state.isOver) listener();
      }
    };
    void listen();
    return () => {
      state.isOver = true;
      Atomics.notify(this.#words, DEVICE_WORDS.signal);
    };
  }

  onLost(listener: (failure: Failure) => void): () => void {
    const failure = this.#lost;
    if (failure !== undefined) {
      const soon = setImmediate(() => listener(failure));
      return () => clearImmediate(soon);
    }
    this.#lostListeners.add(listener);
    return () => void this.#lostListeners.delete(listener);
  }

  /** Starts a kernel on the queues of a bridge, in place of the one before. */
  launch(
    queues: { readonly input: DeviceQueue; readonly output: DeviceQueue },
    transform: TransformName = "echo",
  ): void {
    this.#say({
      do: "launch",
      input: placeOf(queues.input),
      output: placeOf(queues.output),
      transform,
    });
  }

  /** Kills the thread in whatever it does: a device that is lost. */
  async kill(): Promise<void> {
    this.#lose(undefined);
    await this.#worker.terminate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    Atomics.store(this.#words, DEVICE_WORDS.stop, 1);
    this.notify();
    await this.#ended;
  }

  #start(direction: CopyCommand["do"], region: Region, at: number, host: Uint8Array): number {
    if (this.#lost !== undefined) throw this.#lost;
    const word = this.#free.pop();
    if (word === undefined) throw new Error(`more than ${COPIES_MAX} copies at a time`);
    const isShared = host.buffer instanceof SharedArrayBuffer;
    const near = isShared ? host : new Uint8Array(new SharedArrayBuffer(host.length));
    if (!isShared && direction === "in") near.set(host);
    Atomics.store(this.#words, word, 0);
    const stop = isShared ? undefined : near;
    this.#copies.set(word, { stop, to: direction === "out" ? host : undefined });
    const { buffer, byteOffset, length } = near as Uint8Array<SharedArrayBuffer>;
    const place = { host: buffer, hostAt: byteOffset, bytes: length };
    this.#say({ do: direction, word, region: region.region, at, ...place });
    return word;
  }

  #await(copy: number): void {
    // Its end cannot be heard of while this thread is held. It may be woken too early, by the end of the copy that had
    // this word before: that was seen before the thread that made it could ring.
    while (!this.isDone(copy))
      if (Atomics.wait(this.#words, copy, 0, BLOCKED_MS_MAX) === "timed-out")
        this.#lose(new Error(`a copy that did not end in ${BLOCKED_MS_MAX} ms`));
  }

  async #told(copy: number): Promise<void> {
    while (!this.isDone(copy)) {
      const end = Atomics.waitAsync(this.#words, copy, 0);
      if (end.async) await end.value;
    }
  }

  #say(command: DeviceCommand): void {
    if (this.#lost !== undefined) return;
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- A thread has no origin.
    this.#worker.postMessage(command);
    this.notify();
  }

  #lose(cause: unknown): void {
    if (this.#lost !== undefined) return;
    const found = this.#isDisposed ? "a device that was disposed" : "a thread that ended";
    this.#lost = deviceLost(this.name, found, cause);
    for (const copy of this.#copies.keys()) Atomics.notify(this.#words, copy);
    for (const listener of this.#lostListeners) listener(this.#lost);
    this.#lostListeners.clear();
  }
}

function placeOf({ region, geometry }: DeviceQueue): KernelQueue {
  return { region: (region as Region).region, geometry };
}
