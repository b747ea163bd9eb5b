// JSON: a strict, bounded reader and a printer, for text that nobody has vouched for yet.
//
// Why not JSON.parse: it lets the last of two equal keys win, so that two readers of one signed text
// may disagree; it rounds integers beyond 2^53; it has no bound on depth; and it cannot say where in
// the document an error is. Here every error has a line, a column, a byte offset and a JSON pointer.
//
// Objects have no prototype, so `__proto__` and `constructor` are keys like any other. Integers that a
// double cannot hold exactly become bigints, and the printer writes bigints as plain integers.

import { assert, Failure, type FailureCode, PACK_LIMITS } from "../base/mod.ts";
import { pointerOf } from "./pointer.ts";

export type Json = null | boolean | number | bigint | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

export interface JsonBounds {
  readonly bytesMax: number;
  readonly depthMax: number;
  readonly valuesMax: number;
  /** The failure's code for text that breaks the rules; MANIFEST_SYNTAX by default. */
  readonly failure?: FailureCode;
}

const MANIFEST_BOUNDS: JsonBounds = {
  bytesMax: PACK_LIMITS.manifestBytesMax,
  depthMax: PACK_LIMITS.manifestDepthMax,
  valuesMax: PACK_LIMITS.manifestValuesMax,
};

/** Reads one JSON document. Fails with PACK_TOO_LARGE, or with the bounds' code at the first error. */
export function parseJson(source: Uint8Array | string, bounds: JsonBounds = MANIFEST_BOUNDS): Json {
  const failure = bounds.failure ?? "MANIFEST_SYNTAX";
  // A character takes at least one byte, so a text too long is refused before it is encoded.
  const tooLong = typeof source === "string" && source.length > bounds.bytesMax;
  const bytes = tooLong || typeof source !== "string" ? source : new TextEncoder().encode(source);
  if (bytes.length > bounds.bytesMax) throw tooLarge(bytes.length, bounds.bytesMax);
  const text = typeof source === "string" ? source : decode(source, failure);
  return new Reader(text, bounds, failure).document();
}

/** Prints pretty JSON: two spaces, keys in their own order, a newline at the end. */
export function printJson(value: unknown): string {
  return `${print(value, "")}\n`;
}

class Reader {
  readonly #text: string;
  readonly #bounds: JsonBounds;
  readonly #failure: FailureCode;
  readonly #path: (string | number)[] = [];
  #at = 0;
  #values = 0;

  constructor(text: string, bounds: JsonBounds, failure: FailureCode) {
    this.#text = text;
    this.#bounds = bounds;
    this.#failure = failure;
  }

  document(): Json {
    const value = this.#value();
    this.#space();
    if (this.#at < this.#text.length) this.#fail("TRAILING_TEXT", "the end of the document");
    return value;
  }

  #value(): Json {
    this.#space();
    if (++this.#values > this.#bounds.valuesMax) {
      this.#fail("TOO_MANY_VALUES", `at most ${this.#bounds.valuesMax} values`);
    }
    switch (this.#text[this.#at]) {
      case "{":
        return this.#nested(() => this.#object());
      case "[":
        return this.#nested(() => this.#array());
      case '"':
        return this.#string();
      case "t":
        return this.#word("true", true);
      case "f":
        return this.#word("false", false);
      case "n":
        return this.#word("null", null);
      default:
        return this.#number();
    }
  }

  #nested<Value>(read: () => Value): Value {
    // Every open object or array has put its key or index on the path, but for the outermost.
    if (this.#path.length >= this.#bounds.depthMax) {
      this.#fail("TOO_DEEP", `at most ${this.#bounds.depthMax} levels of nesting`);
    }
    this.#at++; // The bracket.
    return read();
  }

  #object(): JsonObject {
    const object = Object.create(null) as Record<string, Json>; // No prototype to pollute.
    if (this.#taken("}")) return object;
    for (;;) {
      this.#space();
      if (this.#text[this.#at] !== '"') this.#fail("UNEXPECTED", "a key in double quotes");
      const start = this.#at;
      const key = this.#string();
      this.#path.push(key);
      if (Object.hasOwn(object, key)) this.#fail("DUPLICATE_KEY", "each key once", start);
      if (!this.#taken(":")) this.#fail("UNEXPECTED", "a colon after the key");
      object[key] = this.#value();
      this.#path.pop();
      if (this.#taken("}")) return object;
      if (!this.#taken(",")) this.#fail("UNEXPECTED", 'a comma or "}"');
    }
  }

  #array(): readonly Json[] {
    const array: Json[] = [];
    if (this.#taken("]")) return array;
    for (;;) {
      this.#path.push(array.length);
      array.push(this.#value());
      this.#path.pop();
      if (this.#taken("]")) return array;
      if (!this.#taken(",")) this.#fail("UNEXPECTED", 'a comma or "]"');
    }
  }

  #string(): string {
    const start = this.#at++;
    let value = "";
    for (;;) {
      value += this.#match(PLAIN);
      const next = this.#text[this.#at];
      if (next === '"') break;
      if (next !== "\\") this.#fail("UNEXPECTED", "a character of a string, or its closing quote");
      value += this.#escape();
    }
    this.#at++;
    if (!value.isWellFormed()) this.#fail("LONE_SURROGATE", "whole Unicode characters", start);
    return value;
  }

  #escape(): string {
    const escape = this.#match(ESCAPE);
    if (escape === "") this.#fail("BAD_ESCAPE", String.raw`one of \" \\ \/ \b \f \n \r \t \u`);
    if (escape.length === 2) return SIMPLE_ESCAPES[escape[1]!]!;
    return String.fromCharCode(Number.parseInt(escape.slice(2), 16));
  }

  #number(): number | bigint {
    const start = this.#at;
    const digits = this.#match(NUMBER);
    if (digits === "") this.#fail("UNEXPECTED", "a value");
    if (digits.length > PACK_LIMITS.numberCharactersMax) {
      this.#fail("NUMBER_TOO_LONG", `at most ${PACK_LIMITS.numberCharactersMax} characters`, start);
    }
    const value = Number(digits);
    if (/^-?\d+$/.test(digits)) return Number.isSafeInteger(value) ? value : BigInt(digits);
    if (!Number.isFinite(value)) this.#fail("NUMBER_TOO_LARGE", "a number below 1.8e308", start);
    return value;
  }

  #word<Value>(word: string, value: Value): Value {
    if (!this.#text.startsWith(word, this.#at)) this.#fail("UNEXPECTED", "a value");
    this.#at += word.length;
    return value;
  }

  #space(): void {
    this.#match(SPACE);
  }

  /** Skips white space and then `character`, if it comes next. */
  #taken(character: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.#text) ?? [""];
    this.#at += found.length;
    return found;
  }

  #fail(code: string, expected: string, at = this.#at): never {
    const next = this.#text.slice(at, at + 12);
    const found = next === "" ? "the end of the text" : JSON.stringify(next);
    const pointer = pointerOf(this.#path);
    throw syntaxFailure(this.#failure, { code, found, expected, pointer }, this.#text, at);
  }
}

const SPACE = /[ \t\n\r]*/y;
// oxlint-disable-next-line no-control-regex -- JSON forbids exactly these, unless escaped.
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

interface SyntaxFacts {
  /** Stable, as `detail.syntax` and the issue's code. */
  readonly code: string;
  readonly found: string;
  readonly expected: string;
  readonly pointer: string;
}

function syntaxFailure(
  failure: FailureCode,
  facts: SyntaxFacts,
  text: string,
  at: number,
): Failure {
  const before = text.slice(0, at);
  const byte = new TextEncoder().encode(before).length;
  return syntaxFailureAt(failure, facts, {
    line: before.split("\n").length,
    column: at - before.lastIndexOf("\n"),
    byte,
  });
}

function syntaxFailureAt(
  failure: FailureCode,
  { code, found, expected, pointer }: SyntaxFacts,
  place: { readonly line: number; readonly column: number; readonly byte: number },
): Failure {
  const { line, column, byte } = place;
  const fix = "Correct the text there; it must be JSON as RFC 8259 defines it.";
  const at = `line ${line}, column ${column} (byte ${byte}), pointer "${pointer}"`;
  const issue = { code, at: pointer, found, expected, fix };
  return new Failure(
    failure,
    { at, found, expected, fix },
    { issues: [issue], detail: { syntax: code, line, column, byte, pointer } },
  );
}

function decode(bytes: Uint8Array, failure: FailureCode): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw notUtf8(bytes, failure, cause);
  }
}

/** The first byte that does not survive a lenient round trip is where the text stops being UTF-8. */
function notUtf8(bytes: Uint8Array, failure: FailureCode, cause: unknown): Failure {
  const lenient = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  const byte = new TextEncoder()
    .encode(lenient)
    .findIndex((value, index) => value !== bytes[index]);
  const before = new TextDecoder().decode(bytes.subarray(0, byte));
  const found = `byte 0x${(bytes[byte] ?? 0).toString(16).padStart(2, "0")}`;
  const facts = { code: "NOT_UTF8", found, expected: "UTF-8 text", pointer: "" };
  const refused = syntaxFailure(failure, facts, before, before.length);
  refused.cause = cause;
  return refused;
}

function tooLarge(found: number, bytesMax: number): Failure {
  return new Failure("PACK_TOO_LARGE", {
    found: `${found} bytes of JSON`,
    expected: `at most ${bytesMax} bytes`,
    fix: "Split the document, or check that this is the right file.",
  });
}

function print(value: unknown, indent: string): string {
  switch (typeof value) {
    case "string":
    case "boolean":
      return JSON.stringify(value);
    case "bigint":
      return String(value);
    case "number":
      return printNumber(value);
    default:
      return printNested(value, indent);
  }
}

function printNested(value: unknown, indent: string): string {
  if (value === null) return "null";
  assert(typeof value === "object" && value !== undefined, "what is printed is JSON");
  const inner = `${indent}  `;
  const list = Array.isArray(value);
  const parts = list
    ? value.map((item) => inner + print(item, inner))
    : Object.entries(value)
        .filter(([, item]) => item !== undefined) // An optional key that is not there.
        .map(([key, item]) => `${inner}${JSON.stringify(key)}: ${print(item, inner)}`);
  const [open, close] = list ? "[]" : "{}";
  return parts.length === 0
    ? `${open}${close}`
    : `${open}\n${parts.join(",\n")}\n${indent}${close}`;
}

/** A double that is a whole number beyond 2^53 keeps an exponent, so that it is read as a double. */
function printNumber(value: number): string {
  assert(Number.isFinite(value), "a printed number is finite");
  if (Object.is(value, -0)) return "-0";
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) return value.toExponential();
  return String(value);
}
