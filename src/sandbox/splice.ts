// Splice: copies the author's bytes of one body, in runs as long as they go, with ours put between.

import type { Instructions } from "./instructions.ts";
import type { Writer } from "./writer.ts";

export class Splice {
  readonly writer: Writer;
  /** The reader that walks the body; it stands behind the instruction just read. */
  readonly code: Instructions;
  /** Offset in the source up to which bytes were copied or left out. */
  #copied: number;

  constructor(writer: Writer, code: Instructions, from: number) {
    this.writer = writer;
    this.code = code;
    this.#copied = from;
  }

  /** Copies the author's bytes up to `to`. */
  flush(to: number): void {
    this.writer.copy(this.#copied, to);
    this.#copied = to;
  }

  /** Adds in front of the instruction just read. */
  addBefore(bytes: readonly number[]): void {
    this.flush(this.code.start);
    this.writer.add(bytes, this.code.start);
  }

  /** Adds behind the instruction just read, in front of the next. */
  addBehind(bytes: readonly number[]): void {
    this.flush(this.code.at);
    this.writer.add(bytes, this.code.at);
  }

  /** Writes `bytes` where the author's from `at` to `end` stood. */
  replace(at: number, end: number, bytes: readonly number[]): void {
    this.flush(at);
    this.writer.add(bytes, at);
    this.#copied = end;
  }

  /** Writes an index where the author's from `at` to `end` stood. */
  replaceIndex(at: number, end: number, index: number): void {
    this.flush(at);
    this.writer.addU32(index, at);
    this.#copied = end;
  }
}
