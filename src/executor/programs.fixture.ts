// The executors that conform, and random programs for them.

import * as fc from "fast-check";

import { OBSERVABLE_BASE as O, OPCODES } from "../layout/mod.ts";
import { controlWord, maskOf, Ring, Slot } from "../ring/mod.ts";
import { type MakeExecutor, type Program, WINDOW } from "./conformance.fixture.ts";
import { Executor } from "./executor.ts";

const many: MakeExecutor = {
  make: (ring, opcodes) => new Executor(ring, { owner: 1, opcodes }),
  batchSlots: 64,
};
const alone: MakeExecutor = {
  make({ words }, opcodes) {
    const ring = new Ring(words.buffer as SharedArrayBuffer, { oneExecutor: true });
    return new Executor(ring, { owner: 1, opcodes, batchSlotsMax: 5 });
  },
  batchSlots: 5,
};

const quick: MakeExecutor = {
  make: (ring, opcodes, memory) => new Executor(ring, { owner: 1, opcodes, memory: memory! }),
  batchSlots: 64,
  inWebAssembly: true,
};

export const EXECUTORS = { many, alone, quick } as const;

export const USER = maskOf([
  "NOP_AND_FENCE",
  "CONTROL_READ",
  "CONTROL_WRITE",
  "MEMCPY",
  "DFA",
  "CUSTOM",
]);
export const MASKS = controlWord("tenant_masks");
export const QUOTAS = controlWord("quotas");
/** Tenant 1 is an ordinary user, tenant 2 has three slots left. */
export const SETUP = { [MASKS + 1]: USER | 0, [MASKS + 2]: USER | 0, [QUOTAS + 2]: 3 };

/** Anything that a hostile publisher could write, more often what makes sense. */
export function programs(): fc.Arbitrary<Program> {
  const word = fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: O, max: O + 3 * WINDOW }) },
    { weight: 4, arbitrary: fc.nat({ max: 300 }) },
    { weight: 1, arbitrary: fc.constantFrom(0xffff_ffff, 0x8000_0000, 0x7fff_ffff) },
    { weight: 1, arbitrary: fc.nat({ max: 0xffff_ffff }) },
  );
  const codes = [...Object.values(OPCODES).map(({ code }) => code), 8, 9, 10, 11, 12, 13, 0x1_0000];
  const opcode = fc.constantFrom(...codes.filter((code) => code !== OPCODES.SHUTDOWN.code));
  const tenant = fc.constantFrom(0, 0, 1, 1, 2, 3, 61, 0xffff_ffff);
  const anySlot = fc
    .tuple(tenant, opcode, fc.array(word, { maxLength: 12 }), fc.nat({ max: 4 }))
    .map(([who, code, args, priority]) =>
      Slot.single({ tenant: who, opcode: code, args, priority }),
    );
  const op = fc.record({ opcode: fc.nat({ max: 13 }), args: fc.array(word, { maxLength: 4 }) });
  const anyPacked = fc
    .tuple(tenant, fc.array(op, { minLength: 1, maxLength: 4 }))
    .filter(([, ops]) => ops.reduce((sum, { args }) => sum + args.length, 0) <= 8)
    .map(([who, ops]) => Slot.packed({ tenant: who, ops }));
  const item = fc.record({ slot: fc.oneof(anySlot, anyPacked), batch: fc.nat({ max: 3 }) });
  return fc.record({
    items: fc.array(item, { maxLength: 40 }),
    setup: fc.constantFrom({}, SETUP, { ...SETUP, [MASKS]: USER | 0 }),
  });
}
