import { expect, test } from "vitest";
import { KERNEL_CODES } from "../../src/layout/mod.ts";
import { type Call, normals, randomFrom, TestedKernel } from "../testing.ts";
import { manifest } from "./manifest.ts";
import { lora, type LoraShape, type LoraTensors } from "../../src/reference/mod.ts";

const kernel = await TestedKernel.compile(manifest);

function callOf(shape: LoraShape, tensors: LoraTensors): Call {
  const { tokens, in: columns, out, rank } = shape;
  const adapters = tensors.scales.length;
  const shapes = {
    x: [tokens, columns],
    a: [adapters, rank, columns],
    b: [adapters, out, rank],
    base: [tokens, out],
  };
  return { inputs: { ...tensors }, shapes };
}

const run = (shape: LoraShape, tensors: LoraTensors) => kernel.run(callOf(shape, tensors));

/** Tensors of normal values, every token with some adapter or none. */
function tensorsOf(
  { tokens, in: columns, out, rank }: LoraShape,
  adapters: number,
  seed = 1,
): LoraTensors {
  const random = randomFrom(seed);
  return {
    x: normals(tokens * columns, seed),
    a: normals(adapters * rank * columns, seed + 1),
    b: normals(adapters * out * rank, seed + 2),
    scales: Float32Array.from({ length: adapters }, (_, i) => 2 / (i + 1)),
    base: normals(tokens * out, seed + 3),
    adapter: Int32Array.from({ length: tokens }, () => Math.floor(random() * (adapters + 1)) - 1),
  };
}

function expectNear(y: Float32Array, shape: LoraShape, tensors: LoraTensors): void {
  const expected = lora(shape, tensors);
  const beyond = y.filter(
    (value, i) => !(Math.abs(value - expected.y[i]!) <= 1e-5 * expected.magnitudes[i]!),
  );
  expect(beyond).toEqual(new Float32Array(0));
}

test("lora_apply_f32 takes A and B as PEFT has them, where upstream has both transposed", () => {
  const shape = { tokens: 1, in: 2, out: 3, rank: 2 };
  const y = run(shape, {
    x: Float32Array.of(2, 3),
    a: Float32Array.of(1, 10, 100, 1000), // A x = [32, 3200].
    b: Float32Array.of(1, 0, 0, 1, 1, -1),
    scales: Float32Array.of(0.5),
    base: Float32Array.of(7, 8, 9),
    adapter: Int32Array.of(0),
  });
  expect([...y]).toEqual([23, 1608, -1575]);
});

test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 19, 20, 33, 64])(
  "lora_apply_f32 stays within 1e-5 of its terms with rank %i",
  (rank) => {
    for (const [columns, out] of [
      [64, 64],
      [1, 1],
      [37, 50],
      [127, 7],
    ] as const) {
      const shape = { tokens: 5, in: columns, out, rank };
      const tensors = tensorsOf(shape, 3, rank);
      expectNear(run(shape, tensors), shape, tensors);
    }
  },
);

test("lora_apply_f32 stays within 1e-5 of its terms for long rows", () => {
  const shape = { tokens: 2, in: 4096, out: 1031, rank: 16 };
  const tensors = tensorsOf(shape, 1, 4);
  expectNear(run(shape, tensors), shape, tensors);
});

test("lora_apply_f32 changes nothing with an untrained adapter, whose B is 0", () => {
  const shape = { tokens: 4, in: 100, out: 66, rank: 8 };
  const tensors = { ...tensorsOf(shape, 2), b: new Float32Array(2 * 66 * 8) };
  expect(run(shape, tensors)).toEqual(tensors.base);
});

test("lora_apply_f32 gives a token without adapter its base, bit for bit", () => {
  const shape = { tokens: 3, in: 20, out: 9, rank: 4 };
  const odd = [NaN, -0, 0, Infinity, -Infinity, 1e-45, -1e-45, 1, 3.4e38];
  const base = Float32Array.from([...odd, ...odd, ...odd]);
  const adapter = Int32Array.of(-1, -1, -1);
  const call = callOf(shape, { ...tensorsOf(shape, 1), base, adapter });
  expect(kernel.runBytes(call)).toEqual(new Uint8Array(base.buffer));
});

test("lora_apply_f32 gives the base where the rank is 0, or there are no adapters", () => {
  for (const [rank, adapters] of [
    [0, 2],
    [0, 0],
    [4, 0],
  ] as const) {
    const shape = { tokens: 3, in: 20, out: 9, rank };
    const tensors = tensorsOf(shape, adapters);
    expect(run(shape, tensors)).toEqual(tensors.base);
  }
});

test("lora_apply_f32 is what merging the adapter into the weights would give", () => {
  const shape = { tokens: 3, in: 48, out: 40, rank: 4 };
  const tensors = { ...tensorsOf(shape, 1), adapter: new Int32Array(3) };
  const weights = normals(40 * 48, 9);
  const product = (row: (o: number, i: number) => number) =>
    Float64Array.from({ length: 3 * 40 }, (_, at) => {
      const [token, o] = [Math.floor(at / 40), at % 40];
      let sum = 0;
      for (let i = 0; i < 48; i++) sum += tensors.x[token * 48 + i]! * row(o, i);
      return sum;
    });
  const merged = product((o, i) => {
    let delta = 0;
    for (let r = 0; r < 4; r++) delta += tensors.b[o * 4 + r]! * tensors.a[r * 48 + i]!;
    return weights[o * 48 + i]! + tensors.scales[0]! * delta;
  });
  const base = Float32Array.from(product((o, i) => weights[o * 48 + i]!));
  const { magnitudes } = lora(shape, { ...tensors, base });
  const y = run(shape, { ...tensors, base });
  for (const [i, value] of merged.entries())
    expect(Math.abs(y[i]! - value)).toBeLessThanOrEqual(1e-5 * magnitudes[i]!);
});

test("lora_apply_f32 adds to its base at any width, where upstream's wide path forgets the bias", () => {
  for (let out = 1; out <= 70; out++) {
    const shape = { tokens: 1, in: 4, out, rank: 2 };
    const tensors = {
      ...tensorsOf(shape, 1),
      x: new Float32Array(4).fill(1),
      a: new Float32Array(8).fill(1),
      b: new Float32Array(2 * out).fill(1),
      base: Float32Array.from({ length: out }, (_, i) => 100 * i),
      adapter: Int32Array.of(0),
    };
    expect(run(shape, tensors)).toEqual(tensors.base.map((value) => value + 16));
  }
});

test("lora_apply_f32 takes its scale from the caller: alpha / r, or alpha / sqrt(r) for rsLoRA", () => {
  const [alpha, rank] = [32, 16];
  const shape = { tokens: 3, in: 40, out: 24, rank };
  const plain = { ...tensorsOf(shape, 1), adapter: new Int32Array(3) };
  const base = new Float32Array(72);
  const [lora, rsLora] = [alpha / rank, alpha / Math.sqrt(rank)].map((scale) => {
    const tensors = { ...plain, base, scales: Float32Array.of(scale) };
    const y = run(shape, tensors);
    expectNear(y, shape, tensors);
    return y;
  });
  expect(rsLora).toEqual(lora!.map((value) => 4 * value)); // sqrt(16): a power of two, so exact.
});

test("lora_apply_f32 added and taken away again leaves the base, within rounding", () => {
  const shape = { tokens: 4, in: 64, out: 33, rank: 8 };
  const tensors = tensorsOf(shape, 2);
  const added = run(shape, tensors);
  const scales = tensors.scales.map((scale) => -scale);
  const back = run(shape, { ...tensors, scales, base: added });
  const { magnitudes } = lora(shape, tensors);
  for (const [i, value] of tensors.base.entries())
    expect(Math.abs(back[i]! - value)).toBeLessThanOrEqual(1e-6 * magnitudes[i]!);
});

test("lora_apply_f32 accumulates onto its base, where upstream's scalar path overwrites", () => {
  const shape = { tokens: 2, in: 16, out: 8, rank: 2 };
  const tensors = { ...tensorsOf(shape, 1), adapter: new Int32Array(2) };
  const alone = run(shape, { ...tensors, base: new Float32Array(16) });
  const y = run(shape, { ...tensors, base: new Float32Array(16).fill(1000) });
  for (const [i, value] of alone.entries()) expect(y[i]).toBe(Math.fround(1000 + value));
});

test("lora_apply_f32 gives a token the same bits alone and among others, by any adapter's place", () => {
  const shape = { tokens: 6, in: 75, out: 30, rank: 6 };
  const tensors = tensorsOf(shape, 3, 7);
  const together = run(shape, tensors);
  for (let token = 0; token < 6; token++) {
    const index = tensors.adapter[token]!;
    const own = (values: Float32Array, size: number) =>
      values.slice(Math.max(index, 0) * size, Math.max(index, 0) * size + size);
    const y = run(
      { ...shape, tokens: 1 },
      {
        x: tensors.x.slice(token * 75, token * 75 + 75),
        a: own(tensors.a, 6 * 75),
        b: own(tensors.b, 30 * 6),
        scales: own(tensors.scales, 1),
        base: tensors.base.slice(token * 30, token * 30 + 30),
        adapter: Int32Array.of(Math.min(index, 0)),
      },
    );
    expect(y).toEqual(together.slice(token * 30, token * 30 + 30));
  }
});

test("lora_apply_f32 gives a value of y the same bits wherever it stands in its row", () => {
  const shape = { tokens: 1, in: 50, out: 7, rank: 11 };
  const row = normals(11, 5);
  const tensors = { ...tensorsOf(shape, 1), adapter: new Int32Array(1) };
  const b = Float32Array.from({ length: 77 }, (_, i) => row[i % 11]!);
  const y = run(shape, { ...tensors, b, base: new Float32Array(7) });
  expect(new Set(y).size).toBe(1);
});

test("lora_apply_f32 with a row of zeros in A is as with one rank less", () => {
  const shape = { tokens: 2, in: 30, out: 12, rank: 4 };
  const tensors = { ...tensorsOf(shape, 1), adapter: new Int32Array(2) };
  const a = tensors.a.slice().fill(0, 90);
  const less = {
    ...tensors,
    a: a.slice(0, 90),
    b: tensors.b.filter((_, i) => i % 4 < 3),
  };
  expectNear(run(shape, { ...tensors, a }), { ...shape, rank: 3 }, less);
});

test("lora_apply_f32 lets NaN spoil its own token and no other", () => {
  const shape = { tokens: 3, in: 21, out: 10, rank: 5 };
  const tensors = { ...tensorsOf(shape, 1), adapter: new Int32Array(3) };
  const y = run(shape, { ...tensors, x: tensors.x.with(30, NaN) });
  const plain = run(shape, tensors);
  expect(y.subarray(10, 20).every(Number.isNaN)).toBe(true);
  expect(y.subarray(0, 10)).toEqual(plain.subarray(0, 10));
  expect(y.subarray(20)).toEqual(plain.subarray(20));
});

test("lora_apply_f32 reads nothing of the neighbouring rows, where ranks are ragged", () => {
  const shape = { tokens: 1, in: 5, out: 5, rank: 3 };
  const tensors = tensorsOf(shape, 2);
  const a = tensors.a.slice().fill(NaN, 15);
  const b = tensors.b.slice().fill(NaN, 15);
  const first = { ...tensors, a, b, adapter: Int32Array.of(0) };
  expectNear(run(shape, first), shape, first);
});

test("lora_apply_f32 gives the same bits wherever its tensors lie", () => {
  const shape = { tokens: 3, in: 75, out: 30, rank: 6 };
  const call = callOf(shape, tensorsOf(shape, 2));
  for (const shift of [4, 8, 12]) expect(kernel.run({ ...call, shift })).toEqual(kernel.run(call));
});

test("lora_apply_f32 has nothing to do for no tokens, and adds nothing up over no inputs", () => {
  const none = { tokens: 0, in: 8, out: 8, rank: 4 };
  expect(run(none, tensorsOf(none, 1))).toEqual(new Float32Array(0));
  const narrow = { tokens: 2, in: 0, out: 8, rank: 4 };
  const tensors = tensorsOf(narrow, 1);
  expect(run(narrow, tensors)).toEqual(tensors.base);
  const flat = { tokens: 2, in: 8, out: 0, rank: 4 };
  expect(run(flat, tensorsOf(flat, 1))).toEqual(new Float32Array(0));
});

const SHAPE = { tokens: 2, in: 8, out: 4, rank: 2 };
const CALL = callOf(SHAPE, tensorsOf(SHAPE, 2));
const code = (descriptor: NonNullable<Call["descriptor"]>) => kernel.code({ ...CALL, descriptor });

test("lora_apply_f32 refuses an adapter that there is none of, and then writes nothing", () => {
  for (const bad of [-2, 2, 2 ** 31 - 1, -(2 ** 31)]) {
    const tensors = { ...tensorsOf(SHAPE, 2), adapter: Int32Array.of(0, bad) };
    const answer = kernel.call(callOf(SHAPE, tensors));
    expect(answer.code).toBe(KERNEL_CODES.INVALID_INPUT);
    expect(new Set(answer.output).size).toBe(1); // The pattern that was there.
  }
});

test("lora_apply_f32 refuses sizes that do not fit its dimensions", () => {
  const size = 2 * 2 * 8 * 4 + 2 * 4 * 2 * 4 + 16 + 2 * 4 * 4 + 2 * 4;
  expect(code({ input_b_size: size })).toBe(0);
  for (const input_a_size of [0, 60, 68]) expect(code({ input_a_size })).toBe(1);
  for (const input_b_size of [0, size - 4, size + 4]) expect(code({ input_b_size })).toBe(1);
  for (const output_size of [0, 28, 36]) expect(code({ output_size })).toBe(2);
  for (const params_size of [0, 16, 24]) expect(code({ params_size })).toBe(3);
  for (const scratch_size of [0, 4]) expect(code({ scratch_size })).toBe(4);
});

test("lora_apply_f32 refuses dimensions whose product wraps in 32 or 64 bits", () => {
  const MAX = 2 ** 32 - 1;
  for (const [at, value] of [
    [0, 2 ** 30 + 2],
    [4, 2 ** 30 + 8],
    [8, 2 ** 30 + 2],
    [12, MAX],
    [16, 2 ** 30 + 4],
    [16, MAX],
  ] as const) {
    const block = (params: DataView) => params.setUint32(at, value, true);
    expect(kernel.code({ ...CALL, block })).toBe(KERNEL_CODES.INVALID_INPUT);
  }
});
