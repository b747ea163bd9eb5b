// Options: what a runtime and a launch may be told, with defaults. Every one has an effect, or is refused.

import type { Failure } from "../base/mod.ts";
import type { IdlePolicy } from "../ring/mod.ts";
import type { KernelDefinition } from "./define-kernel.ts";
import type { DeadLettersOptions } from "./dead-letters.ts";
import type { DeduplicationOptions } from "./deduplication.ts";
import type { RateLimitOptions } from "./rate-limit.ts";
import { resolveScheduler, type Scheduler, type SchedulerOptions } from "./scheduling.ts";
import type { Restart, Strategy } from "./supervision.ts";
import { unsupported } from "./unsupported.ts";
import { resolveTopics, type Subscription, type SubscriptionOption } from "./topic-options.ts";

/** What a send does when the kernel's queue is full. See `outbox.ts`. */
export const FULL_POLICIES = ["fail", "wait", "drop-newest", "drop-oldest", "dead-letter"] as const;

export type FullPolicy = (typeof FULL_POLICIES)[number];

export interface RuntimeOptions {
  /** Threads that serve kernels; started when first needed. One less than there are processors. */
  readonly threads?: number;
  /** Of these, threads that start with the runtime, so that the first launches find them: 1. */
  readonly prestart?: number;
  /** Slots of a queue where a launch does not say: 4096. */
  readonly defaultQueueCapacity?: number;
  /** The largest payload, in bytes: 65,536. */
  readonly payloadBytesMax?: number;
  /** Payloads larger than a cell that are under way at once, for all kernels: 64. */
  readonly payloadBlocks?: number;
  /** How long `terminate` drains before it forces, in milliseconds: 5000. */
  readonly terminationTimeoutMs?: number;
  /** How far a sender's clock may be ahead, in milliseconds: 60,000. */
  readonly maxDriftMs?: number;
  /** How threads wait for work: IDLE.spinThenWait. */
  readonly idle?: IdlePolicy;
  /** What happens to the others when one kernel fails, and how many restarts are too many. */
  readonly supervision?: {
    readonly strategy?: Strategy;
    /** Restarts within the window: 3. One more escalates: every supervised kernel ends. */
    readonly maxRestarts?: number;
    /** 5000. */
    readonly windowMs?: number;
    /**
     * A kernel whose thread stands still for so long although it has messages is hung: its thread is ended,
     * with HEARTBEAT_LOST. Milliseconds; Infinity, never, where it is left out.
     */
    readonly heartbeatTimeoutMs?: number;
  };
  /** Is told of restarts and of escalations. */
  readonly onSupervision?: (event: SupervisionEvent) => void;
  /** How many messages are kept that nobody handled, and for how long: 10,000 for an hour. */
  readonly deadLetters?: Omit<DeadLettersOptions, "now">;
  /** What all kernels of a tenant may have together, by its number. Nothing limits the others. */
  readonly quotas?: Readonly<Record<number, TenantQuota>>;
  /**
   * The most looks at a call's slot before its caller yields to the event loop: 3000, some fifty microseconds. Fewer
   * while answers take longer.
   */
  readonly callSpins?: number;
  /** One call in so many is measured for `metrics.latency`: 16. 1 is every call. */
  readonly latencySampling?: number;
}

export type ResolvedRuntime = Required<RuntimeOptions>;

/** What a tenant may have. A launch or a send beyond it fails. */
export interface TenantQuota {
  /** Kernels at once. */
  readonly kernels?: number;
  /** Bytes of their queues. */
  readonly queueBytes?: number;
  /** Messages from the host. */
  readonly rate?: Rate;
}

/** Messages each second, and how many may come at once. */
export type Rate = Omit<RateLimitOptions, "now">;

/** What supervision did. `failure`: why a kernel could not be started again. */
export type SupervisionEvent =
  | { readonly kind: "restarted"; readonly id: string; readonly generation: number }
  | { readonly kind: "not-restarted"; readonly id: string; readonly failure: Failure }
  | { readonly kind: "escalated"; readonly id: string; readonly restarts: number };

export const RUNTIME_DEFAULTS = {
  prestart: 1,
  defaultQueueCapacity: 4096,
  payloadBytesMax: 65_536,
  payloadBlocks: 64,
  terminationTimeoutMs: 5000,
  maxDriftMs: 60_000,
  idle: { spins: 2000, sleepMs: Infinity },
  callSpins: 3000,
  deadLetters: {},
  quotas: {},
  latencySampling: 16,
  supervision: { strategy: "one-for-one" },
  onSupervision: () => {},
} as const satisfies RuntimeOptions;

/** Every option with its default. Fails with OPTION_UNSUPPORTED for what cannot be. */
export function resolveRuntime(options: RuntimeOptions, threadsMax: number): ResolvedRuntime {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const resolved: ResolvedRuntime = {
    ...{ threads: threadsMax, ...RUNTIME_DEFAULTS },
    ...(Object.fromEntries(given) as RuntimeOptions),
  };
  for (const [name, [least, most]] of Object.entries(RUNTIME_BOUNDS))
    within(name, resolved[name as keyof typeof RUNTIME_BOUNDS], least, most);
  notUnder("terminationTimeoutMs", resolved.terminationTimeoutMs, 0);
  notUnder("idle.spins", resolved.idle.spins, 0);
  notUnder("idle.sleepMs", resolved.idle.sleepMs, 0);
  const { strategy, maxRestarts, windowMs, heartbeatTimeoutMs } = resolved.supervision;
  if (strategy !== undefined && !STRATEGIES.includes(strategy))
    throw unsupported("supervision.strategy", String(strategy), STRATEGIES.join(", "));
  notUnder("supervision.maxRestarts", maxRestarts ?? 0, 0);
  notUnder("supervision.windowMs", windowMs ?? 0, 0);
  if (heartbeatTimeoutMs !== undefined && heartbeatTimeoutMs !== Infinity)
    within("supervision.heartbeatTimeoutMs", heartbeatTimeoutMs, 4, 2 ** 31 - 1);
  return resolved;
}

const STRATEGIES: readonly Strategy[] = ["one-for-one", "one-for-all", "rest-for-one"];

/** The least and the most of whole numbers. */
const RUNTIME_BOUNDS = {
  threads: [1, 1024],
  prestart: [0, 1024],
  defaultQueueCapacity: [2, 2 ** 20],
  payloadBytesMax: [1, 2 ** 31 - 64],
  payloadBlocks: [0, 2 ** 20],
  maxDriftMs: [0, 2 ** 32 - 1],
  callSpins: [0, 2 ** 31 - 1],
  latencySampling: [1, 2 ** 31 - 1],
} as const;

/** Sizes in up to three dimensions, as CUDA gives them; those left out are 1. Here only their product counts. */
export interface Dim3 {
  readonly x: number;
  readonly y?: number;
  readonly z?: number;
}

export interface LaunchOptions {
  /** Name of this kernel, where it is not that of its definition: one definition may be launched often. */
  readonly id?: string;
  /** Module whose exports hold the kernel. Not needed where the definition says its own. */
  readonly module?: string | URL;
  /** `persistent`: on threads of the runtime. `event-driven`: in turns of this thread's event loop. */
  readonly mode?: "persistent" | "event-driven";
  /** Threads that serve the kernel, each with a state of its own: 1. */
  readonly gridSize?: number | Dim3;
  /** Which thread of the grid handles a message: `shared`, whichever is free. */
  readonly scheduler?: SchedulerOptions;
  /** Messages that each of those handles at a time, where handlers are asynchronous: 1. */
  readonly blockSize?: number | Dim3;
  /** Memory that the threads of a grid share, in bytes: 0. `start` gets it. */
  readonly sharedMemoryBytes?: number;
  /** Whether it may send to other kernels, and they to it: true. */
  readonly enableK2k?: boolean;
  /** Slots, a power of two. The runtime's `defaultQueueCapacity`. */
  readonly inputQueueCapacity?: number;
  readonly outputQueueCapacity?: number;
  /** Bytes of a payload that need no block: 128. A multiple of 64. */
  readonly cellBytes?: number;
  /** No other kernel is served by its thread: false. One more than `threads` is started if need be. */
  readonly ownThread?: boolean;
  /** Activates at once: true. */
  readonly autoActivate?: boolean;
  /** Messages may have priorities: false. Each of five lanes then has a part of the capacity. */
  readonly priorities?: boolean;
  /** What a send does when the queue is full: `fail`. */
  readonly whenFull?: FullPolicy;
  /** Keeps what is sent and not handled among the runtime's dead letters: false, but for `dead-letter`. */
  readonly deadLetters?: boolean;
  /** Sends a message whose `messageId` was sent before no second time: false. */
  readonly deduplicate?: boolean | Omit<DeduplicationOptions, "now">;
  /** Messages from the host: no limit. */
  readonly rateLimit?: Rate;
  /** Messages from the host that the kernel has not ended, at most: no limit but its queue. */
  readonly credits?: number;
  /** Checks every payload's CRC-32C: false. */
  readonly checksum?: boolean;
  /** Ids of kernels that this one may send to, launched already or later: none. */
  readonly routes?: readonly string[];
  /** Filters of the topics that the kernel may publish to: none. */
  readonly publishes?: readonly string[];
  /** Filters of the topics that the kernel hears, each with its quality: a name alone is of 1. */
  readonly subscribes?: readonly SubscriptionOption[];
  /** Whether it is launched again when its thread dies: `temporary`, never. */
  readonly restart?: Restart;
  /** Kernels send only to kernels of their own tenant: 0. */
  readonly tenant?: number;
  /** What the kernel's `start` gets. It passes to another thread, so that it must be cloneable. */
  readonly data?: unknown;
  /**
   * A checkpoint from which the kernel goes on, in place of its `start`: its bytes, or the URL of the file
   * whose newest generation has them. Also whenever supervision launches it again.
   */
  readonly restore?: Uint8Array | URL | undefined;
  /** Each thread that serves it records every message that it handles: `metrics.handling`, `trace()`. False. */
  readonly profiling?: boolean;
  /** Every message is told of on the channel `annulus:message`: false. */
  readonly debug?: boolean;
  /** Blocks of the grid that synchronise. No backend here has it. */
  readonly cooperative?: boolean;
}

export interface Launch {
  readonly mode: "persistent" | "event-driven";
  readonly gridSize: number;
  readonly blockSize: number;
  readonly scheduler: Scheduler;
  readonly ownThread: boolean;
  readonly sharedMemoryBytes: number;
  readonly enableK2k: boolean;
  readonly inputQueueCapacity: number;
  readonly outputQueueCapacity: number;
  readonly cellBytes: number;
  readonly autoActivate: boolean;
  readonly priorities: boolean;
  readonly whenFull: FullPolicy;
  readonly deadLetters: boolean;
  readonly deduplicate: Omit<DeduplicationOptions, "now"> | undefined;
  readonly rateLimit: Rate | undefined;
  readonly credits: number | undefined;
  readonly checksum: boolean;
  readonly routes: readonly string[];
  readonly tenant: number;
  readonly data: unknown;
  readonly restart: Restart;
  readonly restore: Uint8Array | URL | undefined;
  readonly publishes: readonly string[];
  readonly subscribes: readonly Subscription[];
  readonly profiling: boolean;
  readonly debug: boolean;
}

const MODES = ["persistent", "event-driven"];
const RESTARTS: readonly Restart[] = ["permanent", "transient", "temporary"];
const GRID_MAX = 64;
const LANES_MAX = 1024;
const SHARED_MAX = 2 ** 30;

/** Every option with its default. Fails with OPTION_UNSUPPORTED for what cannot be. */
export function resolveLaunch(options: LaunchOptions, queueCapacity: number): Launch {
  const gridSize = product(options.gridSize);
  const launch: Launch = {
    mode: options.mode ?? "persistent",
    gridSize,
    scheduler: resolveScheduler(options.scheduler, gridSize),
    blockSize: product(options.blockSize),
    sharedMemoryBytes: options.sharedMemoryBytes ?? 0,
    enableK2k: options.enableK2k ?? true,
    ownThread: options.ownThread ?? false,
    inputQueueCapacity: options.inputQueueCapacity ?? queueCapacity,
    outputQueueCapacity: options.outputQueueCapacity ?? queueCapacity,
    cellBytes: options.cellBytes ?? 128,
    autoActivate: options.autoActivate ?? true,
    priorities: options.priorities ?? false,
    whenFull: options.whenFull ?? "fail",
    deadLetters: options.deadLetters ?? options.whenFull === "dead-letter",
    deduplicate: options.deduplicate === true ? {} : options.deduplicate || undefined,
    rateLimit: options.rateLimit,
    credits: options.credits,
    checksum: options.checksum ?? false,
    routes: options.routes ?? [],
    tenant: options.tenant ?? 0,
    data: options.data,
    restart: options.restart ?? "temporary",
    restore: options.restore,
    ...resolveTopics(options),
    profiling: options.profiling ?? false,
    debug: options.debug ?? false,
  };
  if (!FULL_POLICIES.includes(launch.whenFull))
    throw unsupported("whenFull", String(launch.whenFull), FULL_POLICIES.join(", "));
  if (options.cooperative === true)
    throw unsupported("cooperative", "true", "false: threads have no barrier across a grid");
  if (launch.ownThread && (launch.mode === "event-driven" || launch.gridSize !== 1))
    throw unsupported(
      "ownThread",
      "true",
      "false: the kernel is served by more, or by the caller's",
    );
  within("gridSize", launch.gridSize, 1, launch.mode === "event-driven" ? 1 : GRID_MAX);
  const { restore } = launch;
  if (restore !== undefined && !(restore instanceof Uint8Array) && !(restore instanceof URL))
    throw unsupported("restore", typeof restore, "a checkpoint's bytes, or the URL of its file");
  if (restore !== undefined && launch.scheduler.queues !== 1)
    throw unsupported("scheduler", launch.scheduler.strategy, "`shared` with `restore`");
  if (launch.restore !== undefined && launch.gridSize !== 1)
    throw unsupported("gridSize", String(launch.gridSize), "1 with `restore`");
  if (!MODES.includes(launch.mode))
    throw unsupported("mode", String(launch.mode), MODES.join(", "));
  if (!RESTARTS.includes(launch.restart))
    throw unsupported("restart", String(launch.restart), RESTARTS.join(", "));
  within("tenant", launch.tenant, 0, 2 ** 31 - 1);
  within("blockSize", launch.blockSize, 1, LANES_MAX);
  within("sharedMemoryBytes", launch.sharedMemoryBytes, 0, SHARED_MAX);
  if (!launch.enableK2k && launch.routes.length > 0)
    throw unsupported("routes", `${launch.routes.length} with \`enableK2k: false\``, "none");
  if (launch.cellBytes % 64 !== 0 || launch.cellBytes < 64 || launch.cellBytes > 2 ** 20)
    throw unsupported("cellBytes", `${launch.cellBytes}`, "a multiple of 64 up to 1 MiB");
  return launch;
}

function product(size: number | Dim3 = 1): number {
  if (typeof size === "number") return size;
  const { x, y = 1, z = 1 } = size;
  return x * y * z;
}

function within(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw unsupported(name, String(value), `${least} to ${most}`);
}

/** Infinity may be. */
function notUnder(name: string, value: number, least: number): void {
  if (!(value >= least)) throw unsupported(name, String(value), `${least} or more`);
}

/** What names a kernel: its id with a module among the options, or its definition. */
export type KernelSource = string | KernelDefinition;
