// Resting: how a kernel pauses between two messages on its thread, so that it can be saved or taken away.
//
//   rest      starts no message any more, and waits for those that run, and before a move for their calls
//   save      state and stamp, and for a checkpoint copies of what waits
//   resume    goes on, as if nothing had been
//   leave     is gone from this thread: another one has its state, its claimed messages and its queues
//
// A kernel that does not come to rest in time goes on, and so does one whose state cannot be saved.

import { Failure } from "../base/mod.ts";
import type { HybridClock } from "../message/mod.ts";
import { encodeCheckpoint } from "./checkpoint.ts";
import type { KernelDefinition } from "./define-kernel.ts";
import type { Servant } from "./crew.ts";
import type { Left, Restored } from "./kernel-spec.ts";
import type { MessageQueue } from "./message-queue.ts";
import type { Sender } from "./sender.ts";
import { decodeState } from "./state-reader.ts";
import { encodeState } from "./state-writer.ts";
import { copyWaiting } from "./waiting-messages.ts";

/** What a host orders of a kernel's thread. */
export type StateOrder =
  | { readonly order: "checkpoint"; readonly timeoutMs: number; readonly bytesMax: number }
  | { readonly order: "rest"; readonly timeoutMs: number }
  | { readonly order: "resume" }
  | { readonly order: "leave" };

/** What it gets. */
export type StateAnswer = Uint8Array | Left | undefined;

/** A kernel with what its thread knows of it. */
export interface Served {
  readonly host: Servant;
  readonly definition: KernelDefinition;
  readonly input: MessageQueue;
  /** To the output queue. */
  readonly output: Sender;
  readonly clock: HybridClock;
}

export interface RestingParts {
  readonly pause: () => Promise<void>;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Lets the thread look at the kernel again. */
  readonly look: () => void;
}

/** Pauses a kernel, saves it whole, and lets it go on. Fails with REST_TIMEOUT or STATE_UNSAVABLE. */
export async function checkpointed(
  { host, definition, input, clock }: Served,
  { timeoutMs, bytesMax }: { readonly timeoutMs: number; readonly bytesMax: number },
  parts: RestingParts,
): Promise<Uint8Array> {
  await rest(host, () => host.busy, timeoutMs, parts);
  try {
    const state = await saved(host, definition, bytesMax);
    const types = typesOf(definition);
    const slots = [...host.unstarted, ...input.ring.waiting()];
    const waiting = copyWaiting(input, slots, new Set(types), parts.now());
    clock.tick();
    const stamp = { stampHigh: clock.hi, stampLow: clock.lo };
    return encodeCheckpoint(
      { id: definition.id, types, state, ...waiting, ...stamp },
      { bytesMax },
    );
  } finally {
    resume(host, parts);
  }
}

/** Pauses a kernel for good: another thread goes on with what it leaves. Fails as `checkpointed`, or with MOVE_REFUSED. */
export async function rested(
  { host, definition, output }: Served,
  timeoutMs: number,
  parts: RestingParts,
): Promise<Left> {
  if (definition.stays === true) throw staying(host.id);
  // A call that was given up has a slot that this thread frees when its answer comes.
  await rest(host, () => host.busy + host.routes.pending, timeoutMs, parts);
  try {
    const state = await saved(host, definition);
    output.flush();
    const { unstarted, routes } = host;
    return { state, unstarted, emitted: output.number, sent: routes.numbers };
  } catch (error) {
    resume(host, parts);
    throw error;
  }
}

/** Lets a kernel go on, where it is still here. */
export function resume(host: Servant, { look }: Pick<RestingParts, "look">): void {
  host.isResting = false;
  look();
}

/** The state that a kernel begins with, in place of `start`. Fails with CHECKPOINT_INVALID or what `restore` throws. */
export async function stateFrom(
  definition: KernelDefinition,
  { state, types }: Restored,
  data: unknown,
): Promise<unknown> {
  const taken = new Set(typesOf(definition));
  const unknown = types.find((type) => !taken.has(type));
  if (unknown !== undefined) throw untaken(definition.id, unknown);
  const value = decodeState(state);
  return definition.restore === undefined ? value : await definition.restore(value, data);
}

/** Waits until `open` is 0: what keeps the kernel from resting. */
async function rest(
  host: Servant,
  open: () => number,
  timeoutMs: number,
  { pause, nowMs, look }: RestingParts,
): Promise<void> {
  const until = nowMs() + timeoutMs;
  host.isResting = true;
  do
    await pause(); // On the host's own thread a handler may have asked for this.
  while (open() > 0 && nowMs() < until);
  if (open() === 0) return;
  resume(host, { look });
  throw restless(
    host.id,
    `${host.busy} running handlers and ${host.routes.pending} open calls after ${timeoutMs} ms`,
  );
}

async function saved(
  host: Servant,
  definition: KernelDefinition,
  bytesMax?: number,
): Promise<Uint8Array> {
  let value = host.state;
  try {
    if (definition.save !== undefined) value = await definition.save(host.state);
  } catch (cause) {
    throw unsaved(host.id, cause);
  }
  return encodeState(value, bytesMax);
}

/** Numbers of the messages that a kernel takes. */
function typesOf({ on }: KernelDefinition): number[] {
  return on.map(({ message }) => message.id);
}

/** What a kernel fails with that does not come to rest in time. */
export function restless(id: string, found: string): Failure {
  return new Failure("REST_TIMEOUT", {
    at: `kernel ${id}`,
    found,
    expected: "a kernel between two messages",
    fix: "Give more `timeoutMs`, or interrupt what runs. The kernel goes on where it is.",
  });
}

function unsaved(id: string, cause: unknown): Failure {
  const found = `\`save\` threw: ${cause instanceof Error ? cause.message : String(cause)}`;
  const facts = { at: `kernel ${id}`, found, expected: "a value to keep" };
  return new Failure(
    "STATE_UNSAVABLE",
    { ...facts, fix: "Correct the kernel's `save`." },
    { cause },
  );
}

function staying(id: string): Failure {
  return new Failure("MOVE_REFUSED", {
    ...{
      at: `kernel ${id}`,
      found: "a kernel that stays on its thread",
      expected: "one that does not",
    },
    fix: "Launch another one on another thread, with a checkpoint of this one.",
  });
}

function untaken(id: string, type: number): Failure {
  return new Failure("CHECKPOINT_INVALID", {
    ...{ at: `kernel ${id}`, found: `a message of type ${type}`, expected: "one that it takes" },
    fix: "Keep the declarations of messages while any wait in a checkpoint.",
  });
}
