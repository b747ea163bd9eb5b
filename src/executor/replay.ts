// Replay: runs the slots of a log again, one after the other, and tells what became of each.
//
// A target is a ring of the log's shape with the log's first control words, and something that runs slots
// on it: the worker executor, or the oracle. What hosts did while the log was written is taken from the
// log: each slot runs under the mask that its tenant had, and finds quota where it found some.

import { CONTROL, FAULT_CODES, IO_ENTRY, IO_STATUS, OPCODES, PRIORITY } from "../layout/mod.ts";
import { SLOT, SLOT_STATUS } from "../layout/mod.ts";
import { apply, createRing, type LogHead, type LogRecord, type Opcodes } from "../ring/mod.ts";
import { Ring, type SlotRecorder, stateOf, step } from "../ring/mod.ts";
import { Executor } from "./executor.ts";

const { fields } = CONTROL;
const MASKS = fields.tenant_masks.at / 4;
const QUOTAS = fields.quotas.at / 4;
const TENANT_AT = SLOT.fields.tenant.at / 4;
const OPCODE_AT = SLOT.fields.opcode.at / 4;
const PRIORITY_AT = SLOT.fields.priority.at / 4;
const OWNER = 1;
/** Retries of one slot. What has not settled by then waits for a slot that the log does not have. */
const TURNS = 1_000_000;

/** On what a log can be replayed. */
export const REPLAY_TARGETS = ["worker", "oracle"] as const;
export type ReplayTarget = (typeof REPLAY_TARGETS)[number];

export interface ReplayOptions {
  readonly on: ReplayTarget;
  /** The registry that the log's custom opcodes are in. */
  readonly opcodes: Opcodes;
  readonly recorder: SlotRecorder;
}

/** A ring on which the slots of a log run again. */
export class Replay {
  readonly #ring: Ring;
  readonly #control: Int32Array;
  readonly #io: Int32Array;
  readonly #turn: () => number;
  readonly #words = new Int32Array(SLOT.bytes / 4);
  readonly #tenants: number;

  constructor({ shape, control }: LogHead, options: ReplayOptions) {
    this.#ring = new Ring(createRing(shape));
    const state = stateOf(this.#ring.words.buffer, options.opcodes);
    this.#control = state.control;
    this.#control.set(control);
    this.#control[fields.shutdown.at / 4] = 0;
    this.#io = state.io;
    this.#tenants = shape.tenants;
    const executor = new Executor(this.#ring, { owner: OWNER, ...options });
    this.#turn = options.on === "worker" ? () => executor.turn() : oracle(this.#ring, options);
  }

  /** Publishes the record's slot again and runs it to its end. False: it waits for what the log lacks. */
  run(record: LogRecord): boolean {
    const ring = this.#ring;
    this.#prepare(record);
    const slot = this.#publish(record);
    for (let turns = 0; turns < TURNS; turns++) {
      this.#turn();
      const status = ring.status(slot);
      if (status === SLOT_STATUS.DONE || status === SLOT_STATUS.FAULT) return ring.release(slot);
      if (status === SLOT_STATUS.REQUEUE) return false;
      this.#answer(record);
    }
    return false;
  }

  /** A slot of a ring with one lane may say any priority, and then says it here too. */
  #publish({ published, batch }: LogRecord): number {
    const ring = this.#ring;
    const priority = published[PRIORITY_AT]!;
    this.#words.set(published);
    if (priority > PRIORITY.IDLE) this.#words[PRIORITY_AT] = PRIORITY.NORMAL;
    const slot = ring.offer(this.#words, 1, { held: true, batch });
    ring.words[ring.at(slot) + PRIORITY_AT] = priority;
    return slot;
  }

  /** What the host had set for this slot, as far as its record tells. */
  #prepare({ published, mask, code }: LogRecord): void {
    const tenant = published[TENANT_AT]!;
    this.#control[fields.shutdown.at / 4] = 0; // The log goes on behind a SHUTDOWN.
    if (tenant >= this.#tenants) return;
    this.#control[MASKS + tenant] = mask;
    if (code === FAULT_CODES.QUOTA) this.#control[QUOTAS + tenant] = 0;
    else if (this.#control[QUOTAS + tenant] === 0) this.#control[QUOTAS + tenant] = 1;
  }

  /** Serves the IO queue as it was served: a LOAD_MISS that faulted is answered with an error. */
  #answer({ status, published }: LogRecord): void {
    if (published[OPCODE_AT] !== OPCODES.LOAD_MISS.code) return;
    const words = IO_ENTRY.bytes / 4;
    const at = IO_ENTRY.fields.status.at / 4;
    for (let entry = at; entry < this.#io.length; entry += words)
      if (this.#io[entry] === IO_STATUS.PUBLISHED)
        this.#io[entry] = status === SLOT_STATUS.DONE ? IO_STATUS.OK : IO_STATUS.ERROR;
  }
}

/** A turn of the oracle: it claims one slot, or goes on with the one that it claimed. */
function oracle(ring: Ring, { opcodes, recorder }: ReplayOptions): () => number {
  const state = stateOf(ring.words.buffer, opcodes);
  const into = new Int32Array(1);
  let parked: { slot: number; resume: Parameters<typeof step>[1]["resume"] } | undefined;
  return () => {
    const resumed = parked;
    if (resumed === undefined && ring.claim(OWNER, into, 1) === 0) return 0;
    const slot = resumed?.slot ?? into[0]!;
    if (resumed === undefined) recorder.claimed(ring, slot);
    else recorder.resumed(slot);
    const batch = ring.words[ring.geometry.sides.batch / 4 + slot]!;
    const tenant = ring.words[ring.at(slot) + TENANT_AT]! >>> 0;
    const effects = step(state, { index: slot, batch, resume: resumed?.resume });
    for (const [i, { index, value }] of effects.writes.entries())
      if (i > 0 || resumed !== undefined || index !== QUOTAS + tenant) recorder.wrote(index, value);
    const { fault } = effects;
    parked = effects.next === undefined ? undefined : { slot, resume: effects.next };
    if (parked === undefined) {
      const code = fault === undefined ? 0 : FAULT_CODES[fault.code];
      recorder.settled(ring, slot, effects.status, code, fault?.detail ?? 0);
    }
    apply(state, effects);
    return 1;
  };
}
