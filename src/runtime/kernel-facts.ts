// Kernel facts: what a kernel's host is told about it, and what it may say with a message.

import type { Failure } from "../base/mod.ts";
import type { Priority } from "../layout/mod.ts";
import type { Fields, Handler, ValueOf } from "../message/mod.ts";
import type { AdmissionMetrics } from "./admission.ts";
import type { LatencyFacts } from "./latency.ts";
import type { KernelState } from "./lifecycle.ts";

/** What a kernel answers a message with, as its definition says. */
export type ReplyOf<Kernel, Of extends Fields> = Kernel extends {
  readonly on: readonly (infer One)[];
}
  ? One extends Handler<Of, infer Reply>
    ? ValueOf<Reply>
    : never
  : never;

export interface SendOptions {
  /** Needs a kernel that was launched with `priorities`. */
  readonly priority?: Priority;
  /** The message is worth nothing after this many milliseconds. */
  readonly ttlMs?: number;
  /** With the scheduler `static`: messages of one key go to one thread. 0. */
  readonly key?: number;
  /** With the scheduler `priority`: 0 is the most urgent. The middle one. */
  readonly level?: number;
  /** An id of your own, 64 bits: repeated, the message is sent once. Needs `deduplicate` at the launch. */
  readonly messageId?: bigint;
}

export interface CallOptions extends SendOptions {
  /** 30,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface KernelStatus {
  readonly id: string;
  readonly state: KernelState;
  readonly mode: "persistent" | "event-driven";
  readonly inputQueueDepth: number;
  readonly outputQueueDepth: number;
  readonly messagesProcessed: number;
  readonly uptimeMs: number;
}

export interface KernelMetrics extends KernelStatus, Partial<AdmissionMetrics> {
  readonly sent: number;
  readonly queueFull: number;
  /** Messages given up for want of room. */
  readonly dropped: number;
  /** Messages that wait on the host for room. */
  readonly waiting: number;
  readonly failed: number;
  /** Messages that its threads have claimed and not ended. */
  readonly inHand: number;
  readonly expired: number;
  readonly malformed: number;
  readonly skewed: number;
  readonly emitted: number;
  readonly emitFull: number;
  /** Messages that should have become dead letters and found no room. */
  readonly deadLost: number;
  /** Of the emitted messages that the host took, those that nobody asked for in time, and those of no declared type. */
  readonly overflowed: number;
  readonly unknown: number;
  readonly received: number;
  readonly answered: number;
  readonly timedOut: number;
  readonly lateReplies: number;
  /** Calls of the host that ended as a fault, those too that nobody waited for. */
  readonly failedCalls: number;
  /** Turns in which its threads looked at it: a heartbeat that goes on while it is busy. */
  readonly turns: number;
  /** See `KernelHandle.generation`; and how often supervision launched it again. */
  readonly generation: number;
  readonly restarts: number;
  /** Of the host's calls, one in `latencySampling`. */
  readonly latency: LatencyFacts;
  /** How long its handlers took, of every message. Undefined unless it was launched with `profiling`. */
  readonly handling: LatencyFacts | undefined;
}

/** How a kernel's life ended. */
export type KernelEnd =
  /** `failure`: what the kernel's `stop` threw. */
  | { readonly how: "terminated"; readonly refused: number; readonly failure?: Failure }
  | { readonly how: "forced"; readonly lost: number; readonly failure?: Failure }
  | {
      readonly how: "killed";
      readonly lost: number;
      /** The thread was not told to end. */
      readonly failure?: Failure;
      /** Its exit code then. */
      readonly exitCode?: number;
    };

export interface CheckpointOptions {
  /** How long running handlers and the calls they made are waited for, in milliseconds: 5000. */
  readonly timeoutMs?: number;
  /** The most bytes: 64 MiB, and no more than 1 GiB. */
  readonly bytesMax?: number;
}

export interface MoveOptions {
  /** How long running handlers and the calls they made are waited for, in milliseconds: 5000. */
  readonly timeoutMs?: number;
}

/** What became of a move. `failure`: what the kernel's `leave` threw on the thread that it left. */
export interface Moved {
  readonly failure?: Failure;
}

/** How a thread ended. `failure`: it was not told to. */
export interface ThreadEnd {
  readonly failure?: Failure;
  readonly exitCode?: number;
}
