import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { KERNEL_CODES } from "../../src/layout/mod.ts";
import { type Call, normals, randomFrom, relativeError, TestedKernel } from "../testing.ts";
import { manifest } from "./manifest.ts";
import { type Activation, geluErf, geluTanh, silu, swiglu } from "../../src/reference/mod.ts";

const kernel = await TestedKernel.compile(manifest);

function callOf(gate: Float32Array, up: Float32Array, tokens = 1, act: Activation = "silu"): Call {
  const shape = [tokens, gate.length / tokens];
  return { inputs: { gate, up }, shapes: { gate: shape, up: shape }, params: { act } };
}

const ones = (length: number) => new Float32Array(length).fill(1);
const run = (gate: Float32Array, up: Float32Array = ones(gate.length)) =>
  kernel.run(callOf(gate, up));

/** silu of one value, at every place of a wide turn, a vector and a ragged end: all must agree. */
function siluOf(z: number): number {
  const y = run(new Float32Array(39).fill(z));
  expect(new Set(y).size).toBe(1);
  return y[0]!;
}

/** What f32 cannot hold below its smallest normal number: half a unit in the last place of those. */
const SUBNORMAL = 2 ** -150;

test("swiglu_f32 gives the golden numbers", () => {
  const golden = { 1: 0.73105858, [-1]: -0.26894142, 10: 9.999546, [-10]: -4.5397869e-4, 100: 100 };
  for (const [z, expected] of Object.entries(golden))
    expect(Math.abs(siluOf(Number(z)) / expected - 1)).toBeLessThan(2e-7);
});

test("swiglu_f32 clamps its exponent: about -3.7e-42 at -100, where upstream answers -100", () => {
  expect(Math.abs(siluOf(-100) - silu(-100))).toBeLessThanOrEqual(SUBNORMAL);
  expect(siluOf(-100)).toBeCloseTo(-3.7e-42, 43);
});

test("swiglu_f32 is right at -90 and 90, where upstream answers -90 and 0", () => {
  expect(Math.abs(siluOf(-90) - silu(-90))).toBeLessThan(2e-6 * 90 * Math.exp(-90) + SUBNORMAL);
  expect(siluOf(90)).toBe(90);
});

test("swiglu_f32 gates with its first input, gate, where upstream calls the second so", () => {
  const y = run(Float32Array.of(-3), Float32Array.of(7));
  expect(y[0]).toBeCloseTo(silu(-3) * 7, 6);
});

test.each([1, 2, 3, 4, 5, 31, 32, 33, 64, 100, 512, 4096, 4097])(
  "swiglu_f32 stays within 2e-6 of the reference for %i values",
  (length) => {
    for (const scale of [0.1, 1, 8, 25]) {
      const [gate, up] = [normals(length, length, scale), normals(length, length + 1, 3)];
      expect(relativeError(run(gate, up), swiglu(gate, up))).toBeLessThan(2e-6);
    }
  },
);

test("swiglu_f32 stays within 2e-6 over the whole line, where upstream errs more within ten", () => {
  const random = randomFrom(3);
  const bits = Uint32Array.from({ length: 40_000 }, () => random() * 2 ** 32);
  const gate = new Float32Array(bits.buffer).filter((z) => !Number.isNaN(z));
  const edges = Float32Array.from({ length: 4000 }, (_, i) => -120 + i * 0.0525);
  for (const z of [gate, edges]) {
    const beyond = run(z).filter((value, i) => !isNear(value, silu(z[i]!)));
    expect(beyond).toEqual(new Float32Array(0));
  }
});

/** Within 2e-6, where f32 has the digits; below its normal numbers, rounded to the nearest. */
function isNear(value: number, expected: number): boolean {
  if (!Number.isFinite(expected)) return value === expected;
  return Math.abs(value - expected) <= 2e-6 * Math.abs(expected) + SUBNORMAL;
}

test("swiglu_f32 follows its limits: 0 at -infinity, infinity at infinity, NaN and -0 as they are", () => {
  expect(siluOf(-Infinity)).toBe(-0);
  expect(siluOf(Infinity)).toBe(Infinity);
  expect(siluOf(NaN)).toBeNaN();
  expect(siluOf(-0)).toBe(-0);
  expect(siluOf(0)).toBe(0);
  expect(siluOf(-3.4e38)).toBe(-0);
  expect(siluOf(3.4e38)).toBe(Math.fround(3.4e38));
  expect(siluOf(-1e-45)).toBe(-0); // Half of the smallest f32 rounds to even.
});

test("swiglu_f32 keeps the gate's sign, and never exceeds its size", () => {
  const gates = fc.float32Array({ minLength: 1, maxLength: 70, noNaN: true });
  fc.assert(
    fc.property(gates, (gate) => {
      for (const [i, y] of run(gate).entries()) {
        const z = gate[i]!;
        expect(Math.abs(y)).toBeLessThanOrEqual(Math.abs(z));
        if (y !== 0) expect(Math.sign(y)).toBe(Math.sign(z));
        else expect(Object.is(y, -0)).toBe(z < 0 || Object.is(z, -0));
      }
    }),
    { numRuns: 100 },
  );
});

test("swiglu_f32 never falls where silu rises", () => {
  const gate = Float32Array.from({ length: 20_000 }, (_, i) => -1.27 + i * 0.005);
  const y = run(gate);
  for (let i = 1; i < y.length; i++) {
    const slack = 2e-6 * Math.abs(y[i]!); // Two neighbours may each be off by a rounding.
    expect(y[i]! - y[i - 1]!).toBeGreaterThanOrEqual(-slack);
  }
});

test("swiglu_f32 gives a value the same bits whatever stands beside it", () => {
  const gate = normals(96, 5, 4);
  const alone = run(gate);
  for (const [place, other] of [
    [3, -100],
    [40, NaN],
    [41, -Infinity],
    [95, Infinity],
  ] as const) {
    const mixed = run(gate.with(place, other));
    expect(mixed.with(place, 0)).toEqual(alone.with(place, 0));
  }
});

test("swiglu_f32 finds a deep gate behind a NaN", () => {
  for (let at = 1; at < 32; at++) {
    const gate = new Float32Array(32).fill(NaN, 0, at).fill(1, at).with(at, -100);
    expect(run(gate)[at]).toBe(siluOf(-100));
  }
});

test("swiglu_f32 multiplies by `up` with the usual rules", () => {
  const up = Float32Array.of(0, -0, Infinity, NaN, -2, 1e38);
  const y = run(Float32Array.of(-1, -1, -1, -1, Infinity, 100), up);
  expect([...y]).toEqual([-0, 0, -Infinity, NaN, -Infinity, Infinity]);
});

test("swiglu_f32 gives the same bits wherever its tensors lie, and however they are shaped", () => {
  const [gate, up] = [normals(4 * 37, 1, 4), normals(4 * 37, 2)];
  const call = callOf(gate, up);
  for (const shift of [4, 8, 12]) expect(kernel.run({ ...call, shift })).toEqual(kernel.run(call));
  expect(kernel.run(callOf(gate, up, 4))).toEqual(kernel.run(call));
});

test("swiglu_f32 has nothing to do for empty tensors", () => {
  const empty = new Float32Array(0);
  for (const shape of [
    [0, 5],
    [5, 0],
  ]) {
    const call = { inputs: { gate: empty, up: empty }, shapes: { gate: shape, up: shape } };
    expect(kernel.run(call)).toEqual(empty);
  }
});

const GELUS = [
  ["gelu_tanh", geluTanh],
  ["gelu_erf", geluErf],
] as const;

const at3 = (act: Activation) => kernel.run(callOf(Float32Array.of(3), ones(1), 1, act))[0]!;

test("swiglu_f32 tells gelu's tanh form from its erf form, where one name would hide 4e-4", () => {
  expect(at3("gelu_tanh")).toBeCloseTo(2.9963626, 6);
  expect(at3("gelu_erf")).toBeCloseTo(2.9959503, 6);
});

describe.each(GELUS)("swiglu_f32 with %s", (act, gelu) => {
  const runGelu = (gate: Float32Array, up = ones(gate.length)) =>
    kernel.run(callOf(gate, up, 1, act));

  test("stays within 2e-6 over the whole line, as far as f32 has digits", () => {
    const random = randomFrom(3);
    const bits = Uint32Array.from({ length: 20_000 }, () => random() * 2 ** 32);
    const anywhere = new Float32Array(bits.buffer).filter((z) => !Number.isNaN(z));
    const edges = Float32Array.from({ length: 8001 }, (_, i) => -16 + i * 0.004);
    for (const z of [anywhere, edges]) {
      const y = runGelu(z);
      const beyond = z.filter((value, i) => !isNear(y[i]!, gelu(value)));
      expect(beyond).toEqual(new Float32Array(0));
    }
  });

  test("is not 0 from 10.2 to 12, where upstream's is", () => {
    const z = Float32Array.from({ length: 19 }, (_, i) => 10.2 + i / 10);
    expect(runGelu(z)).toEqual(z);
  });

  test("follows its limits: 0 at -infinity, infinity at infinity, NaN and -0 as they are", () => {
    const z = Float32Array.of(-Infinity, Infinity, NaN, -0, 0, -3.4e38, 3.4e38);
    const far = Math.fround(3.4e38);
    expect([...runGelu(z)]).toEqual([-0, Infinity, NaN, -0, 0, -0, far]);
  });

  test("gives a value the same bits whatever stands beside it, and multiplies by `up`", () => {
    const [gate, up] = [normals(39, 5, 4), normals(39, 6)];
    const y = runGelu(gate, up);
    expect(relativeError(y, swiglu(gate, up, act))).toBeLessThan(2e-6);
    for (const [i, z] of gate.entries()) {
      const alone = runGelu(Float32Array.of(z), up.slice(i, i + 1));
      expect(alone[0]).toBe(y[i]);
    }
  });
});

const CALL = callOf(new Float32Array(12), new Float32Array(12), 3);
const code = (descriptor: NonNullable<Call["descriptor"]>) => kernel.code({ ...CALL, descriptor });

test("swiglu_f32 refuses sizes that do not fit its dimensions", () => {
  for (const input_a_size of [0, 44, 52]) expect(code({ input_a_size })).toBe(1);
  for (const input_b_size of [0, 44, 52]) expect(code({ input_b_size })).toBe(1);
  for (const output_size of [0, 44, 52]) expect(code({ output_size })).toBe(2);
  for (const params_size of [0, 8, 16]) expect(code({ params_size })).toBe(3);
});

test("swiglu_f32 refuses dimensions whose product wraps in 32 or 64 bits", () => {
  for (const [tokens, ffn] of [
    [2 ** 30 + 3, 4],
    [2 ** 32 - 1, 2 ** 32 - 1],
    [2 ** 31, 2],
  ] as const) {
    const block = (params: DataView) => {
      params.setUint32(4, tokens, true);
      params.setUint32(8, ffn, true);
    };
    expect(kernel.code({ ...CALL, block })).toBe(KERNEL_CODES.INVALID_INPUT);
  }
});

const unknownAct = (params: DataView) => params.setUint32(0, 3, true);

test("swiglu_f32 refuses an activation that does not exist", () => {
  expect(kernel.code({ ...CALL, block: unknownAct })).toBe(KERNEL_CODES.INVALID_PARAMS);
});
