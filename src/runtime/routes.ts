// Routes: how a kernel sends to another one, straight into its queue and past the host.
//
// A route holds the other's queue, its state and the attention of its threads. The host makes routes and takes
// them away; which kernel sends is the runtime's word, not the handler's. A message that is sent while
// another is handled is one hop further, so that a circle of kernels ends.

import { Failure } from "../base/mod.ts";
import type {
  DeliveryStatus,
  Fields,
  HybridClock,
  Message,
  ValueOf,
  Writable,
} from "../message/mod.ts";
import { Attention } from "./attention.ts";
import type { Blocks } from "./blocks.ts";
import { Calls } from "./calls.ts";
import { type Door, Doors } from "./doors.ts";
import { KernelBlock } from "./kernel-block.ts";
import type { AttentionSpec } from "./kernel-spec.ts";
import { STATES } from "./lifecycle.ts";
import { MessageQueue, type QueueMemory } from "./message-queue.ts";
import { Posted } from "./posted.ts";
import { refuseAll } from "./refusal.ts";
import type { Scheduler } from "./scheduling.ts";
import { PLAIN_SEND, type SendFacts, Sender } from "./sender.ts";

/** Hops that a message may have behind it: what it caused, what that caused, and so on. */
export const HOPS_MAX = 8;

/** Another kernel, as a thread needs it to send there. It passes between threads as it is. */
export interface RouteSpec {
  readonly id: string;
  /** Its number: another one is another kernel of that id. */
  readonly number: number;
  readonly tenant: number;
  readonly inputs: readonly QueueMemory[];
  readonly scheduler: Scheduler;
  readonly words: SharedArrayBuffer;
  readonly checksum: boolean;
  readonly attentions: readonly AttentionSpec[];
}

export interface RoutesOptions {
  /** The number of the kernel that sends, and its tenant. */
  readonly source: number;
  readonly tenant: number;
  /** The number of the thread that sends. */
  readonly thread: number;
  readonly clock: HybridClock;
  readonly pool: Blocks;
  readonly payloadBytesMax: number;
  readonly pause: () => Promise<void>;
  /** See CallsOptions. */
  readonly nap: (() => Promise<void>) | undefined;
  readonly nowMs: () => number;
}

type Attentions = readonly (readonly [attention: Attention, index: number])[];

interface Route {
  readonly number: number;
  /** Of the threads that serve it now. */
  attentions: Attentions;
  readonly tenant: number;
  readonly block: KernelBlock;
  /** To each of its queues. */
  readonly doors: Doors;
  /** How the kernel's answers are read, by type; filled as callers name them. */
  readonly replies: Map<number, Message>;
}

const ACTIVE = STATES.indexOf("active");
const TERMINATED = STATES.indexOf("terminated");

export class Routes {
  /** What waiting for others takes: time, and turns of the event loop. */
  readonly options: Pick<RoutesOptions, "tenant" | "pause" | "nap" | "nowMs">;
  readonly #options: RoutesOptions;
  readonly #routes = new Map<string, Route>();
  readonly #facts: SendFacts = { ...PLAIN_SEND };
  #correlation = 0;
  /** Numbers of the last messages on each route, where this goes on in another's place. */
  #numbers: ReadonlyMap<string, readonly number[]> = new Map();

  constructor(options: RoutesOptions) {
    this.options = options;
    this.#options = options;
  }

  /**
   * Makes a route, or replaces it: a kernel of that id was launched again. One that has only moved keeps
   * its route, with the calls that wait there.
   */
  add(spec: RouteSpec): void {
    const { source, thread, clock, pool, payloadBytesMax, pause, nap, nowMs } = this.#options;
    const attentions = spec.attentions.map(
      ({ memory, index }) => [new Attention(memory), index] as const,
    );
    const before = this.#routes.get(spec.id);
    if (before?.number === spec.number) return void (before.attentions = attentions);
    const wake = (): void => {
      for (const [attention, index] of route.attentions) attention.raise(index);
    };
    const replies = new Map<number, Message>();
    const numbers = this.#numbers.get(spec.id) ?? [];
    const doors = spec.inputs.map((memory, i): Door => {
      const queue = new MessageQueue(memory, pool, { publisher: thread });
      const sender = new Sender(queue, {
        ...{ source, clock, payloadBytesMax, checksum: spec.checksum, wake },
      });
      sender.number = numbers[i] ?? 0;
      const calls = new Calls({
        ...{ kernel: spec.id, queue, replies, pause, nap, nowMs, inOrder: false },
        keepAlive: () => () => {},
      });
      return { sender, calls };
    });
    const route: Route = {
      ...{ number: spec.number, attentions, tenant: spec.tenant },
      block: new KernelBlock(new Int32Array(spec.words)),
      ...{ doors: new Doors(doors, spec.scheduler), replies },
    };
    this.#routes.set(spec.id, route);
  }

  /** Calls whose slots are not free again: also those that nobody waits for any more. */
  get pending(): number {
    return [...this.#routes.values()].reduce((sum, { doors }) => sum + doors.pending, 0);
  }

  /** For whoever goes on in its place: the number of the last message by each way. */
  get numbers(): ReadonlyMap<string, readonly number[]> {
    return new Map(
      [...this.#routes].map(([id, { doors }]) => [
        id,
        doors.all.map(({ sender }) => sender.number),
      ]),
    );
  }

  /** Goes on where another one was, before any route is made. */
  continueFrom(numbers: ReadonlyMap<string, readonly number[]>): void {
    this.#numbers = numbers;
  }

  remove(id: string): void {
    this.#routes.delete(id);
  }

  /** Whether there is a route to a kernel that takes messages. */
  isActive(id: string): boolean {
    return this.#routes.get(id)?.block.state === ACTIVE;
  }

  /** Publishes to another kernel. `hops`: of the message that is handled. */
  send<Value>(id: string, message: Writable<Value>, value: Value, hops: number): DeliveryStatus {
    const route = this.#routes.get(id);
    const refusal = this.#refusal(route, hops);
    if (route === undefined || refusal !== undefined) return refusal ?? "not-found";
    return this.#publish(route, message, value, hops, 0) < 0 ? "queue-full" : "delivered";
  }

  /** Calls another kernel. Fails as KernelHandle.call() does. */
  async call<Value, Reply extends Fields>(
    id: string,
    message: Writable<Value>,
    value: Value,
    reply: Message<Reply>,
    { hops, timeoutMs }: { readonly hops: number; readonly timeoutMs: number },
  ): Promise<ValueOf<Reply>> {
    const route = this.#routes.get(id);
    const refusal = this.#refusal(route, hops);
    if (route === undefined || refusal !== undefined) throw undelivered(id, refusal ?? "not-found");
    route.replies.set(reply.id, reply as unknown as Message);
    const slot = this.#publish(route, message, value, hops, this.#correlate());
    if (slot < 0) throw undelivered(id, "queue-full");
    return (await route.doors.last.calls.answerTo(slot, timeoutMs)) as ValueOf<Reply>;
  }

  /** Publishes to another kernel, and says where to look for what becomes of it, or why it did not. */
  post<Value>(id: string, message: Writable<Value>, value: Value, hops: number): Posted | Refusal {
    const route = this.#routes.get(id);
    const refusal = this.#refusal(route, hops);
    if (route === undefined || refusal !== undefined) return refusal ?? "not-found";
    const slot = this.#publish(route, message, value, hops, this.#correlate());
    return slot < 0 ? "queue-full" : new Posted(route.doors.last.calls, slot);
  }

  #correlate(): number {
    this.#correlation = (this.#correlation + 1) & 0x7fff_ffff || 1;
    return this.#correlation;
  }

  #refusal(route: Route | undefined, hops: number): Refusal | undefined {
    if (route === undefined) return "not-found";
    if (route.tenant !== this.#options.tenant) return "tenant-mismatch";
    if (hops >= HOPS_MAX) return "max-hops";
    return route.block.state === ACTIVE ? undefined : "not-active";
  }

  #publish<Value>(
    { doors, block }: Route,
    message: Writable<Value>,
    value: Value,
    hops: number,
    correlation: number,
  ): number {
    this.#facts.correlation = correlation;
    this.#facts.hops = hops + 1;
    const slot = doors.send(message, value, this.#facts, doors.pick());
    if (block.state === TERMINATED) refuseAll(doors.last.sender.queue); // It ended, and looks no more.
    return slot;
  }
}

/** Why a message was not published. */
export type Refusal = Exclude<DeliveryStatus, "delivered">;

const CODES = {
  "not-found": "KERNEL_NOT_FOUND",
  "not-active": "KERNEL_NOT_ACTIVE",
  "queue-full": "QUEUE_FULL",
  "tenant-mismatch": "TENANT_MISMATCH",
  "max-hops": "HOPS_EXCEEDED",
} as const;

function undelivered(id: string, status: Refusal): Failure {
  return new Failure(CODES[status], {
    at: `route to kernel ${id}`,
    found: status,
    expected: "a route to an active kernel of the same tenant, with room",
    fix: "Make the route with `routes` at launch or runtime.connect(), or send later.",
  });
}
