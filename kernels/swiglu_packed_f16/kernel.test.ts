import { describe, expect, test } from "vitest";
import { KERNEL_CODES } from "../../src/layout/mod.ts";
import { halfNormals, halvesOf, ulpError } from "../half-values.ts";
import { type Call, TestedKernel } from "../testing.ts";
import { manifest } from "./manifest.ts";
import { swigluPacked } from "../../src/reference/mod.ts";

const kernel = await TestedKernel.compile(manifest);

function callOf(gateUp: Float16Array, ffn: number, params: NonNullable<Call["params"]>): Call {
  const shapes = { gate_up: [ffn === 0 ? 0 : gateUp.length / ffn / 2, 2, ffn] };
  return { inputs: { gate_up: gateUp }, shapes, params };
}

describe.each(["halves", "interleaved"] as const)("swiglu_packed_f16, %s", (packing) => {
  test.each([1, 2, 3, 4, 5, 31, 32, 33, 64, 127, 1000])(
    "stays within one place of the reference with %i values of a token",
    (ffn) => {
      const gateUp = halfNormals(3 * 2 * ffn, ffn, 4);
      for (const act of ["silu", "gelu_tanh", "gelu_erf"] as const) {
        const y = halvesOf(kernel.runBytes(callOf(gateUp, ffn, { packing, act })));
        expect(ulpError(y, swigluPacked(gateUp, ffn, packing, act))).toBeLessThanOrEqual(1);
      }
    },
  );

  test("handles gates far below 0, and gives the same bits wherever its tensors lie", () => {
    const gateUp = halfNormals(2 * 2 * 45, 1, 60).map((value, i) => (i % 7 === 0 ? -100 : value));
    const call = callOf(gateUp, 45, { packing });
    const y = halvesOf(kernel.runBytes(call));
    expect(ulpError(y, swigluPacked(gateUp, 45, packing))).toBeLessThanOrEqual(1);
    for (const shift of [4, 8, 12])
      expect(halvesOf(kernel.runBytes({ ...call, shift }))).toEqual(y);
  });

  test("has nothing to do for empty tensors", () => {
    expect(halvesOf(kernel.runBytes(callOf(new Float16Array(0), 0, { packing })))).toEqual(
      new Float16Array(0),
    );
    expect(halvesOf(kernel.runBytes(callOf(new Float16Array(0), 4, { packing })))).toEqual(
      new Float16Array(0),
    );
  });
});

test("swiglu_packed_f16 finds gates and ups where the packing says", () => {
  const one = Float16Array.of(20, 30, 2, 3); // silu(20) is 20, silu(30) is 30.
  const run = (packing: string) => [...halvesOf(kernel.runBytes(callOf(one, 2, { packing })))];
  expect(run("halves")).toEqual([40, 90].map((value) => expect.closeTo(value, 1)));
  expect(run("interleaved")).toEqual(
    [600, 6 / (1 + Math.exp(-2))].map((value) => expect.closeTo(value, 1)),
  );
});

const CALL = callOf(new Float16Array(24), 4, { packing: "halves" });
const code = (descriptor: NonNullable<Call["descriptor"]>) => kernel.code({ ...CALL, descriptor });
const setWord = (at: number, value: number) =>
  kernel.code({ ...CALL, block: (params) => params.setUint32(at, value, true) });

test("swiglu_packed_f16 refuses a call that chooses no packing, or what does not exist", () => {
  expect(kernel.code({ ...CALL, params: {} })).toBe(KERNEL_CODES.INVALID_PARAMS);
  expect(setWord(0, 3)).toBe(KERNEL_CODES.INVALID_PARAMS);
  expect(setWord(4, 3)).toBe(KERNEL_CODES.INVALID_PARAMS);
});

test("swiglu_packed_f16 refuses sizes that do not fit its dimensions, also where products wrap", () => {
  for (const input_a_size of [0, 46, 50]) expect(code({ input_a_size })).toBe(1);
  for (const output_size of [0, 22, 26]) expect(code({ output_size })).toBe(2);
  for (const params_size of [0, 12, 20]) expect(code({ params_size })).toBe(3);
  expect(setWord(8, 2 ** 31 + 3)).toBe(KERNEL_CODES.INVALID_INPUT);
  expect(setWord(12, 2 ** 30 + 4)).toBe(KERNEL_CODES.INVALID_INPUT);
});
