// Field: the types that a message's fields may have, and where they lie in its bytes.
//
// Numbers are little-endian and aligned to their own size. An array has a fixed length. A list or a text
// is as long as its value, has its length in the fixed part, and may only be the last field.

import { assert, Failure } from "../base/mod.ts";

const SCALARS = {
  u8: { bytes: 1, views: "u8" },
  u16: { bytes: 2, views: "u16" },
  i32: { bytes: 4, views: "i32" },
  u32: { bytes: 4, views: "u32" },
  f32: { bytes: 4, views: "f32" },
  f64: { bytes: 8, views: "f64" },
  u64: { bytes: 8, views: "u64" },
} as const;

export type Scalar = keyof typeof SCALARS;

/** The typed arrays of a memory, by scalar. */
export class Views {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly f32: Float32Array;
  readonly f64: Float64Array;
  readonly u64: BigUint64Array;

  /** `buffer` holds a multiple of 8 bytes. */
  constructor(buffer: ArrayBufferLike) {
    assert(buffer.byteLength % 8 === 0, "a memory of messages has a multiple of 8 bytes");
    this.u8 = new Uint8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.f32 = new Float32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.u64 = new BigUint64Array(buffer);
  }
}

/** What a field reads as, and what may be written to it. */
export interface Field<Value = unknown, Input = Value> {
  readonly kind: "scalar" | "bool" | "array" | "list" | "text";
  readonly scalar: Scalar;
  /** Elements of an array; 1 for one number. */
  readonly count: number;
  /** The name of the type in a layout's text. */
  readonly name: string;
  /** Never there: it only carries the types. */
  readonly types?: readonly [Value, Input];
}

function scalar<Value>(name: Scalar): Field<Value> {
  return { kind: "scalar", scalar: name, count: 1, name };
}

export const u8: Field<number> = scalar("u8");
export const u16: Field<number> = scalar("u16");
export const i32: Field<number> = scalar("i32");
export const u32: Field<number> = scalar("u32");
export const f32: Field<number> = scalar("f32");
export const f64: Field<number> = scalar("f64");
/** Read and written as a bigint. */
export const u64: Field<bigint> = scalar("u64");
/** One byte: 0 or 1. */
export const bool: Field<boolean> = { kind: "bool", scalar: "u8", count: 1, name: "bool" };

interface Elements {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly f32: Float32Array;
  readonly f64: Float64Array;
  readonly u64: BigUint64Array;
}

type ElementsOf<Of> = Of extends keyof Elements ? Elements[Of] : never;
type InputOf<Of> = Of extends "u64" ? ArrayLike<bigint> : ArrayLike<number>;

/** `count` numbers, read as a typed array in place. */
export function array<Of extends Scalar>(
  of: Of,
  count: number,
): Field<ElementsOf<Of>, InputOf<Of>> {
  if (!Number.isInteger(count) || count < 1)
    throw badField("an array", `${count} elements`, "1 or more");
  return { kind: "array", scalar: of, count, name: `${of}[${count}]` };
}

/** As many numbers as the value has, read as a typed array in place. The last field of its message. */
export function list<Of extends Scalar>(of: Of): Field<ElementsOf<Of>, InputOf<Of>> {
  return { kind: "list", scalar: of, count: 0, name: `${of}[]` };
}

/** UTF-8, as long as the value is. The last field of its message. */
export function text(): Field<string> {
  return { kind: "text", scalar: "u8", count: 0, name: "text" };
}

/** Bytes of one element. */
export function scalarBytes(of: Scalar): number {
  return SCALARS[of].bytes;
}

export function isOpen(field: Field): boolean {
  return field.kind === "list" || field.kind === "text";
}

export function badField(at: string, found: string, expected: string): Failure {
  return new Failure("MESSAGE_INVALID", {
    at,
    found,
    expected,
    fix: "Correct the message's schema.",
  });
}
