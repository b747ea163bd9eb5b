// Carried failure: a failure as text, since its class does not pass between threads. What arrives has the
// same code, facts and detail; its stack and cause stay where it happened.
//
// A kernel's caller gets HANDLER_FAILED with the stack of what the handler threw, up to a cell's bytes. So a
// handler that throws `Carrying` sends the text in place of the stack, at no cost to calls that succeed.

import { Failure, type FailureCode, type Facts, type Issue } from "../../base/mod.ts";
import { KernelError } from "../../sandbox/mod.ts";

interface Carried extends Facts {
  readonly name: string;
  readonly code: FailureCode;
  readonly issues: readonly Issue[];
  readonly detail: Readonly<Record<string, unknown>>;
}

/** A text that `carried` reads. */
export function carry(failure: Failure): string {
  return JSON.stringify({ name: failure.name, ...failure.toJSON() }, (_, value: unknown) =>
    typeof value === "bigint" ? String(value) : value,
  );
}

export function carried(text: string): Failure {
  const { name, code, issues, detail, at, found, expected, fix } = JSON.parse(text) as Carried;
  const facts = { found, expected, fix };
  if (name === "KernelError")
    return new KernelError({ ...(detail as unknown as KernelFacts), code, ...facts });
  const where = at === undefined ? {} : { at };
  return new Failure(code, { ...where, ...facts }, { issues, detail });
}

/** Thrown by a handler. */
export class Carrying extends Error {
  constructor(failure: Failure) {
    super(failure.message, { cause: failure });
    this.stack = carry(failure);
  }
}

/** What the handler's failure was, where it threw `Carrying` and the text came whole; else `error` itself. */
export function carriedBy(error: unknown): unknown {
  const text = error instanceof Failure && error.cause instanceof Error ? error.cause.stack : "";
  if (text?.startsWith('{"name":') !== true) return error;
  try {
    return carried(text);
  } catch {
    return error;
  }
}

type KernelFacts = Omit<ConstructorParameters<typeof KernelError>[0], "code" | keyof Facts>;
