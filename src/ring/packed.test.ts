import * as fc from "fast-check";
import { expect, test } from "vitest";

import { Failure } from "../base/mod.ts";
import { encodeEmptyRing } from "./codec.ts";
import { type ArityOf, packableArity, PACKED_HEAD, type PackedOp, PackedOps } from "./packed.ts";
import { Slot } from "./slot.ts";
import { slotWords } from "./slot-words.ts";

const NOP: PackedOp = { opcode: 0, args: [] };
const nops = (count: number): PackedOp[] => Array.from({ length: count }, () => NOP);
const STORE: PackedOp = { opcode: 1, args: [7, 160] };
const CAS: PackedOp = { opcode: 4, args: [161, 0, 9] };

const withCustom: ArityOf = (opcode) => (opcode === 200 ? 5 : packableArity(opcode));

/** What an executor sees of `ops` after they went through a slot. */
function roundTrip(ops: readonly PackedOp[], arityOf: ArityOf = packableArity): PackedOps {
  const words = slotWords(encodeEmptyRing(1));
  Slot.packed({ tenant: 0, ops, arityOf }).publishInto(words, 0);
  const read = new PackedOps();
  expect(read.read(words, 4, arityOf)).toBe(true);
  return read;
}

function read(bytes: readonly number[]): PackedOps | number {
  const words = new Int32Array(12);
  new Uint8Array(words.buffer).set(bytes);
  const ops = new PackedOps();
  return ops.read(words, 0) ? ops : ops.faultAt;
}

const publish = (ops: readonly PackedOp[]) => () =>
  Slot.packed({ tenant: 0, ops }).publishInto(slotWords(encodeEmptyRing(1)), 0);

const cause = (action: () => void): unknown => {
  try {
    action();
  } catch (error) {
    if (error instanceof Failure) return error.detail["cause"];
  }
  return "published";
};

test("PackedOps.read() sees every one of 23 operations, where upstream dropped all after the fourth", () => {
  expect(roundTrip(nops(23)).count).toBe(23);
});

test("PackedOps.read() sees arguments in the last two words, where upstream dropped the operation", () => {
  const ops = roundTrip([CAS, STORE, STORE, STORE]); // 3 + 2 + 2 + 2 words fill the slot.
  expect([0, 1].map((i) => ops.arg(3, i))).toEqual([7, 160]);
});

test("PackedOps.read() finds the arguments behind the head of 6 operations, where upstream misread them", () => {
  const ops = roundTrip([STORE, NOP, NOP, NOP, NOP, CAS]);
  expect([0, 1].map((i) => ops.arg(0, i))).toEqual([7, 160]);
  expect([0, 1, 2].map((i) => ops.arg(5, i))).toEqual([161, 0, 9]);
});

test("PackedOps.arg() of a missing argument is 0, where upstream gave the neighbour's", () => {
  const ops = roundTrip([{ opcode: 2, args: [5] }, STORE]);
  expect([0, 1, 2, 11].map((i) => ops.arg(0, i))).toEqual([5, 0, 0, 0]);
});

test("PackedOps.read() refuses offsets that reach into the next slot, which upstream read", () => {
  expect(read([1, 2, 1, 255])).toBe(0);
  expect(read([2, 2, 1, 0, 1, 200])).toBe(0); // The first would end where the second begins.
});

test("PackedOps.read() names the operation at fault, or the head", () => {
  const heads = [
    [0, 0],
    [24, 0],
    [1, 12, 1, 0],
    [23, 1],
    [255, 255],
  ];
  for (const head of heads) expect(read(head), `${head}`).toBe(PACKED_HEAD);
  expect(read([2, 0, 0, 0, 7, 0]), "a fence may not be packed").toBe(1);
  expect(read([2, 0, 0, 0, 200, 0]), "unknown").toBe(1);
  expect(read([3, 4, 1, 0, 1, 2, 1, 1]), "it goes backwards").toBe(1);
  expect(read([1, 3, 1, 0]), "more than its arity").toBe(0);
  expect(read([1, 1, 2, 1]), "words before the first").toBe(0);
});

test("PackedOps keeps its own copy, so that a publisher cannot change what was checked", () => {
  const words = new Int32Array(12);
  new Uint8Array(words.buffer).set([1, 2, 1, 0, 7, 0, 0, 0, 160]);
  const ops = new PackedOps();
  ops.read(words, 0);
  words.fill(-1);
  expect([ops.opcode(0), ops.arg(0, 0), ops.arg(0, 1)]).toEqual([1, 7, 160]);
});

test("Slot.packed() refuses what no executor would run", () => {
  expect(cause(publish([]))).toBe("packed-empty");
  expect(cause(publish(nops(23)))).toBe("published");
  expect(cause(publish(nops(24)))).toBe("packed-ops");
  expect(cause(publish([CAS, CAS, CAS]))).toBe("published"); // 2 + 9 words.
  expect(cause(publish([CAS, CAS, CAS, STORE]))).toBe("packed-payload"); // 3 + 11.
  expect(cause(publish([{ opcode: 1, args: [1, 2, 3] }]))).toBe("packed-arity");
  for (const opcode of [7, 8, 255, 256, 0xfffe, -1, 0.5, NaN])
    expect(cause(publish([{ opcode, args: [] }]))).toBe("packed-opcode");
  expect(cause(publish([{ opcode: 1, args: [-1] }]))).toBe("not-a-word");
});

test("an operation of a custom opcode may be packed when its registry says how", () => {
  const ops = roundTrip([{ opcode: 200, args: [1, 2, 3, 4, 5] }], withCustom);
  expect([ops.opcode(0), ops.arg(0, 4)]).toEqual([200, 5]);
});

const op = fc.record({
  opcode: fc.integer({ min: 0, max: 9 }),
  args: fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { maxLength: 5 }),
});

test("every packed slot that can be published reads back as it was, whatever its operations", () => {
  fc.assert(
    fc.property(fc.array(op, { maxLength: 8 }), (ops) => {
      if (cause(publish(ops)) !== "published") return;
      const back = roundTrip(ops);
      expect(back.count).toBe(ops.length);
      for (const [i, { opcode, args }] of ops.entries()) {
        expect(back.opcode(i)).toBe(opcode);
        for (let k = 0; k < 12; k++) expect(back.arg(i, k)).toBe(args[k] ?? 0);
      }
    }),
    { numRuns: 300 },
  );
});

test("what PackedOps.read() accepts, Slot.packed() publishes again as the same operations", () => {
  const byte = fc.integer({ min: 0, max: 6 });
  const head = fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 9 }), byte);
  const rest = fc.array(byte, { minLength: 45, maxLength: 45 });
  let accepted = 0;
  fc.assert(
    fc.property(head, rest, ([count, total, opcode], tail) => {
      const ops = read([count, total, opcode, ...tail.with(0, 0)]);
      if (typeof ops === "number") {
        expect(ops < count || ops === PACKED_HEAD).toBe(true);
        return;
      }
      accepted++;
      const list = Array.from({ length: ops.count }, (_, i) => ops.op(i));
      const again = roundTrip(list);
      expect(list.map((_, i) => again.op(i))).toEqual(list);
    }),
    { numRuns: 2000 },
  );
  expect(accepted).toBeGreaterThan(20);
});
