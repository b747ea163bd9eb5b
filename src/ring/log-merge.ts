// Log merge: the logs of several executors of one ring as one, in the order of publication.
//
// Each log goes by when slots settled. The one whose next slot was published first goes first; priorities
// have positions of their own, so that between lanes this is a guess. A fence goes behind its batch.

import { OPCODES, SLOT, SLOT_STATUS } from "../layout/mod.ts";
import type { LogRecord } from "./log.ts";

/** Batches in flight have ids that differ modulo this. */
const BATCHES = 256;
const OPCODE_AT = SLOT.fields.opcode.at / 4;
const ITEMS_AT = SLOT.fields.args.at / 4;
const BATCH_AT = ITEMS_AT + 2;

/** All records of `logs`, each log in its own order. */
export function* mergeLogs(logs: readonly Iterable<LogRecord>[]): Iterable<LogRecord> {
  const left = logs.map((log) => log[Symbol.iterator]());
  const next = left.map((log) => log.next());
  const batches = new Batches();
  for (;;) {
    let first = -1;
    for (const [i, { done, value }] of next.entries()) {
      if (done === true) continue;
      const other = first < 0 ? undefined : (next[first]!.value as LogRecord);
      if (other === undefined || batches.isBefore(value, other)) first = i;
    }
    if (first < 0) return;
    const record = next[first]!.value as LogRecord;
    batches.count(record);
    yield record;
    next[first] = left[first]!.next();
  }
}

/** How many slots of each batch went by. */
class Batches {
  readonly #slots = new Int32Array(BATCHES);

  /** Whether `one` goes before `other`. A fence whose batch is not whole waits for what may go. */
  isBefore(one: LogRecord, other: LogRecord): boolean {
    const [waits, otherWaits] = [this.#waits(one), this.#waits(other)];
    if (waits !== otherWaits) return otherWaits;
    return ((one.ticket - other.ticket) | 0) < 0;
  }

  count(record: LogRecord): void {
    const { batch, published } = record;
    if (isFence(record)) this.#slots[published[BATCH_AT]! % BATCHES]! -= published[ITEMS_AT]!;
    else if (batch !== 0 && published[OPCODE_AT] !== OPCODES.BATCH_FENCE.code)
      this.#slots[batch % BATCHES]!++;
  }

  #waits(record: LogRecord): boolean {
    const { published } = record;
    const items = published[ITEMS_AT]!;
    return isFence(record) && this.#slots[published[BATCH_AT]! % BATCHES]! < items;
  }
}

/** A fence that was done; one that faulted waited for nothing. */
function isFence({ published, status }: LogRecord): boolean {
  return published[OPCODE_AT] === OPCODES.BATCH_FENCE.code && status === SLOT_STATUS.DONE;
}
