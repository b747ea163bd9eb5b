// Constant expressions against the engine: whatever V8 takes as one, of any opcode, is decoded.

import { expect, test } from "vitest";

import { decode } from "./decode.ts";
import { PREFIX_ATOMIC, PREFIX_GC, PREFIX_MISC, PREFIX_SIMD } from "./opcodes.ts";
import { type Bytes, codeOf, moduleOf, NOTHING, refusal, vectorSection } from "./wasm.fixture.ts";
import { leb, nameBytes } from "./writer.ts";

const GLOBAL_TYPES: readonly Bytes[] = [
  ...[0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0x70, 0x6f, 0x6e, 0x6c, 0x69].map((type) => [type]),
  [0x63, 0x00],
];

/** What may have to be on the stack in front of the opcode. */
const OPERANDS: readonly Bytes[] = [
  [],
  [0x41, 0],
  [0x41, 0, 0x41, 0],
  [0x42, 0, 0x42, 0],
  [0xd0, 0x6f],
  [0xd0, 0x6e],
];

const STRUCT: Bytes = [0x5f, 1, 0x7f, 1];
const ARRAY: Bytes = [0x5e, 0x7f, 1];

function constant(type: Bytes, first: Bytes, code: Bytes): Uint8Array<ArrayBuffer> {
  const names = [...nameBytes("a"), ...nameBytes("b")];
  return moduleOf(
    vectorSection(1, [first, NOTHING]),
    vectorSection(2, [
      [...names, 3, ...type, 0],
      [...names, 0, 1],
    ]),
    vectorSection(6, [[...type, 0, ...code, 0x0b]]),
    vectorSection(7, [[...nameBytes("f"), 0, 0]]),
  );
}

/** How often V8 takes `opcode` with immediates of zeros as part of a constant of some type. */
function compare(opcode: Bytes): number {
  const alone = refusal(constant([0x7f], STRUCT, [...opcode, 0])) ?? "";
  if (/opcode .* is not allowed in constant|invalid .*opcode/i.test(alone)) return 0;
  let accepted = 0;
  for (const first of [STRUCT, ARRAY])
    for (const type of GLOBAL_TYPES)
      for (const operands of OPERANDS)
        for (const count of [0, 1, 2, 4, 8, 16]) {
          const immediates = Array.from({ length: count }, () => 0);
          const bytes = constant(type, first, [...operands, ...opcode, ...immediates]);
          if (!WebAssembly.validate(bytes)) continue;
          accepted++;
          expect({ opcode, type, code: codeOf(() => decode(bytes)) }).toEqual({ opcode, type });
        }
  return accepted;
}

test("decode() takes every constant expression that V8 takes", () => {
  const single = Array.from({ length: 256 }, (_, opcode) => [opcode]).filter(([op]) => op! < 0xfb);
  const opcodes = [
    ...single,
    ...behind(PREFIX_GC, 40),
    ...behind(PREFIX_MISC, 24),
    ...behind(PREFIX_SIMD, 20),
    ...behind(PREFIX_ATOMIC, 4),
  ];
  const accepted = opcodes.filter((opcode) => compare(opcode) > 0).map(([a, b]) => [a, b]);
  expect(accepted.map((op) => op.filter((b) => b !== undefined).join(" "))).toEqual([
    ...[0x23, 0x41, 0x42, 0x43, 0x44, 0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e, 0xd0, 0xd2].map(String),
    ...[0, 1, 6, 7, 8, 26, 27, 28].map((code) => `${PREFIX_GC} ${code}`),
    `${PREFIX_SIMD} 12`,
  ]);
});

test.each([
  ["nop", [0x01, 0x41, 0]],
  ["i32.div_s", [0x41, 1, 0x41, 1, 0x6d]],
  ["memory.size", [0x3f, 0]],
  ["local.get", [0x20, 0]],
  ["call", [0x10, 0]],
  ["block", [0x02, 0x7f, 0x41, 0, 0x0b]],
  ["drop", [0x41, 0, 0x41, 0, 0x1a]],
])("decode() is malformed with %s in a constant expression", (_, code) => {
  const bytes = constant([0x7f], STRUCT, code);
  expect(refusal(bytes)).toBeDefined();
  expect(codeOf(() => decode(bytes))).toBe("MODULE_MALFORMED");
});

test("decode() keeps the value of a global that is one i32.const, and of no other", () => {
  expect(value([0x7f], [0x41, 0x7f])).toBe(-1);
  expect(value([0x7f], [0x41, 0x80, 0x80, 0x80, 0x80, 0x78])).toBe(-(2 ** 31));
  expect(value([0x7f], [0x41, 0xff, 0xff, 0xff, 0xff, 0x07])).toBe(2 ** 31 - 1);
  expect(value([0x7f], [0x41, 1, 0x41, 2, 0x6a])).toBeUndefined();
  expect(value([0x7f], [0x23, 0])).toBeUndefined();
  expect(value([0x7e], [0x42, 1])).toBeUndefined();
});

function behind(prefix: number, codes: number): Bytes[] {
  return Array.from({ length: codes }, (_, code) => [prefix, ...leb(code)]);
}

function value(type: Bytes, code: Bytes): number | undefined {
  return decode(constant(type, STRUCT, code)).globals[1]!.i32;
}
