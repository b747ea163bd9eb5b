// kernels/std/half.ts, which converts inside kernels, judged by the conversions of src/tensor.

import { join } from "node:path";
import { expect, test } from "vitest";
import { ASSEMBLYSCRIPT_FLAGS, compileAssemblyScript } from "../src/platform/node/mod.ts";
import { f16ArrayToF32, f32ArrayToF16 } from "../src/tensor/mod.ts";
import { randomFrom } from "./testing.ts";

const SOURCE = join(import.meta.dirname, "half-program.ts");
const PROGRAM = `
  import { loadHalf1, loadHalf4, roundToHalf, storeHalf1, storeHalf4, storeHalf8 } from "./std/half";
  export function widen(from: usize, to: usize, count: i32): void {
    for (let i = 0; i < count; i += 4) v128.store(to + 4 * i, loadHalf4(from + 2 * i));
  }
  export function widenEach(from: usize, to: usize, count: i32): void {
    for (let i = 0; i < count; i++) v128.store32_lane(to + 4 * i, loadHalf1(from + 2 * i), 0);
  }
  export function narrow(from: usize, to: usize, count: i32): void {
    for (let i = 0; i < count; i += 4) storeHalf4(to + 2 * i, v128.load(from + 4 * i));
  }
  export function narrowEight(from: usize, to: usize, count: i32): void {
    for (let i = 0; i < count; i += 8)
      storeHalf8(to + 2 * i, v128.load(from + 4 * i), v128.load(from + 4 * i, 16));
  }
  export function narrowEach(from: usize, to: usize, count: i32): void {
    for (let i = 0; i < count; i++) storeHalf1(to + 2 * i, v128.load32_zero(from + 4 * i));
  }
  export function round(from: usize, to: usize, count: i32): void {
    for (let i = 0; i < count; i += 4) v128.store(to + 4 * i, roundToHalf(v128.load(from + 4 * i)));
  }
`;

const NARROWINGS = ["narrow", "narrowEight", "narrowEach"];
const PATTERNS = 65536;
const AT = 65536; // The module's own page comes first.
const TO = 8 * PATTERNS;

const bytes = await compileAssemblyScript(
  SOURCE,
  ASSEMBLYSCRIPT_FLAGS,
  new Map([[SOURCE, PROGRAM]]),
);
const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes));
const { memory } = instance.exports as { memory: WebAssembly.Memory };
memory.grow(16);

/** Runs one loop of the program over `input` and gives `length` bytes of what it wrote. */
function run(name: string, input: Uint16Array | Uint32Array, length: number): ArrayBuffer {
  new Uint8Array(memory.buffer, AT).set(new Uint8Array(input.buffer, 0, input.byteLength));
  (instance.exports[name] as (from: number, to: number, count: number) => void)(
    AT,
    TO,
    input.length,
  );
  return memory.buffer.slice(TO, TO + length);
}

const bitsOf = (halves: Float16Array) =>
  new Uint16Array(halves.buffer, halves.byteOffset, halves.length);

/** The f16 bits of f32 bits, by the judge. */
function judged(bits: Uint32Array<ArrayBuffer>): Uint16Array {
  return bitsOf(f32ArrayToF16(new Float32Array(bits.buffer)));
}

const everyHalf = Uint16Array.from({ length: PATTERNS }, (_, bits) => bits);
const widened = new Uint32Array(f16ArrayToF32(new Float16Array(everyHalf.buffer)).buffer);

test.each(["widen", "widenEach"])(
  "%s() is exact for every f16, where upstream halves subnormals",
  (name) => {
    const found = new Uint32Array(run(name, everyHalf, 4 * PATTERNS));
    expect(Buffer.compare(new Uint8Array(found.buffer), new Uint8Array(widened.buffer))).toBe(0);
  },
);

test.each(NARROWINGS)("%s() gives every f16 back, with NaNs made quiet", (name) => {
  const found = new Uint16Array(run(name, widened, 2 * PATTERNS));
  const expected = everyHalf.map((bits) => ((bits & 0x7fff) > 0x7c00 ? bits | 0x0200 : bits));
  expect(Buffer.compare(new Uint8Array(found.buffer), new Uint8Array(expected.buffer))).toBe(0);
});

test("round() gives what an f32 is worth after a stay in f16", () => {
  const found = run("round", widened, 4 * PATTERNS);
  expect(Buffer.compare(new Uint8Array(found), new Uint8Array(widened.buffer))).toBe(0);
});

test.each(NARROWINGS)("%s() gives the golden numbers", (name) => {
  const golden = [
    [65504, 0x7bff],
    [65519.996, 0x7bff],
    [65520, 0x7c00],
    [2 ** -24, 0x0001],
    [2 ** -25, 0x0000],
    [1.5 * 2 ** -25, 0x0001],
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [-0, 0x8000],
    [NaN, 0x7e00],
    [Infinity, 0x7c00],
    [-1e10, 0xfc00],
    [2 ** -149, 0x0000],
    [-1e-45, 0x8000],
    [0, 0],
    [1, 0x3c00],
  ] as const;
  const values = Float32Array.from(golden, ([value]) => value);
  const found = new Uint16Array(run(name, new Uint32Array(values.buffer), 2 * golden.length));
  expect([...found]).toEqual(golden.map(([, bits]) => bits));
});

test.each(NARROWINGS)(
  "%s() rounds to nearest at every border of two f16, where upstream truncates",
  (name) => {
    // Halfway between each finite f16 and the next, that is 12 bits below f16's last, and beside it.
    for (const beside of [-1, 0, 1]) {
      const borders = Uint32Array.from({ length: PATTERNS }, (_, half) => {
        const next = widened[Math.min(half + 1, PATTERNS - 1)]!;
        return Math.floor((widened[half]! + next) / 2) + beside;
      });
      const found = new Uint16Array(run(name, borders, 2 * PATTERNS));
      expect(Buffer.compare(new Uint8Array(found.buffer), bytesOf(judged(borders)))).toBe(0);
    }
  },
);

test("narrow() rounds a million random patterns like the judge, and like Math.f16round", () => {
  const random = randomFrom(16);
  for (let round = 0; round < 16; round++) {
    const bits = Uint32Array.from({ length: PATTERNS }, () => random() * 2 ** 32);
    const found = new Uint16Array(run("narrow", bits, 2 * PATTERNS));
    expect(Buffer.compare(new Uint8Array(found.buffer), bytesOf(judged(bits)))).toBe(0);
  }
});

function bytesOf(values: Uint16Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
