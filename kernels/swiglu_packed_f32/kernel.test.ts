import { describe, expect, test } from "vitest";
import { KERNEL_CODES } from "../../src/layout/mod.ts";
import { type Call, normals, relativeError, TestedKernel } from "../testing.ts";
import { manifest } from "./manifest.ts";
import { swigluPacked } from "../../src/reference/mod.ts";

const kernel = await TestedKernel.compile(manifest);

function callOf(gateUp: Float32Array, ffn: number, params: NonNullable<Call["params"]>): Call {
  const shapes = { gate_up: [ffn === 0 ? 0 : gateUp.length / ffn / 2, 2, ffn] };
  return { inputs: { gate_up: gateUp }, shapes, params };
}

describe.each(["halves", "interleaved"] as const)("swiglu_packed_f32, %s", (packing) => {
  test.each([1, 2, 3, 4, 5, 31, 32, 33, 64, 127, 1000])(
    "stays within 2e-6 of the reference with %i values of a token",
    (ffn) => {
      const gateUp = normals(3 * 2 * ffn, ffn, 2);
      for (const act of ["silu", "gelu_tanh", "gelu_erf"] as const) {
        const y = kernel.run(callOf(gateUp, ffn, { packing, act }));
        expect(relativeError(y, swigluPacked(gateUp, ffn, packing, act))).toBeLessThan(2e-6);
      }
    },
  );

  test("handles gates far below 0, and gives the same bits wherever its tensors lie", () => {
    const gateUp = normals(2 * 2 * 45, 1, 60).map((value, i) => (i % 7 === 0 ? -100 : value));
    const call = callOf(gateUp, 45, { packing });
    const y = kernel.run(call);
    expect(relativeError(y, swigluPacked(gateUp, 45, packing))).toBeLessThan(3e-3); // Subnormals.
    for (const shift of [4, 8, 12]) expect(kernel.run({ ...call, shift })).toEqual(y);
  });

  test("has nothing to do for empty tensors", () => {
    expect(kernel.run(callOf(new Float32Array(0), 0, { packing }))).toEqual(new Float32Array(0));
    expect(kernel.run(callOf(new Float32Array(0), 4, { packing }))).toEqual(new Float32Array(0));
  });
});

test("swiglu_packed_f32 finds gates and ups where the packing says", () => {
  const one = Float32Array.of(20, 30, 2, 3); // silu(20) is 20 but for 4e-8.
  const run = (packing: string) => [...kernel.run(callOf(one, 2, { packing }))];
  expect(run("halves")).toEqual([40, 90].map((value) => expect.closeTo(value, 4)));
  expect(run("interleaved")).toEqual(
    [600, 6 / (1 + Math.exp(-2))].map((value) => expect.closeTo(value, 4)),
  );
});

const CALL = callOf(new Float32Array(24), 4, { packing: "halves" });
const code = (descriptor: NonNullable<Call["descriptor"]>) => kernel.code({ ...CALL, descriptor });
const setWord = (at: number, value: number) =>
  kernel.code({ ...CALL, block: (params) => params.setUint32(at, value, true) });

test("swiglu_packed_f32 refuses a call that chooses no packing, or what does not exist", () => {
  expect(kernel.code({ ...CALL, params: {} })).toBe(KERNEL_CODES.INVALID_PARAMS);
  expect(setWord(0, 3)).toBe(KERNEL_CODES.INVALID_PARAMS);
  expect(setWord(4, 3)).toBe(KERNEL_CODES.INVALID_PARAMS);
});

test("swiglu_packed_f32 refuses sizes that do not fit its dimensions, also where products wrap", () => {
  for (const input_a_size of [0, 92, 100]) expect(code({ input_a_size })).toBe(1);
  for (const output_size of [0, 44, 52]) expect(code({ output_size })).toBe(2);
  for (const params_size of [0, 12, 20]) expect(code({ params_size })).toBe(3);
  expect(setWord(8, 2 ** 31 + 3)).toBe(KERNEL_CODES.INVALID_INPUT);
  expect(setWord(12, 2 ** 29 + 4)).toBe(KERNEL_CODES.INVALID_INPUT);
});
