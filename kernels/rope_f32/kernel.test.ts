import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { KERNEL_CODES } from "../../src/layout/mod.ts";
import { absoluteError, type Call, normals, randomFrom, TestedKernel } from "../testing.ts";
import { manifest } from "./manifest.ts";
import { rope, ropeAngles, type RopeShape } from "../../src/reference/mod.ts";

const kernel = await TestedKernel.compile(manifest);

type Layout = "interleaved" | "half_split";
const LAYOUTS: readonly Layout[] = ["interleaved", "half_split"];

interface Turn {
  readonly x: Float32Array;
  readonly angles: Float32Array;
  readonly shape: RopeShape;
  readonly layout: Layout;
  readonly inverse?: boolean;
}

function callOf({ x, angles, shape, layout, inverse = false }: Turn): Call {
  const { batch, seq, heads, dim } = shape;
  return {
    inputs: { x, freqs: angles },
    shapes: { x: [batch, seq, heads, dim], freqs: [seq, angles.length / seq] },
    params: { layout, inverse },
  };
}

const run = (turn: Turn) => kernel.run(callOf(turn));

/** One head at one position, so that tests can speak of single pairs. */
function turnOne(x: Float32Array, angles: Float32Array, layout: Layout): Float32Array<ArrayBuffer> {
  return run({ x, angles, shape: { batch: 1, seq: 1, heads: 1, dim: x.length }, layout });
}

/** Turns (1, 0) by each angle, which gives its cosine and sine. */
function cosSin(angles: Float32Array): { cos: Float32Array; sin: Float32Array } {
  const n = angles.length;
  const y = turnOne(new Float32Array(2 * n).fill(1, 0, n), angles, "half_split");
  return { cos: y.subarray(0, n), sin: y.subarray(n) };
}

/** Where each dimension of the half-split layout lies in the interleaved one. */
function toInterleaved(x: Float32Array, dim: number): Float32Array<ArrayBuffer> {
  return Float32Array.from(x, (_, at) => {
    const i = at % dim;
    return x[at - i + (i % 2) * (dim / 2) + Math.floor(i / 2)]!;
  });
}

const ONE_TO_EIGHT = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8);

test("rope_f32 turns half-split pairs, where upstream turns only neighbours", () => {
  const y = turnOne(ONE_TO_EIGHT, ropeAngles([3], 4, 1e4), "half_split");
  const golden = [-1.695593, 0.137552, 2.788682, 3.975982, -4.808842, 6.323059, 7.086837, 8.011964];
  expect(absoluteError(y, Float64Array.from(golden))).toBeLessThan(1e-6);
});

test("rope_f32 gives the golden numbers in the interleaved layout", () => {
  const y = turnOne(ONE_TO_EIGHT, ropeAngles([3], 4, 1e4), "interleaved");
  const golden = [-1.272233, -1.838865, 1.683929, 4.707907, 4.817777, 6.147278, 6.975969, 8.020964];
  expect(absoluteError(y, Float64Array.from(golden))).toBeLessThan(1e-6);
});

const shapeOf = (dim: number): RopeShape => ({ batch: 2, seq: 3, heads: 2, dim });
const positions = [0, 41, 4095];

describe.each(LAYOUTS)("rope_f32, %s", (layout) => {
  test.each([2, 4, 6, 8, 14, 32, 34, 62, 64, 66, 80, 96, 128, 130, 256])(
    "stays within 1e-5 of the reference with heads of %i",
    (dim) => {
      const shape = shapeOf(dim);
      const x = normals(12 * dim, dim);
      const angles = ropeAngles(positions, dim / 2, 1e4);
      for (const inverse of [false, true]) {
        const error = absoluteError(
          run({ x, angles, shape, layout, inverse }),
          rope(x, angles, shape, { layout, inverse }),
        );
        expect(error).toBeLessThan(1e-6 * Math.max(...x.map(Math.abs)));
      }
    },
  );

  test.each([
    [1, 0],
    [5, 1],
    [7, 3],
    [64, 16],
    [80, 16],
    [96, 33],
    [129, 64],
  ])("turns the first pairs of heads of %i, %i of them, where upstream turns all", (dim, half) => {
    const shape = shapeOf(dim);
    const x = normals(12 * dim, dim);
    const angles = ropeAngles(positions, half, 1e4);
    const y = run({ x, angles, shape, layout });
    expect(absoluteError(y, rope(x, angles, shape, { layout }))).toBeLessThan(1e-5);
    const beyond = (values: Float32Array) => values.filter((_, at) => at % dim >= 2 * half);
    expect(beyond(y)).toEqual(beyond(x));
  });

  test("keeps each pair's length", () => {
    const values = fc.float({ noNaN: true, min: -100, max: 100 });
    const pair = fc.tuple(values, values, fc.float({ noNaN: true, min: -131072, max: 131072 }));
    fc.assert(
      fc.property(pair, ([a, b, angle]) => {
        const [c, d] = turnOne(Float32Array.of(a, b), Float32Array.of(angle), layout);
        expect(Math.abs(Math.hypot(c!, d!) - Math.hypot(a, b))).toBeLessThan(1e-4);
      }),
      { numRuns: 100 },
    );
  });

  test("undoes itself when inverse", () => {
    const shape = shapeOf(70);
    const [x, angles] = [normals(12 * 70, 1), ropeAngles([7, 1000, 131_071], 35, 1e4)];
    const there = run({ x, angles, shape, layout });
    const back = run({ x: there, angles, shape, layout, inverse: true });
    expect(absoluteError(back, Float64Array.from(x))).toBeLessThan(2e-6);
  });

  test("lets a query and a key meet at their distance alone", () => {
    const dim = 64;
    const [q, k] = [normals(dim, 2), normals(dim, 3)];
    const turned = (x: Float32Array, position: number) =>
      turnOne(x, ropeAngles([position], dim / 2, 1e4), layout);
    const product = (p: number, o: number) => {
      const [a, b] = [turned(q, p), turned(k, o)];
      return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
    };
    for (const distance of [0, 1, 17, 1000]) {
      const expected = product(distance, 0);
      for (const at of [1, 100, 3000]) expect(product(at + distance, at)).toBeCloseTo(expected, 2); // Angles are rounded to f32.
    }
  });

  test("gives every batch and head the angles of its own position", () => {
    const shape = { batch: 3, seq: 4, heads: 5, dim: 16 };
    const angles = ropeAngles([0, 1, 2, 3], 8, 1e4);
    const head = normals(16, 4);
    const x = Float32Array.from({ length: 60 * 16 }, (_, at) => head[at % 16]!);
    const y = run({ x, angles, shape, layout });
    for (let token = 0; token < 12; token++)
      for (let h = 0; h < 5; h++) {
        const at = (token * 5 + h) * 16;
        const position = angles.slice((token % 4) * 8, (token % 4) * 8 + 8);
        expect(y.slice(at, at + 16)).toEqual(turnOne(head, position, layout));
      }
  });

  test("gives the same bits wherever its tensors lie", () => {
    const turn = { x: normals(12 * 70, 1), angles: ropeAngles(positions, 35, 1e4), layout };
    const call = callOf({ ...turn, shape: shapeOf(70) });
    for (const shift of [4, 8, 12])
      expect(kernel.run({ ...call, shift })).toEqual(kernel.run(call));
  });
});

test("rope_f32 gives the same bits in both layouts, up to the order of dimensions", () => {
  for (const dim of [8, 30, 64, 128]) {
    const shape = { batch: 1, seq: 5, heads: 3, dim };
    const [x, angles] = [normals(15 * dim, dim), ropeAngles([0, 1, 9, 99, 131_071], dim / 2, 1e4)];
    const split = run({ x, angles, shape, layout: "half_split" });
    const x2 = toInterleaved(x, dim);
    const pairs = run({ x: x2, angles, shape, layout: "interleaved" });
    expect(pairs).toEqual(toInterleaved(split, dim));
  }
});

test("rope_f32 knows sines within 1.2e-7 up to 2^24, where upstream adds a short Taylor series", () => {
  const random = randomFrom(11);
  for (const most of [1e-3, 1, Math.PI, 100, 131_072, 2 ** 24]) {
    const angles = Float32Array.from({ length: 4099 }, () => (2 * random() - 1) * most);
    const { cos, sin } = cosSin(angles);
    expect(absoluteError(cos, Float64Array.from(angles, Math.cos))).toBeLessThan(1.2e-7);
    expect(absoluteError(sin, Float64Array.from(angles, Math.sin))).toBeLessThan(1.2e-7);
  }
});

test("rope_f32 knows the multiples of a quarter turn, where polynomials and signs change", () => {
  const angles = Float32Array.from({ length: 2001 }, (_, i) => ((i - 1000) * Math.PI) / 4);
  const { cos, sin } = cosSin(angles);
  expect(absoluteError(cos, Float64Array.from(angles, Math.cos))).toBeLessThan(1.2e-7);
  expect(absoluteError(sin, Float64Array.from(angles, Math.sin))).toBeLessThan(1.2e-7);
});

test("rope_f32 answers NaN where no angle is meant: beyond 2^24, infinity and NaN", () => {
  const angles = Float32Array.of(2 ** 24 + 2, -(2 ** 25), 3e38, Infinity, -Infinity, NaN, 0);
  const { cos, sin } = cosSin(angles);
  expect([...cos]).toEqual([NaN, NaN, NaN, NaN, NaN, NaN, 1]);
  expect([...sin]).toEqual([NaN, NaN, NaN, NaN, NaN, NaN, 0]);
});

test("rope_f32 is right at position 131071, where upstream's sine is off by 1.15", () => {
  const { cos, sin } = cosSin(Float32Array.of(131_071, 32_768));
  expect(absoluteError(sin, Float64Array.of(Math.sin(131_071), Math.sin(32_768)))).toBeLessThan(
    1e-7,
  );
  expect(absoluteError(cos, Float64Array.of(Math.cos(131_071), Math.cos(32_768)))).toBeLessThan(
    1e-7,
  );
});

test("rope_f32 is right at half a turn, where upstream's cosine is off by 2.4e-2", () => {
  const { cos, sin } = cosSin(Float32Array.of(Math.PI, -Math.PI));
  expect(absoluteError(cos, Float64Array.of(-1, -1))).toBeLessThan(1e-7);
  expect(absoluteError(sin, Float64Array.of(0, 0))).toBeLessThan(1.2e-7);
});

test("rope_f32 keeps lengths between whole positions, where upstream's tables lose an eighth", () => {
  const angles = ropeAngles([0.5, 2.5, 1000.5], 32, 1e4);
  const shape = { batch: 1, seq: 3, heads: 1, dim: 64 };
  const x = Float32Array.from({ length: 192 }, (_, at) => 1 - (at % 2)); // Pairs of 1 and 0.
  const y = run({ x, angles, shape, layout: "interleaved" });
  for (let at = 0; at < 192; at += 2) expect(Math.hypot(y[at]!, y[at + 1]!)).toBeCloseTo(1, 6);
});

test("rope_f32 turns every scaled position by itself, where upstream lets 32 share one", () => {
  const shape = { batch: 1, seq: 32, heads: 1, dim: 2 };
  const angles = Float32Array.from({ length: 32 }, (_, p) => p / 32);
  const x = Float32Array.from({ length: 64 }, (_, at) => 1 - (at % 2));
  const y = run({ x, angles, shape, layout: "interleaved" });
  expect(new Set(y.filter((_, at) => at % 2 === 0)).size).toBe(32);
});

const noScale = (params: DataView) => params.setFloat32(8, NaN, true);

test("rope_f32 multiplies what turns by `scale`, and nothing else", () => {
  const shape = shapeOf(80);
  const [x, angles] = [normals(12 * 80, 1), ropeAngles(positions, 32, 1e4)];
  for (const layout of LAYOUTS)
    for (const inverse of [false, true]) {
      const call = callOf({ x, angles, shape, layout, inverse });
      const scale = Math.fround(1.2772589);
      const y = kernel.run({ ...call, params: { ...call.params, scale } });
      const expected = rope(x, angles, shape, { layout, inverse, scale });
      expect(absoluteError(y, expected)).toBeLessThan(2e-6 * Math.max(...x.map(Math.abs)));
    }
  expect(kernel.code({ ...CALL, block: noScale })).toBe(KERNEL_CODES.INVALID_PARAMS);
});

test("rope_f32 has nothing to do for empty tensors", () => {
  const empty = new Float32Array(0);
  for (const [batch, seq, heads, dim] of [
    [0, 3, 2, 4],
    [1, 0, 2, 4],
    [1, 3, 0, 4],
    [1, 3, 2, 0],
  ]) {
    const angles = new Float32Array(seq! * (dim! / 2));
    const shapes = { x: [batch!, seq!, heads!, dim!], freqs: [seq!, dim! / 2] };
    const params = { layout: "half_split" };
    expect(kernel.run({ inputs: { x: empty, freqs: angles }, shapes, params })).toEqual(empty);
  }
});

const CALL = callOf({
  x: new Float32Array(48),
  angles: new Float32Array(6),
  shape: { batch: 2, seq: 3, heads: 2, dim: 4 },
  layout: "half_split",
});
const code = (descriptor: NonNullable<Call["descriptor"]>) => kernel.code({ ...CALL, descriptor });
const setFirst = (value: number) => (block: DataView) => block.setUint32(0, value, true);
const setDims =
  (...dims: number[]) =>
  (block: DataView) =>
    dims.forEach((value, i) => block.setUint32(12 + 4 * i, value, true));

test("rope_f32 refuses a call that chooses no layout, or one that does not exist", () => {
  expect(kernel.code({ ...CALL, params: {} })).toBe(KERNEL_CODES.INVALID_PARAMS);
  expect(kernel.code({ ...CALL, block: setFirst(3) })).toBe(KERNEL_CODES.INVALID_PARAMS);
});

test("rope_f32 refuses more pairs than a head holds", () => {
  const shapes = { x: [2, 3, 2, 4], freqs: [3, 3] };
  const inputs = { ...CALL.inputs, freqs: new Float32Array(9) };
  expect(kernel.code({ ...CALL, inputs, shapes })).toBe(KERNEL_CODES.INVALID_INPUT);
});

test("rope_f32 refuses sizes that do not fit its dimensions, where upstream never compares them", () => {
  for (const input_a_size of [0, 188, 196]) expect(code({ input_a_size })).toBe(1);
  for (const input_b_size of [0, 20, 28]) expect(code({ input_b_size })).toBe(1);
  for (const output_size of [0, 188, 196]) expect(code({ output_size })).toBe(2);
  for (const params_size of [0, 28, 36]) expect(code({ params_size })).toBe(3);
  for (const scratch_size of [0, 12]) expect(code({ scratch_size })).toBe(4);
});

test("rope_f32 refuses dimensions whose product wraps in 32 or 64 bits", () => {
  expect(kernel.code({ ...CALL, block: setDims(2 ** 16, 2 ** 16, 2 ** 16, 2 ** 16, 2) })).toBe(
    KERNEL_CODES.INVALID_INPUT,
  );
});
