import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Failure, type DType, tensorBytes } from "../base/mod.ts";
import { bindShapes, type BindOptions, ShapePlan, type TensorSpec } from "./shapes.ts";

function tensor(name: string, shape: TensorSpec["shape"], dtype: DType = "f32"): TensorSpec {
  return { name, dtype, shape };
}

const X = tensor("x", ["batch", "dim"]);
const WEIGHT = tensor("weight", ["dim"]);
const Y = tensor("y", ["batch", "dim"]);

type Given = Readonly<Record<string, readonly number[]>>;

function refusal(given: Given, options: BindOptions = {}, specs = [X, WEIGHT], out = [Y]): Failure {
  try {
    bindShapes(specs, out, given, options);
  } catch (error) {
    if (error instanceof Failure && error.code === "SHAPE_MISMATCH") return error;
    throw error;
  }
  throw new Error("the shapes were accepted");
}

test("bindShapes() gives dims, output shapes and sizes from the inputs' shapes", () => {
  const bound = bindShapes([X, WEIGHT], [Y], { x: [3, 4096], weight: [4096] });
  expect(bound.dims).toEqual({ batch: 3, dim: 4096 });
  expect(bound.outputs).toEqual([
    { name: "y", dtype: "f32", shape: [3, 4096], elements: 12_288, bytes: 49_152 },
  ]);
  expect(bound.inputs.map(({ bytes }) => bytes)).toEqual([49_152, 16_384]);
});

test("bindShapes() counts bytes as the dtype does, and sizes scratch by the same symbols", () => {
  const bound = bindShapes(
    [tensor("q", ["n"], "q4"), tensor("h", ["n", 2], "f16")],
    [],
    { q: [7], h: [7, 2] },
    { scratch: [tensor("t", ["n", "n"], "i8")] },
  );
  expect(bound.inputs.map(({ bytes }) => bytes)).toEqual([4, 28]);
  expect(bound.scratch[0]).toMatchObject({ name: "t", shape: [7, 7], bytes: 49 });
});

test("bindShapes() takes a scalar for one element and an empty axis for none", () => {
  const bound = bindShapes([tensor("s", []), X], [], { s: [], x: [0, 5] });
  expect(bound.inputs.map(({ elements, bytes }) => [elements, bytes])).toEqual([
    [1, 4],
    [0, 0],
  ]);
});

test("bindShapes() says which axis disagrees with what, and where that was bound", () => {
  const failure = refusal({ x: [3, 4096], weight: [4095] });
  expect(failure.at).toBe('weight axis 0 ("dim")');
  expect(failure.found).toBe("4095");
  expect(failure.expected).toBe("4096, as bound by x axis 1");
  expect(failure.detail).toEqual({ tensor: "weight", axis: 0, symbol: "dim", by: "x axis 1" });
});

test("bindShapes() refuses a symbol that disagrees within one tensor", () => {
  const square = tensor("m", ["n", "n"]);
  expect(refusal({ m: [2, 3] }, {}, [square], []).expected).toBe("2, as bound by m axis 0");
});

test("bindShapes() refuses another value on a fixed axis, and another rank", () => {
  const specs = [tensor("f", ["seq", 64])];
  expect(refusal({ f: [5, 63] }, {}, specs, []).expected).toBe("64, which is fixed");
  expect(refusal({ f: [5] }, {}, specs, []).found).toBe("1 axes, [5]");
  expect(refusal({ f: [5, 64, 1] }, {}, specs, []).expected).toBe("2 axes, [seq, 64]");
});

test("bindShapes() refuses missing and unknown tensors, inherited names among them", () => {
  expect(refusal({ x: [1, 1] }).at).toBe("weight");
  expect(refusal({ x: [1, 1], weight: [1], w: [1] }).expected).toBe("one of x, weight, y");
  const failure = refusal({}, {}, [tensor("toString", ["n"])], []);
  expect(failure.found).toBe("no shape");
});

test("bindShapes() checks the shape of an output that the caller gives", () => {
  const given = { x: [3, 8], weight: [8] };
  expect(bindShapes([X, WEIGHT], [Y], { ...given, y: [3, 8] }).outputs[0]!.shape).toEqual([3, 8]);
  expect(refusal({ ...given, y: [3, 9] }).expected).toBe("8, as bound by x axis 1");
});

test("bindShapes() wants a symbol of outputs alone in dims or in an output's shape", () => {
  const out = [tensor("y", ["batch", "out"])];
  const given = { x: [3, 8] };
  const failure = refusal(given, {}, [X], out);
  expect(failure.at).toBe('y axis 1 ("out")');
  expect(failure.fix).toBe("Pass it: dims: { out: ... }.");
  const { dims } = bindShapes([X], out, given, { dims: { out: 5 } });
  expect(dims).toEqual({ batch: 3, dim: 8, out: 5 });
  expect(bindShapes([X], out, { ...given, y: [3, 5] }).dims["out"]).toBe(5);
});

test("bindShapes() refuses dims that disagree with an input or that nothing names", () => {
  const given = { x: [3, 8], weight: [8] };
  expect(bindShapes([X, WEIGHT], [Y], given, { dims: { dim: 8 } }).dims["dim"]).toBe(8);
  expect(refusal(given, { dims: { dim: 9 } }).expected).toBe("9, as bound by dims");
  expect(refusal(given, { dims: { dmi: 8 } }).expected).toBe("one of batch, dim");
});

test.each([-1, 1.5, Number.NaN, 2 ** 32])("bindShapes() refuses an axis of %d", (value) => {
  expect(refusal({ x: [1, value], weight: [1] }).at).toBe("x axis 1");
  expect(refusal({ x: [1, 1], weight: [1] }, { dims: { batch: value } }).at).toBe(
    "dims axis batch",
  );
});

test("bindShapes() accepts 2^32 elements of one byte, refuses one row more, and more bytes", () => {
  const bytes = [tensor("b", ["n", "m"], "u8")];
  const most = bindShapes(bytes, [], { b: [2 ** 16, 2 ** 16] });
  expect(most.inputs[0]!.bytes).toBe(2 ** 32);
  expect(refusal({ b: [2 ** 16 + 1, 2 ** 16] }, {}, bytes, []).at).toBe("b axis 1");
  expect(refusal({ x: [2 ** 16, 2 ** 15] }, {}, [X], []).expected).toContain("bytes");
});

test("bindShapes() refuses a product that only an empty axis makes small", () => {
  const shape = [2 ** 31, 2 ** 31, 0];
  const specs = [tensor("e", ["a", "b", "c"], "u8")];
  expect(refusal({ e: shape }, {}, specs, []).at).toBe("e axis 1");
});

const ones = (rank: number): number[] => Array.from({ length: rank }, () => 1);

test("bindShapes() accepts the highest rank and refuses the next", () => {
  const most = bindShapes([tensor("r", ones(8))], [], { r: ones(8) });
  expect(most.inputs[0]!.elements).toBe(1);
  expect(refusal({ r: ones(9) }, {}, [tensor("r", ones(9))], []).found).toBe("9 axes");
});

test("ShapePlan.bind() forgets the call before, also one that failed", () => {
  const plan = new ShapePlan({ inputs: [X, WEIGHT], outputs: [Y] });
  expect(plan.bind({ x: [3, 8], weight: [8] }).dims).toEqual({ batch: 3, dim: 8 });
  expect(() => plan.bind({ x: [5, 9], weight: [8] })).toThrow("9, as bound by x axis 1");
  expect(() => plan.bind({ x: [5, 9] }, { batch: 5 })).toThrow("weight");
  expect(plan.bind({ x: [1, 2], weight: [2] }).dims).toEqual({ batch: 1, dim: 2 });
});

test("bindShapes() accepts exactly the shapes that one assignment of the symbols explains", () => {
  const dim = fc.constantFrom<string | number>("a", "b", "c", 2);
  const spec = fc.array(dim, { maxLength: 3 });
  const size = fc.integer({ min: 1, max: 3 });
  const shape = fc.array(size, { maxLength: 3 });
  fc.assert(
    fc.property(spec, spec, shape, shape, (p, q, pShape, qShape) => {
      const fits = [...tuples(3)].some(([a, b, c]) => {
        const value = (dim: string | number) =>
          typeof dim === "number" ? dim : { a: a!, b: b!, c: c! }[dim]!;
        return String(p.map(value)) === String(pShape) && String(q.map(value)) === String(qShape);
      });
      const sameRank = p.length === pShape.length && q.length === qShape.length;
      const specs = [tensor("p", p, "i8"), tensor("q", q, "f16")];
      if (!(fits && sameRank)) refusal({ p: pShape, q: qShape }, {}, specs, []);
      else {
        const { inputs } = bindShapes(specs, [], { p: pShape, q: qShape });
        const product = qShape.reduce((product, size) => product * size, 1);
        expect(inputs[1]!.bytes).toBe(tensorBytes("f16", product));
      }
    }),
  );
});

/** Every way to give three symbols a value from 1 to `most`. */
function* tuples(most: number): Generator<[number, number, number]> {
  for (let a = 1; a <= most; a++)
    for (let b = 1; b <= most; b++) for (let c = 1; c <= most; c++) yield [a, b, c];
}
