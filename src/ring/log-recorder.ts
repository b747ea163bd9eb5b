// Log recorder: writes a record for each slot that an executor runs into a buffer, and hands full buffers on.
//
// A slot mostly ends before the next one begins, so its record is written where it will stay. One that is
// set aside midway moves to a place of its own until it goes on. Nothing is allocated for the others.

import { CONTROL, RING_LOG_WRITES, SLOT, SLOT_STATUS, SLOT_WORDS } from "../layout/mod.ts";
import { hashWord, LOG_HASH_START, LOG_RECORD_WORDS, logWord, sealRecord } from "./log.ts";
import type { SlotRecorder } from "./record.ts";
import type { Ring } from "./ring.ts";

/** Records that are handed on at once: 256 KiB. */
export const LOG_BATCH_RECORDS = 2048;

const SLOT_AT = logWord("slot");
const TICKET_AT = logWord("ticket");
const OWNER_AT = logWord("owner");
const BATCH_AT = logWord("batch");
const MASK_AT = logWord("mask");
const PUBLISHED_AT = logWord("published");
const STATUS_AT = logWord("status");
const CODE_AT = logWord("code");
const DETAIL_AT = logWord("detail");
const WRITES_AT = logWord("writes");
const HASH_AT = logWord("writes_hash");
const FIRST_WRITES_AT = logWord("first_writes");
const TENANT_AT = SLOT.fields.tenant.at / 4;
const MASKS = CONTROL.fields.tenant_masks.at / 4;

/** An idle executor hands on so many at once, and fewer after it found nothing to do so many times. */
const IDLE_RECORDS = 256;
const IDLE_LOOKS = 16;

/** Takes whole records; they are overwritten when it returns. */
export type LogSink = (records: Int32Array) => void;

export class LogRecorder implements SlotRecorder {
  /** Records finished so far. */
  count = 0;
  readonly #owner: number;
  readonly #sink: LogSink;
  readonly #records: Int32Array;
  readonly #aside = new Map<number, Int32Array>();
  /** Where the record that is being written starts. */
  #at = 0;
  /** Its slot; -1 between two. */
  #slot = -1;
  #idleLooks = 0;
  #ring: Ring | undefined;
  #tickets = 0;
  #batches = 0;
  #masks = 0;
  #tenants = 0;

  /** `owner` is the executor's. Records go to `sink` in batches; `flush` hands on what is left. */
  constructor(owner: number, sink: LogSink, batchRecords = LOG_BATCH_RECORDS) {
    this.#owner = owner;
    this.#sink = sink;
    this.#records = new Int32Array(batchRecords * LOG_RECORD_WORDS);
  }

  claimed(ring: Ring, slot: number): void {
    if (this.#slot >= 0) this.#setAside();
    if (ring !== this.#ring) this.#attach(ring);
    const { words } = ring;
    const records = this.#records;
    const [at, from] = [this.#at, ring.at(slot)];
    const tenant = words[from + TENANT_AT]! >>> 0;
    this.#idleLooks = 0;
    this.#slot = slot;
    records[at + SLOT_AT] = slot;
    records[at + TICKET_AT] = words[this.#tickets + slot]!;
    records[at + OWNER_AT] = this.#owner;
    records[at + BATCH_AT] = words[this.#batches + slot]!;
    records[at + MASK_AT] = tenant < this.#tenants ? words[this.#masks + tenant]! : 0;
    records[at + PUBLISHED_AT] = SLOT_STATUS.PUBLISHED;
    for (let i = 1; i < SLOT_WORDS; i++) records[at + PUBLISHED_AT + i] = words[from + i]!;
    records[at + WRITES_AT] = 0;
    records[at + HASH_AT] = LOG_HASH_START;
    for (let i = 0; i < 2 * RING_LOG_WRITES; i++) records[at + FIRST_WRITES_AT + i] = 0;
  }

  resumed(slot: number): void {
    this.#setAside();
    const record = this.#aside.get(slot);
    if (record === undefined) return; // Claimed before the recorder was there.
    this.#aside.delete(slot);
    this.#records.set(record, this.#at);
    this.#slot = slot;
  }

  wrote(index: number, value: number): void {
    if (this.#slot < 0) return;
    const records = this.#records;
    const at = this.#at;
    const writes = records[at + WRITES_AT]!;
    if (writes < RING_LOG_WRITES) {
      records[at + FIRST_WRITES_AT + 2 * writes] = index;
      records[at + FIRST_WRITES_AT + 2 * writes + 1] = value;
    }
    records[at + WRITES_AT] = writes + 1;
    records[at + HASH_AT] = hashWord(hashWord(records[at + HASH_AT]!, index), value);
  }

  settled(_: Ring, slot: number, status: number, code: number, detail: number): void {
    if (this.#slot !== slot) return;
    const records = this.#records;
    const at = this.#at;
    records[at] = ++this.count;
    records[at + STATUS_AT] = status;
    records[at + CODE_AT] = code;
    records[at + DETAIL_AT] = detail;
    sealRecord(records, at);
    this.#slot = -1;
    this.#at = at + LOG_RECORD_WORDS;
    if (this.#at === records.length) this.flush();
  }

  idle(): void {
    const waiting = this.#at / LOG_RECORD_WORDS;
    if (waiting >= IDLE_RECORDS || ++this.#idleLooks >= IDLE_LOOKS) this.flush();
  }

  /** Hands on the records that are finished. */
  flush(): void {
    this.#setAside();
    if (this.#at > 0) this.#sink(this.#records.subarray(0, this.#at));
    this.#at = 0;
    this.#idleLooks = 0;
  }

  #attach(ring: Ring): void {
    const { sides, controlAt, tenants } = ring.geometry;
    this.#ring = ring;
    this.#tickets = sides.ticket / 4;
    this.#batches = sides.batch / 4;
    this.#masks = controlAt / 4 + MASKS;
    this.#tenants = tenants;
  }

  #setAside(): void {
    if (this.#slot < 0) return;
    this.#aside.set(this.#slot, this.#records.slice(this.#at, this.#at + LOG_RECORD_WORDS));
    this.#slot = -1;
  }
}
