// The native kernels against their plain reference, in every format and at every ragged end, both with
// and without fused multiply-add.

import { describe, expect, test } from "vitest";
import { modelBypass } from "../../../test/tiny-llama.fixture.ts";
import { failureOf } from "../../pack/failure-of.fixture.ts";
import { bf16ArrayToF32, f16ArrayToF32, f32ArrayToBf16, f32ArrayToF16 } from "../../tensor/mod.ts";
import { randomFrom } from "../sample.ts";
import { askLeave } from "./leave.ts";
import { FORMAT_BYTES, type KeyBlock, Native, NativePlan, type NativeShape } from "./native.ts";
import { attention, type AttentionCase, product } from "./reference.fixture.ts";

const random = randomFrom(1);
const SHAPE: NativeShape = { heads: 1, kvHeads: 1, headDim: 8, inputsMax: 4096 };
const MODULES = [true, false];
const leave = (fused: boolean) => askLeave(modelBypass(), [{ outputs: 1, inputs: 8 }], fused);

/** Numbers around zero of very different size. */
function values(count: number, scale = 1): Float32Array {
  return Float32Array.from(
    { length: count },
    () => (random() - 0.5) * scale * 2 ** (random() * 8 - 4),
  );
}

const FORMATS = {
  f32: { narrow: (data: Float32Array) => data, widen: (data: Float32Array) => data },
  f16: { narrow: f32ArrayToF16, widen: f16ArrayToF32 },
  bf16: { narrow: f32ArrayToBf16, widen: bf16ArrayToF32 },
};
type Format = keyof typeof FORMATS;

interface Case {
  readonly rows: number;
  readonly inputs: number;
  readonly outputs: number;
}

/** x · wᵀ by the native kernel, and the weights as it saw them. */
async function multiplied(
  format: Format,
  shape: Case,
  { x, w, fused = true }: { x: Float32Array; w: Float32Array; fused?: boolean },
) {
  const { rows, inputs, outputs } = shape;
  const narrow = FORMATS[format].narrow(w);
  const plan = new NativePlan();
  const xAt = plan.reserve(x.byteLength);
  const at = plan.reserve(outputs * inputs * FORMAT_BYTES[format]);
  const yAt = plan.reserve(rows * outputs * 4 + 4);
  const native = await Native.open(plan, SHAPE, 1, await leave(fused));
  native.f32(xAt, x.length).set(x);
  native.bytes(at, narrow.byteLength).set(new Uint8Array(narrow.buffer));
  const y = native.f32(yAt, rows * outputs + 1).fill(7);
  native.multiply({ at, outputs, inputs, format }, xAt, yAt, rows);
  expect(y.at(-1)).toBe(7); // Nothing is written behind the end.
  return { y: y.slice(0, -1), w: FORMATS[format].widen(narrow as never) };
}

describe.each(MODULES)("with fused multiply-add: %s", (fused) => {
  describe.each(["f32", "f16", "bf16"] as const)("multiply() of %s", (format) => {
    test.each([1, 2, 3, 5, 32])("is the reference's at every ragged end, %i rows", async (rows) => {
      for (const inputs of [8, 24, 1024, 1032, 2056]) {
        for (const outputs of [1, 3, 4, 9]) {
          const shape = { rows, inputs, outputs };
          const x = values(rows * inputs);
          const found = await multiplied(format, shape, { x, w: values(outputs * inputs), fused });
          const { y, magnitudes } = product(x, found.w, shape);
          const worst = Math.max(
            ...y.map((value, i) => Math.abs(found.y[i]! - value) / magnitudes[i]!),
          );
          expect(worst).toBeLessThan(inputs * 2 ** -24);
        }
      }
    });
  });

  test.each<Partial<AttentionCase>>([
    {},
    { rows: 7 },
    { position: 31, rows: 2 },
    { position: 32 },
    { position: 95, rows: 5, heads: 6, kvHeads: 2, headDim: 32 },
    { heads: 8, kvHeads: 8, headDim: 24, position: 40 },
    { heads: 4, kvHeads: 1, headDim: 128, position: 3, rows: 3 },
  ])("attend() is the reference's: %j", async (changes) => {
    for (const block of [4, 32, 1024]) {
      const { found, wanted } = await attended({ ...CASE, ...changes }, block, 1, fused);
      expect(worstOf(found, wanted)).toBeLessThan(2e-6);
    }
  });
});

const CASE: AttentionCase = {
  rows: 1,
  heads: 2,
  kvHeads: 1,
  headDim: 8,
  position: 0,
  capacity: 128,
};

function worstOf(found: Float32Array, wanted: Float64Array): number {
  const largest = Math.max(...wanted.map(Math.abs));
  return Math.max(...wanted.map((value, i) => Math.abs(found[i]! - value))) / largest;
}

/** Attention by the native kernel, its keys shown in blocks of `block`, and by the reference. */
async function attended(shape: AttentionCase, block: number, spread: number, fused = true) {
  const { rows, heads, kvHeads, headDim, position, capacity } = shape;
  const keys = values(kvHeads * capacity * headDim, spread);
  const all = { queries: values(rows * heads * headDim), keys, values: values(keys.length) };
  const plan = new NativePlan();
  const queriesAt = plan.reserve(all.queries.byteLength);
  const keysAt = plan.reserve(keys.byteLength);
  const valuesAt = plan.reserve(keys.byteLength);
  const outAt = plan.reserve(all.queries.byteLength);
  const nativeShape = { heads, kvHeads, headDim, inputsMax: 8 };
  const native = await Native.open(plan, nativeShape, rows, await leave(fused));
  native.f32(queriesAt, all.queries.length).set(all.queries);
  native.f32(keysAt, keys.length).set(keys);
  native.f32(valuesAt, keys.length).set(all.values);
  native.attend({ queriesAt, outAt, rows, position }, (show: (part: KeyBlock) => void) => {
    for (let first = 0; first < position + rows; first += block) {
      const at = first * headDim * 4;
      const count = Math.min(block, position + rows - first);
      show({ keysAt: keysAt + at, valuesAt: valuesAt + at, capacity, first, count });
    }
  });
  const found = native.f32(outAt, all.queries.length).slice();
  return { found, wanted: attention(all.queries, keys, all.values, shape) };
}

test("attend() neither overflows nor loses the rest where scores are huge", async () => {
  for (const spread of [1e3, 1e6]) {
    const { found, wanted } = await attended({ ...CASE, position: 99 }, 32, spread);
    expect(found.every(Number.isFinite)).toBe(true);
    expect(worstOf(found, wanted)).toBeLessThan(1e-3);
  }
});

test("multiply() of f16 is exact for every finite pattern, subnormals too", async () => {
  const bits = Uint16Array.from({ length: 65_536 }, (_, i) => i).filter(
    (pattern) => (pattern & 0x7c00) !== 0x7c00,
  );
  const w = f16ArrayToF32(new Float16Array(bits.buffer));
  const x = Float32Array.of(1, 0, 0, 0, 0, 0, 0, 0);
  const rows = Float32Array.from({ length: w.length * 8 }, (_, i) => (i % 8 === 0 ? w[i / 8]! : 0));
  const shape = { rows: 1, inputs: 8, outputs: w.length };
  expect((await multiplied("f16", shape, { x, w: rows })).y).toEqual(w.map((value) => value + 0));
});

test("multiply() of f16 keeps its precision for inputs of any size", async () => {
  const shape = { rows: 1, inputs: 64, outputs: 8 };
  const w = values(64 * 8);
  const x = values(64);
  const { y } = await multiplied("f16", shape, { x, w });
  for (const power of [2 ** -100, 2 ** -60, 2 ** 40, 2 ** 100]) {
    const scaled = await multiplied("f16", shape, { x: x.map((value) => value * power), w });
    expect(scaled.y).toEqual(y.map((value) => value * power));
  }
  const zero = await multiplied("f16", shape, { x: new Float32Array(64), w });
  expect(zero.y).toEqual(new Float32Array(8));
});

test("multiply() of f16 lets what is not a number through", async () => {
  const shape = { rows: 1, inputs: 8, outputs: 4 };
  const w = new Float32Array(32).fill(1);
  for (const bad of [NaN, Infinity]) {
    const x = Float32Array.of(1, 2, bad, 3, 4, 5, 6, 7);
    const { y } = await multiplied("f16", shape, { x, w });
    expect(y).toEqual(new Float32Array(4).fill(bad));
  }
});

test("NativePlan refuses more than one memory holds, and takes what it does", () => {
  const plan = new NativePlan();
  plan.reserve(2 ** 32 - 65_536 - 64);
  expect(failureOf(() => plan.reserve(1)).code).toBe("MODEL_TOO_LARGE");
});
