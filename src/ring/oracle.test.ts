// The oracle: what each opcode does, what each fault is, and who may touch what.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { failureOf } from "../pack/failure-of.fixture.ts";
import {
  FAULT_CODE_ARG,
  FAULT_CODES,
  FAULT_DETAIL_ARG,
  OBSERVABLE_BASE,
  OPCODES,
  SLOT,
  SLOT_STATUS,
} from "../layout/mod.ts";
import { apply, claim, controlWord, type Continuation, stateOf } from "./effects.ts";
import { createRing } from "./format.ts";
import { Opcodes } from "./opcodes.ts";
import { maskOf } from "./rights.ts";
import { Slot } from "./slot.ts";
import { step } from "./step.ts";

const SHAPE = {
  slots: 8,
  lanes: 1,
  observables: 60,
  tenants: 3,
  debugRecords: 2,
  ioSlots: 2,
} as const;
const WINDOW = 20; // Observable words of each tenant.
const ARGS = SLOT.fields.args.at / 4;
const O = OBSERVABLE_BASE;

function ring(opcodes = new Opcodes()) {
  return stateOf(createRing(SHAPE), opcodes);
}

type State = ReturnType<typeof ring>;

/** Publishes, claims, steps and applies slot 0; what it left there, and where it goes on. */
function run(state: State, slot: Slot, resume?: Continuation, batch = 0) {
  if (resume === undefined) {
    state.slots[0] = SLOT_STATUS.EMPTY;
    slot.publishInto(state.slots, 0);
    expect(claim(state, 0)).toBe(true);
  }
  const effects = step(state, { index: 0, resume, batch });
  apply(state, effects);
  const fault = state.slots[ARGS + FAULT_CODE_ARG]! >>> 0;
  const detail = state.slots[ARGS + FAULT_DETAIL_ARG]! >>> 0;
  return { status: state.slots[0]!, fault, detail, next: effects.next };
}

const single = (opcode: number, args: readonly number[], tenant = 0) =>
  Slot.single({ opcode, args, tenant });
const DONE = { status: SLOT_STATUS.DONE };
const faulted = (code: keyof typeof FAULT_CODES) => ({
  status: SLOT_STATUS.FAULT,
  fault: FAULT_CODES[code],
});

/** Takes SYSTEM from every tenant, whose windows are then all that they have. */
function asUsers(state: State): State {
  const all = maskOf(["CONTROL_READ", "CONTROL_WRITE", "MEMCPY", "DFA", "PRINTF", "NOP_AND_FENCE"]);
  state.control.fill(all, controlWord("tenant_masks"), controlWord("tenant_masks") + 3);
  return state;
}

describe("step()", () => {
  test("stores, adds, loads and swaps words", () => {
    const state = ring();
    expect(run(state, single(OPCODES.STORE_U32.code, [7, O + 1]))).toMatchObject(DONE);
    expect(run(state, single(OPCODES.ATOMIC_ADD.code, [0xffff_ffff, O + 1]))).toMatchObject(DONE);
    expect(state.control[O + 1]).toBe(6); // The sum wraps.
    run(state, single(OPCODES.LOAD_U32.code, [O + 1, 2]));
    expect(state.control[O + 2]).toBe(6);
    run(state, single(OPCODES.COMPARE_SWAP.code, [O + 1, 6, 9, 3]));
    expect([state.control[O + 1], state.control[O + 3]]).toEqual([9, 6]);
    run(state, single(OPCODES.COMPARE_SWAP.code, [O + 1, 6, 1, 3]));
    expect([state.control[O + 1], state.control[O + 3]]).toEqual([9, 9]); // Another value: unchanged.
    expect(state.control[controlWord("done_count")]).toBe(5);
  });

  test("does nothing for NOP but count it", () => {
    const state = ring();
    expect(run(state, single(OPCODES.NOP.code, []))).toMatchObject(DONE);
    expect(state.control[controlWord("metrics") + OPCODES.NOP.code]).toBe(1);
  });

  test("copies words upwards, and faults where the length does not fit, however large it is", () => {
    const state = ring();
    state.control.set([1, 2, 3], O);
    expect(run(state, single(OPCODES.MEMCPY.code, [O, O + 10, 3]))).toMatchObject(DONE);
    expect([...state.control.subarray(O + 10, O + 13)]).toEqual([1, 2, 3]);
    const huge = single(OPCODES.MEMCPY.code, [O, O + 10, 0xffff_ffff]);
    expect(run(state, huge)).toMatchObject(faulted("OUT_OF_BOUNDS"));
  });

  test("takes one step of a DFA, whose state, byte and table are checked", () => {
    const next = new Uint32Array(512);
    next[256 + 0x61] = 1;
    const state = ring(new Opcodes().registerTable(5, { states: 2, next }));
    const dfa = (...args: number[]) => run(state, single(OPCODES.DFA_STEP.code, args));
    expect(dfa(1, 0x61, 4, 5)).toMatchObject(DONE);
    expect(state.control[O + 4]).toBe(1);
    for (const [args, at] of [
      [[2, 0, 4, 5], 0],
      [[0, 256, 4, 5], 1],
      [[0, 0, 4, 6], 3],
    ] as const)
      expect(dfa(...args)).toMatchObject({ ...faulted("MALFORMED_ARGS"), detail: at });
  });

  test("holds a fence back until its batch is done, where upstream lets it pass at once", () => {
    const state = ring();
    const fence = single(OPCODES.BATCH_FENCE.code, [2, 77, 9]);
    const waiting = run(state, fence);
    expect(waiting.status).toBe(SLOT_STATUS.REQUEUE);
    expect(state.control[controlWord("epoch")]).toBe(0);
    state.batches[9] = 2;
    expect(run(state, fence, waiting.next)).toMatchObject(DONE);
    expect([state.control[controlWord("epoch")], state.control[O], state.batches[9]]).toEqual([
      1, 77, 0,
    ]);
  });

  test("waits for IO with a continuation, where upstream spins", () => {
    const state = ring();
    const waiting = run(state, single(OPCODES.LOAD_MISS.code, [3, 0]));
    expect(waiting.status).toBe(SLOT_STATUS.WAIT_IO);
    expect(run(state, single(0, []), waiting.next).status).toBe(SLOT_STATUS.WAIT_IO);
    const status = state.io.findIndex((word) => word === SLOT_STATUS.PUBLISHED);
    state.io[6] = 0x10; // OK, by the poller.
    expect(status).toBeGreaterThanOrEqual(0);
    expect(run(state, single(0, []), waiting.next)).toMatchObject(DONE);
  });

  test("drops a record for which the log has no room, and keeps those before", () => {
    const state = ring();
    for (let i = 0; i < 3; i++)
      expect(run(state, single(OPCODES.PRINTF.code, [i, 1, 2]))).toMatchObject(DONE);
    expect(state.debug[0]).toBe(8); // Two records of four words.
    expect(state.debug[9]).toBe(1); // One dropped.
  });

  test("shuts down for who may, and runs a packed slot's operations in order", () => {
    const state = ring();
    const ops = [
      { opcode: OPCODES.STORE_U32.code, args: [5, O] },
      { opcode: OPCODES.ATOMIC_ADD.code, args: [2, O] },
    ];
    expect(run(state, Slot.packed({ tenant: 0, ops }))).toMatchObject(DONE);
    expect([state.control[O], state.control[controlWord("done_count")]]).toEqual([7, 1]);
    run(state, single(OPCODES.SHUTDOWN.code, []));
    expect(state.control[controlWord("shutdown")]).toBe(1);
  });

  test("runs a packed slot wholly or not at all", () => {
    const state = asUsers(ring());
    const ops = [
      { opcode: OPCODES.STORE_U32.code, args: [5, O] },
      { opcode: OPCODES.STORE_U32.code, args: [5, 0] },
    ];
    expect(run(state, Slot.packed({ tenant: 0, ops }))).toMatchObject(faulted("OUT_OF_BOUNDS"));
    expect(state.control[O]).toBe(0);
  });

  test.each([3, 29, 31, 61, 125, 0xffff_ffff])("denies tenant %i, who is none", (tenant) => {
    const state = ring();
    const store = single(OPCODES.STORE_U32.code, [1, O], tenant);
    expect(run(state, store)).toMatchObject(faulted("UNAUTHORISED"));
    expect(state.control[O]).toBe(0);
  });

  test("denies users the control words, others' windows, and shutting down", () => {
    const state = asUsers(ring());
    for (const index of [0, 3, 32, 128, O - 1, O, O + WINDOW - 1, O + 2 * WINDOW, 0xffff_ffff])
      expect(run(state, single(OPCODES.STORE_U32.code, [1, index], 1))).toMatchObject(
        faulted("OUT_OF_BOUNDS"),
      );
    for (const index of [O + WINDOW, O + 2 * WINDOW - 1])
      expect(run(state, single(OPCODES.STORE_U32.code, [1, index], 1))).toMatchObject(DONE);
    const shutdown = single(OPCODES.SHUTDOWN.code, [], 1);
    expect(run(state, shutdown)).toMatchObject(faulted("UNAUTHORISED"));
    expect(state.control[controlWord("shutdown")]).toBe(0);
  });

  test("takes one from the quota for each slot, and faults when none is left", () => {
    const state = ring();
    const quota = controlWord("quotas") + 1;
    state.control[quota] = 1;
    expect(run(state, single(0, [], 1))).toMatchObject(DONE);
    expect(state.control[quota]).toBe(0);
    expect(run(state, single(0, [], 1))).toMatchObject(faulted("QUOTA"));
  });

  test("faults for an opcode that nobody registered, where upstream counts it as done", () => {
    expect(run(ring(), single(500, []))).toMatchObject({
      ...faulted("UNKNOWN_OPCODE"),
      detail: 500,
    });
  });

  test("counts modulo 2^32", () => {
    const state = ring();
    state.control[controlWord("done_count")] = -1;
    run(state, single(0, []));
    expect(state.control[controlWord("done_count")]).toBe(0);
  });

  test("leaves all but a tenant's window and the counters as they were, whatever it runs", () => {
    const codes = ["STORE_U32", "ATOMIC_ADD", "LOAD_U32", "COMPARE_SWAP", "MEMCPY"] as const;
    const word = fc.oneof(fc.integer({ min: 0, max: 230 }), fc.constant(0xffff_ffff));
    const program = fc.array(fc.tuple(fc.constantFrom(...codes), fc.array(word, { maxLength: 4 })));
    fc.assert(
      fc.property(program, (slots) => {
        const state = asUsers(ring());
        for (const [name, args] of slots) run(state, single(OPCODES[name].code, args, 1));
        const others = [
          ...state.control.subarray(O, O + WINDOW),
          ...state.control.subarray(O + 2 * WINDOW),
        ];
        expect(others.every((value) => value === 0)).toBe(true);
        expect(state.control[controlWord("shutdown")]).toBe(0);
        expect(state.control[controlWord("epoch")]).toBe(0);
      }),
      { numRuns: 200 },
    );
  });
});

/** Doubles the word that its argument names. */
const doubling: Parameters<Opcodes["register"]>[0]["body"] = ({ args, read, write }) => {
  write(args[0]!, 2 * read(args[0]!));
  return undefined;
};

describe("Opcodes", () => {
  const custom = { name: "twice", code: 40, arity: 2, bound: 2, idempotent: true } as const;

  test("runs a registered body in its tenant's window, within its bound", () => {
    const bound = ring(new Opcodes().register({ ...custom, body: doubling }));
    bound.control[O + 3] = 21;
    expect(run(bound, single(40, [O + 3]))).toMatchObject(DONE);
    expect(bound.control[O + 3]).toBe(42);
    const tight = ring(new Opcodes().register({ ...custom, bound: 1, body: doubling }));
    expect(run(tight, single(40, [O + 3]))).toMatchObject(faulted("BUDGET"));
  });

  test("refuses a number that is taken or reserved, and traits out of range", () => {
    const opcodes = new Opcodes().register({ ...custom, body: doubling });
    for (const wrong of [{}, { code: 7 }, { code: 0xfff0 }, { code: 41, arity: 13 }])
      expect(failureOf(() => opcodes.register({ ...custom, ...wrong, body: doubling })).code).toBe(
        "OPCODE_INVALID",
      );
    const next = new Uint32Array(256).fill(1);
    expect(failureOf(() => opcodes.registerTable(1, { states: 1, next })).code).toBe(
      "OPCODE_INVALID",
    );
    expect(opcodes.registerFormat(2, "{a} of {b}").render({ format: 2, a: 1, b: 3 })).toBe(
      "1 of 3",
    );
  });
});
