import { expect, test } from "vitest";
import { KERNEL_CODES } from "../../src/layout/mod.ts";
import { halfNormals, halvesOf, ulpError } from "../half-values.ts";
import { type Call, TestedKernel } from "../testing.ts";
import { manifest } from "./manifest.ts";
import { type Activation, swiglu } from "../../src/reference/mod.ts";

const kernel = await TestedKernel.compile(manifest);
const ACTIVATIONS: readonly Activation[] = ["silu", "gelu_tanh", "gelu_erf"];

function callOf(gate: Float16Array, up: Float16Array, act: Activation = "silu"): Call {
  const shape = [1, gate.length];
  return { inputs: { gate, up }, shapes: { gate: shape, up: shape }, params: { act } };
}

const ones = (length: number) => new Float16Array(length).fill(1);
const run = (gate: Float16Array, up: Float16Array = ones(gate.length), act?: Activation) =>
  halvesOf(kernel.runBytes(callOf(gate, up, act)));

/** All f16 but NaNs. */
const everyHalf = new Float16Array(
  Uint16Array.from({ length: 65536 }, (_, bits) => bits).buffer,
).filter((value) => !Number.isNaN(value));

test.each(ACTIVATIONS)("swiglu_f16 stays within one place for every f16, %s", (act) => {
  const one = ones(everyHalf.length);
  const y = run(everyHalf, one, act);
  const expected = swiglu(everyHalf, one, act);
  expect(ulpError(y, expected)).toBeLessThanOrEqual(1);
  const off = y.filter((value, i) => value !== Math.f16round(expected[i]!)).length;
  expect(off).toBeLessThan(100); // Those that lie on a border, within f32's own error.
});

test.each([1, 3, 7, 8, 9, 17, 64, 4097])("swiglu_f16 scales %i values by `up`", (length) => {
  const [gate, up] = [halfNormals(length, length, 4), halfNormals(length, length + 1, 3)];
  for (const act of ACTIVATIONS)
    expect(ulpError(run(gate, up, act), swiglu(gate, up, act))).toBeLessThanOrEqual(1);
});

test("swiglu_f16 keeps NaN, and rounds to infinity what f16 cannot hold", () => {
  const y = run(Float16Array.of(NaN, 1, 300, -1), Float16Array.of(1, NaN, 300, 65504));
  expect([...y]).toEqual([NaN, NaN, Infinity, Math.f16round(-0.26894142 * 65504)]);
});

test("swiglu_f16 gives the same bits wherever its tensors lie", () => {
  const call = callOf(halfNormals(77, 1, 4), halfNormals(77, 2));
  for (const shift of [4, 8, 12])
    expect(kernel.runBytes({ ...call, shift })).toEqual(kernel.runBytes(call));
});

const CALL = callOf(new Float16Array(12), new Float16Array(12));
const code = (descriptor: NonNullable<Call["descriptor"]>) => kernel.code({ ...CALL, descriptor });

const setWord = (at: number, value: number) =>
  kernel.code({ ...CALL, block: (params) => params.setUint32(at, value, true) });

test("swiglu_f16 refuses sizes that do not fit, unknown activations and products that wrap", () => {
  for (const input_a_size of [0, 22, 26]) expect(code({ input_a_size })).toBe(1);
  for (const input_b_size of [0, 22, 26]) expect(code({ input_b_size })).toBe(1);
  for (const output_size of [0, 22, 26]) expect(code({ output_size })).toBe(2);
  for (const params_size of [0, 8, 16]) expect(code({ params_size })).toBe(3);
  expect(setWord(0, 3)).toBe(KERNEL_CODES.INVALID_PARAMS);
  expect(setWord(4, 2 ** 31 + 1)).toBe(KERNEL_CODES.INVALID_INPUT);
});
