// How many slots does an executor on a thread run in a second, published by one other thread: slots that
// do nothing, and slots that hold several operations.

import { OBSERVABLE_BASE, OPCODES } from "../../src/layout/mod.ts";
import { Batch, createRing, type PackedOp, Slot } from "../../src/ring/mod.ts";
import type { Bench } from "../harness/bench.ts";
import type { Effort } from "../harness/measure.ts";
import { atLeast, type Row } from "../harness/row.ts";
import { contest, millions, runSides, type ThreadContender } from "./contest.ts";

const RUN = 64;
const SLOTS = 4096;
const NOP: PackedOp = { opcode: OPCODES.NOP.code, args: [] };
const STORE: PackedOp = { opcode: OPCODES.STORE_U32.code, args: [7, OBSERVABLE_BASE] };
const ADD: PackedOp = { opcode: OPCODES.ATOMIC_ADD.code, args: [0, OBSERVABLE_BASE] };

const GOAL_SLOTS = 10;
const GOAL_OPS = 25;

export const bench: Bench = {
  name: "executor",
  question: "how many slots does an executor run in a second, and how many packed operations?",
  async *rows(effort) {
    const nop = Slot.single({ tenant: 0, opcode: OPCODES.NOP.code });
    const store = Slot.single({ ...{ tenant: 0, opcode: STORE.opcode }, args: STORE.args });
    yield await row(effort, "NOP", [program("annulus, NOP", nop, 0)], GOAL_SLOTS, 1);
    yield await row(effort, "STORE_U32", [program("annulus, STORE_U32", store, 7)], undefined, 1);
    const nops = Array.from({ length: 23 }, () => NOP);
    yield await packedRow(effort, "23 NOPs", nops, 0, GOAL_OPS);
    yield await packedRow(effort, "2 stores, 2 additions, 1 NOP", [STORE, ADD, STORE, ADD, NOP], 7);
  },
};

function packedRow(
  effort: Effort,
  what: string,
  ops: readonly PackedOp[],
  stored: number,
  goal?: number,
): Promise<Row> {
  const slot = Slot.packed({ tenant: 0, ops });
  return row(effort, what, [program(`annulus, ${what}`, slot, stored)], goal, ops.length);
}

async function row(
  effort: Effort,
  what: string,
  contenders: readonly ThreadContender[],
  goal: number | undefined,
  operations: number,
): Promise<Row> {
  const entries = await contest(contenders, effort);
  const rate = millions(entries, contenders[0]!.name, operations);
  const unit = operations === 1 ? "slots" : "operations";
  const goals = goal === undefined ? [] : [atLeast(`>= ${goal} M ${unit}/s`, goal, rate)];
  const notes = operations === 1 ? [] : [`${rate?.toFixed(1)} M operations/s.`];
  return { id: `executor ${what}`, what: `a slot of ${what}, run`, entries, goals, notes };
}

function program(name: string, slot: Slot, stored: number): ThreadContender {
  return {
    name,
    time: ({ quick }) => {
      const memory = createRing({ slots: SLOTS });
      const slots = quick ? 1 << 20 : 1 << 22;
      const words = new Batch(
        0,
        Array.from({ length: RUN }, () => slot),
      ).words();
      const side = { memory, slots, run: RUN, alone: true };
      return runSides([
        { part: "publish-program", words, ...side },
        { part: "execute", stored, ...side },
      ]);
    },
  };
}
