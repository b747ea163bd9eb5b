// Launcher: starts a kernel on its threads, makes its queues and its handle, and takes all that back when the
// kernel has ended or did not start.

import type { Books } from "./books.ts";
import { createDeadLetterBox } from "./dead-letter-box.ts";
import type { KernelDefinition } from "./define-kernel.ts";
import type { KernelHandle } from "./kernel-handle.ts";
import { createKernelWords, type KernelSpec, type Launched, type Restored } from "./kernel-spec.ts";
import { createQueue, MessageQueue, type QueueMemory } from "./message-queue.ts";
import { Moving } from "./moving.ts";
import type { Launch } from "./options.ts";
import { createProfile } from "./profile.ts";
import type { Quotas } from "./quotas.ts";
import { refuseAll } from "./refusal.ts";
import { openCheckpoint } from "./restoring.ts";
import { type CommonParts, Running, type RuntimeVerbs } from "./running.ts";
import { isOwned } from "./scheduling.ts";
import type { Switchboard } from "./switchboard.ts";
import type { Served, ThreadPool } from "./thread-pool.ts";
import type { Watchdog } from "./watchdog.ts";

/** What a launch names, once its options were read. */
export interface Plan {
  readonly id: string;
  readonly module: string;
  readonly definition: KernelDefinition | undefined;
  readonly launch: Launch;
}

export interface LauncherParts {
  readonly common: CommonParts;
  readonly threads: ThreadPool;
  readonly quotas: Quotas;
  readonly switchboard: Switchboard;
  readonly watchdog: Watchdog;
  readonly books: Books;
  /** The newest checkpoint at a URL. */
  readonly readCheckpoint: (url: URL) => Promise<Uint8Array>;
  /** A kernel has started: what else must know of it. */
  readonly launched: (running: Running) => Promise<void>;
  /** A kernel has ended: its id is free. */
  readonly ended: (id: string) => void;
  /** Every kernel that has not ended. */
  readonly kernels: () => readonly KernelHandle[];
}

export class Launcher {
  readonly #parts: LauncherParts;
  readonly #moving: Moving;
  #numbers = 0;
  #owners = 1;

  constructor(parts: LauncherParts) {
    const { threads, switchboard, watchdog, common } = parts;
    const { pause, nowMs } = common;
    const watch = (running: Running, served: Served): void => this.#watch(running, served);
    this.#parts = parts;
    this.#moving = new Moving({ threads, switchboard, watch, watchdog, pause, nowMs });
  }

  /** Starts a kernel, or leaves nothing of it. Fails as `Runtime.launch`. */
  async start(plan: Plan): Promise<KernelHandle> {
    const { launch } = plan;
    const { cellBytes, priorities, inputQueueCapacity, outputQueueCapacity } = launch;
    const lanes = priorities ? 5 : 1;
    const inputs = Array.from({ length: launch.scheduler.queues }, () =>
      createQueue({ capacity: inputQueueCapacity, lanes, cellBytes }),
    );
    const output = createQueue({ capacity: outputQueueCapacity, lanes: 1, cellBytes });
    const dead = launch.deadLetters ? createDeadLetterBox(cellBytes) : undefined;
    const queues = { inputs, output, dead };
    const bytes = bytesOf([...inputs, output, dead]);
    this.#parts.quotas.take(launch.tenant, bytes);
    const number = ++this.#numbers;
    const specs: KernelSpec[] = [];
    let served: readonly Served[] = [];
    let places: readonly Place[] = [];
    const release = (left: readonly Place[]): void => {
      this.#parts.quotas.leave(launch.tenant, bytes);
      for (const { one, index } of left) one.leave(index);
    };
    let running: Running;
    try {
      served = await this.#choose(launch);
      places = takeAll(served); // At once: a thread that serves nobody is another launch's otherwise.
      const restored = await this.#restored(plan, inputs[0]!);
      const [count, shared] = [served.length, sharedOf(launch.sharedMemoryBytes)];
      const offers = sharedOf(launch.scheduler.queues > 1 ? 4 * count : 0);
      const grid = places.map(({ one, index }) => ({ memory: one.thread.attention, index }));
      for (const [i, { index }] of places.entries()) {
        const own = { number, index, ...queues, grid, offers, restored };
        specs.push(this.#spec(plan, { ...own, place: { index: i, count, shared } }));
      }
      const starts = specs.map((spec, i) => served[i]!.thread.launch(spec, plan.definition));
      const launched = await allOf(starts);
      running = this.#running({ plan, number, inputs, output, served, specs, launched, release });
    } catch (error) {
      await leaveAll({ served, specs }).catch(() => {}); // Where a thread has died, there is nothing to leave.
      release(places);
      for (const input of inputs) refuseAll(new MessageQueue(input, this.#parts.common.pool)); // What was restored.
      throw error;
    }
    for (const one of served) this.#watch(running, one);
    this.#parts.watchdog.add(running);
    try {
      await this.#parts.switchboard.add(running);
      await this.#parts.launched(running);
    } catch (error) {
      await running.handle[Symbol.asyncDispose](); // It serves already.
      throw error;
    }
    return running.handle;
  }

  /** A kernel that its threads have started, as its host holds it. */
  #running(started: Started): Running {
    const { plan, number, inputs, output, served, specs, launched, release } = started;
    const { id, launch } = plan;
    const gone = (): void => {
      const { served, specs } = running;
      release(specs.map(({ index }, i) => ({ one: served[i]!, index })));
      for (const one of running.watched) one.unwatch(running);
      const { books, watchdog, switchboard, ended } = this.#parts;
      books.close(running.handle);
      watchdog.remove(running);
      switchboard.remove(id);
      ended(id);
    };
    const verbs: RuntimeVerbs = {
      leave: () => running.inTurn(() => leaveAll(running)),
      kill: () => this.#kill(running),
      gone,
      checkpoint: (options) => this.#moving.checkpoint(running, options),
      move: (options) => this.#moving.move(running, options),
    };
    const onInterrupt = plan.definition?.onInterrupt;
    const facts = { id, number, launch, inputs, output, served, specs, launched, onInterrupt };
    const running: Running = new Running(facts, this.#parts.common, verbs);
    return running;
  }

  /** A kernel ends with a thread that serves it then. */
  #watch(running: Running, one: Served): void {
    if (running.watched.has(one)) return; // It was there before.
    running.watched.add(one);
    one.watch(running, (end) => {
      if (!running.served.includes(one)) return;
      running.handle.lost(one.endFor(running.id, end));
      void this.#forsake(running.handle.number);
    });
  }

  /** Reads the checkpoint that a launch names, and fills the queue with its messages. */
  async #restored(
    { definition, id, launch }: Plan,
    input: QueueMemory,
  ): Promise<Restored | undefined> {
    const { restore, checksum } = launch;
    if (restore === undefined) return undefined;
    const bytes = restore instanceof URL ? await this.#parts.readCheckpoint(restore) : restore;
    const { clock, pool, payloadBytesMax, wallMs } = this.#parts.common;
    return openCheckpoint(bytes, {
      ...{ id: definition?.id ?? id, queue: new MessageQueue(input, pool, { onePublisher: true }) },
      ...{ clock, payloadBytesMax, checksum, now: wallMs() },
    });
  }

  async #choose({ mode, gridSize, ownThread }: Launch): Promise<readonly Served[]> {
    if (mode === "event-driven") return [this.#parts.threads.own()];
    if (ownThread) return [await this.#parts.threads.alone()];
    return this.#parts.threads.choose(gridSize, this.#numbers);
  }

  #spec(
    { id, module, definition, launch }: Plan,
    own: Pick<
      KernelSpec,
      "number" | "index" | "inputs" | "output" | "dead" | "grid" | "offers" | "place" | "restored"
    >,
  ): KernelSpec {
    const { blockSize, checksum, gridSize, scheduler, tenant, data, profiling } = launch;
    return {
      ...{ id, definition: definition?.id ?? id, module, owner: ++this.#owners, ...own },
      ...{ words: createKernelWords(), lanes: blockSize, checksum, scheduler },
      ...{ claimsAlone: gridSize === 1 || isOwned(scheduler), emitsAlone: gridSize === 1 },
      ...{ tenant, data, profile: profiling ? createProfile() : undefined },
    };
  }

  /** Ends a kernel's threads where they are. Their other kernels fail with them. */
  async #kill(running: Running): Promise<void> {
    const { id, handle, specs, launch } = running;
    let { served } = running;
    if (launch.mode === "persistent")
      for (let last; last !== served; served = running.served) {
        last = served; // It may have moved away from there meanwhile.
        await Promise.all(last.map((one) => one.kill(id)));
        await Promise.all(last.map((one) => one.thread.ended));
      }
    else {
      // On the caller's own thread nothing can be ended where it is: the kernel is left alone.
      void served[0]!.thread.end(specs[0]!.index).catch(() => {}); // It has ended, whatever its `stop` says.
      handle.lost({});
    }
  }

  /** The calls of a kernel whose thread has died are waited for by nobody. */
  async #forsake(number: number): Promise<void> {
    for (const _ of [1, 2]) {
      for (const handle of this.#parts.kernels()) handle.forsake(number);
      await this.#parts.common.pause(); // One may just have been answered to a caller that seemed to wait.
    }
  }
}

function bytesOf(queues: readonly (QueueMemory | undefined)[]): number {
  return queues.reduce((sum, queue) => sum + (queue?.memory.byteLength ?? 0), 0);
}

/** A thread, and the index there that is a kernel's. */
interface Place {
  readonly one: Served;
  readonly index: number;
}

interface Started extends Pick<Running, "served" | "specs" | "inputs"> {
  readonly plan: Plan;
  readonly number: number;
  readonly output: QueueMemory;
  readonly launched: readonly Launched[];
  readonly release: (places: readonly Place[]) => void;
}

/** A place on each thread, or on none. */
function takeAll(served: readonly Served[]): readonly Place[] {
  const places: Place[] = [];
  try {
    for (const one of served) places.push({ one, index: one.take() });
    return places;
  } catch (error) {
    for (const { one, index } of places) one.leave(index);
    throw error;
  }
}

/** As `Promise.all`, but it waits for all: a thread that still starts a kernel would keep it. */
async function allOf<Value>(promises: readonly Promise<Value>[]): Promise<readonly Value[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}

/** What the threads of a kernel share: most kernels want nothing. */
const NOTHING = new SharedArrayBuffer(0);

function sharedOf(bytes: number): SharedArrayBuffer {
  return bytes === 0 ? NOTHING : new SharedArrayBuffer(bytes);
}

/** Takes a kernel off its threads. */
async function leaveAll({ served, specs }: Pick<Running, "served" | "specs">): Promise<void> {
  await Promise.all(specs.map(({ index }, i) => served[i]!.thread.end(index)));
}
