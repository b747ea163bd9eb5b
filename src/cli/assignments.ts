// Assignments: options of the form NAME=VALUE, given as often as there are names.

import { InvalidArgumentError } from "commander";

/** NAME to VALUE, in the order in which they were given. */
export type Assignments = ReadonlyMap<string, string>;

/** For commander: adds one NAME=VALUE to those before. A name may be given once. */
export function assignment(text: string, before: Assignments | undefined): Assignments {
  const split = text.indexOf("=");
  const [name, value] = [text.slice(0, Math.max(split, 0)), text.slice(split + 1)];
  if (name === "" || value === "") throw new InvalidArgumentError("It must be NAME=VALUE.");
  if (before?.has(name) === true) throw new InvalidArgumentError(`"${name}" is given twice.`);
  return new Map([...(before ?? []), [name, value]]);
}

/** For commander: a whole number from `min` to `max`. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}
