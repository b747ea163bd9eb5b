// Kernel thread: the serving side of a thread, whichever thread that is. It starts kernels from their specs
// and ends them.

import { Failure } from "../base/mod.ts";
import { HybridClock, type Message } from "../message/mod.ts";
import type { IdlePolicy } from "../ring/mod.ts";
import { Attention } from "./attention.ts";
import { Blocks } from "./blocks.ts";
import { isKernel, type KernelDefinition } from "./define-kernel.ts";
import { Delivery } from "./delivery.ts";
import { KernelBlock } from "./kernel-block.ts";
import { KernelHost } from "./kernel-host.ts";
import type { KernelSpec, Launched, MessageDescription } from "./kernel-spec.ts";
import { MessageQueue } from "./message-queue.ts";
import { Profile } from "./profile.ts";
import { profiled } from "./profiled.ts";
import { Routes, type RouteSpec } from "./routes.ts";
import { Sender } from "./sender.ts";
import { ThreadLoop } from "./thread-loop.ts";

export interface KernelThreadOptions {
  readonly attention: SharedArrayBuffer;
  readonly idle: IdlePolicy;
  /** Lets the event loop have a turn. */
  readonly pause: () => Promise<void>;
  /** The same, for about a millisecond. */
  readonly nap: () => Promise<void>;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** The same, on all threads of the process from one beginning. */
  readonly clockMs: () => number;
}

export class KernelThread {
  readonly loop: ThreadLoop;
  readonly #definitions = new Map<number, KernelDefinition>();
  readonly #pause: () => Promise<void>;
  readonly #nowMs: () => number;
  readonly #clockMs: () => number;
  #now: number;
  #pool: Blocks | undefined;
  #clock: HybridClock | undefined;

  constructor(options: KernelThreadOptions) {
    const { now, idle, pause } = options;
    this.#now = now();
    this.#pause = pause;
    this.#nowMs = options.nowMs;
    this.#clockMs = options.clockMs;
    const attention = new Attention(options.attention);
    const tick = (): void => void (this.#now = now());
    this.loop = new ThreadLoop({ attention, idle, pause, nap: options.nap, tick });
  }

  /** Starts a kernel from what its module exports. Fails with KERNEL_NOT_FOUND or LAUNCH_FAILED. */
  async launch(spec: KernelSpec, exports: Readonly<Record<string, unknown>>): Promise<Launched> {
    const definition = definitionIn(exports, spec);
    const host = this.#hostOf(spec, definition);
    try {
      host.state = await definition.start?.(spec.data);
    } catch (cause) {
      throw failed(spec.id, "its `start` threw", cause);
    }
    this.#definitions.set(spec.index, definition);
    this.loop.add(spec.index, host);
    const replies = definition.on.flatMap(({ reply }) => reply ?? []);
    return {
      takes: definition.on.map(({ message }) => describe(message)),
      gives: [...replies, ...(definition.emits ?? [])].map(describe),
    };
  }

  /** Lets a kernel send to another one. */
  route(index: number, spec: RouteSpec): void {
    this.loop.kernel(index)?.routes.add(spec);
  }

  /** Ends a kernel: what it claimed and did not start is refused, and its `stop` has run. */
  async end(index: number): Promise<void> {
    const host = this.loop.kernel(index);
    const definition = this.#definitions.get(index);
    if (host === undefined) return;
    this.loop.remove(index);
    this.#definitions.delete(index);
    host.interrupt();
    while (host.busy > 0) await this.#pause(); // Whoever ended it kills the thread if this takes long.
    host.refuseRest();
    await definition?.stop?.(new Delivery(host));
  }

  #hostOf(spec: KernelSpec, defined: KernelDefinition): KernelHost {
    const definition = this.#timed(spec, defined);
    const { owner, lanes, checksum, payloadBytesMax, alone } = spec;
    const pool = (this.#pool ??= new Blocks(spec.pool)); // All kernels here are of one runtime.
    const now = (): number => this.#now;
    const clock = (this.#clock ??= new HybridClock(spec.clock, {
      now,
      maxDriftMs: spec.maxDriftMs,
    }));
    const input = new MessageQueue(spec.input, pool, { oneExecutor: alone });
    const output = new Sender(new MessageQueue(spec.output, pool, { onePublisher: alone }), {
      ...{ source: spec.number, clock, payloadBytesMax, checksum },
    });
    if (!alone) output.share(output.queue); // Others publish in between: nothing is shown together.
    const routes = new Routes({
      ...{ source: spec.number, tenant: spec.tenant, clock, pool, payloadBytesMax },
      ...{ pause: this.#pause, nowMs: this.#nowMs },
    });
    const block = new KernelBlock(new Int32Array(spec.words));
    const lanesTaken = (by: 1 | -1): void => this.loop.lanesTaken(spec.index, by);
    const shared = {
      owner,
      lanes,
      atOnce: alone ? AT_ONCE : AT_ONCE_IN_A_GRID,
      checksum,
      payloadBytesMax,
      clock,
      block,
      now,
      lanesTaken,
      routes,
    };
    return new KernelHost({ id: spec.id, definition, input, output, ...shared });
  }

  #timed({ profile, lanes }: KernelSpec, definition: KernelDefinition): KernelDefinition {
    if (profile === undefined) return definition;
    return profiled(definition, { profile: new Profile(profile), lanes, clockMs: this.#clockMs });
  }
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

function describe(message: Message): MessageDescription {
  const fields = message.fields.map(({ name, field: { kind, scalar, count } }) => ({
    name,
    kind,
    scalar,
    count,
  }));
  return { id: message.id, name: message.name, fields };
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
