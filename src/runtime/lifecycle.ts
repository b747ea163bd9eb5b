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

/** The state that an event leads to; undefined where it is refused. */
export function next(state: KernelState, event: LifecycleEvent): KernelState | undefined {
  return TABLE[state][event];
}

/** One kernel's state, in a word that its threads read. Only its host moves it. */
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
    return STATES[Atomics.load(this.#word, 0)]!;
  }

  /** Moves on. Fails with INVALID_STATE_TRANSITION, or KERNEL_TERMINATED once the kernel has ended. */
  move(event: LifecycleEvent): void {
    const from = this.state;
    const to = next(from, event);
    if (to === undefined) throw refused(this.#id, from, event);
    Atomics.store(this.#word, 0, STATES.indexOf(to));
    this.#onChange(from, to);
  }
}

function refused(id: string, from: KernelState, event: LifecycleEvent): Failure {
  const allowed = STATES.filter((state) => next(state, event) !== undefined);
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
