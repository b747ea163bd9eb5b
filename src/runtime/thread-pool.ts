// Thread pool: the threads that serve kernels, and which of them serves a new one.
//
// Threads start when they are first needed, or before by `start`. A kernel goes where fewest are. A thread
// that is told to end takes no more kernels, and those it has end with it.

import { Failure } from "../base/mod.ts";
import { Attention, KERNELS_PER_THREAD } from "./attention.ts";
import type { KernelDefinition } from "./define-kernel.ts";
import type { ThreadEnd } from "./kernel-facts.ts";
import type { KernelSpec, Launched } from "./kernel-spec.ts";
import type { StateAnswer, StateOrder } from "./resting.ts";
import type { RouteSpec } from "./routes.ts";

/** A thread that serves kernels, as the platform makes it. */
export interface ServingThread {
  readonly attention: SharedArrayBuffer;
  /** Starts a kernel. Fails with KERNEL_NOT_FOUND, LAUNCH_FAILED or what its module throws. */
  launch(spec: KernelSpec, definition: KernelDefinition | undefined): Promise<Launched>;
  /** Lets a kernel send to another one. */
  route(index: number, route: RouteSpec): Promise<void>;
  /** It sends to that kernel no longer. */
  unroute(index: number, kernel: string): Promise<void>;
  /** Takes a kernel off the thread. */
  end(index: number): Promise<void>;
  /** Saves a kernel, or hands it over to another thread. */
  order(index: number, order: StateOrder): Promise<StateAnswer>;
  /** Lets it work, where it is the caller's own thread. */
  poke?(): void;
  /** Settles once: the thread is gone. `failure`: it was not told to. */
  readonly ended: Promise<ThreadEnd>;
  /** Ends it where it is. */
  kill(): Promise<void>;
}

export interface ThreadPoolOptions {
  /** Starts a thread of this number. */
  readonly startThread: (number: number) => Promise<ServingThread>;
  /** A thread that is the caller's own. */
  readonly ownThread: (number: number) => ServingThread;
  readonly threadsMax: number;
  /** A thread is gone, whatever it was about to do. */
  readonly gone: (number: number) => void;
}

export class ThreadPool {
  readonly #options: ThreadPoolOptions;
  readonly #threads: Served[] = [];
  #own: Served | undefined;
  #numbers = 0;
  /** Threads are started by one launch after the other, so that none are started twice. */
  #starting: Promise<void> = Promise.resolve();

  constructor(options: ThreadPoolOptions) {
    this.#options = options;
  }

  /** Threads of its own that run. */
  get size(): number {
    return this.#threads.length;
  }

  /** Bytes of the memory by which threads are told that there is something to do. */
  get bytes(): number {
    const all = this.#own === undefined ? this.#threads : [...this.#threads, this.#own];
    return all.reduce((sum, { thread }) => sum + thread.attention.byteLength, 0);
  }

  /** The caller's own thread. */
  own(): Served {
    if (this.#own === undefined) {
      const number = ++this.#numbers;
      this.#own = new Served(this.#options.ownThread(number), number);
    }
    return this.#own;
  }

  /** The `count` threads that serve least; starts more, up to `threadsMax`, while kernels share one. */
  async choose(count: number, kernels: number): Promise<readonly Served[]> {
    await this.start(Math.max(count, Math.min(this.#options.threadsMax, kernels)));
    const open = this.#threads.filter((one) => one.isOpen);
    return open.toSorted((a, b) => a.kernels - b.kernels).slice(0, count);
  }

  /** The thread that serves least beside one; starts a second one if there may be. Undefined: there is none. */
  async other(than: Served): Promise<Served | undefined> {
    await this.start(Math.min(2, this.#options.threadsMax));
    const open = this.#threads.filter((one) => one.isOpen && one !== than);
    return open.toSorted((a, b) => a.kernels - b.kernels)[0];
  }

  /** A thread that serves nobody else until its kernel has left; one more than `threadsMax` if need be. */
  async alone(): Promise<Served> {
    const idle = (one: Served): boolean => one.isOpen && one.kernels === 0;
    if (!this.#threads.some(idle))
      await this.start(this.#threads.filter((one) => one.isOpen).length + 1);
    const found = this.#threads.find(idle);
    if (found === undefined) return this.alone(); // Another launch was quicker.
    found.isReserved = true;
    return found;
  }

  /** Starts threads until there are as many. Fails with LAUNCH_FAILED or WORKER_LOST. */
  start(count: number): Promise<void> {
    const before = this.#starting;
    this.#starting = (async () => {
      await before.catch(() => {}); // Its own launch fails with that.
      const open = this.#threads.filter((one) => one.isOpen).length;
      const missing = Array.from({ length: Math.max(0, count - open) });
      const started = missing.map(async () => {
        const number = ++this.#numbers;
        return new Served(await this.#options.startThread(number), number);
      });
      for (const served of await Promise.all(started)) this.#add(served);
    })();
    return this.#starting;
  }

  /** Ends every thread. */
  async end(): Promise<void> {
    await this.#starting.catch(() => {}); // Its own launch has failed with that.
    const threads = this.#threads.splice(0);
    if (this.#own !== undefined) threads.push(this.#own);
    await Promise.all(threads.map((one) => one.kill()));
  }

  #add(served: Served): void {
    this.#threads.push(served);
    void served.thread.ended.then(() => {
      const at = this.#threads.indexOf(served);
      if (at >= 0) this.#threads.splice(at, 1);
      this.#options.gone(served.number);
    });
  }
}

/** A thread with its kernels. */
export class Served {
  readonly thread: ServingThread;
  /** From 1, and no other thread's of this runtime. */
  readonly number: number;
  /** The host's hold on the thread's attention, for all kernels there. */
  readonly attention: Attention;
  kernels = 0;
  /** The kernel that it was told to end for. */
  killedFor: string | undefined;
  isEnding = false;
  /** One kernel has it for itself. */
  isReserved = false;
  /** Why, where the thread was not told to end by who uses it. */
  #why: Failure | undefined;
  /** Whom to tell of its end. A promise would keep every kernel that it ever served. */
  #watchers: Map<object, (end: ThreadEnd) => void> | undefined;
  #end: ThreadEnd | undefined;
  /** Indices that kernels have had and left. */
  readonly #free: number[] = [];
  #next = 0;

  constructor(thread: ServingThread, number: number) {
    this.thread = thread;
    this.number = number;
    this.attention = new Attention(thread.attention);
  }

  /** Whether it takes kernels. */
  get isOpen(): boolean {
    return !this.isEnding && !this.isReserved;
  }

  /** An index for one more kernel. Fails with OPTION_UNSUPPORTED where the thread can tell no more apart. */
  take(): number {
    const index = this.#free.pop() ?? this.#next++;
    if (index >= KERNELS_PER_THREAD) {
      this.#next--;
      throw crowded();
    }
    this.kernels++;
    return index;
  }

  /** A kernel has left its index. */
  leave(index: number): void {
    this.kernels--;
    this.isReserved = false;
    this.#free.push(index);
  }

  /** Calls `lost` once the thread has ended, unless `unwatch` comes before. */
  watch(kernel: object, lost: (end: ThreadEnd) => void): void {
    if (this.#end !== undefined) return queueMicrotask(() => lost(this.#end!));
    if (this.#watchers === undefined) void this.thread.ended.then((end) => this.#tell(end));
    (this.#watchers ??= new Map()).set(kernel, lost);
  }

  unwatch(kernel: object): void {
    this.#watchers?.delete(kernel);
  }

  #tell(end: ThreadEnd): void {
    const watchers = [...this.#watchers!.values()];
    this.#watchers!.clear();
    this.#end = end;
    for (const lost of watchers) lost(end);
  }

  /** Ends the thread where it is: for one of its kernels, or for all. */
  async kill(kernel?: string, why?: Failure): Promise<void> {
    this.isEnding = true;
    this.#why ??= why;
    this.killedFor ??= kernel;
    await this.thread.kill();
  }

  /** How the thread's end looks to one of its kernels: it failed if another one was meant. */
  endFor(kernel: string, end: ThreadEnd): ThreadEnd {
    const { killedFor } = this;
    if (end.failure !== undefined || killedFor === undefined) return end;
    const exitCode = end.exitCode ?? 1;
    if (killedFor === kernel)
      return this.#why === undefined ? end : { failure: this.#why, exitCode };
    return { failure: caught(kernel, killedFor), exitCode };
  }
}

function caught(kernel: string, killed: string): Failure {
  return new Failure("WORKER_LOST", {
    at: `kernel ${kernel}`,
    found: `its thread, which was ended because kernel ${killed} had to be killed`,
    expected: "a thread that goes on",
    fix: "Launch it with `restart`, or kernels that may have to be killed on threads of their own.",
  });
}

function crowded(): Failure {
  return new Failure("OPTION_UNSUPPORTED", {
    at: "threads",
    found: `${KERNELS_PER_THREAD} kernels on one thread`,
    expected: `at most ${KERNELS_PER_THREAD}`,
    fix: "Create the runtime with more `threads`, or terminate kernels that are idle.",
  });
}
