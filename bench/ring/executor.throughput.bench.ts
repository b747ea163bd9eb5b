// How many slots does an executor on a thread run in a second, published by one other thread: slots that
// do nothing, and slots that hold several operations.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { OBSERVABLE_BASE, OPCODES } from "../../src/layout/mod.ts";
import { Batch, createRingMemory, type PackedOp, Slot } from "../../src/ring/mod.ts";
import type { Bench } from "../harness/bench.ts";
import type { Effort } from "../harness/measure.ts";
import { atLeast, atMost, measuredIn, type Row } from "../harness/row.ts";
import { contest, millions, runSides, type ThreadContender } from "./contest.ts";

const RUN = 64;
const SLOTS = 4096;
const NOP: PackedOp = { opcode: OPCODES.NOP.code, args: [] };
const STORE: PackedOp = { opcode: OPCODES.STORE_U32.code, args: [7, OBSERVABLE_BASE] };
const ADD: PackedOp = { opcode: OPCODES.ATOMIC_ADD.code, args: [0, OBSERVABLE_BASE] };

/** Steps of the busy opcode that take about a microsecond. */
const ROUNDS = 800;
const GOAL_SLOTS = 10;
const GOAL_OPS = 25;

export const bench: Bench = {
  name: "executor",
  question: "how many slots does an executor run in a second, and how many packed operations?",
  async *rows(effort) {
    const nop = Slot.single({ tenant: 0, opcode: OPCODES.NOP.code });
    const store = Slot.single({ ...{ tenant: 0, opcode: STORE.opcode }, args: STORE.args });
    yield await row(effort, "NOP", both("NOP", nop, 0), GOAL_SLOTS, 1);
    yield await row(effort, "STORE_U32", both("STORE_U32", store, 7), undefined, 1);
    const nops = Array.from({ length: 23 }, () => NOP);
    yield await packedRow(effort, "23 NOPs", nops, 0, GOAL_OPS);
    yield await packedRow(effort, "2 stores, 2 additions, 1 NOP", [STORE, ADD, STORE, ADD, NOP], 7);
    const busy = Slot.single({ tenant: 0, opcode: 8, args: [ROUNDS, OBSERVABLE_BASE] });
    yield await recording(effort, "NOP", nop, 0);
    yield await recording(effort, "a slot that works for a microsecond", busy, 7, 4);
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
  return row(effort, what, both(what, slot, stored), goal, ops.length);
}

/** The executor as it is, and without its path in WebAssembly. */
function both(what: string, slot: Slot, stored: number): ThreadContender[] {
  const plain = program(`annulus, ${what}, TypeScript alone`, slot, stored, { plain: true });
  return [program(`annulus, ${what}`, slot, stored), plain];
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

/** The same slots with a log on a file, and without. */
async function recording(
  effort: Effort,
  what: string,
  slot: Slot,
  stored: number,
  divisor = 1,
): Promise<Row> {
  const [on, off] = ["annulus, recording", "annulus, not recording"];
  const contenders = [
    program(on, slot, stored, { log: true, divisor }),
    program(off, slot, stored, { divisor }),
  ];
  const entries = await contest(contenders, effort);
  const ratio = measuredIn(entries, off)?.firstOverThis;
  const cost = ratio === undefined ? undefined : (1 - 1 / ratio) * 100;
  return {
    id: `executor recording, ${what}`,
    what: `${what}, run with a log of every slot on a file`,
    entries,
    goals: divisor > 1 ? [atMost("<= 10 % less throughput", 10, cost)] : [],
    notes: [`Recording takes ${cost?.toFixed(1)} % of the throughput.`],
  };
}

function program(
  name: string,
  slot: Slot,
  stored: number,
  { log = false, plain = false, divisor = 1 } = {},
): ThreadContender {
  return {
    name,
    time: async ({ quick }) => {
      const made = createRingMemory({ slots: SLOTS });
      const memory = made.buffer as unknown as SharedArrayBuffer;
      const slots = (quick ? 1 << 20 : 1 << 22) / divisor;
      const words = new Batch(
        0,
        Array.from({ length: RUN }, () => slot),
      ).words();
      const side = { memory, slots, run: RUN, alone: true };
      const folder = log ? await mkdtemp(join(tmpdir(), "annulus-bench-")) : undefined;
      const path = folder && join(folder, "slots.log");
      const timing = await runSides([
        { part: "publish-program", words, ...side },
        { part: "execute", stored, log: path, quick: plain ? undefined : made, ...side },
      ]);
      if (folder !== undefined) await rm(folder, { recursive: true });
      return timing;
    },
  };
}
