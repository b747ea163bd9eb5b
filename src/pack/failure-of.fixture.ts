// The Failure that an action ends in: what most tests of a refusal want to look at.

import { Failure } from "../base/mod.ts";

/** Runs `action` and returns its Failure. Anything else it throws goes through; success is an error. */
export function failureOf(action: () => unknown): Failure {
  try {
    action();
  } catch (error) {
    return asFailure(error);
  }
  throw new Error("expected a Failure, but nothing failed");
}

/** As `failureOf`, for a promise. */
export async function failureIn(action: Promise<unknown>): Promise<Failure> {
  const outcome = await action.then(
    () => new Error("expected a Failure, but nothing failed"),
    (error: unknown) => error,
  );
  return asFailure(outcome);
}

function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  throw error;
}
