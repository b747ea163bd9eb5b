// Conformance: what every executor must do with a program of slots, judged by the oracle.
//
// A program is run twice, on two rings that are the same: once by the oracle's `step` and `apply`, once by
// the executor under test. Then every word that opcodes can reach must be the same: control and observable
// words, slots with their statuses and faults, batches, debug log, IO queue.

import { expect } from "vitest";

import {
  BELLS,
  IO_ENTRY,
  IO_STATUS,
  OPCODES,
  type RingGeometry,
  SLOT_STATUS,
} from "../layout/mod.ts";
import {
  apply,
  type Continuation,
  controlWord,
  createRing,
  createRingMemory,
  Opcodes,
  Ring,
} from "../ring/mod.ts";
import { type RingState, Slot, stateOf, step } from "../ring/mod.ts";

/** One slot of a program. */
export interface Item {
  readonly slot: Slot;
  readonly batch?: number;
}

/** Words of the control region that differ from what the encoder writes, before the program starts. */
export type Setup = Readonly<Record<number, number>>;

export interface Program {
  readonly items: readonly Item[];
  readonly setup?: Setup;
}

/** The executor under test, over one ring. `turn` returns 0 when nothing moved. */
export interface MakeExecutor {
  make(ring: Ring, opcodes: Opcodes, memory?: WebAssembly.Memory): { turn(): number };
  /** Slots that it claims in one turn: after SHUTDOWN those are still run. */
  readonly batchSlots: number;
  /** Its ring lies in a memory of WebAssembly, which it is given. */
  readonly inWebAssembly?: true;
}

export const SHAPE = {
  slots: 64,
  lanes: 1,
  observables: 12_300,
  tenants: 3,
  debugRecords: 4,
  ioSlots: 2,
} as const;

/** Observable words of each tenant. */
export const WINDOW = SHAPE.observables / SHAPE.tenants;

/** Tables, formats and custom opcodes that programs may use. */
export function testOpcodes(): Opcodes {
  const next = new Uint32Array(512);
  next[256 + 97] = 1;
  const traits = { bound: 8, idempotent: true } as const;
  return new Opcodes()
    .registerTable(1, { states: 2, next })
    .registerFormat(5, "a is {a}")
    .register({
      ...{ name: "sum", code: 8, arity: 3, packable: true, ...traits },
      body: ({ args: [a = 0, b = 0, to = 0], read, write }) => {
        write(to, read(a) + read(b));
        return undefined;
      },
    })
    .register({
      ...{ name: "count-down", code: 9, arity: 2, packable: true, ...traits },
      body: ({ args: [times = 0, at = 0], resumed, read, write }) => {
        write(at, read(at) + 1);
        return resumed < Math.min(times, 5) ? { pause: resumed + 1 } : undefined;
      },
    })
    .register({
      ...{ name: "fail", code: 10, arity: 2, ...traits },
      body: ({ args: [at = 0, code = 0], write }) => {
        write(at, 1); // Dropped.
        return { fault: code };
      },
    })
    .register({
      ...{ name: "throw", code: 11, arity: 0, packable: true, ...traits },
      body: () => {
        throw new Error("of the body's own");
      },
    })
    .register({
      ...{ name: "endless", code: 12, arity: 0, ...traits },
      body: ({ step: count }) => {
        for (;;) count();
      },
    })
    .register({
      ...{ name: "kernel", code: 0x1_0000, arity: 1, class: "KERNEL", ...traits },
      body: ({ args: [at = 0], write }) => {
        write(at, 99);
        return undefined;
      },
    });
}

/** Runs a program on the oracle and on the executor, and fails where their words differ. */
export function conform(make: MakeExecutor, program: Program): RingState {
  const opcodes = testOpcodes();
  const judge = ringOf(program, createRing(SHAPE, { firstPosition: -7 }));
  const memory = make.inWebAssembly && createRingMemory(SHAPE, { firstPosition: -7 });
  const tested = ringOf(program, memory?.buffer ?? createRing(SHAPE, { firstPosition: -7 }));
  const [expected, found] = [judge, tested].map(({ words }) => stateOf(words.buffer, opcodes)) as [
    RingState,
    RingState,
  ];
  const executor = make.make(tested, opcodes, memory);
  untilStill(oracle(judge, expected, make.batchSlots), expected);
  untilStill(() => executor.turn(), found);
  for (const region of ["control", "batches", "debug", "io", "slots"] as const)
    expect(found[region], region).toEqual(expected[region]);
  expect(settledOf(tested)).toEqual(settledOf(judge));
  return found;
}

function ringOf({ items, setup = {} }: Program, memory: ArrayBufferLike): Ring {
  const ring = new Ring(memory as SharedArrayBuffer);
  const control = ring.geometry.controlAt / 4;
  for (const [index, value] of Object.entries(setup)) ring.words[control + Number(index)] = value;
  for (const { slot, batch = 0 } of items) {
    const words = new Int32Array(16);
    slot.write(words, 0); // Unchecked: executors face what nobody checked.
    expect(ring.offer(words, 1, { held: true, batch })).toBeGreaterThanOrEqual(0);
  }
  return ring;
}

/** Turns until nothing moves, and answers the IO queue in between, the last entry first. */
function untilStill(turn: () => number, state: RingState): void {
  for (let turns = 0; turns < 200; turns++) if (turn() + answer(state.io) === 0) return;
  throw new Error("the program does not end");
}

/** ERROR for odd resources, OK for even ones. */
function answer(io: Int32Array): number {
  const words = IO_ENTRY.bytes / 4;
  const { source, status } = IO_ENTRY.fields;
  let answered = 0;
  for (let at = io.length - words; at >= 0; at -= words) {
    if (io[at + status.at / 4] !== IO_STATUS.PUBLISHED) continue;
    const odd = (io[at + source.at / 4]! & 1) === 1;
    io[at + status.at / 4] = odd ? IO_STATUS.ERROR : IO_STATUS.OK;
    answered++;
  }
  return answered;
}

/** An executor made of the oracle: the slots that were set aside first, then one batch. */
function oracle(ring: Ring, state: RingState, batchSlots: number): () => number {
  const into = new Int32Array(batchSlots);
  let parked: { slot: number; next: Continuation; status: number }[] = [];
  const run = (slot: number, resume?: Continuation): number => {
    const batch = ring.words[ring.geometry.sides.batch / 4 + slot]!;
    const effects = step(state, { index: slot, batch, resume });
    apply(state, effects);
    countFor(ring, slot, effects.status);
    if (effects.next !== undefined)
      parked.push({ slot, next: effects.next, status: effects.status });
    return effects.status;
  };
  return () => {
    const again = parked;
    parked = [];
    let moved = 0;
    for (const { slot, next, status } of again) {
      const now = run(slot, next);
      if (now !== status || now === SLOT_STATUS.YIELD) moved++;
    }
    if (state.control[controlWord("shutdown")] !== 0) return moved;
    const count = ring.claim(1, into);
    for (const slot of into.subarray(0, count)) run(slot);
    return moved + count;
  };
}

/** What the ring counts for its executors, and the oracle does not know of. */
function countFor(ring: Ring, slot: number, status: number): void {
  if (status !== SLOT_STATUS.DONE && status !== SLOT_STATUS.FAULT) return;
  const tenant = ring.words[ring.at(slot) + 2]! >>> 0;
  const at = (ring.geometry.bellsAt + BELLS.fields.tenant_done.at) / 4;
  if (tenant < ring.geometry.tenants) ring.words[at + tenant]!++;
}

function settledOf({ words, geometry }: { words: Int32Array; geometry: RingGeometry }): number[] {
  const { at, count } = BELLS.fields.tenant_done;
  const first = (geometry.bellsAt + at) / 4;
  return [...words.subarray(first, first + count)];
}

/** A slot of tenant 0, which may do everything. */
export function single(opcode: keyof typeof OPCODES | number, ...args: number[]): Item {
  return slotOf(0, opcode, ...args);
}

export function slotOf(
  tenant: number,
  opcode: keyof typeof OPCODES | number,
  ...args: number[]
): Item {
  const code = typeof opcode === "number" ? opcode : OPCODES[opcode].code;
  return { slot: Slot.single({ tenant, opcode: code, args }) };
}
