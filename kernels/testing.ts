// Testing: calls a compiled kernel as Kernel ABI v1 says, without the sandbox, so that a kernel's own
// checks and habits can be seen. Every byte around the call is set to a pattern first: a kernel that
// writes anywhere but into its output and scratch fails its test. So does one that computes anything
// else once the sandbox's checks are in it.

import { join } from "node:path";
import { expect } from "vitest";
import { type TensorView, tensorBytes } from "../src/base/mod.ts";
import {
  DESCRIPTOR,
  KERNEL_CODES,
  type KernelDeclaration,
  paramsLayout,
  writeParams,
} from "../src/layout/mod.ts";
import type { KernelSource, VariantSource } from "../src/pack/mod.ts";
import { assemblyScriptFlags, compileAssemblyScript } from "../src/platform/node/mod.ts";
import { instrument } from "../src/sandbox/mod.ts";
import { withVariants } from "./variants.ts";

export interface Call {
  readonly inputs: Readonly<Record<string, TensorView>>;
  /** Shapes of inputs by name; what is left out is one axis long. */
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
  /** Sizes that no input's shape tells. */
  readonly dims?: Readonly<Record<string, number>>;
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
  /** The same kernel with the sandbox's checks in it. */
  readonly #checked: KernelExports;

  private constructor(manifest: Manifest, bytes: Uint8Array<ArrayBuffer>) {
    this.#manifest = manifest;
    this.module = new WebAssembly.Module(bytes);
    this.exports = new WebAssembly.Instance(this.module).exports as unknown as KernelExports;
    this.#checked = checkedExports(bytes);
  }

  /** Compiles the kernel of `manifest` from its source, as the variant that this run of tests is for. */
  static async compile(manifest: Manifest): Promise<TestedKernel> {
    const { source, features } = buildOf(manifest);
    const file = join(import.meta.dirname, source!);
    return new TestedKernel(
      manifest,
      await compileAssemblyScript(file, assemblyScriptFlags(features)),
    );
  }

  /** Calls the kernel and gives its output as f32. Fails the test when the code is not OK. */
  run(call: Call): Float32Array<ArrayBuffer> {
    return new Float32Array(this.runBytes(call).buffer);
  }

  /** Calls the kernel and gives the bytes of its output. Fails the test when the code is not OK. */
  runBytes(call: Call): Uint8Array<ArrayBuffer> {
    const { code, output } = this.call(call);
    expect(code).toBe(KERNEL_CODES.OK);
    return output;
  }

  /** The code that a call returns. */
  code(call: Call): number {
    return this.call(call).code;
  }

  /** Calls the kernel, with every byte outside its output and scratch watched. */
  call(call: Call): { readonly code: number; readonly output: Uint8Array<ArrayBuffer> } {
    const { before, at } = this.#image(call);
    const run = (kernel: KernelExports) =>
      enter(kernel, this.#manifest.entry_point, before, at.descriptor.at);
    const { code, after } = run(this.exports);
    const checked = run(this.#checked);
    expect(checked.code).toBe(code);
    expect(Buffer.compare(checked.after, after), "bytes that the checks change").toBe(0);

    const output = after.slice(at.output.at, at.output.end);
    for (const region of [at.output, at.scratch])
      after.set(before.subarray(region.at, region.end), region.at);
    expect(Buffer.compare(after, before), "bytes written outside output and scratch").toBe(0);
    return { code, output };
  }

  /** Memory as a call finds it, but for the module's own first page, which stays as it is. */
  #image({ inputs, shapes = {}, params = {}, descriptor = {}, block, shift = 0, ...more }: Call) {
    const manifest = this.#manifest;
    const layout = paramsLayout(manifest);
    const dims = { ...this.#bind(inputs, shapes), ...more.dims };
    const [first, ...others] = manifest.inputs.map(({ name }) => bytesIn(inputs[name]!));
    const a = first?.length ?? 0;
    const b = laidEndToEnd(others.map(({ length }) => length));
    const output = bytesOf(manifest.outputs, dims);
    const scratch = bytesOf(manifest.scratch ?? [], dims);
    const sizes = { a, b: b.end, output, scratch, params: layout.bytes };
    const at = placed({ ...sizes, descriptor: DESCRIPTOR.bytes }, shift);

    const before = new Uint8Array(roundUp(at.descriptor.end + PAGE, PAGE)).fill(PATTERN);
    const view = new DataView(before.buffer);
    if (first !== undefined) before.set(first, at.a.at);
    others.forEach((bytes, i) => before.set(bytes, at.b.at + b.starts[i]!));
    writeParams(view, at.params.at, layout, params, dims);
    block?.(new DataView(before.buffer, at.params.at, layout.bytes));
    const regions = [at.a, at.b, at.output, at.scratch, at.params];
    const words = regions.flatMap((region) => [region.at, region.end - region.at]);
    new Uint32Array(before.buffer, at.descriptor.at, words.length).set(words);
    for (const [field, value] of Object.entries(descriptor)) {
      const word = DESCRIPTOR.fields[field as keyof typeof DESCRIPTOR.fields];
      view.setUint32(at.descriptor.at + word.at, value, true);
    }
    before.set(new Uint8Array(this.exports.memory.buffer, 0, PAGE));
    return { before, at };
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

/** What to compile: vitest.config.ts runs the tests of each kernel for each of its variants. */
function buildOf(manifest: Manifest): Pick<VariantSource, "source" | "features"> {
  const wanted = process.env["KERNEL_VARIANT"];
  if (wanted === undefined) return { source: manifest.source };
  const [kernel] = withVariants([manifest as Manifest & { readonly source: string }]);
  const variant = kernel.variants.find(({ id }) => id === wanted);
  if (variant === undefined) throw new Error(`${manifest.id} has no variant ${wanted}`);
  return variant;
}

function bytesIn({ buffer, byteOffset, byteLength }: TensorView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Bytes of tensors laid end to end. */
function bytesOf(
  tensors: NonNullable<KernelSource["scratch"]>,
  dims: Readonly<Record<string, number>>,
): number {
  const sizes = tensors.map(({ dtype, shape }) => {
    const axes = shape.map((dim) => (typeof dim === "string" ? dims[dim]! : dim));
    return tensorBytes(
      dtype,
      axes.reduce((product, size) => product * size, 1),
    );
  });
  return laidEndToEnd(sizes).end;
}

/** Where tensors of these bytes begin in their region, each at a multiple of 16, and its end. */
function laidEndToEnd(sizes: readonly number[]): { starts: readonly number[]; end: number } {
  let end = 0;
  const starts = sizes.map((bytes) => {
    const start = roundUp(end, 16);
    end = start + bytes;
    return start;
  });
  return { starts, end };
}

/** Where a region begins and ends. */
interface Placed {
  readonly at: number;
  readonly end: number;
}

/** Regions beyond the module's page, with at least 16 watched bytes between them. */
function placed<Name extends string>(
  sizes: Readonly<Record<Name, number>>,
  shift: number,
): Readonly<Record<Name, Placed>> {
  let end = PAGE;
  const regions = Object.entries<number>(sizes).map(([name, bytes]) => {
    const at = roundUp(end, 16) + 16 + shift;
    end = at + bytes;
    return [name, { at, end }];
  });
  return Object.fromEntries(regions) as Record<Name, Placed>;
}

function roundUp(at: number, align: number): number {
  return Math.ceil(at / align) * align;
}

/** Runs `entry` on a copy of `before` and gives back what memory then holds. */
function enter(exports: KernelExports, entry: string, before: Uint8Array, desc: number) {
  const { memory } = exports;
  const missing = (before.length - memory.buffer.byteLength) / PAGE;
  if (missing > 0) memory.grow(missing);
  const bytes = new Uint8Array(memory.buffer, 0, before.length);
  bytes.set(before);
  const code = exports[entry]!(desc);
  return { code, after: bytes.slice() };
}

/** An instance whose every loop looks at an epoch that never comes. */
function checkedExports(module: Uint8Array): KernelExports {
  const { bytes, imports } = instrument(module, { interrupt: "epoch", memory: "keep" });
  const annulus: Record<string, WebAssembly.ImportValue> = {};
  for (const { name, kind, type } of imports)
    annulus[name] =
      kind === "memory"
        ? new WebAssembly.Memory(type)
        : new WebAssembly.Global(type, name === "deadline" ? 1 : 0);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { annulus });
  return instance.exports as unknown as KernelExports;
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
