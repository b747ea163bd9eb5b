// Runtime: launches kernels on threads and keeps the books. It names no platform: threads, time and the
// event loop are handed in.

import { Failure } from "../base/mod.ts";
import { createClockMemory, HybridClock, Message, message, type Fields } from "../message/mod.ts";
import type { KeepAlive } from "../ring/mod.ts";
import { Attention } from "./attention.ts";
import { Blocks, createBlocks } from "./blocks.ts";
import { isKernel, type KernelDefinition } from "./define-kernel.ts";
import { KernelBlock } from "./kernel-block.ts";
import {
  type KernelEnd,
  KernelHandle,
  type KernelMetrics,
  type ThreadEnd,
} from "./kernel-handle.ts";
import { Supervision } from "./supervision.ts";
import {
  createKernelWords,
  type KernelSpec,
  type Launched,
  type MessageDescription,
} from "./kernel-spec.ts";
import { Lifecycle, STATES } from "./lifecycle.ts";
import { createQueue, MessageQueue, type QueueMemory } from "./message-queue.ts";
import {
  type Launch,
  type LaunchOptions,
  resolveLaunch,
  RUNTIME_DEFAULTS,
  type RuntimeOptions,
} from "./options.ts";
import type { RouteSpec } from "./routes.ts";
import { Sender } from "./sender.ts";

/** A thread that serves kernels, as the platform makes it. */
export interface ServingThread {
  readonly attention: SharedArrayBuffer;
  /** Starts a kernel. Fails with KERNEL_NOT_FOUND, LAUNCH_FAILED or what its module throws. */
  launch(spec: KernelSpec, definition: KernelDefinition | undefined): Promise<Launched>;
  /** Lets a kernel send to another one. */
  route(index: number, route: RouteSpec): Promise<void>;
  /** Takes a kernel off the thread. */
  end(index: number): Promise<void>;
  /** Lets it work, where it is the caller's own thread. */
  poke?(): void;
  /** Settles once: the thread is gone. `failure`: it was not told to. */
  readonly ended: Promise<ThreadEnd>;
  /** Ends it where it is. */
  kill(): Promise<void>;
}

/** What a platform gives. */
export interface RuntimeParts {
  /** `null` starts no thread: every kernel is event-driven there. */
  readonly backend: "worker" | "null";
  /** Backends that would have been better, and why each is not there. */
  readonly refusals: Readonly<Record<string, string>>;
  readonly startThread: (options: {
    readonly idle: RuntimeOptions["idle"];
  }) => Promise<ServingThread>;
  /** A thread that is the caller's own. */
  readonly ownThread: () => ServingThread;
  readonly threadsMax: number;
  readonly keepAlive: KeepAlive;
  readonly pause: () => Promise<void>;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** Unix milliseconds. */
  readonly wallMs: () => number;
  /** The same, for stamps: it may be some messages old. */
  readonly stampMs: () => number;
}

export interface RuntimeMetrics {
  readonly activeKernels: number;
  readonly totalLaunched: number;
  readonly messagesSent: number;
  readonly messagesReceived: number;
  readonly threads: number;
  /** Bytes of queues and of the pool. */
  readonly hostMemoryBytes: number;
}

interface Served {
  readonly thread: ServingThread;
  /** Indices that kernels have had and left. */
  readonly free: number[];
  kernels: number;
  next: number;
}

/** A launched kernel as its runtime knows it. */
interface Running {
  readonly id: string;
  readonly number: number;
  readonly launch: Launch;
  readonly input: QueueMemory;
  readonly output: QueueMemory;
  readonly served: readonly Served[];
  readonly specs: readonly KernelSpec[];
  /** Lets others than the host publish; once. */
  share?: () => void;
}

type Resolved = Required<Omit<RuntimeOptions, "threads">> & { readonly threads: number };

export class Runtime implements AsyncDisposable {
  readonly #parts: RuntimeParts;
  readonly #options: Resolved;
  readonly #clockMemory = createClockMemory();
  readonly #pool: SharedArrayBuffer;
  readonly #blocks: Blocks;
  readonly #clock: HybridClock;
  readonly #kernels = new Map<string, KernelHandle | undefined>();
  readonly #threads: Served[] = [];
  readonly #running = new Map<string, Running>();
  /** Routes that were asked for, as `from` and `to` on two lines: they outlive the kernels. */
  readonly #pairs = new Set<string>();
  readonly #supervision: Supervision;
  /** How each kernel was launched, for the next time. */
  readonly #launches = new Map<string, () => Promise<unknown>>();
  /** Kernels that supervision ends, and that it may launch again. */
  readonly #stopping = new Set<string>();
  #own: Served | undefined;
  /** Threads are started by one launch after the other, so that none are started twice. */
  #starting: Promise<void> = Promise.resolve();
  #numbers = 0;
  #owners = 1;
  #launched = 0;
  #bytes = 0;
  #ended = { sent: 0, received: 0 };
  #closed = false;

  constructor(parts: RuntimeParts, options: RuntimeOptions = {}) {
    this.#parts = parts;
    this.#options = { threads: parts.threadsMax, ...RUNTIME_DEFAULTS, ...options };
    const { supervision } = this.#options;
    this.#supervision = new Supervision({
      strategy: "one-for-one",
      ...supervision,
      now: parts.nowMs,
    });
    const blockBytes = Math.ceil(this.#options.payloadBytesMax / 64) * 64;
    this.#pool = createBlocks({ blocks: this.#options.payloadBlocks, blockBytes });
    this.#bytes = this.#pool.byteLength;
    this.#blocks = new Blocks(this.#pool);
    const { maxDriftMs } = this.#options;
    this.#clock = new HybridClock(this.#clockMemory, { now: parts.stampMs, maxDriftMs });
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
    return this.#launch(source, options, false);
  }

  async #launch<Kernel>(
    source: Kernel | string,
    options: LaunchOptions,
    isRestart: boolean,
  ): Promise<KernelHandle<Kernel>> {
    if (this.#closed) throw closed();
    const definition = isKernel(source) ? source : undefined;
    const id = typeof source === "string" ? source : (definition?.id ?? String(source));
    const module = options.module ?? definition?.module;
    const given =
      this.#parts.backend === "null" ? { ...options, mode: "event-driven" as const } : options;
    const launch = resolveLaunch(given, this.#options.defaultQueueCapacity);
    if (module === undefined && (launch.mode === "persistent" || definition === undefined))
      throw unknown(id);
    if (this.#kernels.has(id)) throw taken(id);
    this.#kernels.set(id, undefined); // Reserved, so that of two launches at once one fails.
    try {
      const handle = await this.#start(id, String(module ?? ""), definition, launch);
      this.#kernels.set(id, handle as unknown as KernelHandle);
      if (this.#closed) {
        await handle.terminate();
        throw closed();
      }
      this.#launched++;
      if (!isRestart) this.#supervision.add(id, launch);
      handle.setGeneration(this.#supervision.generation(id));
      this.#launches.set(id, () => this.#launch(source, options, true));
      void handle.wait().then((end) => this.#onEnd(id, end));
      if (launch.autoActivate) handle.activate();
      return handle as unknown as KernelHandle<Kernel>;
    } catch (error) {
      this.#kernels.delete(id);
      throw error;
    }
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
    const [source, target] = [this.#running.get(from), this.#running.get(to)];
    if (
      source !== undefined &&
      target !== undefined &&
      source.launch.tenant !== target.launch.tenant
    )
      throw mismatch(source, target);
    this.#pairs.add(pairOf(from, to));
    if (source !== undefined && target !== undefined) await this.#route(source, target);
  }

  getKernel(id: string): KernelHandle | undefined {
    return this.#kernels.get(id);
  }

  /** Ids of the kernels that have not ended. */
  listKernels(): string[] {
    return [...this.#kernels].flatMap(([id, handle]) => (handle === undefined ? [] : [id]));
  }

  get metrics(): RuntimeMetrics {
    const kernels = [...this.#kernels.values()].flatMap((handle) =>
      handle === undefined ? [] : [handle],
    );
    const sum = (of: "sent" | "received"): number =>
      kernels.reduce((total, handle) => total + handle.traffic[of], this.#ended[of]);
    return {
      activeKernels: kernels.filter((handle) => handle.isActive).length,
      ...{
        totalLaunched: this.#launched,
        messagesSent: sum("sent"),
        messagesReceived: sum("received"),
      },
      ...{ threads: this.#threads.length, hostMemoryBytes: this.#bytes },
    };
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
    const handles = [...this.#kernels.values()].flatMap((handle) => handle ?? []);
    const ends = await Promise.all(
      handles.map((handle) =>
        handle.state === "terminating" ? handle.wait() : handle.terminate(options),
      ),
    );
    const threads = this.#threads.splice(0);
    await Promise.all(
      [...threads, ...(this.#own === undefined ? [] : [this.#own])].map(({ thread }) =>
        thread.kill(),
      ),
    );
    return new Map(ends.map((end, i) => [handles[i]!.id, end]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  async #start(
    id: string,
    module: string,
    definition: KernelDefinition | undefined,
    launch: Launch,
  ): Promise<KernelHandle> {
    const lanes = launch.priorities ? 5 : 1;
    const { cellBytes, gridSize } = launch;
    const input = createQueue({ capacity: launch.inputQueueCapacity, lanes, cellBytes });
    const output = createQueue({ capacity: launch.outputQueueCapacity, lanes: 1, cellBytes });
    const number = ++this.#numbers;
    const served = await this.#choose(launch);
    const specs = served.map((one): KernelSpec => ({
      ...{ id, number, index: one.free.pop() ?? one.next++, owner: ++this.#owners, module },
      ...{ input, output, words: createKernelWords(), pool: this.#pool, clock: this.#clockMemory },
      ...{ maxDriftMs: this.#options.maxDriftMs, payloadBytesMax: this.#options.payloadBytesMax },
      ...{ lanes: launch.blockSize, checksum: launch.checksum, alone: gridSize === 1 },
      ...{ tenant: launch.tenant, data: launch.data },
    }));
    for (const one of served) one.kernels++;
    const release = (): void => {
      for (const [i, one] of served.entries()) {
        one.kernels--;
        one.free.push(specs[i]!.index);
      }
    };
    let launched: readonly Launched[];
    try {
      launched = await Promise.all(
        served.map(({ thread }, i) => thread.launch(specs[i]!, definition)),
      );
    } catch (error) {
      await Promise.allSettled(served.map(({ thread }, i) => thread.end(specs[i]!.index)));
      release();
      throw error;
    }
    const bytes = input.memory.byteLength + output.memory.byteLength;
    this.#bytes += bytes;
    const gone = (): void => {
      this.#bytes -= bytes;
      release();
      const { sent, received } = handle.metrics;
      this.#ended.sent += sent;
      this.#ended.received += received;
      this.#kernels.delete(id);
      this.#running.delete(id);
    };
    const running: Running = { id, number, launch, input, output, served, specs };
    const handle = this.#handleOf(running, launched, gone);
    for (const { thread } of served)
      void thread.ended.then((end) => {
        handle.lost(end);
        return this.#forsake(number);
      });
    this.#running.set(id, running);
    for (const to of launch.routes) this.#pairs.add(pairOf(id, to));
    await this.#reconnect(running);
    return handle;
  }

  /** A kernel's life has ended: it, and perhaps others, are launched again. */
  async #onEnd(id: string, end: KernelEnd): Promise<void> {
    if (this.#closed) return;
    if (this.#stopping.delete(id)) return; // Supervision knows.
    if (end.how !== "killed" || end.failure === undefined) return void this.#supervision.remove(id);
    const decision = this.#supervision.ended(id, end.exitCode === 0 ? "stopped" : "failed");
    if (decision.kind === "none" || decision.kind === "forget") return;
    await Promise.all(decision.stop.map((other) => this.#stop(other)));
    if (decision.kind === "escalate") {
      this.#options.onSupervision({ kind: "escalated", id, restarts: decision.restarts });
      return;
    }
    for (const one of decision.start) await this.#restart(one);
  }

  /** Ends a kernel because another one failed. */
  async #stop(id: string): Promise<void> {
    const handle = this.#kernels.get(id);
    if (handle === undefined || handle.state === "terminating") return;
    this.#stopping.add(id);
    await handle.terminate();
  }

  async #restart(id: string): Promise<void> {
    try {
      await this.#launches.get(id)?.();
      const generation = this.#supervision.generation(id);
      this.#options.onSupervision({ kind: "restarted", id, generation });
    } catch (error) {
      const failure = error as Failure; // Launches throw nothing else.
      this.#supervision.remove(id);
      this.#options.onSupervision({ kind: "not-restarted", id, failure });
    }
  }

  /** The calls of a kernel whose thread has died are waited for by nobody. */
  async #forsake(number: number): Promise<void> {
    for (const _ of [1, 2]) {
      for (const handle of this.#kernels.values()) handle?.forsake(number);
      await this.#parts.pause(); // One may just have been answered to a caller that seemed to wait.
    }
  }

  /** Makes the routes from and to a kernel that has just been launched. */
  async #reconnect(launched: Running): Promise<void> {
    for (const pair of this.#pairs) {
      const [from, to] = pair.split("\n") as [string, string];
      const [source, target] = [this.#running.get(from), this.#running.get(to)];
      if (source === undefined || target === undefined) continue;
      if (source === launched || target === launched) await this.#route(source, target);
    }
  }

  async #route(source: Running, target: Running): Promise<void> {
    const { id, launch, input, specs, served } = target;
    const attentions = served.map(({ thread }, i) => ({
      memory: thread.attention,
      index: specs[i]!.index,
    }));
    const { tenant, checksum } = launch;
    const route: RouteSpec = { id, tenant, input, words: specs[0]!.words, checksum, attentions };
    target.share?.(); // From now on the host is not the only one that publishes there.
    await Promise.all(
      source.served.map(({ thread }, i) => thread.route(source.specs[i]!.index, route)),
    );
  }

  #handleOf(running: Running, launched: readonly Launched[], gone: () => void): KernelHandle {
    const { id, number, launch, served, specs } = running;
    const { keepAlive, pause, nowMs, wallMs } = this.#parts;
    const { callSpins, terminationTimeoutMs, payloadBytesMax } = this.#options;
    const pool = this.#blocks;
    const blocks = specs.map(({ words }) => new KernelBlock(new Int32Array(words)));
    const lifecycle = new Lifecycle(id, blocks[0]!.stateWord, (_, to) => {
      for (const block of blocks) block.state = STATES.indexOf(to);
    });
    const input = new MessageQueue(running.input, pool, { onePublisher: true });
    const output = new MessageQueue(running.output, pool, { oneExecutor: true });
    const clock = this.#clock;
    const attention = served.map(({ thread }) => new Attention(thread.attention));
    const wake = (): void => {
      for (const [i, one] of attention.entries()) one.raise(specs[i]!.index);
    };
    const sender = new Sender(input, {
      source: 0,
      clock,
      payloadBytesMax,
      checksum: launch.checksum,
      wake,
    });
    running.share = () => {
      sender.share(new MessageQueue(running.input, pool));
      delete running.share;
    };
    const replies = new Map(
      [...launched[0]!.gives].map((description) => [description.id, rebuilt(description)]),
    );
    lifecycle.move("launch");
    const poke = served[0]!.thread.poke?.bind(served[0]!.thread);
    return new KernelHandle({
      ...{
        id,
        number,
        launch,
        lifecycle,
        input,
        output,
        sender,
        replies,
        keepAlive,
        pause,
        nowMs,
        wallMs,
      },
      ...{
        callSpins,
        terminationTimeoutMs,
        blocks,
        owners: specs.map(({ owner }) => owner),
        poke,
        gone,
      },
      leave: async () => {
        await Promise.all(served.map(({ thread }, i) => thread.end(specs[i]!.index)));
      },
      kill: async () => {
        if (poke !== undefined) return this.#killOwn(id, specs[0]!.index);
        await Promise.all(served.map(({ thread }) => thread.kill()));
      },
    });
  }

  /** On a thread that is our own nothing can be ended where it is: the kernel is left alone. */
  #killOwn(id: string, index: number): void {
    void this.#own?.thread.end(index).catch(() => {}); // It has ended already, whatever its `stop` says.
    this.#kernels.get(id)?.lost({});
  }

  /** The threads that serve least, as many as the grid has; starts those that are missing. */
  async #choose({ mode, gridSize }: Launch): Promise<Served[]> {
    if (mode === "event-driven") return [(this.#own ??= servedBy(this.#parts.ownThread()))];
    const wanted = Math.max(gridSize, Math.min(this.#options.threads, this.#numbers));
    const before = this.#starting;
    this.#starting = (async () => {
      await before.catch(() => {}); // Its own launch fails with that.
      await this.#startThreads(wanted);
    })();
    await this.#starting;
    return this.#threads.toSorted((a, b) => a.kernels - b.kernels).slice(0, gridSize);
  }

  async #startThreads(wanted: number): Promise<void> {
    const missing = Math.max(0, wanted - this.#threads.length);
    const { idle } = this.#options;
    const started = Array.from({ length: missing }, () => this.#parts.startThread({ idle }));
    for (const thread of await Promise.all(started)) this.#add(thread);
  }

  #add(thread: ServingThread): void {
    const served = servedBy(thread);
    this.#threads.push(served);
    void thread.ended.then(() => {
      const at = this.#threads.indexOf(served);
      if (at >= 0) this.#threads.splice(at, 1);
    });
  }
}

function servedBy(thread: ServingThread): Served {
  return { thread, free: [], kernels: 0, next: 0 };
}

function pairOf(from: string, to: string): string {
  return `${from}\n${to}`;
}

function mismatch(source: Running, target: Running): Failure {
  return new Failure("TENANT_MISMATCH", {
    at: `route from kernel ${source.id} to ${target.id}`,
    found: `tenants ${source.launch.tenant} and ${target.launch.tenant}`,
    expected: "one tenant",
    fix: "Launch both for the same tenant, or let the host pass messages on.",
  });
}

function rebuilt({ id, name, fields }: MessageDescription): Message {
  const own: Fields = Object.fromEntries(
    fields.map(({ name: field, ...rest }) => [field, { ...rest, name: nameOf(rest) }]),
  );
  const made = message(own, name === undefined ? {} : { name });
  return made.id === id ? made : message(own, { id, ...(name === undefined ? {} : { name }) });
}

function nameOf({
  kind,
  scalar,
  count,
}: Omit<MessageDescription["fields"][number], "name">): string {
  if (kind === "array") return `${scalar}[${count}]`;
  if (kind === "list") return `${scalar}[]`;
  return kind === "scalar" ? scalar : kind;
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

function closed(): Failure {
  return new Failure("RUNTIME_CLOSED", {
    ...{ at: "runtime", found: "a runtime that was shut down", expected: "one that runs" },
    fix: "Create another.",
  });
}
