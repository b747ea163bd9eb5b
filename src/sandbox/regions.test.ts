import * as fc from "fast-check";
import { expect, test } from "vitest";
import { DESCRIPTOR } from "../layout/mod.ts";
import { failureOf } from "../pack/failure-of.fixture.ts";
import { Arena } from "./arena.ts";
import { checkDescriptor, newDescriptor, rangesOf } from "./descriptor.ts";
import { ARENA_ALIGN, place } from "./regions.ts";
import type { BoundShapes, BoundTensor } from "./shapes.ts";

const END = 1 << 20;

function bytesOf(sizes: readonly number[]): BoundTensor[] {
  return sizes.map((bytes, i) => {
    return { name: `${i}`, dtype: "u8", shape: [bytes], elements: bytes, bytes };
  });
}

function shapes(inputs: number[], outputs: number[], scratch: number[] = []): BoundShapes {
  const [ins, outs, work] = [inputs, outputs, scratch].map(bytesOf);
  return { inputs: ins!, outputs: outs!, scratch: work!, dims: {} };
}

function placed(of: BoundShapes, params = 0, end = END) {
  const words = newDescriptor();
  const arena = new Arena({ start: 16, end });
  return { ...place(arena, words, of, params), words, arena };
}

test("place() packs small tensors from the bottom: params, descriptor, A, B, outputs, scratch", () => {
  const { paramsAt, descriptorAt, inputsAt, outputsAt, words } = placed(
    shapes([4, 5, 6], [7, 8], [9]),
    12,
  );
  expect([paramsAt, descriptorAt]).toEqual([16, 32]);
  expect([inputsAt, outputsAt]).toEqual([
    [80, 96, 112],
    [128, 144],
  ]);
  expect(rangesOf(words)).toEqual({
    params: [16, 28],
    inputA: [80, 84],
    inputB: [96, 118],
    output: [128, 152],
    scratch: [160, 169],
  });
});

test("place() says of what there is none that it lies at 0 and has no bytes", () => {
  const { inputsAt, outputsAt, words } = placed(shapes([], []));
  expect([inputsAt, outputsAt]).toEqual([[], []]);
  const { inputA, inputB, output, scratch } = rangesOf(words);
  expect([inputA, inputB, output, scratch]).toEqual([
    [0, 0],
    [0, 0],
    [0, 0],
    [0, 0],
  ]);
});

test("place() lets large regions begin at different offsets within a page", () => {
  const { inputsAt, outputsAt, words } = placed(shapes([4096, 8192], [4096], [5000]));
  const starts = [...inputsAt, ...outputsAt, rangesOf(words).scratch[0]];
  expect(starts.map((at) => at % 4096)).toEqual([0, 1024, 2048, 3072]);
});

test("place() that finds no room takes nothing, whichever part did not fit", () => {
  const arena = new Arena({ start: 16, end: 1024 });
  const mark = arena.mark();
  for (const of of [shapes([2000], []), shapes([1], [2000]), shapes([1], [1], [2000])]) {
    expect(failureOf(() => place(arena, newDescriptor(), of, 4)).code).toBe("OUT_OF_MEMORY");
    expect(arena.mark()).toBe(mark);
  }
});

test("what place() describes passes the descriptor's checks, and no two tensors touch", () => {
  const sizes = fc.array(fc.oneof(fc.nat(64), fc.nat(10_000)), { maxLength: 5 });
  const law = fc.property(sizes, sizes, sizes, fc.nat(100), (inputs, outputs, scratch, params) => {
    const { words, descriptorAt, inputsAt, outputsAt, paramsAt } = placed(
      shapes(inputs, outputs, scratch),
      params,
    );
    checkDescriptor(words, END, descriptorAt, ARENA_ALIGN);
    const parts = [
      [paramsAt, params],
      [descriptorAt, DESCRIPTOR.bytes],
      ...inputsAt.map((at, i) => [at, inputs[i]!]),
      ...outputsAt.map((at, i) => [at, outputs[i]!]),
    ].toSorted(([a], [b]) => a! - b!);
    for (let i = 1; i < parts.length; i++)
      expect(parts[i]![0]).toBeGreaterThanOrEqual(parts[i - 1]![0]! + parts[i - 1]![1]!);
    for (const [at] of parts) expect(at! % 16).toBe(0);
  });
  fc.assert(law);
});
