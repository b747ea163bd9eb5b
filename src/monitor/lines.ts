// Lines: bytes as they come, cut into lines of bounded length. The buffer grows with a line, never past the
// bound, however the bytes are chopped; a line without end is refused as soon as it is too long.

import { Failure } from "../base/mod.ts";

const FIRST_BYTES = 256;
const NEWLINE = 10;

export class LineReader {
  readonly #bytesMax: number;
  readonly #text = new TextDecoder("utf-8", { fatal: true });
  #buffer: Uint8Array;
  #held = 0;

  /** `bytesMax`: of one line, without its end. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#buffer = new Uint8Array(Math.min(FIRST_BYTES, bytesMax));
  }

  /** The lines that `chunk` completes, one after the other. Fails with MONITOR_PROTOCOL. */
  *push(chunk: Uint8Array): Generator<string, void> {
    for (let at = 0; at < chunk.length;) {
      const end = chunk.indexOf(NEWLINE, at);
      this.#hold(chunk.subarray(at, end < 0 ? chunk.length : end));
      if (end < 0) return;
      at = end + 1;
      yield this.#take();
    }
  }

  #hold(bytes: Uint8Array): void {
    const held = this.#held + bytes.length;
    if (held > this.#bytesMax)
      throw broken(`a line of ${held} bytes or more`, `at most ${this.#bytesMax}`);
    if (held > this.#buffer.length) {
      const grown = new Uint8Array(
        Math.min(this.#bytesMax, Math.max(held, 2 * this.#buffer.length)),
      );
      grown.set(this.#buffer.subarray(0, this.#held));
      this.#buffer = grown;
    }
    this.#buffer.set(bytes, this.#held);
    this.#held = held;
  }

  #take(): string {
    const bytes = this.#buffer.subarray(0, this.#held);
    this.#held = 0;
    try {
      return this.#text.decode(bytes);
    } catch (cause) {
      throw broken("bytes that are no UTF-8", "lines of JSON", cause);
    }
  }
}

/** What a peer sent cannot be. */
export function broken(found: string, expected: string, cause?: unknown): Failure {
  const facts = {
    at: "monitor",
    found,
    expected,
    fix: "Use one version of annulus in the process and in `annulus top`.",
  };
  return new Failure("MONITOR_PROTOCOL", facts, cause === undefined ? {} : { cause });
}
