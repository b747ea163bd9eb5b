// Options: what a runtime and a launch may be told, with defaults. Every one has an effect, or is refused.

import { Failure } from "../base/mod.ts";
import type { IdlePolicy } from "../ring/mod.ts";
import type { KernelDefinition } from "./define-kernel.ts";
import type { Restart, Strategy } from "./supervision.ts";

/** What a send does when the kernel's queue is full. */
export type FullPolicy = "fail" | "wait" | "drop-newest";

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
  /** Looks at a call's slot before its caller yields to the event loop: 1000, some ten microseconds. */
  readonly callSpins?: number;
  /** One call in so many is measured for `metrics.latency`: 16. 1 is every call. */
  readonly latencySampling?: number;
}

export type ResolvedRuntime = Required<RuntimeOptions>;

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
  callSpins: 1000,
  latencySampling: 16,
  supervision: { strategy: "one-for-one" },
  onSupervision: () => {},
} as const satisfies RuntimeOptions;

/** Every option with its default. Fails with OPTION_UNSUPPORTED for what cannot be. */
export function resolveRuntime(options: RuntimeOptions, threadsMax: number): ResolvedRuntime {
  const resolved = { threads: threadsMax, ...RUNTIME_DEFAULTS, ...options };
  const { heartbeatTimeoutMs = Infinity } = options.supervision ?? {};
  within("latencySampling", resolved.latencySampling, 1, 2 ** 31 - 1);
  if (heartbeatTimeoutMs !== Infinity)
    within("supervision.heartbeatTimeoutMs", heartbeatTimeoutMs, 4, 2 ** 31 - 1);
  return resolved;
}

export interface LaunchOptions {
  /** Name of this kernel, where it is not that of its definition: one definition may be launched often. */
  readonly id?: string;
  /** Module whose exports hold the kernel. Not needed where the definition says its own. */
  readonly module?: string | URL;
  /** `persistent`: on threads of the runtime. `event-driven`: in turns of this thread's event loop. */
  readonly mode?: "persistent" | "event-driven";
  /** Threads that serve the kernel, each with a state of its own: 1. */
  readonly gridSize?: number;
  /** Messages that each of those handles at a time, where handlers are asynchronous: 1. */
  readonly blockSize?: number;
  /** Slots, a power of two. The runtime's `defaultQueueCapacity`. */
  readonly inputQueueCapacity?: number;
  readonly outputQueueCapacity?: number;
  /** Bytes of a payload that need no block: 128. A multiple of 64. */
  readonly cellBytes?: number;
  /** Activates at once: true. */
  readonly autoActivate?: boolean;
  /** Messages may have priorities: false. Each of five lanes then has a part of the capacity. */
  readonly priorities?: boolean;
  /** What a send does when the queue is full: `fail`. */
  readonly whenFull?: FullPolicy;
  /** Checks every payload's CRC-32C: false. */
  readonly checksum?: boolean;
  /** Ids of kernels that this one may send to, launched already or later: none. */
  readonly routes?: readonly string[];
  /** Whether it is launched again when its thread dies: `temporary`, never. */
  readonly restart?: Restart;
  /** Kernels send only to kernels of their own tenant: 0. */
  readonly tenant?: number;
  /** What the kernel's `start` gets. It passes to another thread, so that it must be cloneable. */
  readonly data?: unknown;
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
  readonly inputQueueCapacity: number;
  readonly outputQueueCapacity: number;
  readonly cellBytes: number;
  readonly autoActivate: boolean;
  readonly priorities: boolean;
  readonly whenFull: FullPolicy;
  readonly checksum: boolean;
  readonly routes: readonly string[];
  readonly tenant: number;
  readonly data: unknown;
  readonly restart: Restart;
  readonly profiling: boolean;
  readonly debug: boolean;
}

const GRID_MAX = 64;
const LANES_MAX = 1024;

/** Every option with its default. Fails with OPTION_UNSUPPORTED for what cannot be. */
export function resolveLaunch(options: LaunchOptions, queueCapacity: number): Launch {
  const launch: Launch = {
    mode: options.mode ?? "persistent",
    gridSize: options.gridSize ?? 1,
    blockSize: options.blockSize ?? 1,
    inputQueueCapacity: options.inputQueueCapacity ?? queueCapacity,
    outputQueueCapacity: options.outputQueueCapacity ?? queueCapacity,
    cellBytes: options.cellBytes ?? 128,
    autoActivate: options.autoActivate ?? true,
    priorities: options.priorities ?? false,
    whenFull: options.whenFull ?? "fail",
    checksum: options.checksum ?? false,
    routes: options.routes ?? [],
    tenant: options.tenant ?? 0,
    data: options.data,
    restart: options.restart ?? "temporary",
    profiling: options.profiling ?? false,
    debug: options.debug ?? false,
  };
  if (options.cooperative === true)
    throw unsupported("cooperative", "true", "false: threads have no barrier across a grid");
  within("gridSize", launch.gridSize, 1, launch.mode === "event-driven" ? 1 : GRID_MAX);
  within("blockSize", launch.blockSize, 1, LANES_MAX);
  if (launch.cellBytes % 64 !== 0 || launch.cellBytes < 64 || launch.cellBytes > 2 ** 20)
    throw unsupported("cellBytes", `${launch.cellBytes}`, "a multiple of 64 up to 1 MiB");
  return launch;
}

function within(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw unsupported(name, String(value), `${least} to ${most}`);
}

export function unsupported(name: string, found: string, expected: string): Failure {
  return new Failure("OPTION_UNSUPPORTED", {
    at: name,
    found,
    expected,
    fix: "Change or leave out the option.",
  });
}

/** What names a kernel: its id with a module among the options, or its definition. */
export type KernelSource = string | KernelDefinition;
