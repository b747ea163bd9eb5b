import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Failure } from "../base/mod.ts";
import { DESCRIPTOR } from "../layout/mod.ts";
import {
  checkDescriptor,
  newDescriptor,
  rangesOf,
  readDescriptor,
  type Region,
  type RegionAlign,
  REGIONS,
  setRegion,
  totalMemoryRequired,
  writeDescriptor,
} from "./descriptor.ts";

const BYTES: RegionAlign = { inputA: 1, inputB: 1, output: 1, scratch: 1, params: 1 };
const PAGE = 65_536;

type Ranges = Partial<Record<Region, readonly [offset: number, size: number]>>;

function describe(ranges: Ranges): Uint32Array {
  const words = newDescriptor();
  for (const [region, [offset, size]] of Object.entries(ranges))
    setRegion(words, region as Region, offset, size);
  return words;
}

/** The failure's region and other region, or "accepted". */
function verdict(
  ranges: Ranges,
  { memory = PAGE, at = 65_000, align = BYTES }: Partial<Options> = {},
): string {
  try {
    checkDescriptor(describe(ranges), memory, at, align);
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== "DESCRIPTOR_INVALID") throw error;
    return [error.detail["region"], error.detail["other"]].filter(Boolean).join(" on ");
  }
  return "accepted";
}

interface Options {
  readonly memory: number;
  readonly at: number;
  readonly align: RegionAlign;
}

test("totalMemoryRequired() is the end of the furthest region (the seed's case)", () => {
  expect(totalMemoryRequired(describe({ inputA: [0, 1024], output: [1024, 1024] }))).toBe(2048);
  expect(totalMemoryRequired(newDescriptor())).toBe(0);
});

test("totalMemoryRequired() does not wrap where a u32 sum would", () => {
  expect(totalMemoryRequired(describe({ params: [0xffff_fff0, 0x20] }))).toBe(2 ** 32 + 16);
});

test("newDescriptor() is forty zero bytes, and a zero descriptor is accepted", () => {
  expect(newDescriptor().byteLength).toBe(40);
  expect(verdict({})).toBe("accepted");
});

test("writeDescriptor() and readDescriptor() are inverse, at the offsets of the layout", () => {
  const memory = new Uint32Array(64);
  const words = describe({ inputA: [16, 1], inputB: [32, 2], params: [48, 3] });
  writeDescriptor(memory, 128, words);
  expect(readDescriptor(memory, 128)).toEqual(words);
  const view = new DataView(memory.buffer, 128);
  expect(view.getUint32(DESCRIPTOR.fields.input_b_offset.at, true)).toBe(32);
  expect(view.getUint32(DESCRIPTOR.fields.params_size.at, true)).toBe(3);
  memory.fill(0);
  expect(readDescriptor(memory, 128)).toEqual(newDescriptor());
});

test.each(REGIONS)("checkDescriptor() accepts %s up to the end of memory and not beyond", (r) => {
  const at = 0;
  expect(verdict({ [r]: [PAGE - 16, 16] }, { at })).toBe("accepted");
  expect(verdict({ [r]: [PAGE - 16, 17] }, { at })).toBe(r);
  expect(verdict({ [r]: [PAGE + 1, 0] }, { at })).toBe(r);
  expect(verdict({ [r]: [PAGE, 0] }, { at })).toBe("accepted");
});

test.each(REGIONS)("checkDescriptor() refuses %s whose end wraps round in 32 bits", (r) => {
  expect(verdict({ [r]: [0xffff_ff00, 0x200] }, { at: 0 })).toBe(r);
  expect(verdict({ [r]: [0xffff_ffff, 0xffff_ffff] }, { memory: 2 ** 32, at: 0 })).toBe(r);
  expect(verdict({ [r]: [2 ** 32 - 16, 16] }, { memory: 2 ** 32, at: 0 })).toBe("accepted");
});

test.each(["inputA", "inputB", "params"] as const)(
  "checkDescriptor() refuses an output on %s by one byte, at either side",
  (other) => {
    const others: Ranges = { [other]: [1024, 64] };
    expect(verdict({ ...others, output: [1087, 64] })).toBe(`output on ${other}`);
    expect(verdict({ ...others, output: [961, 64] })).toBe(`output on ${other}`);
    expect(verdict({ ...others, output: [1040, 1] })).toBe(`output on ${other}`);
    expect(verdict({ ...others, output: [1088, 64] })).toBe("accepted");
    expect(verdict({ ...others, output: [960, 64] })).toBe("accepted");
  },
);

test.each(["inputA", "inputB", "output", "params"] as const)(
  "checkDescriptor() refuses scratch on %s",
  (other) => {
    expect(verdict({ [other]: [1024, 64], scratch: [1087, 8] })).toBe(`scratch on ${other}`);
    expect(verdict({ [other]: [1024, 64], scratch: [1088, 8] })).toBe("accepted");
  },
);

test("checkDescriptor() lets read-only regions share memory", () => {
  expect(verdict({ inputA: [64, 64], inputB: [64, 64], params: [96, 8] })).toBe("accepted");
});

test("checkDescriptor() refuses output and scratch on the descriptor, but not an input there", () => {
  expect(verdict({ output: [1039, 4] }, { at: 1000 })).toBe("output on descriptor");
  expect(verdict({ scratch: [990, 11] }, { at: 1000 })).toBe("scratch on descriptor");
  expect(verdict({ output: [1040, 4] }, { at: 1000 })).toBe("accepted");
  expect(verdict({ inputA: [1000, 40] }, { at: 1000 })).toBe("accepted");
});

test("checkDescriptor() wants the descriptor itself in memory and on a multiple of 4", () => {
  expect(verdict({}, { at: PAGE - 40 })).toBe("accepted");
  expect(verdict({}, { at: PAGE - 36 })).toBe("descriptor");
  expect(verdict({}, { at: 1002 })).toBe("descriptor");
  expect(verdict({}, { at: -4 })).toBe("descriptor");
  expect(verdict({}, { at: Number.NaN })).toBe("descriptor");
});

test("checkDescriptor() wants each region on its own alignment", () => {
  const align: RegionAlign = { inputA: 4, inputB: 2, output: 4, scratch: 16, params: 8 };
  expect(verdict({ inputA: [4, 4], inputB: [2, 2], params: [8, 8] }, { align })).toBe("accepted");
  expect(verdict({ inputA: [6, 4] }, { align })).toBe("inputA");
  expect(verdict({ inputB: [5, 2] }, { align })).toBe("inputB");
  expect(verdict({ output: [1, 4] }, { align })).toBe("output");
  expect(verdict({ scratch: [8, 4] }, { align })).toBe("scratch");
  expect(verdict({ params: [4, 8] }, { align })).toBe("params");
  expect(verdict({ inputA: [6, 0] }, { align })).toBe("accepted");
});

test("checkDescriptor() refuses an input B at offset 0, which says that B is unused", () => {
  expect(verdict({ inputB: [0, 16] })).toBe("inputB");
  expect(verdict({ inputA: [0, 16] })).toBe("accepted");
});

test("checkDescriptor() takes a zero-size region inside another for no overlap", () => {
  expect(verdict({ inputA: [0, 1024], output: [512, 0] })).toBe("accepted");
  expect(verdict({ output: [0, 1024], scratch: [512, 0], params: [3, 0] })).toBe("accepted");
});

test("checkDescriptor() says which bytes overlap which", () => {
  const words = describe({ inputA: [0, 64], output: [32, 64] });
  expect(() => checkDescriptor(words, PAGE, 1024, BYTES)).toThrow(
    "found [32, 96), which overlaps inputA [0, 64)",
  );
  expect(rangesOf(words)).toMatchObject({ inputA: [0, 64], output: [32, 96], params: [0, 0] });
});

/** The rules as sets of bytes: slow, obvious, the judge. */
function model(ranges: Required<Ranges>, { memory, at, align }: Options): boolean {
  const own = bytesOf([at, 40]);
  const sets = REGIONS.map((region) => bytesOf(ranges[region]));
  const [inputA, inputB, output, scratch, params] = sets as [Bytes, Bytes, Bytes, Bytes, Bytes];
  const inside = (set: Bytes) => [...set].every((byte) => byte >= 0 && byte < memory);
  const apart = (set: Bytes, others: Bytes[]) =>
    others.every((other) => [...other].every((byte) => !set.has(byte)));
  return (
    at % 4 === 0 &&
    inside(own) &&
    sets.every(inside) &&
    REGIONS.every((region) => ranges[region][0] <= memory) &&
    REGIONS.every((region) => ranges[region][1] === 0 || ranges[region][0] % align[region] === 0) &&
    !(ranges.inputB[0] === 0 && inputB.size > 0) &&
    apart(output, [inputA, inputB, params, own]) &&
    apart(scratch, [inputA, inputB, params, own, output])
  );
}

type Bytes = ReadonlySet<number>;

function bytesOf([offset, size]: readonly [number, number]): Bytes {
  return new Set(Array.from({ length: size }, (_, i) => offset + i));
}

const five = <T>(one: fc.Arbitrary<T>) =>
  fc.record({ inputA: one, inputB: one, output: one, scratch: one, params: one });

test("checkDescriptor() agrees with a model that compares sets of bytes", () => {
  const region = fc.tuple(fc.nat(140), fc.oneof(fc.constant(0), fc.nat(24)));
  const byte = fc.constantFrom(1, 1, 2, 4);
  const options = fc.record({
    memory: fc.integer({ min: 100, max: 160 }),
    at: fc.integer({ min: 0, max: 30 }).map((word) => word * 4 + (word === 30 ? 1 : 0)),
    align: five(byte),
  });
  let accepted = 0;
  fc.assert(
    fc.property(five(region), options, (ranges, options) => {
      const expected = model(ranges, options);
      if (expected) accepted++;
      expect(verdict(ranges, options) === "accepted").toBe(expected);
    }),
    { numRuns: 4000, seed: 7 },
  );
  expect(accepted).toBeGreaterThan(200); // The property saw both sides.
});
