// Kernel thread: the serving side of a thread, whichever thread that is. It starts kernels from their specs
// and ends them.

import { Failure } from "../base/mod.ts";
import { HybridClock, type Message } from "../message/mod.ts";
import type { IdlePolicy } from "../ring/mod.ts";
import { Attention } from "./attention.ts";
import { Blocks } from "./blocks.ts";
import { DeadLetterSlot } from "./dead-letter-box.ts";
import { isKernel, type KernelDefinition } from "./define-kernel.ts";
import { Delivery } from "./delivery.ts";
import { KernelBlock } from "./kernel-block.ts";
import { Crew } from "./crew.ts";
import { type HostCommon, KernelHost } from "./kernel-host.ts";
import type { KernelSpec, Launched, Left, MessageDescription, ThreadSpec } from "./kernel-spec.ts";
import { MessageQueue } from "./message-queue.ts";
import { Profile } from "./profile.ts";
import { profiled } from "./profiled.ts";
import {
  checkpointed,
  rested,
  type RestingParts,
  resume,
  type Served,
  type StateAnswer,
  type StateOrder,
  stateFrom,
} from "./resting.ts";
import { Routes, type RouteSpec } from "./routes.ts";
import { type Offers, Taking } from "./scheduling.ts";
import { Sender } from "./sender.ts";
import { ThreadLoop } from "./thread-loop.ts";

export interface KernelThreadOptions {
  readonly spec: ThreadSpec;
  readonly attention: SharedArrayBuffer;
  readonly idle: IdlePolicy;
  /** Lets the event loop have a turn. */
  readonly pause: () => Promise<void>;
  /**
   * The same, for about a millisecond: how a thread waits that may be killed. Left out: it is not, and waits
   * until it is woken.
   */
  readonly nap?: () => Promise<void>;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** The same, on all threads of the process from one beginning. */
  readonly clockMs: () => number;
}

export class KernelThread {
  readonly loop: ThreadLoop;
  readonly #served = new Map<number, Served>();
  readonly #pause: () => Promise<void>;
  readonly #nap: (() => Promise<void>) | undefined;
  readonly #nowMs: () => number;
  readonly #wallMs: () => number;
  readonly #clockMs: () => number;
  #now: number;
  readonly #pool: Blocks;
  readonly #clock: HybridClock;
  readonly #payloadBytesMax: number;
  readonly #number: number;

  constructor(options: KernelThreadOptions) {
    const { now, idle, pause, spec } = options;
    const { maxDriftMs } = spec;
    this.#pool = new Blocks(spec.pool, spec.number);
    this.#clock = new HybridClock(spec.clock, { now: () => this.#now, maxDriftMs });
    this.#payloadBytesMax = spec.payloadBytesMax;
    this.#number = spec.number;
    this.#now = now();
    this.#pause = pause;
    this.#nap = options.nap;
    this.#nowMs = options.nowMs;
    this.#wallMs = now;
    this.#clockMs = options.clockMs;
    const attention = new Attention(options.attention);
    const tick = (): void => void (this.#now = now());
    this.loop = new ThreadLoop({ attention, idle, pause, nap: options.nap ?? pause, tick });
  }

  /** Starts a kernel from what its module exports. Fails with KERNEL_NOT_FOUND or LAUNCH_FAILED. */
  async launch(spec: KernelSpec, exports: Readonly<Record<string, unknown>>): Promise<Launched> {
    const definition = definitionIn(exports, spec);
    const served = this.#serve(spec, definition);
    served.host.state = await this.#stateOf(spec, definition);
    const shares = sharedBy(definition, served.host.state);
    const moved = spec.restored?.moved;
    if (moved !== undefined) succeed(served, moved);
    this.#served.set(spec.index, served);
    this.loop.add(spec.index, served.host);
    const replies = definition.on.flatMap(({ reply }) => reply ?? []);
    return {
      takes: definition.on.map(({ message }) => describe(message)),
      gives: [...replies, ...(definition.emits ?? [])].map(describe),
      shares,
    };
  }

  /** Lets a kernel send to another one. */
  route(index: number, spec: RouteSpec): void {
    this.loop.kernel(index)?.routes.add(spec);
  }

  /** A kernel sends to another one no longer. */
  unroute(index: number, kernel: string): void {
    this.loop.kernel(index)?.routes.remove(kernel);
  }

  /** Ends a kernel: what it claimed and did not start is refused, and its `stop` has run. */
  async end(index: number): Promise<void> {
    const served = this.#served.get(index);
    if (served === undefined) return;
    const { host, definition } = served;
    this.loop.remove(index);
    this.#served.delete(index);
    host.interrupt();
    while (host.busy > 0) await this.#pause(); // Whoever ended it kills the thread if this takes long.
    host.refuseRest();
    await definition.stop?.(new Delivery(host));
  }

  /** Saves a kernel, or hands it over to another thread: see resting.ts. */
  async order(index: number, order: StateOrder): Promise<StateAnswer> {
    const served = this.#served.get(index);
    if (served === undefined) return undefined; // It has ended meanwhile, and its host knows.
    const parts = this.#resting(index);
    if (order.order === "checkpoint") return checkpointed(served, order, parts);
    if (order.order === "rest") return rested(served, order.timeoutMs, parts);
    if (order.order === "resume") resume(served.host, parts);
    else {
      this.loop.remove(index);
      this.#served.delete(index);
      await served.definition.leave?.(served.host.state);
    }
    return undefined;
  }

  #resting(index: number): RestingParts {
    const look = (): void => this.loop.look(index);
    return { pause: this.#pause, nowMs: this.#nowMs, now: () => this.#now, look };
  }

  async #stateOf(
    { id, data, place, restored }: KernelSpec,
    definition: KernelDefinition,
  ): Promise<unknown> {
    const verb = restored !== undefined && definition.restore !== undefined ? "restore" : "start";
    try {
      if (restored !== undefined) return await stateFrom(definition, restored, data);
      return await definition.start?.(data, place);
    } catch (cause) {
      if (cause instanceof Failure && cause.code === "CHECKPOINT_INVALID") throw cause;
      throw failed(id, `its \`${verb}\` threw`, cause);
    }
  }

  #serve(spec: KernelSpec, defined: KernelDefinition): Served {
    const definition = this.#timed(spec, defined);
    const { owner, lanes, checksum, claimsAlone, emitsAlone } = spec;
    const [pool, clock, payloadBytesMax] = [this.#pool, this.#clock, this.#payloadBytesMax];
    const sides = { oneExecutor: claimsAlone };
    const inputs = spec.inputs.map((memory) => new MessageQueue(memory, pool, sides));
    const output = new Sender(new MessageQueue(spec.output, pool, { onePublisher: emitsAlone }), {
      ...{ source: spec.number, clock, payloadBytesMax, checksum },
    });
    if (!emitsAlone) output.share(output.queue); // Others publish in between: nothing is shown together.
    const routes = new Routes({
      ...{ source: spec.number, tenant: spec.tenant, thread: this.#number },
      ...{ clock, pool, payloadBytesMax },
      ...{ pause: this.#pause, nap: this.#nap, nowMs: this.#nowMs },
    });
    const dead = spec.dead && new DeadLetterSlot(spec.dead, pool);
    const block = new KernelBlock(new Int32Array(spec.words));
    const lanesTaken = (by: 1 | -1): void => this.loop.lanesTaken(spec.index, by);
    const shared = {
      owner,
      lanes,
      atOnce: claimsAlone ? AT_ONCE : AT_ONCE_IN_A_GRID,
      checksum,
      payloadBytesMax,
      clock,
      block,
      dead,
      wallMs: this.#wallMs,
      nowMs: this.#nowMs,
      lanesTaken,
      routes,
    };
    const common: HostCommon = { state: undefined, running: new Set(), busy: 0 };
    const hosts = inputs.map(
      (input) => new KernelHost({ id: spec.id, common, definition, input, output, ...shared }),
    );
    const host = hosts.length === 1 ? hosts[0]! : crewOf(spec, inputs, hosts, shared.atOnce);
    return { host, definition, input: inputs[0]!, output, clock };
  }

  #timed({ profile, lanes }: KernelSpec, definition: KernelDefinition): KernelDefinition {
    if (profile === undefined) return definition;
    return profiled(definition, { profile: new Profile(profile), lanes, clockMs: this.#clockMs });
  }
}

/** The hosts of a kernel with several queues, which take turns as its scheduler says. */
function crewOf(
  { scheduler, offers, grid, place }: KernelSpec,
  inputs: readonly MessageQueue[],
  hosts: readonly KernelHost[],
  atOnce: number,
): Crew {
  const words = new Int32Array(offers);
  const views = inputs.map(({ ring }) => ring);
  const told: Offers = {
    read: (thread) => Atomics.load(words, thread),
    write: (messages) => void Atomics.store(words, place.index, messages),
    wake: (thread) => new Attention(grid[thread]!.memory).raise(grid[thread]!.index),
  };
  const own = scheduler.strategy === "priority" ? 0 : place.index;
  return new Crew(hosts, new Taking(scheduler, own, views, told, atOnce), own);
}

/** A kernel that goes on where one on another thread has left. It rests until it is told to go on. */
function succeed(
  { host, output }: Served,
  { unstarted, emitted, sent }: Omit<Left, "state">,
): void {
  host.adopt(unstarted);
  host.isResting = true;
  host.routes.continueFrom(sent);
  output.number = emitted;
}

/** Messages that a thread claims at once. In a grid what it claims waits, while other threads may be idle. */
const AT_ONCE = 64;
const AT_ONCE_IN_A_GRID = 4;

function definitionIn(
  exports: Readonly<Record<string, unknown>>,
  { definition: id, module }: KernelSpec,
): KernelDefinition {
  const kernels = Object.values(exports).filter(isKernel);
  const found = kernels.find((kernel) => kernel.id === id);
  if (found !== undefined) return found;
  throw new Failure("KERNEL_NOT_FOUND", {
    at: module,
    found:
      kernels.length === 0
        ? "no kernel"
        : `kernels ${kernels.map((kernel) => kernel.id).join(", ")}`,
    expected: `an export made with defineKernel({ id: "${id}", ... })`,
    fix: "Export the kernel, or correct the id.",
  });
}

function sharedBy(definition: KernelDefinition, state: unknown): unknown {
  try {
    return definition.shares?.(state);
  } catch (cause) {
    throw failed(definition.id, "its `shares` threw", cause);
  }
}

function describe(message: Message): MessageDescription {
  const fields = message.fields.map(({ name, field: { kind, scalar, count } }) => ({
    name,
    kind,
    scalar,
    count,
  }));
  return { id: message.id, name: message.name, fields };
}

/** What a kernel's module threw, as a failure. `at`: where that was. */
export function thrownInKernel(error: unknown, at: string): Failure {
  if (error instanceof Failure) return error;
  const found = error instanceof Error ? error.message : String(error);
  const [expected, fix] = ["a module that loads", "Correct what the message names."];
  return new Failure("LAUNCH_FAILED", { at, found, expected, fix }, { cause: error });
}

function failed(id: string, found: string, cause: unknown): Failure {
  const why = cause instanceof Error ? `${found}: ${cause.message}` : found;
  const fix = "Correct the kernel's module.";
  return new Failure(
    "LAUNCH_FAILED",
    { at: `kernel ${id}`, found: why, expected: "a kernel that starts", fix },
    { cause },
  );
}
