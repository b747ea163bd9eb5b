// Supervision: what to do when a child ends, as Erlang's supervisors decide it.
//
//   ended      stopped    failed or killed
//   permanent  restart    restart
//   transient  none       restart
//   temporary  forget     forget
//
//   restart        stops            starts
//   one-for-one    nobody           the child
//   one-for-all    all others       all
//   rest-for-one   those after it   the child and those after it
//
// It decides and holds no thread: whoever asks stops and starts what the decision names. A decision counts
// as carried out when it is given. An end that happened before a restart may be reported after it; its
// generation tells, and it changes nothing.
//
// As in Erlang, a transient child that stopped keeps its place, so a restart of its siblings may start it
// again; `remove` it to prevent that. A temporary child is gone once it ended or was stopped.

import { Failure } from "../base/mod.ts";

export type Strategy = "one-for-one" | "one-for-all" | "rest-for-one";
export type Restart = "permanent" | "transient" | "temporary";
export type EndedHow = "stopped" | "failed" | "killed";

export type Decision =
  /** Nothing is to be done. */
  | { readonly kind: "none" }
  /** The child is gone for good, and unknown from here on. */
  | { readonly kind: "forget" }
  | {
      readonly kind: "restart";
      /** Stop these first, in this order: who started last stops first. */
      readonly stop: readonly string[];
      /** Then start these, in this order. */
      readonly start: readonly string[];
    }
  /** Too many restarts: stop the rest and end the supervisor itself. It knows no child any more. */
  | {
      readonly kind: "escalate";
      readonly stop: readonly string[];
      /** Restarts within the window, the one refused among them. */
      readonly restarts: number;
      readonly windowMs: number;
    };

export interface SupervisionOptions {
  readonly strategy: Strategy;
  /** Restarts allowed within the window: 3. The next one escalates. */
  readonly maxRestarts?: number;
  /** Length of the sliding window, in milliseconds: 5000. A restart of exactly that age still counts. */
  readonly windowMs?: number;
  /** The clock, in milliseconds. It never goes back. */
  readonly now: () => number;
}

interface Child {
  readonly id: string;
  restart: Restart;
  running: boolean;
  generation: number;
}

export class Supervision {
  readonly #strategy: Strategy;
  readonly #maxRestarts: number;
  readonly #windowMs: number;
  readonly #now: () => number;
  readonly #children = new Map<string, Child>(); // In start order.
  #restarts: number[] = []; // When each restart within the window was.

  constructor({ strategy, maxRestarts = 3, windowMs = 5000, now }: SupervisionOptions) {
    this.#strategy = strategy;
    this.#maxRestarts = maxRestarts;
    this.#windowMs = windowMs;
    this.#now = now;
  }

  /** Takes a child that was just started. One that stopped, and is still known, returns to its place. */
  add(id: string, { restart }: { readonly restart: Restart }): void {
    const known = this.#children.get(id);
    if (known?.running === true) throw startedAlready(id);
    if (known === undefined) this.#children.set(id, { id, restart, running: true, generation: 1 });
    else {
      known.restart = restart;
      begin(known);
    }
  }

  /** Forgets a child, running or not. False when it is unknown. */
  remove(id: string): boolean {
    return this.#children.delete(id);
  }

  /** How often the child was started, this time included. 0 when it is unknown. */
  generation(id: string): number {
    return this.#children.get(id)?.generation ?? 0;
  }

  /**
   * Decides what follows from an end. Pass the generation that ended where the news may be late. A start
   * that fails is an end too, so that a child that cannot start escalates in time.
   */
  ended(id: string, how: EndedHow, generation = this.generation(id)): Decision {
    const child = this.#children.get(id);
    if (child === undefined || !child.running) return { kind: "none" };
    if (child.generation !== generation) return { kind: "none" };
    child.running = false;
    if (child.restart === "temporary") {
      this.remove(id);
      return { kind: "forget" };
    }
    if (child.restart === "transient" && how === "stopped") return { kind: "none" };
    return this.#mayRestart() ? this.#restart(child) : this.#escalate();
  }

  /** Counts a restart, and says whether it is still within bounds. */
  #mayRestart(): boolean {
    const now = this.#now();
    this.#restarts = this.#restarts.filter((at) => now - at <= this.#windowMs);
    this.#restarts.push(now);
    return this.#restarts.length <= this.#maxRestarts;
  }

  #restart(child: Child): Decision {
    const affected = this.#affected(child);
    const stop = runningIn(affected);
    const started = affected.filter(({ restart }) => restart !== "temporary");
    for (const other of affected) if (other.restart === "temporary") this.remove(other.id);
    for (const other of started) begin(other);
    return { kind: "restart", stop, start: started.map(({ id }) => id) };
  }

  #affected(child: Child): readonly Child[] {
    switch (this.#strategy) {
      case "one-for-one":
        return [child];
      case "one-for-all":
        return this.#all;
      case "rest-for-one":
        return this.#all.slice(this.#all.indexOf(child));
    }
  }

  #escalate(): Decision {
    const stop = runningIn(this.#all);
    const restarts = this.#restarts.length;
    this.#children.clear();
    this.#restarts = [];
    return { kind: "escalate", stop, restarts, windowMs: this.#windowMs };
  }

  get #all(): readonly Child[] {
    return [...this.#children.values()];
  }
}

function begin(child: Child): void {
  child.running = true;
  child.generation++;
}

/** Who is to be stopped: a child may lean on those that started before it, so it goes before them. */
function runningIn(children: readonly Child[]): string[] {
  return children
    .filter(({ running }) => running)
    .map(({ id }) => id)
    .toReversed();
}

function startedAlready(id: string): Failure {
  return new Failure("KERNEL_ALREADY_ACTIVE", {
    at: `child ${id}`,
    found: "a child of this id that runs",
    expected: "an id of its own for each child",
    fix: "Remove the first, or name the second otherwise.",
  });
}
