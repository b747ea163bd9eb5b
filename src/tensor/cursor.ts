// Cursor: reads a tensor file's text header byte by byte, so that every failure names its offset.

import { Failure } from "../base/mod.ts";

const QUOTED_MAX = 40; // Characters of a file's own text that a message repeats.

export class Cursor {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  readonly #fix: string;
  #at: number;

  /** Reads `bytes` from `start` to `end`. `fix` is what every failure tells the reader to do. */
  constructor(bytes: Uint8Array, range: { start: number; end: number }, fix: string) {
    this.#bytes = bytes;
    this.#at = range.start;
    this.#end = range.end;
    this.#fix = fix;
  }

  /** The offset in the file of the byte that comes next. */
  get offset(): number {
    return this.#at;
  }

  /** The next byte as a character of Latin-1, or "" at the end. */
  peek(): string {
    return this.#at < this.#end ? String.fromCharCode(this.#bytes[this.#at]!) : "";
  }

  /** Steps over blanks, tabs and line ends. */
  skipSpace(): void {
    while (this.#at < this.#end && " \t\r\n".includes(this.peek())) this.#at++;
  }

  /** Steps over `text`, and the space before it, if it comes next. `text` is ASCII. */
  take(text: string): boolean {
    this.skipSpace();
    if (this.#at + text.length > this.#end) return false;
    for (let i = 0; i < text.length; i++) {
      if (this.#bytes[this.#at + i] !== text.charCodeAt(i)) return false;
    }
    this.#at += text.length;
    return true;
  }

  expect(text: string): void {
    if (!this.take(text)) this.fail(JSON.stringify(text));
  }

  /** A whole number as JSON and Python both write it: no sign, no leading zero, at most 2^53 - 1. */
  integer(): number {
    this.skipSpace();
    const start = this.#at;
    let value = 0;
    for (let digit = this.#digit(); digit >= 0; digit = this.#digit()) {
      if (this.#at > start && value === 0) this.fail("a number without a leading zero", start);
      value = value * 10 + digit;
      if (!Number.isSafeInteger(value)) this.fail("a number below 2^53", start);
      this.#at++;
    }
    if (this.#at === start) this.fail("a whole number");
    return value;
  }

  /** The bytes between two `quote`s, not decoded. A backslash keeps the byte after it. */
  quoted(quote: string): Uint8Array {
    this.expect(quote);
    const start = this.#at;
    for (; this.peek() !== quote; this.#at++) {
      if (this.peek() === "\\") this.#at++;
      if (this.#at >= this.#end) this.fail("the end of the text", start);
    }
    return this.#bytes.subarray(start, this.#at++);
  }

  /** Fails at byte `at`, by default at what comes next. */
  fail(expected: string, at: number = this.#at, found: string = this.#found(at)): never {
    throw malformed({ at, found, expected, fix: this.#fix });
  }

  #digit(): number {
    const character = this.peek();
    return character >= "0" && character <= "9" ? Number(character) : -1;
  }

  #found(at: number): string {
    if (at >= this.#end) return "the end of the header";
    return excerpt(String.fromCharCode(...this.#bytes.subarray(at, Math.min(at + 16, this.#end))));
  }
}

/** Text of the file, made safe to print and short. */
export function excerpt(text: string): string {
  const short = text.length > QUOTED_MAX ? `${text.slice(0, QUOTED_MAX)}…` : text;
  return JSON.stringify(short).replaceAll(/[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "?");
}

interface Malformed {
  /** Byte offset in the file. */
  readonly at: number;
  readonly found: string;
  readonly expected: string;
  readonly fix: string;
  readonly cause?: unknown;
}

/** The failure for bytes that are not what the format says. */
export function malformed({ at, found, expected, fix, cause }: Malformed): Failure {
  const facts = { at: byteAt(at), found, expected, fix };
  return new Failure("TENSOR_FILE_INVALID", facts, { detail: { offset: at }, cause });
}

/** An offset as every failure writes it. */
export function byteAt(offset: number): string {
  return `byte 0x${offset.toString(16)}`;
}
