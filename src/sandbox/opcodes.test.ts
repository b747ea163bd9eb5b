// The opcode tables against the engine: for every opcode that V8 knows, how many bytes of immediates
// it reads; for every other, that we refuse it. One byte too many or too few, and all that follows
// is misread, so this is proved for each opcode and not for a sample.

import { describe, expect, test } from "vitest";

import { Instructions } from "./instructions.ts";
import { PREFIX_ATOMIC, PREFIX_GC, PREFIX_MISC, PREFIX_SIMD } from "./opcodes.ts";
import {
  body,
  type Bytes,
  codeOf,
  failureOf,
  moduleOf,
  NOTHING,
  refusal,
  section,
  vectorSection,
} from "./wasm.fixture.ts";
import { leb } from "./writer.ts";

const NO_OPCODE = 0xff; // V8 names its offset where it stands in an opcode's place.
const IMMEDIATE_BYTES_MAX = 20;

/** What type 0 may have to be, so that an opcode that names it is valid. */
const TYPES: readonly Bytes[] = [
  NOTHING,
  [0x5f, 1, 0x7f, 1], // struct { mut i32 }
  [0x5f, 1, 0x78, 1], // struct { mut i8 }
  [0x5e, 0x7f, 1], // array mut i32
  [0x5e, 0x78, 1], // array mut i8
  [0x5e, 0x70, 1], // array mut funcref
];

/** Where an opcode may have to stand: behind operands of any type, since unreachable code has them. */
const PLACES: readonly Bytes[] = [
  [0x00],
  [0x02, 0x63, 0x00, 0x00], // In a block that results in (ref null 0).
  [0x41, 0x00, 0x04, 0x40, 0x00], // In an if.
  [0x06, 0x40, 0x00], // In a try.
  [0x06, 0x40, 0x19, 0x00], // In a catch_all.
];

const DATA = vectorSection(11, [[1, 0]]);

/** A module with one thing of each index space; the body is `place`, the opcode, what follows, ends. */
function moduleWith(type: Bytes, code: Bytes): Uint8Array<ArrayBuffer> {
  return moduleOf(
    vectorSection(1, [type, NOTHING]),
    vectorSection(3, [[1]]),
    vectorSection(4, [[0x70, 0, 1]]),
    vectorSection(5, [[3, 1, 1]]),
    vectorSection(13, [[0, 1]]),
    vectorSection(6, [[0x7f, 1, 0x41, 0, 0x0b]]),
    vectorSection(9, [[3, 0, 1, 0]]),
    section(12, [1]),
    vectorSection(10, [body(code, [1, 4, 0x7f])]),
    DATA,
  );
}

/** How immediates may have to begin, so that zeros behind are valid. */
const STARTS: readonly Bytes[] = [[], [1], [2], [3], [1, 0x7f]]; // Alignments; one type, i32.

interface Reading {
  readonly immediates: Bytes;
  readonly length: number;
}

/** How V8 reads `opcode`: immediates that it accepts, and how many bytes they are. */
function engineReading(opcode: Bytes): Reading | undefined {
  if (isUnknown(opcode)) return undefined;
  for (const place of PLACES)
    for (const start of STARTS)
      for (const type of TYPES) {
        const immediates = [...start, ...zeros(IMMEDIATE_BYTES_MAX - start.length)];
        const length = lengthIn(type, [...place, ...opcode], immediates);
        if (length !== undefined) return { immediates, length };
      }
  return undefined;
}

/** True if V8 stumbles over the opcode itself, and not over what follows or where it stands. */
function isUnknown(opcode: Bytes): boolean {
  const module = moduleWith(NOTHING, [0, ...opcode, ...zeros(IMMEDIATE_BYTES_MAX)]);
  const at = module.length - DATA.length - IMMEDIATE_BYTES_MAX - opcode.length;
  return new RegExp(`invalid .*opcode.* @\\+${at}$`, "i").test(refusal(module) ?? "");
}

function lengthIn(type: Bytes, before: Bytes, immediates: Bytes): number | undefined {
  // Zeros behind the immediates read as `unreachable`, so only the immediates decide.
  const probe = (length: number): boolean => {
    const code = [...before, ...immediates.slice(0, length), NO_OPCODE];
    const module = moduleWith(type, [...code, ...zeros(IMMEDIATE_BYTES_MAX)]);
    const at = module.length - DATA.length - IMMEDIATE_BYTES_MAX - 1;
    return refusal(module)?.toLowerCase().endsWith(`invalid opcode 0xff @+${at}`) === true;
  };
  if (!probe(IMMEDIATE_BYTES_MAX)) return undefined;
  for (let length = 0; ; length++) if (probe(length)) return length;
}

function zeros(length: number): number[] {
  return Array.from({ length }, () => 0);
}

/** How many bytes of immediates we read behind `opcode`. */
function ourLength(opcode: Bytes, immediates: Bytes): number {
  const code = new Instructions(Uint8Array.from([...opcode, ...immediates]), () => {});
  code.next();
  return code.at - opcode.length;
}

function compare(opcode: Bytes): "known" | "unknown" {
  const theirs = engineReading(opcode);
  const name = opcode.map((byte) => byte.toString(16)).join(" ");
  if (theirs === undefined) {
    expect({ name, unknown: isUnknown(opcode) }).toEqual({ name, unknown: true }); // Else this test lacks a place where it would be valid.
    expect({ name, code: codeOf(() => ourLength(opcode, zeros(IMMEDIATE_BYTES_MAX))) }).toEqual({
      name,
      code: "MODULE_UNSUPPORTED",
    });
    return "unknown";
  }
  const ours = ourLength(opcode, theirs.immediates);
  expect({ name, length: ours }).toEqual({ name, length: theirs.length });
  return "known";
}

describe("Instructions.next() reads as many bytes as V8", () => {
  const PREFIXES = [PREFIX_GC, PREFIX_MISC, PREFIX_SIMD, PREFIX_ATOMIC];

  test("for every opcode of one byte", () => {
    const known = Array.from({ length: 256 }, (_, opcode) => opcode)
      .filter((opcode) => !PREFIXES.includes(opcode))
      .filter((opcode) => compare([opcode]) === "known");
    expect(known.length).toBe(199);
  });

  test.each([
    { prefix: PREFIX_GC, known: 31 },
    { prefix: PREFIX_MISC, known: 18 },
    { prefix: PREFIX_SIMD, known: 256 },
    { prefix: PREFIX_ATOMIC, known: 67 },
  ])("for every code to 0x200 behind prefix $prefix", ({ prefix, known }) => {
    const codes = Array.from({ length: 0x201 }, (_, code) => code);
    const found = codes.filter((code) => compare([prefix, ...leb(code)]) === "known");
    expect(found.length).toBe(known);
  });
});

test("Instructions.next() takes a code behind a prefix in more bytes than it needs", () => {
  expect(compare([PREFIX_MISC, 0x80, 0x00])).toBe("known");
  expect(compare([PREFIX_SIMD, 0x94, 0x80, 0x80, 0x80, 0x00])).toBe("known");
});

test.each([
  { opcode: [0xe0], feature: "stack switching" },
  { opcode: [0xe6], feature: "stack switching" },
  { opcode: [0xfb, 0x20], feature: "custom descriptors" },
  { opcode: [0xfb, 0x80, 0x01], feature: "string references" },
  { opcode: [0xfc, 0x12], feature: "memory control" },
  { opcode: [0xfc, 0x13], feature: "wide arithmetic" },
  { opcode: [0xfc, 0x16], feature: "wide arithmetic" },
  { opcode: [0xfc, 0x30], feature: "fp16" },
  { opcode: [0xfd, 0xa0, 0x02], feature: "fp16" },
  { opcode: [0xfe, 0x4f], feature: "shared-everything threads" },
  { opcode: [0xfe, 0x03, 0x01], feature: "shared-everything threads" },
  { opcode: [0xff], feature: "an instruction that this version does not know" },
  { opcode: [0xfd, 0xff, 0xff, 0x03], feature: "an instruction that this version does not know" },
])("Instructions.next() refuses $opcode and names $feature", ({ opcode, feature }) => {
  const failure = failureOf(() => ourLength(opcode, zeros(IMMEDIATE_BYTES_MAX)));
  expect(failure.code).toBe("MODULE_UNSUPPORTED");
  expect(failure.detail["feature"]).toBe(feature);
  expect(failure.detail["offset"]).toBeLessThan(opcode.length);
});
