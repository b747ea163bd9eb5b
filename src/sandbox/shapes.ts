// Shapes: unifies the symbolic dimensions of a kernel's manifest with the shapes of one call.
//
// The first tensor that names a symbol binds it; every later one must agree. What comes out is the
// size of everything the call needs: dimensions for the params block, shapes and bytes of each tensor.
//
// Sizes are bounded here, before any kernel multiplies them in 32 bits: no shape may hold more than
// 2^32 elements, counting an empty axis as one.

import { type DType, Failure, SANDBOX_LIMITS, tensorBytes } from "../base/mod.ts";

/** A tensor as the manifest declares it. */
export interface TensorSpec {
  readonly name: string;
  readonly dtype: DType;
  /** A string is symbolic, a number fixed. */
  readonly shape: readonly (string | number)[];
}

/** A tensor of one call. */
export interface BoundTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly elements: number;
  readonly bytes: number;
}

export interface BoundShapes {
  /** Every symbol with its value, ready for `writeParams`. */
  readonly dims: Readonly<Record<string, number>>;
  readonly inputs: readonly BoundTensor[];
  readonly outputs: readonly BoundTensor[];
  readonly scratch: readonly BoundTensor[];
}

export interface BindOptions {
  /** Values for symbols that no given shape binds. One that a shape binds too must agree with it. */
  readonly dims?: Readonly<Record<string, number>>;
  /** Working memory, sized by the same symbols. */
  readonly scratch?: readonly TensorSpec[];
}

/**
 * Binds the shapes of `given`, one per input and, where the caller has one, per output. A symbol that
 * only outputs have needs an output's shape or `dims`. Fails with SHAPE_MISMATCH naming tensor, axis
 * and symbol, both values, and where the symbol was first bound.
 */
export function bindShapes(
  inputs: readonly TensorSpec[],
  outputs: readonly TensorSpec[],
  given: Shapes,
  { dims = NO_DIMS, scratch = [] }: BindOptions = {},
): BoundShapes {
  return new ShapePlan({ inputs, outputs, scratch }).bind(given, dims);
}

/** The shapes of a call's tensors by name, alone or with their tensors. */
export type Shapes = Readonly<Record<string, readonly number[] | Shaped>>;
interface Shaped {
  readonly shape: readonly number[];
}
export type Dims = Readonly<Record<string, number>>;

/** Each axis of a tensor: a fixed size, or the complement (~) of its symbol's index. */
interface TensorPlan extends TensorSpec {
  readonly axes: readonly number[];
}

/** What `bindShapes` can know before any call: made once per kernel, so that binding is quick. */
export class ShapePlan {
  readonly #inputs: readonly TensorPlan[];
  readonly #outputs: readonly TensorPlan[];
  readonly #scratch: readonly TensorPlan[];
  readonly #names: ReadonlySet<string>;
  readonly #symbols: readonly string[];
  /** Every symbol, unbound: copying it is quicker than adding one property after another. */
  readonly #noDims: Dims;
  /** Value of each symbol in the call being bound, or -1. */
  readonly #values: number[];
  /** Who bound each symbol in the call being bound; undefined for `dims`. */
  readonly #boundBy: (TensorPlan | undefined)[];

  constructor(kernel: {
    readonly inputs: readonly TensorSpec[];
    readonly outputs: readonly TensorSpec[];
    readonly scratch?: readonly TensorSpec[] | undefined;
  }) {
    const { inputs, outputs, scratch = [] } = kernel;
    const shapes = [...inputs, ...outputs, ...scratch].map(({ shape }) => shape);
    const symbols = [...new Set(shapes.flat().filter((dim) => typeof dim === "string"))];
    const plan = (spec: TensorSpec): TensorPlan => planOf(spec, symbols);
    this.#inputs = inputs.map(plan);
    this.#outputs = outputs.map(plan);
    this.#scratch = scratch.map(plan);
    this.#names = new Set([...inputs, ...outputs].map(({ name }) => name));
    this.#symbols = symbols;
    this.#noDims = Object.fromEntries(symbols.map((symbol) => [symbol, 0]));
    this.#values = symbols.map(() => -1);
    this.#boundBy = symbols.map(() => undefined);
  }

  /** See `bindShapes`. */
  bind(given: Shapes, dims: Dims = NO_DIMS): BoundShapes {
    for (let i = 0; i < this.#values.length; i++) this.#values[i] = -1;
    for (const symbol in dims) this.#ask(symbol, dims[symbol]!);
    for (const tensor in given) if (!this.#names.has(tensor)) throw this.#unknownTensor(tensor);
    for (const input of this.#inputs) {
      const shape = shapeIn(given[input.name]);
      if (shape === undefined) throw missingTensor(input);
      this.#unify(input, shape);
    }
    for (const output of this.#outputs) {
      const shape = shapeIn(given[output.name]);
      if (shape !== undefined) this.#unify(output, shape);
    }
    return {
      inputs: this.#inputs.map(this.#resolve),
      outputs: this.#outputs.map(this.#resolve),
      scratch: this.#scratch.map(this.#resolve),
      dims: this.#dims(),
    };
  }

  /** Whether `given` is what `bound` came of, so that binding it would give the same. */
  bindsAgain(given: Shapes, { inputs }: BoundShapes): boolean {
    let count = 0;
    for (const _ in given) count++;
    if (count !== inputs.length) return false;
    for (let i = 0; i < inputs.length; i++) {
      const { name, shape } = inputs[i]!;
      if (!same(shapeIn(given[name]), shape)) return false;
    }
    return true;
  }

  /** Binds a symbol of `dims`. One that nothing names is a typing error and must not pass. */
  #ask(symbol: string, value: number): void {
    const index = this.#symbols.indexOf(symbol);
    if (index < 0) throw this.#unknownSymbol(symbol);
    if (!isDim(value)) throw wrongDim("dims", symbol, value);
    this.#values[index] = value;
    this.#boundBy[index] = undefined;
  }

  /** Makes `shape` agree with the plan, binding the symbols that are still free. */
  #unify(plan: TensorPlan, shape: readonly number[]): void {
    if (shape.length !== plan.axes.length) throw wrongRank(plan, shape);
    for (let axis = 0; axis < shape.length; axis++) {
      const value = shape[axis]!;
      const size = plan.axes[axis]!;
      if (!isDim(value)) throw wrongDim(plan.name, axis, value);
      if (size >= 0) {
        if (value !== size) throw wrongFixed(plan, axis, value);
      } else if (this.#values[~size] === -1) {
        this.#values[~size] = value;
        this.#boundBy[~size] = plan;
      } else if (this.#values[~size] !== value) throw this.#disagreement(plan, axis, value);
    }
  }

  /** The tensor with every symbol replaced by its value. */
  readonly #resolve = (plan: TensorPlan): BoundTensor => {
    const { axes, name, dtype } = plan;
    const shape = axes.slice();
    let elements = 1;
    let bounded = 1;
    for (let axis = 0; axis < axes.length; axis++) {
      const size = axes[axis]!;
      const value = size >= 0 ? size : this.#values[~size]!;
      if (value < 0) throw unbound(plan, axis);
      shape[axis] = value;
      elements *= value;
      if (value !== 0) bounded *= value;
      if (bounded > ELEMENTS_MAX) throw tooLarge(plan, axis, bounded);
    }
    const bytes = tensorBytes(dtype, elements);
    if (bytes > BYTES_MAX) throw tooLarge(plan, axes.length - 1, bounded);
    return { name, dtype, shape, elements, bytes };
  };

  #dims(): Dims {
    const dims: Record<string, number> = { ...this.#noDims };
    for (let i = 0; i < this.#symbols.length; i++) dims[this.#symbols[i]!] = this.#values[i]!;
    return dims;
  }

  #disagreement(plan: TensorPlan, axis: number, value: number): Failure {
    const symbol = plan.shape[axis] as string;
    const index = this.#symbols.indexOf(symbol);
    const first = this.#boundBy[index];
    const by = first === undefined ? "dims" : `${first.name} axis ${first.axes.indexOf(~index)}`;
    const expected = `${this.#values[index]}, as bound by ${by}`;
    return mismatch({ tensor: plan.name, axis, symbol, by }, String(value), expected, SHAPE_FIX);
  }

  #unknownTensor(tensor: string): Failure {
    const expected = `one of ${[...this.#names].join(", ")}`;
    return mismatch({ tensor }, "no such tensor", expected, "Correct the tensor's name.");
  }

  #unknownSymbol(symbol: string): Failure {
    const known = this.#symbols.length === 0 ? "no dims" : `one of ${this.#symbols.join(", ")}`;
    return mismatch({ tensor: "dims", symbol }, "no such dimension", known, "Correct its name.");
  }
}

/** The shape that was given; undefined also for what an object only inherits by such a name. */
function shapeIn(given: readonly number[] | Shaped | undefined): readonly number[] | undefined {
  if (isArray(given)) return given;
  const shape = given?.shape;
  return isArray(shape) ? shape : undefined;
}

function same(given: readonly number[] | undefined, shape: readonly number[]): boolean {
  if (given === undefined || given.length !== shape.length) return false;
  for (let axis = 0; axis < shape.length; axis++) if (given[axis] !== shape[axis]) return false;
  return true;
}

/** As `Array.isArray`, which does not know of read-only arrays. */
function isArray(value: unknown): value is readonly number[] {
  return Array.isArray(value);
}

function planOf(spec: TensorSpec, symbols: readonly string[]): TensorPlan {
  const { name, dtype, shape } = spec;
  if (shape.length > SANDBOX_LIMITS.tensorRankMax) throw tooManyAxes(spec);
  const axes = shape.map((dim) => (typeof dim === "number" ? dim : ~symbols.indexOf(dim)));
  return { name, dtype, shape, axes };
}

const NO_DIMS: Dims = {};
const ELEMENTS_MAX = 2 ** 32;
const BYTES_MAX = SANDBOX_LIMITS.pagesMax * SANDBOX_LIMITS.pageBytes;

/** Whether `value` is a u32, as the params block needs it. */
function isDim(value: number): boolean {
  return value === value >>> 0;
}

function wrongDim(tensor: string, axis: number | string, value: number): Failure {
  const expected = "an integer from 0 to 2^32 - 1";
  return mismatch({ tensor, axis }, String(value), expected, SHAPE_FIX);
}

function missingTensor(spec: TensorSpec): Failure {
  const expected = `a shape like ${show(spec.shape)}`;
  return mismatch({ tensor: spec.name }, "no shape", expected, "Pass the tensor or its shape.");
}

function wrongRank(spec: TensorSpec, shape: readonly number[]): Failure {
  const found = `${shape.length} axes, ${show(shape)}`;
  const expected = `${spec.shape.length} axes, ${show(spec.shape)}`;
  return mismatch({ tensor: spec.name }, found, expected, SHAPE_FIX);
}

function wrongFixed({ name: tensor, shape }: TensorSpec, axis: number, value: number): Failure {
  return mismatch({ tensor, axis }, String(value), `${shape[axis]}, which is fixed`, SHAPE_FIX);
}

function unbound({ name: tensor, shape }: TensorSpec, axis: number): Failure {
  const symbol = shape[axis] as string;
  const fix = `Pass it: dims: { ${symbol}: ... }.`;
  return mismatch(
    { tensor, axis, symbol },
    "no value",
    "a value, since no given shape has it",
    fix,
  );
}

function tooManyAxes({ name: tensor, shape }: TensorSpec): Failure {
  const expected = `at most ${SANDBOX_LIMITS.tensorRankMax}`;
  return mismatch({ tensor }, `${shape.length} axes`, expected, "Merge axes in the manifest.");
}

function tooLarge({ name: tensor }: TensorSpec, axis: number, elements: number): Failure {
  const expected = `at most ${ELEMENTS_MAX} elements and ${BYTES_MAX} bytes`;
  return mismatch({ tensor, axis }, `${elements} elements`, expected, "Split the call.");
}

const SHAPE_FIX = "Pass a shape that fits the kernel's manifest.";

interface Place {
  readonly tensor: string;
  readonly axis?: number | string;
  readonly symbol?: string;
  readonly by?: string;
}

function mismatch(place: Place, found: string, expected: string, fix: string): Failure {
  const { tensor, axis, symbol } = place;
  const at = [
    tensor,
    axis === undefined ? "" : ` axis ${axis}`,
    symbol === undefined ? "" : ` ("${symbol}")`,
  ];
  const facts = { at: at.join(""), found, expected, fix };
  return new Failure("SHAPE_MISMATCH", facts, { detail: { ...place } });
}

function show(shape: readonly (string | number)[]): string {
  return `[${shape.join(", ")}]`;
}
