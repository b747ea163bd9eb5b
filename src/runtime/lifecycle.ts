// Lifecycle: the states of a kernel, and which event leads from one to another. Whatever is not in the
// table is refused.
//
//   created --launch--> launched --activate--> active <--activate/deactivate--> deactivated
//   launched, active, deactivated --terminate--> terminating --terminated--> terminated

import { Failure } from "../base/mod.ts";

/** In the order of their numbers in shared memory. */
export const STATES = [
  "created",
  "launched",
  "active",
  "deactivated",
  "terminating",
  "terminated",
] as const;

export type KernelState = (typeof STATES)[number];
export type LifecycleEvent = "launch" | "activate" | "deactivate" | "terminate" | "terminated";

const TABLE: Readonly<Record<KernelState, Partial<Record<LifecycleEvent, KernelState>>>> = {
  created: { launch: "launched" },
  launched: { activate: "active", terminate: "terminating" },
  active: { deactivate: "deactivated", terminate: "terminating" },
  deactivated: { activate: "active", terminate: "terminating" },
  terminating: { terminated: "terminated" },
  terminated: {},
};

const ACTIVE = STATES.indexOf("active");
const TERMINATING = STATES.indexOf("terminating");

/** Whether a kernel's thread may handle messages in the state of this number. */
export function mayHandle(state: number): boolean {
  return state === ACTIVE || state === TERMINATING; // A terminating one drains.
}

export const canActivate = (state: KernelState): boolean => TABLE[state].activate !== undefined;
export const canDeactivate = (state: KernelState): boolean => TABLE[state].deactivate !== undefined;
export const canTerminate = (state: KernelState): boolean => TABLE[state].terminate !== undefined;
export const isRunning = (state: KernelState): boolean => state === "active";
export const isFinished = (state: KernelState): boolean => state === "terminated";

/** The state that an event leads a kernel to. Fails with INVALID_STATE_TRANSITION where there is none. */
export function next(state: KernelState, event: LifecycleEvent, id = "of any id"): KernelState {
  const to = TABLE[state][event];
  if (to === undefined) throw refused(id, state, event);
  return to;
}

/** One kernel's state, in a word that its threads read. Only its host moves it, and so reads it plainly. */
export class Lifecycle {
  readonly #id: string;
  readonly #word: Int32Array;
  readonly #onChange: (from: KernelState, to: KernelState) => void;

  constructor(
    id: string,
    word: Int32Array,
    onChange: (from: KernelState, to: KernelState) => void,
  ) {
    this.#id = id;
    this.#word = word;
    this.#onChange = onChange;
  }

  get state(): KernelState {
    return STATES[this.#word[0]!]!;
  }

  /** Moves on. Fails with INVALID_STATE_TRANSITION where the table has no way on. */
  move(event: LifecycleEvent): void {
    const from = this.state;
    const to = next(from, event, this.#id);
    Atomics.store(this.#word, 0, STATES.indexOf(to));
    this.#onChange(from, to);
  }
}

function refused(id: string, from: KernelState, event: LifecycleEvent): Failure {
  const allowed = STATES.filter((state) => TABLE[state][event] !== undefined);
  return new Failure("INVALID_STATE_TRANSITION", {
    at: `kernel ${id}`,
    found: `${event} of a kernel that is ${from}`,
    expected: `one that is ${allowed.join(" or ")}`,
    fix:
      from === "terminated"
        ? "Launch it again: its id is free."
        : "Ask `state` before, or wait for it.",
  });
}
