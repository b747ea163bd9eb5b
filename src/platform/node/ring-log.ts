// Ring log: the file of a ring's log. Written on the executor's thread, read in blocks.

import { closeSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { Failure } from "../../base/mod.ts";
import { decodeLogHead, decodeRecord, encodeLogHead, isSealed } from "../../ring/mod.ts";
import { LOG_HEADER_WORDS, LOG_RECORD_WORDS, logDamaged, LogRecorder } from "../../ring/mod.ts";
import {
  type LogHead,
  logHeadWords,
  type LogRecord,
  type LogSink,
  type Ring,
} from "../../ring/mod.ts";

const RECORD_BYTES = LOG_RECORD_WORDS * 4;
/** Records that are read at once: 512 KiB. */
const BLOCK_RECORDS = 4096;

/** What became of a log that was written. */
export interface LogEnd {
  /** Records in the file. */
  readonly records: number;
  /** Records that found no room. The log ends before them; what was to be run was run. */
  readonly lost: number;
  /** Why, where any were lost. */
  readonly failure: Failure | undefined;
}

export interface LogWriter {
  readonly recorder: LogRecorder;
  /** Appends whole records, as a `LogSink` takes them. Never fails: what finds no room is counted. */
  readonly write: LogSink;
  /** Writes what is left and closes the file. */
  close(): LogEnd;
}

/**
 * Begins a log at `path` with the words that the ring has now. A file that is there is refused unless
 * `overwrite` is set. Fails with RING_LOG_UNWRITABLE. A disk that fills up later stops the log, not the ring.
 */
export function createRingLog(
  path: string,
  ring: Pick<Ring, "words" | "geometry">,
  { owner, overwrite = false }: { owner: number; overwrite?: boolean },
): LogWriter {
  const { geometry, words } = ring;
  const at = geometry.controlAt / 4;
  const control = words.slice(at, at + geometry.controlWords);
  return writeLog(path, { shape: geometry, control }, { owner, overwrite });
}

/** As `createRingLog`, under a head that is there already. */
export function writeLog(
  path: string,
  head: LogHead,
  { owner, overwrite = false }: { owner: number; overwrite?: boolean },
): LogWriter {
  const file = attempt(path, () => openSync(path, overwrite ? "w" : "wx"));
  try {
    attempt(path, () => writeAll(file, encodeLogHead(head)));
  } catch (error) {
    closeSync(file);
    throw error;
  }
  let [taken, bytes] = [0, 0];
  let failure: Failure | undefined;
  const write: LogSink = (batch) => {
    taken += batch.length / LOG_RECORD_WORDS;
    if (failure !== undefined) return;
    try {
      writeAll(file, batch, (count) => (bytes += count));
    } catch (cause) {
      failure = unwritable(path, (cause as Error).message, cause);
    }
  };
  const recorder = new LogRecorder(owner, write);
  return {
    ...{ recorder, write },
    close() {
      recorder.flush();
      closeSync(file);
      const records = Math.floor(bytes / RECORD_BYTES); // Behind them half a one may be: a reader cuts it.
      return { records, lost: taken - records, failure };
    },
  };
}

export interface LogReader extends Disposable {
  readonly head: LogHead;
  /** Whole records that the file can hold. */
  readonly size: number;
  /**
   * The records in order. Fails with RING_LOG_INVALID at one that is damaged and not the last; a last one
   * that is torn is left out, and `torn` says so then.
   */
  records(): Iterable<LogRecord>;
  /** Bytes at the end that are no whole record; known once `records` has come to its end. */
  readonly torn: number;
}

/** Opens a log. Fails with RING_LOG_INVALID for a file that is none or cannot be read. */
export function openRingLog(path: string): LogReader {
  const file = readable(path, () => openSync(path, "r"));
  try {
    const bytes = readable(path, () => sizeOf(file));
    const first = readWords(file, 0, Math.min(bytes, LOG_HEADER_WORDS * 4), path);
    const start = logHeadWords(first) * 4;
    const head = decodeLogHead(readWords(file, 0, Math.min(bytes, start), path));
    return new FileLog(path, file, { head, start, bytes });
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

class FileLog implements LogReader {
  readonly head: LogHead;
  readonly size: number;
  torn = 0;
  readonly #path: string;
  readonly #file: number;
  readonly #start: number;
  readonly #bytes: number;

  constructor(
    path: string,
    file: number,
    { head, start, bytes }: { head: LogHead; start: number; bytes: number },
  ) {
    this.head = head;
    this.size = Math.floor((bytes - start) / RECORD_BYTES);
    this.#path = path;
    this.#file = file;
    this.#start = start;
    this.#bytes = bytes;
  }

  *records(): Iterable<LogRecord> {
    const tail = this.#bytes - this.#start - this.size * RECORD_BYTES;
    this.torn = tail;
    for (let first = 0; first < this.size; first += BLOCK_RECORDS) {
      const count = Math.min(BLOCK_RECORDS, this.size - first);
      const at = this.#start + first * RECORD_BYTES;
      const block = readWords(this.#file, at, count * RECORD_BYTES, this.#path);
      for (let i = 0; i < count; i++) {
        const number = first + i + 1;
        if (isSealed(block, i * LOG_RECORD_WORDS, number)) {
          yield decodeRecord(block, i * LOG_RECORD_WORDS);
          continue;
        }
        if (number < this.size) throw logDamaged(number);
        this.torn = tail + RECORD_BYTES;
      }
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }
}

/** Writes all words, and tells of each part that was written: a disk may fill up midway. */
function writeAll(file: number, words: Int32Array, wrote?: (bytes: number) => void): void {
  const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  for (let at = 0; at < bytes.length;) {
    const count = writeSync(file, bytes, at);
    wrote?.(count);
    at += count;
  }
}

function readWords(file: number, at: number, bytes: number, path: string): Int32Array {
  const words = new Int32Array(bytes >> 2);
  const into = new Uint8Array(words.buffer);
  readable(path, () => {
    for (let done = 0; done < into.length;) {
      const count = readSync(file, into, done, into.length - done, at + done);
      if (count === 0) throw new Error("the file became shorter while it was read");
      done += count;
    }
  });
  return words;
}

function sizeOf(file: number): number {
  const stat = fstatSync(file);
  if (!stat.isFile()) throw new Error("not a regular file");
  return stat.size;
}

function attempt<Result>(path: string, act: () => Result): Result {
  try {
    return act();
  } catch (cause) {
    throw unwritable(path, (cause as Error).message, cause);
  }
}

function readable<Result>(path: string, act: () => Result): Result {
  try {
    return act();
  } catch (cause) {
    const found = (cause as Error).message;
    const facts = {
      at: path,
      found,
      expected: "a ring log that can be read",
      fix: "Check the path.",
    };
    throw new Failure("RING_LOG_INVALID", facts, { cause });
  }
}

/** The failure of a log at `path`, for what was found. */
export function unwritable(path: string, found: string, cause?: unknown): Failure {
  const facts = {
    at: path,
    found,
    expected: "a new file with room for the log",
    fix: "Name a file that is not there yet, on a disk with room.",
  };
  return new Failure("RING_LOG_UNWRITABLE", facts, { cause });
}
