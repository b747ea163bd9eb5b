// JSON: model files as people's tools write them, read with bounds, every value checked when taken.
//
// JSON.parse does the reading: model files carry no signature that two readers could disagree about,
// it has no limit of depth to overrun, and what is not asked for is never walked.

import { Failure } from "../base/mod.ts";

/** Reads `bytes` as a JSON object. Fails with MODEL_FILE_INVALID. */
export function parseObject(bytes: Uint8Array, file: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause);
    throw new Failure("MODEL_FILE_INVALID", facts(file, found, "JSON in UTF-8"), { cause });
  }
  return Fields.of(value, file);
}

export interface Range {
  readonly min: number;
  readonly max: number;
}

/** The members of one JSON object, taken by name and kind. Null counts as absent. */
export class Fields {
  /** File and path of the object, for failures. */
  readonly at: string;
  readonly #members: Readonly<Record<string, unknown>>;

  private constructor(members: Readonly<Record<string, unknown>>, at: string) {
    this.#members = members;
    this.at = at;
  }

  static of(value: unknown, at: string): Fields {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw invalid(at, value, "an object");
    return new Fields(value as Readonly<Record<string, unknown>>, at);
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  get(name: string): unknown {
    return Object.hasOwn(this.#members, name) ? (this.#members[name] ?? undefined) : undefined;
  }

  /** All members, such as a vocabulary's. */
  entries(): readonly (readonly [string, unknown])[] {
    return Object.entries(this.#members);
  }

  integer(name: string, { min, max }: Range): number {
    const value = this.get(name);
    if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max)
      return value;
    throw this.#wrong(name, `a whole number from ${min} to ${max}`);
  }

  integerOr(name: string, range: Range, otherwise: number): number {
    return this.has(name) ? this.integer(name, range) : otherwise;
  }

  /** A finite number greater than zero. */
  positive(name: string): number {
    const value = this.get(name);
    if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
    throw this.#wrong(name, "a number greater than zero");
  }

  positiveOr(name: string, otherwise: number): number {
    return this.has(name) ? this.positive(name) : otherwise;
  }

  flag(name: string, otherwise: boolean): boolean {
    const value = this.get(name) ?? otherwise;
    if (typeof value === "boolean") return value;
    throw this.#wrong(name, "true or false");
  }

  text(name: string): string {
    const value = this.get(name);
    if (typeof value === "string") return value;
    throw this.#wrong(name, "a text");
  }

  textOr(name: string, otherwise: string): string {
    return this.has(name) ? this.text(name) : otherwise;
  }

  list(name: string, itemsMax: number): readonly unknown[] {
    const value = this.get(name) ?? [];
    if (!Array.isArray(value)) throw this.#wrong(name, "a list");
    if (value.length > itemsMax) throw tooLarge(this.path(name), value.length, itemsMax);
    return value;
  }

  object(name: string): Fields {
    return Fields.of(this.get(name), this.path(name));
  }

  objectOr<Otherwise>(name: string, otherwise: Otherwise): Fields | Otherwise {
    return this.has(name) ? this.object(name) : otherwise;
  }

  objects(name: string, itemsMax: number): readonly Fields[] {
    return this.list(name, itemsMax).map((item, i) => Fields.of(item, `${this.path(name)}/${i}`));
  }

  path(name: string): string {
    return `${this.at}/${name}`;
  }

  #wrong(name: string, expected: string): Failure {
    return invalid(this.path(name), this.get(name), expected);
  }
}

/** A value that breaks a file's format. */
export function invalid(at: string, value: unknown, expected: string): Failure {
  return new Failure("MODEL_FILE_INVALID", facts(at, shown(value), expected));
}

export function unsupported(at: string, found: string, expected: string): Failure {
  const fix = "Use a model that needs no more than that.";
  return new Failure("MODEL_UNSUPPORTED", { at, found, expected, fix });
}

export function tooLarge(at: string, found: number, max: number): Failure {
  const fix = "Check that this is the right file; MODEL_LIMITS gives the bounds and their reasons.";
  return new Failure("MODEL_TOO_LARGE", { at, found: `${found}`, expected: `at most ${max}`, fix });
}

export function mismatch(at: string, found: string, expected: string): Failure {
  const fix = "Use files that were saved together, by the same tool.";
  return new Failure("MODEL_MISMATCH", { at, found, expected, fix });
}

function facts(at: string, found: string, expected: string) {
  return { at, found, expected, fix: "Correct the file, or download it again." };
}

/** At most a line of a value nobody has vouched for. */
export function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "object" && value !== null)
    return Array.isArray(value) ? "a list" : "an object";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
