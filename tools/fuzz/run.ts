// Run: feeds mutated inputs to targets and counts the answers, until the end or the first violation.

import { Failure } from "../../src/base/mod.ts";
import { Chance } from "./random.ts";
import type { Target } from "./targets.ts";

export interface Tally {
  readonly target: string;
  inputs: number;
  /** How often each answer was given: a failure's code, or "ok". */
  readonly answers: Map<string, number>;
}

export interface Violation {
  readonly target: string;
  /** Number of the input in this run: the seed and this number decide it. */
  readonly input: number;
  readonly bytes: Uint8Array;
  readonly error: unknown;
}

export interface Report {
  readonly tallies: readonly Tally[];
  readonly violation: Violation | undefined;
}

export interface Limits {
  readonly inputs: number;
  /** True when the run is to end; asked between rounds. */
  readonly isOver: () => boolean;
}

const ROUND = 200; // Inputs between two turns of the event loop, where a signal is heard.

/** Runs the targets in turn, a round each, until the inputs are used up or the run is over. */
export async function fuzz(
  targets: readonly Target[],
  seed: number,
  limits: Limits,
): Promise<Report> {
  const tallies = targets.map(({ name }) => ({ target: name, inputs: 0, answers: new Map() }));
  let input = 0;
  while (input < limits.inputs && !limits.isOver()) {
    for (const [i, target] of targets.entries()) {
      const end = Math.min(input + ROUND, limits.inputs);
      for (; input < end; input++) {
        const violation = tryInput(target, tallies[i]!, seed, input);
        if (violation !== undefined) return { tallies, violation };
      }
    }
    await new Promise((resolve) => void setImmediate(resolve));
  }
  return { tallies, violation: undefined };
}

function tryInput(
  target: Target,
  tally: Tally,
  seed: number,
  input: number,
): Violation | undefined {
  const chance = new Chance(seed + Math.imul(input, 0x9e3779b1));
  const bytes = target.mutate(chance.pick(target.corpus), target.corpus, chance);
  tally.inputs++;
  const answer = answerOf(target, bytes, chance);
  if (typeof answer !== "string") return { target: target.name, input, bytes, error: answer.error };
  tally.answers.set(answer, (tally.answers.get(answer) ?? 0) + 1);
  return undefined;
}

/** "ok", the code of a failure, or the error that should not have been. */
function answerOf(
  { use, wrong }: Target,
  bytes: Uint8Array<ArrayBuffer>,
  chance: Chance,
): string | { readonly error: unknown } {
  try {
    use(bytes, chance);
    return "ok";
  } catch (error) {
    const typed = error instanceof Failure && wrong?.(bytes, error.code) !== true;
    return typed ? error.code : { error };
  }
}
