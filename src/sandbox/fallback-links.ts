// Links: the walk along a fallback chain, and what it counts.
//
// Recovery has an order, and each step can be seen from outside:
//   1. the trap is told with all that is known of it       event `trapped`
//   2. the instance is given up                            event `discarded`, and the pool's counts
//   3. the next link runs                                  event `falling-back` before it does
//   4. the degraded result is counted                      `counts()`, then event `degraded`
// The first two are the instance's own (instance.ts), whether or not there is a chain.

import { assert, Failure } from "../base/mod.ts";
import type { TensorValue } from "./by-value.ts";
import type { SandboxEvent } from "./context.ts";
import { mayFallBack } from "./fallback-policy.ts";
import type { CallRequest } from "./kernel.ts";

/** One of those who can compute what a kernel promises. */
export interface LinkName {
  readonly kind: "kernel" | "reference";
  /** The kernel's id, or the name of the host's reference. */
  readonly id: string;
}

export interface Link extends LinkName {
  /** Computes the outputs of a call by value, or throws. */
  run(request: CallRequest): Tensors;
}

export type Tensors = Readonly<Record<string, TensorValue>>;

export interface LinkFailure {
  readonly link: LinkName;
  readonly error: Failure;
}

/** How a call was answered. */
export interface Answer {
  /** True when another link than the first computed the result. */
  readonly degraded: boolean;
  readonly by: LinkName;
  /** Why each link before that one did not, in their order. Empty unless degraded. */
  readonly failures: readonly LinkFailure[];
}

export interface LinkCounts extends LinkName {
  readonly answered: number;
  readonly failed: number;
  /** Passed over without a try, since it failed too often in a row. */
  readonly rested: number;
}

export interface ChainCounts {
  /** Calls that another link than the first answered. */
  readonly degraded: number;
  /** Calls that no link answered. */
  readonly exhausted: number;
  readonly links: readonly LinkCounts[];
}

interface LinkState {
  readonly link: Link;
  readonly name: LinkName;
  answered: number;
  failed: number;
  rested: number;
  failedInRow: number;
  lastError: Failure | undefined;
}

export interface LinksOptions {
  /** Never throws. */
  readonly emit: (event: SandboxEvent) => void;
  readonly restAfter: number;
}

export class Links {
  /** The kernel that the chain is for: its first link. */
  readonly kernel: string;
  readonly names: readonly LinkName[];
  readonly #states: readonly LinkState[];
  readonly #options: LinksOptions;
  /** What every call returns that the first link answers: made once, so that it costs nothing. */
  readonly #usual: Answer;
  #degraded = 0;
  #exhausted = 0;

  constructor(links: readonly Link[], options: LinksOptions) {
    assert(links.length > 0, "a chain begins with its kernel");
    this.names = Object.freeze(links.map(({ kind, id }) => Object.freeze({ kind, id })));
    this.#states = links.map((link, i) => newState(link, this.names[i]!));
    this.kernel = this.names[0]!.id;
    this.#options = options;
    const failures = Object.freeze([]);
    this.#usual = Object.freeze({ degraded: false, by: this.names[0]!, failures });
  }

  counts(): ChainCounts {
    const links = this.#states.map(({ name, answered, failed, rested }) => {
      return { ...name, answered, failed, rested };
    });
    return { degraded: this.#degraded, exhausted: this.#exhausted, links };
  }

  /** Lets every link be tried again. */
  reset(): void {
    for (const state of this.#states) state.failedInRow = 0;
  }

  /** Whether the first link is passed over for now. */
  get firstRests(): boolean {
    return this.#rests(this.#states[0]!);
  }

  /**
   * Runs the links from the one at `from` on until one answers; `failures` are those of the links before.
   * Throws what is the caller's own fault, and FALLBACKS_EXHAUSTED when no link is left.
   */
  run(request: CallRequest, from = 0, failures: readonly LinkFailure[] = []): [Tensors, Answer] {
    const failed = [...failures];
    for (let at = from; at < this.#states.length; at++) {
      const state = this.#states[at]!;
      if (failed.length > 0) this.#tellNext(failed.at(-1)!, state.name);
      if (this.#rests(state)) {
        state.rested++;
        failed.push({ link: state.name, error: state.lastError! });
        continue;
      }
      let outputs: Tensors;
      try {
        outputs = state.link.run(request);
      } catch (error) {
        failed.push(this.failed(error, at));
        continue;
      }
      return [outputs, this.answered(at, failed)];
    }
    this.#exhausted++;
    throw exhausted(this.kernel, failed);
  }

  /** Counts an answer of the link at `at`, and tells the host where it is a degraded one. */
  answered(at = 0, failures: readonly LinkFailure[] = []): Answer {
    const state = this.#states[at]!;
    state.answered++;
    state.failedInRow = 0;
    if (at === 0) return this.#usual;
    this.#degraded++;
    const answer = Object.freeze({
      degraded: true,
      by: state.name,
      failures: Object.freeze(failures),
    });
    this.#options.emit({ type: "degraded", kernel: this.kernel, ...answer });
    return answer;
  }

  /** Counts a failure of the link at `at`. Throws `error` where the caller must hear of it instead. */
  failed(error: unknown, at = 0): LinkFailure {
    if (!mayFallBack(error)) throw error;
    const state = this.#states[at]!;
    state.failed++;
    state.failedInRow++;
    state.lastError = error;
    return { link: state.name, error };
  }

  #rests({ failedInRow }: LinkState): boolean {
    return failedInRow >= this.#options.restAfter;
  }

  #tellNext({ link: from, error }: LinkFailure, to: LinkName): void {
    this.#options.emit({ type: "falling-back", kernel: this.kernel, from, to, error });
  }
}

function newState(link: Link, name: LinkName): LinkState {
  return { link, name, answered: 0, failed: 0, rested: 0, failedInRow: 0, lastError: undefined };
}

/** Keeps every error: as issues for a log, and whole in the cause. */
export function exhausted(kernel: string, failures: readonly LinkFailure[]): Failure {
  const issues = failures.map(({ link, error }) => {
    const { code, found, expected, fix } = error;
    return { at: `${link.kind} "${link.id}"`, code, found, expected, fix };
  });
  const errors = failures.map(({ error }) => error);
  return new Failure(
    "FALLBACKS_EXHAUSTED",
    {
      at: `kernel "${kernel}"`,
      found: issues.map(({ at, code }) => `${at}: ${code}`).join("; "),
      expected: "one of them to compute the result",
      fix: "Read the first of the issues: it is the kernel's own. Give the kernel a fallback that works.",
    },
    { issues, cause: new AggregateError(errors, "what each link of the chain failed with") },
  );
}
