// Testing: calls a compiled kernel as Kernel ABI v1 says, without the sandbox, so that a kernel's own
// checks and habits can be seen. Every byte around the call is set to a pattern first: a kernel that
// writes anywhere but into its output and scratch fails its test.

import { join } from "node:path";
import { expect } from "vitest";
import {
  DESCRIPTOR,
  KERNEL_CODES,
  type KernelDeclaration,
  paramsLayout,
  writeParams,
} from "../src/layout/mod.ts";
import type { KernelSource } from "../src/pack/mod.ts";
import { compileAssemblyScript } from "../src/platform/node/mod.ts";

export interface Call {
  readonly inputs: Readonly<Record<string, Float32Array>>;
  /** Shapes of inputs by name; what is left out is one axis long. */
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
  readonly params?: Readonly<Record<string, unknown>>;
  /** Changes descriptor words, by their names in the layout, before the call. */
  readonly descriptor?: Readonly<Partial<Record<keyof typeof DESCRIPTOR.fields, number>>>;
  /** Changes the parameter block before the call, past the checks of `writeParams`. */
  readonly block?: (block: DataView) => void;
  /** Bytes by which every region is moved off its alignment of 16; a multiple of 4. */
  readonly shift?: number;
}

/** A manifest entry whose params, inputs and outputs are spelt out. */
type Manifest = KernelSource & KernelDeclaration;

type Entry = (pointer: number) => number;
type KernelExports = { readonly memory: WebAssembly.Memory } & Readonly<Record<string, Entry>>;

const PAGE = 65536;
const PATTERN = 0xa5;

export class TestedKernel {
  readonly exports: KernelExports;
  readonly module: WebAssembly.Module;
  readonly #manifest: Manifest;

  private constructor(manifest: Manifest, module: WebAssembly.Module) {
    this.#manifest = manifest;
    this.module = module;
    this.exports = new WebAssembly.Instance(module).exports as unknown as KernelExports;
  }

  /** Compiles the kernel of `manifest` from its source. */
  static async compile(manifest: Manifest): Promise<TestedKernel> {
    const bytes = await compileAssemblyScript(join(import.meta.dirname, manifest.source!));
    return new TestedKernel(manifest, new WebAssembly.Module(bytes));
  }

  /** Calls the kernel and gives its output. Fails the test when the code is not OK. */
  run(call: Call): Float32Array<ArrayBuffer> {
    const { code, output } = this.call(call);
    expect(code).toBe(KERNEL_CODES.OK);
    return output;
  }

  /** The code that a call returns. */
  code(call: Call): number {
    return this.call(call).code;
  }

  /** Calls the kernel, with every byte outside its output and scratch watched. */
  call({ inputs, shapes = {}, params = {}, descriptor = {}, block, shift = 0 }: Call): {
    readonly code: number;
    readonly output: Float32Array<ArrayBuffer>;
  } {
    const dims = this.#bind(inputs, shapes);
    const layout = paramsLayout(this.#manifest);
    const given = this.#manifest.inputs.map(({ name }) => inputs[name]!);
    const [a = 0, b = 0] = given.map(({ byteLength }) => byteLength);
    const output = bytesOf(this.#manifest.outputs, dims);
    const scratch = bytesOf(this.#manifest.scratch ?? [], dims);
    const regions = placed([DESCRIPTOR.bytes, layout.bytes, a, b, output, scratch], shift);
    const [desc, paramsAt, ...tensors] = regions.map(({ at }) => at) as [
      number,
      number,
      ...number[],
    ];
    const [aAt, bAt, outputAt, scratchAt] = tensors as [number, number, number, number];

    const memory = this.#memory(regions.at(-1)!.end + PAGE);
    const view = new DataView(memory.buffer);
    writeParams(view, paramsAt, layout, params, dims);
    block?.(new DataView(memory.buffer, paramsAt, layout.bytes));
    given.forEach((values, i) => {
      new Float32Array(memory.buffer, tensors[i]!, values.length).set(values);
    });
    const words = [aAt, a, bAt, b, outputAt, output, scratchAt, scratch, paramsAt, layout.bytes];
    new Uint32Array(memory.buffer, desc, words.length).set(words);
    for (const [field, value] of Object.entries(descriptor))
      view.setUint32(
        desc + DESCRIPTOR.fields[field as keyof typeof DESCRIPTOR.fields].at,
        value,
        true,
      );

    const before = memory.slice();
    const code = this.exports[this.#manifest.entry_point]!(desc);
    const result = new Float32Array(memory.slice(outputAt, outputAt + output).buffer);
    for (const [at, bytes] of [
      [outputAt, output],
      [scratchAt, scratch],
    ] as const)
      memory.set(before.subarray(at, at + bytes), at);
    expect(Buffer.compare(memory, before), "bytes outside output and scratch").toBe(0);
    return { code, output: result };
  }

  /** Every byte beyond the module's own page set to the pattern. */
  #memory(bytes: number): Uint8Array<ArrayBuffer> {
    const { memory } = this.exports;
    const missing = Math.ceil((bytes - memory.buffer.byteLength) / PAGE);
    if (missing > 0) memory.grow(missing);
    return new Uint8Array(memory.buffer as ArrayBuffer).fill(PATTERN, PAGE);
  }

  #bind(inputs: Call["inputs"], shapes: NonNullable<Call["shapes"]>): Record<string, number> {
    const dims: Record<string, number> = {};
    for (const { name, shape } of this.#manifest.inputs) {
      const given = shapes[name] ?? [inputs[name]!.length];
      shape.forEach((dim, axis) => {
        if (typeof dim === "string") dims[dim] = given[axis]!;
      });
    }
    return dims;
  }
}

/** Bytes of f32 tensors laid end to end, each from a multiple of 16. */
function bytesOf(
  tensors: NonNullable<KernelSource["scratch"]>,
  dims: Readonly<Record<string, number>>,
): number {
  return tensors.reduce((at, { shape }) => {
    const sizes = shape.map((dim) => (typeof dim === "string" ? dims[dim]! : dim));
    return align(at) + 4 * sizes.reduce((product, size) => product * size, 1);
  }, 0);
}

/** Regions beyond the module's page, with at least 16 watched bytes between them. */
function placed(sizes: readonly number[], shift: number): { at: number; end: number }[] {
  let end = PAGE;
  return sizes.map((bytes) => {
    const at = align(end) + 16 + shift;
    end = at + bytes;
    return { at, end };
  });
}

function align(at: number): number {
  return Math.ceil(at / 16) * 16;
}

/** The largest relative error of `actual`; exact where the reference is 0, infinite or NaN. */
export function relativeError(actual: Float32Array, expected: Float64Array): number {
  return worst(actual, expected, (a, e) => Math.abs(a - e) / Math.abs(e));
}

/** The largest absolute error of `actual`; exact where the reference is infinite or NaN. */
export function absoluteError(actual: Float32Array, expected: Float64Array): number {
  return worst(actual, expected, (a, e) => Math.abs(a - e));
}

function worst(
  actual: Float32Array,
  expected: Float64Array,
  error: (actual: number, expected: number) => number,
): number {
  expect(actual.length).toBe(expected.length);
  return expected.reduce((most, value, i) => {
    const found = actual[i]!;
    if (Object.is(found, Math.fround(value)) || (found === 0 && value === 0)) return most;
    return Math.max(most, Number.isFinite(value) ? error(found, value) : Infinity);
  }, 0);
}

/** Numbers from 0 to 1, below 1, that look random and are the same in every run (xorshift). */
export function randomFrom(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** `length` values of a bell curve around 0 with deviation `scale`. */
export function normals(length: number, seed: number, scale = 1): Float32Array<ArrayBuffer> {
  const random = randomFrom(seed);
  return Float32Array.from({ length }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    return scale * radius * Math.cos(2 * Math.PI * random());
  });
}
