// Params: the layout of a kernel's parameter block, derived from its manifest entry.
//
//   | declared params, in manifest order | every distinct symbolic dimension, as u32 | zero padding |
//
// Each value is naturally aligned; a bool is a u32 that is 0 or 1. Dimensions come in order of their
// first appearance over the inputs, then the outputs. The block's size is a multiple of its largest
// alignment, which is at least 4. Authors never count these bytes: accessors are printed from here.

import { Failure } from "../base/mod.ts";
import { KIND_BYTES } from "./layout.ts";
import { type ParamType, type ParamValue, parseParam } from "./param-value.ts";

/** A param as a manifest declares it. Numbers of 64 bits may be bigints or decimal strings. */
export interface ParamDeclaration {
  readonly type: ParamType;
  readonly default?: unknown;
  readonly min?: unknown;
  readonly max?: unknown;
  readonly description?: string | null | undefined;
  /** Names for some values, so that people can write `half_split` for 0. */
  readonly values?: Readonly<Record<string, unknown>> | undefined;
}

/** A tensor as a manifest declares it; only its symbolic dimensions matter here. */
export interface TensorDeclaration {
  readonly name: string;
  readonly shape: readonly (string | number)[];
}

export interface KernelDeclaration {
  readonly params: Readonly<Record<string, ParamDeclaration>>;
  readonly inputs: readonly TensorDeclaration[];
  readonly outputs: readonly TensorDeclaration[];
}

export interface ParamField {
  readonly name: string;
  readonly type: ParamType;
  /** Byte offset from the start of the block. */
  readonly at: number;
  readonly bytes: number;
  /** Undefined when the caller must pass a value. */
  readonly default: ParamValue | undefined;
  readonly min: ParamValue | undefined;
  readonly max: ParamValue | undefined;
  /** Names that stand for values, in manifest order. */
  readonly values: ReadonlyMap<string, ParamValue>;
  readonly note: string;
}

export interface DimField {
  readonly name: string;
  readonly at: number;
}

export interface ParamsLayout {
  /** 0 for a kernel with neither params nor symbolic dimensions. */
  readonly bytes: number;
  readonly align: number;
  readonly params: readonly ParamField[];
  readonly dims: readonly DimField[];
  /** Where each name stands in `params` and `dims`, so that unknown names are found quickly. */
  readonly paramIndex: ReadonlyMap<string, number>;
  readonly dimIndex: ReadonlyMap<string, number>;
}

/** Lays out the block of one kernel. Fails with PARAM_INVALID when a declaration contradicts itself. */
export function paramsLayout(kernel: KernelDeclaration): ParamsLayout {
  let at = 0;
  let align = 4;
  const params: ParamField[] = [];
  for (const [name, declared] of Object.entries(kernel.params)) {
    refuseUnorderedName(name);
    const bytes = paramBytes(declared.type);
    align = Math.max(align, bytes);
    at = roundUp(at, bytes);
    params.push(paramField(name, declared, at, bytes));
    at += bytes;
  }
  const dims: DimField[] = [];
  at = roundUp(at, 4);
  for (const name of symbolicDims([...kernel.inputs, ...kernel.outputs])) {
    dims.push({ name, at });
    at += 4;
  }
  return {
    bytes: roundUp(at, align),
    align,
    params,
    dims,
    paramIndex: new Map(params.map(({ name }, index) => [name, index])),
    dimIndex: new Map(dims.map(({ name }, index) => [name, index])),
  };
}

/** Every distinct symbolic dimension, in order of first appearance. */
export function symbolicDims(tensors: readonly TensorDeclaration[]): string[] {
  const names = tensors.flatMap(({ shape }) => shape.filter((dim) => typeof dim === "string"));
  return [...new Set(names)];
}

/** Bytes of one param in the block, which is also its alignment. */
export function paramBytes(type: ParamType): number {
  return type === "bool" ? KIND_BYTES.u32 : KIND_BYTES[type];
}

function paramField(
  name: string,
  declared: ParamDeclaration,
  at: number,
  bytes: number,
): ParamField {
  const { type } = declared;
  const bound = (key: "default" | "min" | "max"): ParamValue | undefined =>
    declared[key] === undefined || declared[key] === null
      ? undefined
      : parseParam(type, declared[key], `params/${name}/${key}`);
  const values = Object.entries(declared.values ?? {}).map(
    ([key, value]) => [key, parseParam(type, value, `params/${name}/values/${key}`)] as const,
  );
  return {
    name,
    type,
    at,
    bytes,
    default: bound("default"),
    min: bound("min"),
    max: bound("max"),
    values: new Map(values),
    note: declared.description ?? "",
  };
}

/** JavaScript moves keys that look like array indices to the front, so their order cannot be kept. */
function refuseUnorderedName(name: string): void {
  if (!/^\d+$/.test(name)) return;
  throw new Failure("PARAM_INVALID", {
    at: `params/${name}`,
    found: "a name made of digits only",
    expected: "a name whose place in the manifest survives parsing",
    fix: "Rename the parameter so that it begins with a letter.",
  });
}

function roundUp(value: number, align: number): number {
  return Math.ceil(value / align) * align;
}
