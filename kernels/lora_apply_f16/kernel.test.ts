import { expect, test } from "vitest";
import { KERNEL_CODES } from "../../src/layout/mod.ts";
import { lora, type LoraShape } from "../../src/reference/mod.ts";
import { halfNormals, halvesOf, ulpError } from "../half-values.ts";
import { manifest as wideManifest } from "../lora_apply_f32/manifest.ts";
import { type Call, randomFrom, TestedKernel } from "../testing.ts";
import { manifest } from "./manifest.ts";

const kernel = await TestedKernel.compile(manifest);
const wide = await TestedKernel.compile(wideManifest);

interface Tensors {
  readonly x: Float16Array;
  readonly a: Float16Array;
  readonly b: Float16Array;
  readonly scales: Float32Array;
  readonly base: Float16Array;
  readonly adapter: Int32Array;
}

function callOf({ tokens, in: columns, out, rank }: LoraShape, tensors: Tensors): Call {
  const adapters = tensors.scales.length;
  const shapes = {
    x: [tokens, columns],
    a: [adapters, rank, columns],
    b: [adapters, out, rank],
    base: [tokens, out],
  };
  return { inputs: { ...tensors }, shapes };
}

const run = (shape: LoraShape, tensors: Tensors) =>
  halvesOf(kernel.runBytes(callOf(shape, tensors)));

/** What lora_apply_f32 makes of the same tensors widened, each value then rounded to f16. */
function widely(shape: LoraShape, { scales, adapter, ...halves }: Tensors): Float16Array {
  const { x, a, b, base } = halves;
  const [wideX, wideA, wideB, wideBase] = [x, a, b, base].map((half) => Float32Array.from(half));
  const inputs = { x: wideX!, a: wideA!, b: wideB!, scales, base: wideBase!, adapter };
  const { shapes } = callOf(shape, { scales, adapter, ...halves });
  return Float16Array.from(wide.run({ inputs, shapes: shapes! }));
}

/** Tensors of normal values, every token with some adapter or none. */
function tensorsOf(
  { tokens, in: columns, out, rank }: LoraShape,
  adapters: number,
  seed = 1,
): Tensors {
  const random = randomFrom(seed);
  return {
    x: halfNormals(tokens * columns, seed),
    a: halfNormals(adapters * rank * columns, seed + 1, 0.3),
    b: halfNormals(adapters * out * rank, seed + 2, 0.3),
    scales: Float32Array.from({ length: adapters }, (_, i) => 2 / (i + 1)),
    base: halfNormals(tokens * out, seed + 3),
    adapter: Int32Array.from({ length: tokens }, () => Math.floor(random() * (adapters + 1)) - 1),
  };
}

const ones = (length: number) => new Float16Array(length).fill(1);

/** Half a unit in the last place, and 1e-5 of the terms. */
function expectNear(y: Float16Array, shape: LoraShape, tensors: Tensors): void {
  const { y: expected, magnitudes } = lora(shape, tensors);
  const beyond = y.filter((value, i) => {
    const bound = Math.max(Math.abs(expected[i]!), 2 ** -14) * 2 ** -11 + 1e-5 * magnitudes[i]!;
    return !(Math.abs(value - expected[i]!) <= bound);
  });
  expect(beyond).toEqual(new Float16Array(0));
}

test("lora_apply_f16 is base + scale * B (A x), A and B as PEFT has them", () => {
  const shape = { tokens: 1, in: 2, out: 3, rank: 2 };
  const y = run(shape, {
    x: Float16Array.of(2, 3),
    a: Float16Array.of(1, 10, 100, 1000), // A x = [32, 3200].
    b: Float16Array.of(1, 0, 0, 1, 1, -1),
    scales: Float32Array.of(0.5),
    base: Float16Array.of(7, 8, 9),
    adapter: Int32Array.of(0),
  });
  expect([...y]).toEqual([23, 1608, -1575]);
});

const SIZES = [
  [64, 64],
  [1, 1],
  [37, 50],
  [127, 7],
  [4, 100],
  [71, 19],
] as const;

test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 19, 20, 21, 33, 64])(
  "lora_apply_f16 has the bits of lora_apply_f32, rounded once, with rank %i",
  (rank) => {
    for (const [columns, out] of SIZES) {
      const shape = { tokens: 7, in: columns, out, rank };
      const tensors = tensorsOf(shape, 3, rank);
      const inRun = { ...tensors, adapter: new Int32Array(7).fill(1) };
      for (const each of [tensors, inRun]) {
        const y = run(shape, each);
        expect(y).toEqual(widely(shape, each));
        expectNear(y, shape, each);
      }
    }
  },
);

test("lora_apply_f16 adds up long rows in f32, where f16 would lose half of the terms", () => {
  const shape = { tokens: 2, in: 4096, out: 1031, rank: 16 };
  const tensors = { ...tensorsOf(shape, 1, 4), adapter: new Int32Array(2) };
  const y = run(shape, tensors);
  expect(y).toEqual(widely(shape, tensors));
  expectNear(y, shape, tensors);
  const sum = run(
    { tokens: 1, in: 4099, out: 1, rank: 1 },
    {
      x: ones(4099),
      a: ones(4099),
      b: ones(1),
      scales: Float32Array.of(1),
      base: Float16Array.of(0),
      adapter: Int32Array.of(0),
    },
  );
  expect([...sum]).toEqual([4100]); // 4099, rounded once; f16 alone would stop at 2048.
});

test("lora_apply_f16 keeps t in f32, where f16 would overflow", () => {
  const shape = { tokens: 1, in: 4, out: 1, rank: 1 };
  const y = run(shape, {
    x: new Float16Array(4).fill(60000),
    a: new Float16Array(4).fill(1000), // A x = 2.4e8.
    b: Float16Array.of(2 ** -14),
    scales: Float32Array.of(1),
    base: Float16Array.of(1),
    adapter: Int32Array.of(0),
  });
  expect(y[0]).toBe(Math.f16round((60000 * 4000) / 2 ** 14 + 1));
});

test("lora_apply_f16 takes subnormal and largest values of A, B and x as they are", () => {
  const odd = [2 ** -24, -(1023 * 2 ** -24), 65504, -65504, 2 ** -14, 0, -0];
  const shape = { tokens: 5, in: 7, out: 7, rank: 7 };
  const some = (length: number, by: number) =>
    Float16Array.from({ length }, (_, i) => odd[(i * by) % 7]!);
  for (const adapter of [Int32Array.of(0, -1, 0, -1, 0), new Int32Array(5)]) {
    const tensors = {
      x: some(35, 1),
      a: some(49, 3),
      b: some(49, 5).map((value) => value * 2 ** -14),
      scales: Float32Array.of(2 ** -20),
      base: halfNormals(35, 3),
      adapter,
    };
    expect(run(shape, tensors)).toEqual(widely(shape, tensors));
  }
});

test("lora_apply_f16 changes nothing with an untrained adapter, whose B is 0", () => {
  for (const tokens of [1, 4]) {
    const shape = { tokens, in: 100, out: 66, rank: 8 };
    const b = new Float16Array(2 * 66 * 8);
    const tensors = { ...tensorsOf(shape, 2), b, adapter: new Int32Array(tokens) };
    expect(run(shape, tensors)).toEqual(tensors.base);
  }
});

test("lora_apply_f16 gives a token without adapter its base, bit for bit", () => {
  const shape = { tokens: 3, in: 20, out: 9, rank: 4 };
  const odd = [NaN, -0, 0, Infinity, -Infinity, 2 ** -24, -(2 ** -24), 1, 65504];
  const base = Float16Array.from([...odd, ...odd, ...odd]);
  new Uint16Array(base.buffer)[9] = 0x7c01; // A NaN that signals.
  const adapter = Int32Array.of(-1, -1, -1);
  const call = callOf(shape, { ...tensorsOf(shape, 1), base, adapter });
  expect(kernel.runBytes(call)).toEqual(new Uint8Array(base.buffer));
});

test("lora_apply_f16 gives the base where the rank is 0, or there are no adapters", () => {
  for (const [rank, adapters] of [
    [0, 2],
    [0, 0],
    [4, 0],
  ] as const) {
    const shape = { tokens: 5, in: 20, out: 9, rank };
    const tensors = tensorsOf(shape, adapters);
    expect(run(shape, tensors)).toEqual(tensors.base);
  }
});

test("lora_apply_f16 is what merging the adapter into the weights would give", () => {
  const shape = { tokens: 3, in: 48, out: 40, rank: 4 };
  const base = new Float16Array(3 * 40);
  const tensors = { ...tensorsOf(shape, 1), base, adapter: new Int32Array(3) };
  const weights = halfNormals(40 * 48, 9);
  const product = (weight: (o: number, i: number) => number) =>
    Float64Array.from({ length: 3 * 40 }, (_, at) => {
      const [token, o] = [Math.floor(at / 40), at % 40];
      let sum = 0;
      for (let i = 0; i < 48; i++) sum += tensors.x[token * 48 + i]! * weight(o, i);
      return sum;
    });
  const merged = product((o, i) => {
    let delta = 0;
    for (let r = 0; r < 4; r++) delta += tensors.b[o * 4 + r]! * tensors.a[r * 48 + i]!;
    return weights[o * 48 + i]! + tensors.scales[0]! * delta;
  });
  base.set(product((o, i) => weights[o * 48 + i]!));
  const { magnitudes } = lora(shape, tensors);
  const y = run(shape, tensors);
  for (const [i, value] of merged.entries())
    expect(Math.abs(y[i]! - value)).toBeLessThanOrEqual(2 ** -10 * magnitudes[i]!);
});

test("lora_apply_f16 added and taken away again leaves the base, within rounding", () => {
  const shape = { tokens: 4, in: 64, out: 33, rank: 8 };
  const tensors = tensorsOf(shape, 2);
  const added = run(shape, tensors);
  const scales = tensors.scales.map((scale) => -scale);
  const back = run(shape, { ...tensors, scales, base: added });
  const { magnitudes } = lora(shape, tensors);
  for (const [i, value] of tensors.base.entries())
    expect(Math.abs(back[i]! - value)).toBeLessThanOrEqual(2 ** -10 * magnitudes[i]!);
});

test("lora_apply_f16 gives a token the same bits alone, in a run, and by any adapter's place", () => {
  const shape = { tokens: 9, in: 75, out: 30, rank: 6 };
  const adapter = Int32Array.of(1, 1, 1, 1, 1, 0, 0, -1, 1);
  const tensors = { ...tensorsOf(shape, 2, 7), adapter };
  const together = run(shape, tensors);
  for (const [token, index] of adapter.entries()) {
    const own = (values: Float16Array, size: number) =>
      values.slice(Math.max(index, 0) * size, Math.max(index, 0) * size + size);
    const y = run(
      { ...shape, tokens: 1 },
      {
        x: tensors.x.slice(token * 75, token * 75 + 75),
        a: own(tensors.a, 6 * 75),
        b: own(tensors.b, 30 * 6),
        scales: tensors.scales.slice(Math.max(index, 0), Math.max(index, 0) + 1),
        base: tensors.base.slice(token * 30, token * 30 + 30),
        adapter: Int32Array.of(Math.min(index, 0)),
      },
    );
    expect(y).toEqual(together.slice(token * 30, token * 30 + 30));
  }
});

test("lora_apply_f16 lets NaN and infinity spoil their own token and no other", () => {
  const shape = { tokens: 3, in: 21, out: 10, rank: 5 };
  const tensors = { ...tensorsOf(shape, 1), adapter: new Int32Array(3) };
  const plain = run(shape, tensors);
  for (const bad of [NaN, Infinity, -Infinity]) {
    const x = tensors.x.slice();
    x[30] = bad;
    const y = run(shape, { ...tensors, x });
    expect(y.subarray(10, 20).some(Number.isFinite)).toBe(false);
    expect(y).toEqual(widely(shape, { ...tensors, x }));
    expect(y.subarray(0, 10)).toEqual(plain.subarray(0, 10));
    expect(y.subarray(20)).toEqual(plain.subarray(20));
  }
});

test("lora_apply_f16 meets NaN and infinity in A and B as lora_apply_f32 does", () => {
  for (const tokens of [2, 5])
    for (const bad of [NaN, Infinity, -Infinity]) {
      const shape = { tokens, in: 21, out: 10, rank: 5 };
      const tensors = { ...tensorsOf(shape, 1), adapter: new Int32Array(tokens) };
      const [a, b] = [tensors.a.slice(), tensors.b.slice()];
      a[22] = bad;
      b[7] = bad;
      for (const each of [
        { ...tensors, a },
        { ...tensors, b },
      ])
        expect(ulpError(run(shape, each), Float64Array.from(widely(shape, each)))).toBe(0);
    }
});

test("lora_apply_f16 reads nothing of the neighbouring rows, where ranks are ragged", () => {
  for (const rank of [1, 3, 5, 6, 7]) {
    const shape = { tokens: 1, in: 5, out: 5, rank };
    const tensors = tensorsOf(shape, 2);
    const a = tensors.a.slice().fill(NaN, 5 * rank);
    const b = tensors.b.slice().fill(NaN, 5 * rank);
    const first = { ...tensors, a, b, adapter: Int32Array.of(0) };
    expectNear(run(shape, first), shape, first);
  }
});

test("lora_apply_f16 gives the same bits wherever its tensors lie", () => {
  const shape = { tokens: 9, in: 75, out: 30, rank: 6 };
  const call = callOf(shape, { ...tensorsOf(shape, 2), adapter: new Int32Array(9).fill(1, 5) });
  for (const shift of [4, 8, 12])
    expect(kernel.runBytes({ ...call, shift })).toEqual(kernel.runBytes(call));
});

test("lora_apply_f16 has nothing to do for no tokens, and adds nothing up over no inputs", () => {
  const none = { tokens: 0, in: 8, out: 8, rank: 4 };
  expect(run(none, tensorsOf(none, 1))).toEqual(new Float16Array(0));
  const narrow = { tokens: 2, in: 0, out: 8, rank: 4 };
  const tensors = tensorsOf(narrow, 1);
  expect(run(narrow, tensors)).toEqual(tensors.base);
  const flat = { tokens: 2, in: 8, out: 0, rank: 4 };
  expect(run(flat, tensorsOf(flat, 1))).toEqual(new Float16Array(0));
});

const SHAPE = { tokens: 2, in: 8, out: 4, rank: 2 };
const CALL = callOf(SHAPE, tensorsOf(SHAPE, 2));
const code = (descriptor: NonNullable<Call["descriptor"]>) => kernel.code({ ...CALL, descriptor });

test("lora_apply_f16 refuses an adapter that there is none of, and then writes nothing", () => {
  for (const bad of [-2, 2, 2 ** 31 - 1, -(2 ** 31)]) {
    const tensors = { ...tensorsOf(SHAPE, 2), adapter: Int32Array.of(0, bad) };
    const answer = kernel.call(callOf(SHAPE, tensors));
    expect(answer.code).toBe(KERNEL_CODES.INVALID_INPUT);
    expect(new Set(answer.output).size).toBe(1); // The pattern that was there.
  }
});

test("lora_apply_f16 refuses sizes that do not fit its dimensions", () => {
  const size = 64 + 32 + 16 + 16 + 8; // A, B, the scales, the base, the adapters.
  expect(code({ input_b_size: size })).toBe(0);
  for (const input_a_size of [0, 30, 34]) expect(code({ input_a_size })).toBe(1);
  for (const input_b_size of [0, size - 4, size + 4]) expect(code({ input_b_size })).toBe(1);
  for (const output_size of [0, 14, 18]) expect(code({ output_size })).toBe(2);
  for (const params_size of [0, 16, 24]) expect(code({ params_size })).toBe(3);
  const scratch = 48 + 64 + 16 + 64 + 32; // t and x with padding, y, A, B.
  expect(code({ scratch_size: scratch })).toBe(0);
  for (const scratch_size of [0, scratch - 4]) expect(code({ scratch_size })).toBe(4);
});

test("lora_apply_f16 refuses dimensions whose product wraps in 32 or 64 bits", () => {
  const MAX = 2 ** 32 - 1;
  for (const [at, value] of [
    [0, 2 ** 31 + 2],
    [4, 2 ** 31 + 8],
    [8, 2 ** 31 + 2],
    [12, MAX],
    [16, 2 ** 31 + 4],
    [16, MAX],
  ] as const) {
    const block = (params: DataView) => params.setUint32(at, value, true);
    expect(kernel.code({ ...CALL, block })).toBe(KERNEL_CODES.INVALID_INPUT);
  }
});
