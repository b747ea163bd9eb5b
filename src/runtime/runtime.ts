// Runtime: launches kernels on threads and keeps the books. It names no platform: threads, time and the
// event loop are handed in.

import { Failure } from "../base/mod.ts";
import { createClockMemory, HybridClock } from "../message/mod.ts";
import type { KeepAlive } from "../ring/mod.ts";
import { Blocks, createBlocks } from "./blocks.ts";
import { DeadLetterOffice } from "./dead-letter-office.ts";
import { DeadLetters } from "./dead-letters.ts";
import { isKernel, type KernelDefinition } from "./define-kernel.ts";
import { Books, type RuntimeMetrics } from "./books.ts";
import type { KernelEnd, KernelMetrics, Moved, MoveOptions } from "./kernel-facts.ts";
import type { KernelHandle } from "./kernel-handle.ts";
import type { ThreadSpec } from "./kernel-spec.ts";
import { Launcher, type Plan } from "./launcher.ts";
import {
  type LaunchOptions,
  resolveLaunch,
  type ResolvedRuntime,
  resolveRuntime,
  type RuntimeOptions,
} from "./options.ts";
import type { Notify } from "./notices.ts";
import { Quotas } from "./quotas.ts";
import { Reviver } from "./reviver.ts";
import type { CommonParts } from "./running.ts";
import { Supervision } from "./supervision.ts";
import { Switchboard } from "./switchboard.ts";
import { type ServingThread, ThreadPool } from "./thread-pool.ts";
import { TopicDesk } from "./topic-desk.ts";
import type { BrokerLimits } from "./topic-options.ts";
import type { Topics } from "./topics-handle.ts";
import { type Trace, traceOf } from "./trace.ts";
import { Watchdog, type Repeat } from "./watchdog.ts";

/** What a platform gives. */
export interface RuntimeParts {
  /** `null` starts no thread: every kernel is event-driven there. */
  readonly backend: "worker" | "null";
  /** Backends that would have been better, and why each is not there. */
  readonly refusals: Readonly<Record<string, string>>;
  readonly startThread: (options: {
    readonly spec: ThreadSpec;
    readonly idle: RuntimeOptions["idle"];
  }) => Promise<ServingThread>;
  /** A thread that is the caller's own. */
  readonly ownThread: (spec: ThreadSpec) => ServingThread;
  readonly threadsMax: number;
  readonly keepAlive: KeepAlive;
  readonly pause: () => Promise<void>;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** Unix milliseconds. */
  readonly wallMs: () => number;
  /** The same, for stamps: it may be some messages old. */
  readonly stampMs: () => number;
  /** The newest checkpoint at a URL. */
  readonly readCheckpoint: (url: URL) => Promise<Uint8Array>;
  /** Does something again and again, and keeps no process alive by that. */
  readonly repeat: Repeat;
  /** Tells whoever listens. */
  readonly notify: Notify;
}

export class Runtime implements AsyncDisposable {
  /** What was sent to kernels that keep such, and not handled: to look at, or to send again. */
  readonly deadLetters: DeadLetterOffice;
  readonly #parts: RuntimeParts;
  readonly #options: ResolvedRuntime;
  readonly #clockMemory = createClockMemory();
  readonly #pool: SharedArrayBuffer;
  readonly #common: CommonParts;
  readonly #threads: ThreadPool;
  /** `undefined` is a kernel that is being launched: its id is taken. */
  readonly #kernels = new Map<string, KernelHandle | undefined>();
  readonly #switchboard = new Switchboard();
  readonly #reviver: Reviver;
  readonly #topics: TopicDesk;
  readonly #quotas: Quotas;
  readonly #launcher: Launcher;
  readonly #books = new Books();
  readonly #watchdog: Watchdog;
  #closed = false;

  constructor(parts: RuntimeParts, options: RuntimeOptions = {}) {
    this.#parts = parts;
    this.#options = resolveRuntime(options, parts.threadsMax);
    const { idle, threads, supervision, payloadBytesMax, payloadBlocks } = this.#options;
    const { maxDriftMs, callSpins, terminationTimeoutMs, latencySampling } = this.#options;
    const { keepAlive, pause, nowMs, wallMs, ownThread, notify, repeat } = parts;
    const blockBytes = Math.ceil(payloadBytesMax / 64) * 64;
    this.#pool = createBlocks({ blocks: payloadBlocks, blockBytes });
    this.#common = {
      ...{ keepAlive, pause, nowMs, wallMs, callSpins, terminationTimeoutMs, payloadBytesMax },
      ...{ latencySampling, notify },
      pool: new Blocks(this.#pool),
      clock: new HybridClock(this.#clockMemory, { now: parts.stampMs, maxDriftMs }),
      letters: new DeadLetters({ ...this.#options.deadLetters, now: nowMs }),
      rateOf: (tenant) => this.#quotas.rateOf(tenant),
    };
    this.#quotas = new Quotas(this.#options.quotas, nowMs);
    this.deadLetters = new DeadLetterOffice(this.#common.letters, this.#kernels);
    const specOf = (number: number): ThreadSpec => {
      return { number, pool: this.#pool, clock: this.#clockMemory, maxDriftMs, payloadBytesMax };
    };
    this.#threads = new ThreadPool({
      startThread: (number) => parts.startThread({ idle, spec: specOf(number) }),
      ownThread: (number) => ownThread(specOf(number)),
      threadsMax: threads,
      gone: (thread) => {
        this.#common.pool.abandon(thread);
        for (const { handle } of this.#switchboard.all) handle.mend(thread);
      },
    });
    this.#topics = new TopicDesk({
      launch: (broker, more) => this.launch(broker, more),
      connect: (from, to, by) => this.#switchboard.connect(from, to, by),
      ...{ running: () => this.#switchboard.all, pause, isThreaded: parts.backend !== "null" },
    });
    this.#reviver = new Reviver({
      supervision: new Supervision({ strategy: "one-for-one", ...supervision, now: nowMs }),
      kernel: (id) => this.#kernels.get(id),
      onEvent: (event) => {
        this.#topics.supervised(event);
        if (event.kind === "restarted") this.#books.restarts++;
        notify("supervision", () => event);
        this.#options.onSupervision(event);
      },
      isClosed: () => this.#closed,
    });
    const timeoutMs = supervision.heartbeatTimeoutMs ?? Infinity;
    const watchdog = new Watchdog({ timeoutMs, nowMs, repeat });
    this.#watchdog = watchdog;
    this.#launcher = new Launcher({
      common: this.#common,
      ...{ threads: this.#threads, quotas: this.#quotas, switchboard: this.#switchboard, watchdog },
      ...{ books: this.#books, readCheckpoint: parts.readCheckpoint },
      launched: (running) => this.#topics.launched(running),
      ended: (id) => void this.#kernels.delete(id),
      kernels: () => this.#handles,
    });
  }

  /** Starts threads before they are needed: as many as `prestart` says. */
  async start(): Promise<void> {
    const { prestart, threads } = this.#options;
    if (this.#parts.backend === "worker") await this.#threads.start(Math.min(prestart, threads));
  }

  /**
   * Launches a kernel: by its definition, which names its module with `module: import.meta.url`, or by its id
   * with the module among the options. Fails with KERNEL_ALREADY_ACTIVE, KERNEL_NOT_FOUND, LAUNCH_FAILED,
   * OPTION_UNSUPPORTED or RUNTIME_CLOSED.
   */
  async launch<Kernel = KernelDefinition>(
    source: Kernel | string,
    options: LaunchOptions = {},
  ): Promise<KernelHandle<Kernel>> {
    if (this.#closed) throw closed();
    const plan = this.#plan(source, options);
    const handle = await this.#launch(plan);
    this.#reviver.add(handle, plan.launch.restart, () => this.#launch(plan));
    return handle as unknown as KernelHandle<Kernel>;
  }

  /** Where kernels run. */
  get backend(): "worker" | "null" {
    return this.#parts.backend;
  }

  /** Why each better backend was refused. */
  get refusals(): Readonly<Record<string, string>> {
    return this.#parts.refusals;
  }

  /**
   * Lets kernel `from` send to kernel `to`, also when either is launched again. `to` may be launched later.
   * Fails with TENANT_MISMATCH where both are there and have different tenants.
   */
  async connect(from: string, to: string): Promise<void> {
    await this.#switchboard.connect(from, to);
  }

  /** Takes a kernel to another thread: see `KernelHandle.move`. Fails with KERNEL_NOT_FOUND as well. */
  async move(id: string, options: MoveOptions = {}): Promise<Moved> {
    const handle = this.#kernels.get(id);
    if (handle === undefined) throw unknown(id);
    return handle.move(options);
  }

  /**
   * Opens publish and subscribe between the kernels of one tenant, brokered by a kernel on a thread of the
   * runtime. Fails with KERNEL_ALREADY_ACTIVE where they are open, or as `launch`.
   */
  topics(options: BrokerLimits = {}): Promise<Topics> {
    return this.#topics.open(options);
  }

  getKernel(id: string): KernelHandle | undefined {
    return this.#kernels.get(id);
  }

  /** Ids of the kernels that have not ended. */
  listKernels(): string[] {
    return [...this.#kernels].flatMap(([id, handle]) => (handle === undefined ? [] : [id]));
  }

  get metrics(): RuntimeMetrics {
    const own = this.#pool.byteLength + this.#clockMemory.buffer.byteLength;
    return this.#books.metrics(this.#handles, this.#threads.size, own + this.#threads.bytes);
  }

  /** What kernels that have not ended and were launched with `profiling` recorded: a Chrome trace. */
  trace(): Trace {
    return traceOf(this.#handles.map(({ traceSource }) => traceSource));
  }

  /** Fails with KERNEL_NOT_FOUND. */
  kernelMetrics(id: string): KernelMetrics {
    const handle = this.#kernels.get(id);
    if (handle === undefined) throw unknown(id);
    return handle.metrics;
  }

  /** Terminates every kernel and ends the threads. Says how each kernel ended. */
  async shutdown(
    options: { readonly timeoutMs?: number } = {},
  ): Promise<ReadonlyMap<string, KernelEnd>> {
    this.#closed = true;
    const ends = this.#handles.map(async (handle) => {
      const isLeft = handle.state === "terminating" || handle.isTerminated;
      return [handle.id, await (isLeft ? handle.wait() : handle.terminate(options))] as const;
    });
    try {
      return new Map(await Promise.all(ends));
    } finally {
      this.#watchdog.stop();
      await this.#threads.end();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  get #handles(): KernelHandle[] {
    return [...this.#kernels.values()].filter((handle) => handle !== undefined);
  }

  /** Reads what a launch names. Fails with KERNEL_NOT_FOUND or OPTION_UNSUPPORTED. */
  #plan(source: unknown, options: LaunchOptions): Plan {
    const definition = isKernel(source) ? source : undefined;
    const id = options.id ?? definition?.id ?? String(source);
    this.#topics.checkId(id, definition);
    const module = options.module ?? definition?.module;
    const own = this.#parts.backend === "null" ? { mode: "event-driven" as const } : {};
    const launch = resolveLaunch({ ...options, ...own }, this.#options.defaultQueueCapacity);
    if (module === undefined && (launch.mode === "persistent" || definition === undefined))
      throw unknown(id);
    return { id, module: String(module ?? ""), definition, launch };
  }

  async #launch(plan: Plan): Promise<KernelHandle> {
    const { id, launch } = plan;
    if (this.#closed) throw closed();
    if (this.#kernels.has(id)) throw taken(id);
    this.#kernels.set(id, undefined); // Reserved, so that of two launches at once one fails.
    try {
      const handle = await this.#launcher.start(plan);
      this.#kernels.set(id, handle);
      if (this.#closed) {
        await handle[Symbol.asyncDispose]();
        throw closed();
      }
      this.#books.launched++;
      const { number } = handle;
      const { mode, gridSize } = launch;
      this.#parts.notify("kernel:launch", () => ({ kernel: id, number, mode, gridSize }));
      if (launch.autoActivate) handle.activate();
      return handle;
    } catch (error) {
      this.#kernels.delete(id);
      throw this.#closed ? closed(error) : error;
    }
  }
}

function unknown(id: string): Failure {
  return new Failure("KERNEL_NOT_FOUND", {
    at: `kernel ${id}`,
    found: "no module that has it",
    expected: "a definition with `module: import.meta.url`, or the option `module`",
    fix: "Name the module that exports the kernel.",
  });
}

function taken(id: string): Failure {
  return new Failure("KERNEL_ALREADY_ACTIVE", {
    ...{ at: `kernel ${id}`, found: "a kernel of that id", expected: "an id that is free" },
    fix: "Use getKernel(), terminate the other one, or choose another id.",
  });
}

function closed(cause?: unknown): Failure {
  const facts = { at: "runtime", found: "a runtime that was shut down", expected: "one that runs" };
  return new Failure("RUNTIME_CLOSED", { ...facts, fix: "Create another." }, { cause });
}
