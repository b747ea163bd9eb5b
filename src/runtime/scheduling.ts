// Scheduling: which thread of a grid handles a message. A launch chooses a strategy:
//
//   shared          one queue; whoever is free takes from it. The default.
//   static          a queue for each thread; a message's `key` says which. One key's messages keep their order.
//   round-robin     a queue for each thread, filled in turn.
//   work-stealing   the same; a thread with nothing to do takes from the neighbour that has most.
//   work-sharing    the same; a thread with too much offers the rest, and wakes the neighbour that has least.
//   hybrid          both.
//   priority        a queue for each level; every thread takes from the most urgent, and now and then from others.
//
// Messages stay where they are: what moves is who claims them. So answers and senders know nothing of it.

import { unsupported } from "./unsupported.ts";

export const STRATEGIES = [
  "shared",
  "static",
  "round-robin",
  "work-stealing",
  "work-sharing",
  "hybrid",
  "priority",
] as const;

export type SchedulingStrategy = (typeof STRATEGIES)[number];

export interface SchedulerOptions {
  readonly strategy: SchedulingStrategy;
  /** Levels of `priority`, from 0, the most urgent: 4. Up to 16. */
  readonly levels?: number;
  /** Messages that must wait at a neighbour before they are stolen: 4. */
  readonly stealThreshold?: number;
  /** Messages that may wait at a thread before it offers the rest: 64. */
  readonly shareThreshold?: number;
  /** Messages taken from a neighbour at once: 16. */
  readonly maxStealBatch?: number;
  /** Neighbours that a thread looks at, those behind it in the grid: 4. */
  readonly stealNeighborhood?: number;
}

export interface Scheduler extends Required<SchedulerOptions> {
  /** Input queues of the kernel. */
  readonly queues: number;
}

const LEVELS_MAX = 16;
const BATCH_MAX = 64;

/** Every option with its default. Fails with OPTION_UNSUPPORTED. */
export function resolveScheduler(
  options: SchedulerOptions | undefined,
  gridSize: number,
): Scheduler {
  const { strategy = "shared" } = options ?? {};
  if (!STRATEGIES.includes(strategy))
    throw unsupported("scheduler.strategy", strategy, STRATEGIES.join(", "));
  const all = {
    ...{ levels: 4, stealThreshold: 4, shareThreshold: 64, maxStealBatch: 16 },
    ...{ stealNeighborhood: 4, ...options },
  };
  within("levels", all.levels, LEVELS_MAX);
  within("stealThreshold", all.stealThreshold, 2 ** 20);
  within("shareThreshold", all.shareThreshold, 2 ** 20);
  within("maxStealBatch", all.maxStealBatch, BATCH_MAX);
  within("stealNeighborhood", all.stealNeighborhood, 64);
  const each = strategy === "priority" ? all.levels : gridSize;
  return { ...all, strategy, queues: strategy === "shared" ? 1 : each };
}

function within(name: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return;
  throw unsupported(`scheduler.${name}`, String(value), `1 to ${most}`);
}

/** Whether each queue is one thread's, and nobody else's. */
export function isOwned({ strategy }: Scheduler): boolean {
  return strategy === "static" || strategy === "round-robin";
}

/** A sender's side: which queue a message goes to. */
export class Placement {
  /** Whether a message that finds its queue full may go to another one. */
  readonly mayMove: boolean;
  readonly #scheduler: Scheduler;
  #turn = 0;

  constructor(scheduler: Scheduler) {
    const { strategy } = scheduler;
    this.#scheduler = scheduler;
    this.mayMove = strategy !== "static" && strategy !== "priority";
  }

  /** The queue of the next message. Fails with OPTION_UNSUPPORTED for a `key` or `level` that means nothing. */
  pick(key: number | undefined, level: number | undefined): number {
    const { strategy, queues, levels } = this.#scheduler;
    if (queues === 1 && key === undefined && level === undefined) return 0;
    if (key !== undefined && strategy !== "static")
      throw unsupported("key", String(key), "no key but with the scheduler `static`");
    if (level !== undefined && strategy !== "priority")
      throw unsupported("level", String(level), "no level but with the scheduler `priority`");
    if (queues === 1) return 0;
    if (strategy === "static") return spread(key ?? 0) % queues;
    if (strategy !== "priority") return (this.#turn = (this.#turn + 1) % queues);
    if (level === undefined) return levels >> 1;
    if (Number.isInteger(level) && level >= 0 && level < levels) return level;
    throw unsupported("level", String(level), `0 to ${levels - 1}`);
  }
}

/** What a thread sees of the kernel's queues. */
export interface QueueView {
  /** Messages that nobody has claimed. */
  readonly unclaimed: number;
}

/** What the threads of a grid tell each other. */
export interface Offers {
  /** Messages that a thread has more than it wants. */
  read(thread: number): number;
  write(messages: number): void;
  /** Lets another thread look. */
  wake(thread: number): void;
}

/** Claims from urgent levels in a row before one from below them goes first. */
const URGENT_MAX = 16;

/** A thread's side: which queue it claims from next. */
export class Taking {
  /** Messages that it may claim there. */
  most = 0;
  readonly #scheduler: Scheduler;
  readonly #own: number;
  readonly #queues: readonly QueueView[];
  readonly #offers: Offers;
  readonly #atOnce: number;
  #offered = 0;
  #urgent = 0;

  /** `own`: the thread's place in the grid. `atOnce`: what it claims where nobody else could. */
  constructor(
    scheduler: Scheduler,
    own: number,
    queues: readonly QueueView[],
    offers: Offers,
    atOnce: number,
  ) {
    this.#scheduler = scheduler;
    this.#own = own;
    this.#queues = queues;
    this.#offers = offers;
    this.#atOnce = atOnce;
  }

  /** The queue to claim from, or -1: nothing is there for this thread. */
  next(): number {
    this.most = this.#atOnce;
    const { strategy, queues } = this.#scheduler;
    if (queues === 1) return 0;
    if (strategy === "priority") return this.#urgentFirst();
    if (strategy === "work-sharing" || strategy === "hybrid") this.#offer();
    if (this.#queues[this.#own]!.unclaimed > 0) return this.#own;
    const shared = strategy === "work-sharing" || strategy === "hybrid" ? this.#offeredBy() : -1;
    if (shared >= 0) return shared;
    return strategy === "work-stealing" || strategy === "hybrid" ? this.#loaded() : -1;
  }

  /** A level's queue: the most urgent that has messages, but after many of those the next one. */
  #urgentFirst(): number {
    const queues = this.#queues;
    let first = 0;
    while (first < queues.length && queues[first]!.unclaimed === 0) first++;
    if (first === queues.length) return -1;
    let below = first + 1;
    while (below < queues.length && queues[below]!.unclaimed === 0) below++;
    if (below === queues.length || this.#urgent++ < URGENT_MAX) return first;
    this.#urgent = 0;
    return below;
  }

  /** Says what this thread has too much of, and wakes a neighbour when that begins. */
  #offer(): void {
    const { shareThreshold } = this.#scheduler;
    const more = Math.max(0, this.#queues[this.#own]!.unclaimed - shareThreshold);
    if (more === this.#offered) return;
    this.#offers.write(more);
    const begins = this.#offered === 0;
    this.#offered = more;
    if (begins && this.#queues.length > 1) this.#offers.wake(this.#idlest());
  }

  #offeredBy(): number {
    const { maxStealBatch } = this.#scheduler;
    for (let near = 1; near <= this.#near; near++) {
      const thread = this.#neighbour(near);
      const offered = Math.min(this.#offers.read(thread), this.#queues[thread]!.unclaimed);
      if (offered <= 0) continue;
      this.most = Math.min(offered, maxStealBatch);
      return thread;
    }
    return -1;
  }

  /** The neighbour with the most messages, if those are many; half of them may go. */
  #loaded(): number {
    const { stealThreshold, maxStealBatch } = this.#scheduler;
    let [victim, most] = [-1, stealThreshold - 1];
    for (let near = 1; near <= this.#near; near++) {
      const thread = this.#neighbour(near);
      const { unclaimed } = this.#queues[thread]!;
      if (unclaimed <= most) continue;
      victim = thread;
      most = unclaimed;
    }
    this.most = Math.min(maxStealBatch, (most + 1) >> 1);
    return victim;
  }

  #idlest(): number {
    let idlest = this.#neighbour(1);
    for (let near = 2; near <= this.#near; near++) {
      const thread = this.#neighbour(near);
      if (this.#queues[thread]!.unclaimed < this.#queues[idlest]!.unclaimed) idlest = thread;
    }
    return idlest;
  }

  get #near(): number {
    return Math.min(this.#scheduler.stealNeighborhood, this.#queues.length - 1);
  }

  #neighbour(near: number): number {
    return (this.#own + near) % this.#queues.length;
  }
}

/** Keys that follow each other go to different places, and so do those that differ in high bits only. */
function spread(key: number): number {
  const hash = Math.imul(key | 0, 0x9e37_79b1);
  return (hash ^ (hash >>> 15)) >>> 0;
}
