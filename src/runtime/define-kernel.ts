// Define kernel: what a trusted module exports so that it can be launched.

import { Failure } from "../base/mod.ts";
import type { Handler, KernelContext, Message } from "../message/mod.ts";

/** Where a kernel starts. */
export interface KernelPlace {
  /** Which of the grid's threads this is, from 0, and how many there are. */
  readonly index: number;
  readonly count: number;
  /** The launch's `sharedMemoryBytes`, which all of them see. */
  readonly shared: SharedArrayBuffer;
}

export interface KernelDefinition<
  State = unknown,
  On extends readonly Handler[] = readonly Handler[],
> {
  /** What `launch` names. */
  readonly id: string;
  /** `import.meta.url` of the module that exports it: threads load it from there. */
  readonly module?: string;
  /** The messages that it takes. */
  readonly on: On;
  /** Messages that it emits by itself, beside its replies. */
  readonly emits?: readonly Message[];
  /**
   * Runs once before the first message, on the thread that serves the kernel. `data` is the launch's; it is
   * declared as a method is, so that a kernel may name its type.
   */
  start?(data: unknown, place: KernelPlace): State | Promise<State>;
  /**
   * Gives memory that the thread and the host shall both see, once, after `start`: the host finds it as
   * `KernelHandle.shares`. It passes between threads, so that it must be cloneable.
   */
  shares?(state: State): unknown;
  /**
   * Runs on the host whenever the kernel is interrupted there, for handlers that cannot look at their
   * context. The host has it from the definition that it launches, never from a module that it names.
   */
  readonly onInterrupt?: () => void;
  /** Runs once after the last one, but not when the thread is killed. */
  readonly stop?: (context: KernelContext) => void | Promise<void>;
}

const DEFINED = new WeakSet<object>();

/**
 * Declares a kernel. Fails with MESSAGE_INVALID where two of its messages are the same to whoever receives
 * them: give one a name.
 */
export function defineKernel<State, const On extends readonly Handler[]>(
  definition: KernelDefinition<State, On>,
): KernelDefinition<State, On> {
  const { id, on } = definition;
  if (typeof id !== "string" || id === "")
    throw invalid("id", String(id), "a name that is not empty");
  const seen = new Map<number, Message>();
  for (const { message } of on) {
    const other = seen.get(message.id);
    if (other !== undefined)
      throw invalid(
        `kernel ${id}`,
        `two handlers for ${message}`,
        "one for each message; name one of two alike",
      );
    seen.set(message.id, message);
  }
  DEFINED.add(definition);
  return definition;
}

export function isKernel(value: unknown): value is KernelDefinition {
  return typeof value === "object" && value !== null && DEFINED.has(value);
}

function invalid(at: string, found: string, expected: string): Failure {
  return new Failure("MESSAGE_INVALID", {
    at,
    found,
    expected,
    fix: "Correct the kernel's definition.",
  });
}
