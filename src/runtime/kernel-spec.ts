// Kernel spec: all that a thread needs to serve a kernel. It passes between threads as it is.

import { KERNEL_BLOCK } from "../layout/mod.ts";
import type { Scalar } from "../message/mod.ts";
import type { KernelPlace } from "./define-kernel.ts";
import type { QueueMemory } from "./message-queue.ts";
import type { Scheduler } from "./scheduling.ts";

/** A kernel's place on a thread that serves it. */
export interface AttentionSpec {
  readonly memory: SharedArrayBuffer;
  readonly index: number;
}

/** What a thread gets once, since all kernels of its runtime share it. */
export interface ThreadSpec {
  /** The thread's number, from 1: no other one of the runtime has it. */
  readonly number: number;
  readonly pool: SharedArrayBuffer;
  readonly clock: WebAssembly.Memory;
  readonly maxDriftMs: number;
  readonly payloadBytesMax: number;
}

export interface KernelSpec {
  readonly id: string;
  /** The id of its definition, among the exports of its module. */
  readonly definition: string;
  /** The kernel's number among all: its source where it sends. */
  readonly number: number;
  /** Its index on the thread. */
  readonly index: number;
  /** The name under which the thread owns its slots. */
  readonly owner: number;
  /** Which of the grid's threads this is, how many there are, and what they share. */
  readonly place: KernelPlace;
  /** URL of the module that exports the definition. */
  readonly module: string;
  /** One, or as many as its scheduler says. */
  readonly inputs: readonly QueueMemory[];
  readonly scheduler: Scheduler;
  /** What each thread of the grid offers to the others, in a word of its own. */
  readonly offers: SharedArrayBuffer;
  /** Where the threads of the grid are told of messages. */
  readonly grid: readonly AttentionSpec[];
  readonly output: QueueMemory;
  /** Where its thread puts what it did not handle; undefined: nowhere. */
  readonly dead: QueueMemory | undefined;
  readonly words: SharedArrayBuffer;
  /** Where it records its messages, if it shall. */
  readonly profile?: SharedArrayBuffer | undefined;
  /** Kernels of one tenant may send to each other. */
  readonly tenant: number;
  readonly lanes: number;
  readonly checksum: boolean;
  /** Nobody else claims from the queues that it claims from. */
  readonly claimsAlone: boolean;
  /** Nobody else publishes to the output. */
  readonly emitsAlone: boolean;
  /** What the definition's `start` gets. */
  readonly data: unknown;
  /** From where it goes on, where it does not start anew. */
  readonly restored: Restored | undefined;
}

/** A kernel that was saved. */
export interface Restored {
  /** As `encodeState` wrote it. */
  readonly state: Uint8Array;
  /** Types of the messages that it finds in its queue. */
  readonly types: readonly number[];
  /** It comes from another thread, and handles nothing before it is told to. */
  readonly moved?: Omit<Left, "state">;
}

/** What a kernel leaves to its successor on another thread. */
export interface Left {
  readonly state: Uint8Array;
  /** Slots that it claimed and did not start. */
  readonly unstarted: Int32Array;
  /** Numbers of its last messages: to its output queue, and on each route. */
  readonly emitted: number;
  readonly sent: ReadonlyMap<string, readonly number[]>;
}

/** What a kernel tells its host about a message, so that the host can read it. */
export interface MessageDescription {
  readonly id: number;
  readonly name: string | undefined;
  readonly fields: readonly {
    readonly name: string;
    readonly kind: "scalar" | "bool" | "array" | "list" | "text";
    readonly scalar: Scalar;
    readonly count: number;
  }[];
}

/** What a thread says when a kernel has started. */
export interface Launched {
  readonly takes: readonly MessageDescription[];
  readonly gives: readonly MessageDescription[];
  /** What the definition's `shares` gave; memory in it is the same on both sides. */
  readonly shares: unknown;
}

export function createKernelWords(): SharedArrayBuffer {
  return new SharedArrayBuffer(KERNEL_BLOCK.bytes);
}
