// Types: value types, limits and the composite types of a type section, as the binary format has them.
//
// A type is kept as the range of bytes that spells it, not as a tree: the rewriter copies spellings,
// and the engine, which validates the module before and after, is the judge of subtyping.

import { type Feature, MODULE_LIMITS } from "../base/mod.ts";
import { malformed, type Reader, tooLarge, unsupported, type ValueType } from "./reader.ts";

export type { ValueType } from "./reader.ts";

/** Tells that a feature is used at an offset; the first use of each is kept. */
export type UseFeature = (feature: Feature, offset: number) => void;

export interface FunctionType {
  readonly kind: "function";
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** A struct or array: only its kind and field count matter here. */
export interface HeapShape {
  readonly kind: "struct" | "array";
  readonly fields: number;
}

export type CompositeType = FunctionType | HeapShape;

export const I32 = 0x7f;
export const I64 = 0x7e;
export const F32 = 0x7d;
export const F64 = 0x7c;
export const V128 = 0x7b;

/** Reads one value type. */
export function readValueType(reader: Reader, use: UseFeature): ValueType {
  const at = reader.at;
  const code = reader.u8();
  switch (code) {
    case I32:
    case I64:
    case F32:
    case F64:
      return spelling(reader, code, code, at);
    case V128:
      use("simd", at);
      return spelling(reader, code, code, at);
    default:
      return readReferenceTypeAfter(reader, code, at, use);
  }
}

/** Reads a reference type, as tables and element segments have them. */
export function readReferenceType(reader: Reader, use: UseFeature): ValueType {
  const at = reader.at;
  return readReferenceTypeAfter(reader, reader.u8(), at, use);
}

function readReferenceTypeAfter(
  reader: Reader,
  code: number,
  at: number,
  use: UseFeature,
): ValueType {
  if (code !== 0x63 && code !== 0x64) {
    useAbstractHeapType(code, at, use);
    return spelling(reader, code, code, at);
  }
  use("function-references", at);
  const heapType = readHeapType(reader, use);
  return spelling(reader, code * 2 ** 36 + heapType, code, at);
}

/** The first spelling of a type, so that a million parameters share a few objects. */
function spelling(reader: Reader, key: number, code: number, at: number): ValueType {
  const known = reader.spellings.get(key);
  if (known !== undefined) return known;
  const first = { code, at, end: reader.at };
  reader.spellings.set(key, first);
  return first;
}

/** Reads a heap type: a type index, or the code of an abstract one, which is negative. */
export function readHeapType(reader: Reader, use: UseFeature): number {
  const at = reader.at;
  const type = reader.s33();
  if (type >= reader.types) throw malformed(at, `type ${type}`, `one of ${reader.types}`);
  if (type < -64) throw malformed(at, `heap type ${type}`, "a type index or an abstract heap type");
  if (type >= 0) use("function-references", at);
  else useAbstractHeapType(type & 0x7f, at, use);
  return type;
}

function useAbstractHeapType(code: number, at: number, use: UseFeature): void {
  switch (code) {
    case 0x70: // func
    case 0x6f: // extern
      return use("reference-types", at);
    case 0x69: // exn
    case 0x74: // noexn
      return use("exceptions", at);
    case 0x6e: // any
    case 0x6d: // eq
    case 0x6c: // i31
    case 0x6b: // struct
    case 0x6a: // array
    case 0x71: // none
    case 0x72: // noextern
    case 0x73: // nofunc
      return use("gc", at);
    case 0x68:
    case 0x75:
      throw unsupported(at, "stack switching", `type 0x${code.toString(16)}`);
    case 0x60:
    case 0x61:
    case 0x66:
    case 0x67:
      throw unsupported(at, "string references", `type 0x${code.toString(16)}`);
    case 0x62:
      throw unsupported(at, "custom descriptors", "an exact type");
    case 0x65:
      throw unsupported(at, "shared-everything threads", "a shared type");
    default:
      throw malformed(at, `type 0x${code.toString(16)}`, "a value type");
  }
}

/** Reads one entry of the type section, which may be a group of types, and appends them. */
export function readRecursiveType(reader: Reader, types: CompositeType[], use: UseFeature): void {
  const at = reader.at;
  if (reader.bytes[at] !== 0x4e) return readSubType(reader, types, use);
  reader.u8();
  use("gc", at);
  const count = reader.count("types in a group", MODULE_LIMITS.typesMax);
  for (let i = 0; i < count; i++) readSubType(reader, types, use);
}

function readSubType(reader: Reader, types: CompositeType[], use: UseFeature): void {
  const at = reader.at;
  let code = reader.u8();
  if (code === 0x50 || code === 0x4f) {
    use("gc", at);
    const supers = reader.count("supertypes", MODULE_LIMITS.typesMax);
    for (let i = 0; i < supers; i++) reader.u32();
    code = reader.u8();
  }
  if (types.length >= MODULE_LIMITS.typesMax) {
    throw tooLarge(at, `${types.length + 1} types`, MODULE_LIMITS.typesMax);
  }
  types.push(readCompositeType(reader, code, use));
}

function readCompositeType(reader: Reader, code: number, use: UseFeature): CompositeType {
  const at = reader.at - 1;
  switch (code) {
    case 0x60:
      return {
        kind: "function",
        params: readValueTypes(reader, use),
        results: readResults(reader, use),
      };
    case 0x5f: {
      use("gc", at);
      const fields = reader.count("fields", MODULE_LIMITS.typesMax);
      for (let i = 0; i < fields; i++) readField(reader, use);
      return { kind: "struct", fields };
    }
    case 0x5e:
      use("gc", at);
      readField(reader, use);
      return { kind: "array", fields: 1 };
    case 0x5d:
      throw unsupported(at, "stack switching", "a continuation type");
    case 0x65:
      throw unsupported(at, "shared-everything threads", "a shared type");
    case 0x4d:
    case 0x4c:
      throw unsupported(at, "custom descriptors", "a described type");
    default:
      throw malformed(at, `type form 0x${code.toString(16)}`, "func, struct or array");
  }
}

const NOTHING: readonly ValueType[] = [];

function readResults(reader: Reader, use: UseFeature): readonly ValueType[] {
  const at = reader.at;
  const results = readValueTypes(reader, use);
  if (results.length > 1) use("multi-value", at);
  return results;
}

function readValueTypes(reader: Reader, use: UseFeature): readonly ValueType[] {
  const count = reader.count("value types", MODULE_LIMITS.parametersMax);
  if (count === 0) return NOTHING;
  const types: ValueType[] = [];
  for (let i = 0; i < count; i++) types.push(readValueType(reader, use));
  return types;
}

/** A field is a value type or a packed i8 or i16, and whether it may change. */
function readField(reader: Reader, use: UseFeature): void {
  const packed = reader.bytes[reader.at];
  if (packed === 0x78 || packed === 0x77) reader.u8();
  else readValueType(reader, use);
  readMutability(reader);
}

/** Reads a mutability byte; true for `var`. */
export function readMutability(reader: Reader): boolean {
  const at = reader.at;
  const flag = reader.u8();
  if (flag === 2 || flag === 3)
    throw unsupported(at, "shared-everything threads", "a shared global");
  if (flag > 1) throw malformed(at, `mutability 0x${flag.toString(16)}`, "0 or 1");
  return flag === 1;
}

/** The limits of a memory (in pages) or table (in elements). */
export interface Limits {
  readonly min: number;
  readonly max: number | undefined;
  readonly shared: boolean;
  /** True where addresses are 64-bit. */
  readonly wide: boolean;
}

/** Reads limits; numbers beyond 2^53 are beyond every engine and may be rounded. */
export function readLimits(reader: Reader, kind: "memory" | "table", use: UseFeature): Limits {
  const at = reader.at;
  const flags = reader.u8();
  if (flags & 0x08 && kind === "memory" && flags < 0x10)
    throw unsupported(at, "custom page sizes", "a memory with its own page size");
  if (flags > 7) throw malformed(at, `limits 0x${flags.toString(16)}`, "flags 0 to 7");
  const shared = (flags & 2) !== 0;
  const wide = (flags & 4) !== 0;
  if (shared && kind === "table")
    throw unsupported(at, "shared-everything threads", "a shared table");
  if (shared) use("threads", at);
  if (wide) use("memory64", at);
  const read = (): number => (wide ? Number(reader.u64()) : reader.u32());
  const min = read();
  const max = flags & 1 ? read() : undefined;
  if (shared && max === undefined)
    throw malformed(at, "a shared memory without a maximum", "a maximum");
  if (max !== undefined && max < min)
    throw malformed(at, `limits ${min} to ${max}`, "a maximum not below the minimum");
  return { min, max, shared, wide };
}
