// Slot run: one slot's way through admission, checks and operations, as the oracle's `step` goes it.
//
//   1. Admit   once for each slot: tenant, opcode, class, quota. A slot that goes on keeps its rights.
//   2. Check   all operations, so that a packed slot runs wholly or not at all.
//   3. Run     one operation after the other, until one stops.
//
// Words of the slot are read once, since its publisher may be hostile. One instance serves all slots:
// what a call leaves in the fields is good until the next.

import { ARGS_PER_SLOT, builtinOf, FAULT_CODES } from "../layout/mod.ts";
import { OPCODES, SLOT, SLOT_STATUS } from "../layout/mod.ts";
import { type Opcodes, PackedOps, type Ring, type SlotRecorder } from "../ring/mod.ts";
import { Operation } from "./operation.ts";
import type { Stop } from "./parked.ts";
import { Rights } from "./rights.ts";
import type { Tally } from "./tally.ts";

const { DONE, FAULT } = SLOT_STATUS;
const { MALFORMED_ARGS, QUOTA, UNAUTHORISED, UNKNOWN_OPCODE } = FAULT_CODES;
const PACKED = OPCODES.PACKED_SLOT.code;
const OPCODE_AT = SLOT.fields.opcode.at / 4;
const TENANT_AT = SLOT.fields.tenant.at / 4;
const ARGS_AT = SLOT.fields.args.at / 4;

/** How many arguments the builtins with small numbers read. */
const ARITIES = Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7], (code) => builtinOf(code)!.arity);

export interface SlotRunOptions {
  readonly opcodes: Opcodes;
  readonly tally: Tally;
  /** Settles every slot that ran before this one. */
  readonly settle: () => void;
  readonly recorder: SlotRecorder | undefined;
}

export class SlotRun implements Stop {
  /** Of the fault, after FAULT. */
  code = 0;
  detail = 0;
  /** Where to go on, after any other status but DONE. */
  pc = 0;
  data = 0;
  readonly #words: Int32Array;
  readonly #ring: Ring;
  readonly #opcodes: Opcodes;
  readonly #tally: Tally;
  readonly #rights: Rights;
  readonly #operation: Operation;
  readonly #packed = new PackedOps();

  constructor(ring: Ring, options: SlotRunOptions) {
    this.#ring = ring;
    this.#words = ring.words;
    this.#opcodes = options.opcodes;
    this.#tally = options.tally;
    this.#rights = new Rights(ring);
    this.#operation = new Operation(ring, this.#rights, options);
  }

  /** The mask that the slot was admitted under. */
  get mask(): number {
    return this.#rights.mask;
  }

  /** Whether the slot that started last names a tenant that is one. */
  get hasTenant(): boolean {
    return this.#rights.known;
  }

  /** Admits a claimed slot and runs it as far as it goes: its status from then on. */
  start(slot: number, opcode: number, tenant: number): number {
    this.#rights.of(tenant);
    if (!this.#mayStart(opcode)) return FAULT;
    if (!this.#rights.takeQuota(tenant)) return this.#fault(QUOTA, 0);
    return this.#run(slot, opcode, 0, 0);
  }

  /** Goes on with a slot that was set aside. */
  resume(slot: number, stop: Stop): number {
    const at = this.#ring.at(slot);
    const opcode = this.#words[at + OPCODE_AT]! >>> 0;
    this.#rights.under(this.#words[at + TENANT_AT]! >>> 0, stop.mask);
    return this.#run(slot, opcode, stop.pc, stop.data);
  }

  #run(slot: number, opcode: number, pc: number, data: number): number {
    const argsAt = this.#ring.at(slot) + ARGS_AT;
    this.#operation.slot = slot;
    if (opcode === PACKED) return this.#runPacked(argsAt, pc, data);
    const { args } = this.#operation;
    const arity = opcode < ARITIES.length ? ARITIES[opcode]! : ARGS_PER_SLOT;
    for (let i = 0; i < arity; i++) args[i] = this.#words[argsAt + i]!;
    if (!this.#mayRun(opcode)) return FAULT;
    this.pc = 0;
    const status = this.#step(opcode, data);
    if (status === DONE) this.#tally.operation(opcode);
    return status;
  }

  #runPacked(argsAt: number, pc: number, data: number): number {
    const packed = this.#packed;
    if (!packed.read(this.#words, argsAt, this.#opcodes.packableArity))
      return this.#fault(MALFORMED_ARGS, packed.faultAt);
    for (let op = 0; op < packed.count; op++) {
      this.#load(op);
      if (this.#mayRun(packed.opcode(op))) continue;
      if (this.code === MALFORMED_ARGS) this.detail = op;
      return FAULT;
    }
    for (this.pc = pc; this.pc < packed.count; this.pc++) {
      this.#load(this.pc);
      const status = this.#step(packed.opcode(this.pc), this.pc === pc ? data : 0);
      if (status !== DONE) return this.#counted(pc, status);
    }
    return this.#counted(pc, DONE);
  }

  /** Counts the operations from `first` to where it is. Those of one slot never see each other counted. */
  #counted(first: number, status: number): number {
    for (let op = first; op < this.pc; op++) this.#tally.operation(this.#packed.opcode(op));
    return status;
  }

  #step(opcode: number, data: number): number {
    const operation = this.#operation;
    const status = operation.run(opcode, data);
    if (status === FAULT) return this.#fault(operation.code, operation.detail);
    this.data = operation.data;
    return status;
  }

  #load(op: number): void {
    const { args } = this.#operation;
    const packed = this.#packed;
    const opcode = packed.opcode(op);
    const arity = opcode < ARITIES.length ? ARITIES[opcode]! : ARGS_PER_SLOT;
    for (let i = 0; i < arity; i++) args[i] = packed.arg(op, i);
  }

  /** The tenant first, then the opcode, then its class. */
  #mayStart(opcode: number): boolean {
    const { mask } = this.#rights;
    if (mask === 0) return this.#refuse(UNAUTHORISED, 0);
    const bit = this.#opcodes.classBit(opcode);
    if (bit < 0) return this.#refuse(UNKNOWN_OPCODE, opcode);
    return this.#rights.may(bit) || this.#refuse(UNAUTHORISED, mask);
  }

  /** Class and arguments of the operation that is loaded. */
  #mayRun(opcode: number): boolean {
    const bit = this.#opcodes.classBit(opcode);
    if (bit < 0 || !this.#rights.may(bit)) return this.#refuse(UNAUTHORISED, this.#rights.mask);
    if (this.#operation.check(opcode)) return true;
    return this.#refuse(this.#operation.code, this.#operation.detail);
  }

  #refuse(code: number, detail: number): false {
    this.code = code;
    this.detail = detail;
    return false;
  }

  #fault(code: number, detail: number): number {
    this.#refuse(code, detail);
    return FAULT;
  }
}
