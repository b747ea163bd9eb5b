// Param values: which JavaScript value may become which parameter type, and what is refused.
//
// 64-bit integers are bigints inside; JSON and command lines may give them as numbers up to 2^53 or as
// decimal strings, so that no digit is lost on the way. A float must be finite: NaN and infinity have
// no JSON form, so a block that holds one cannot be reproduced from a manifest.

import { Failure } from "../base/mod.ts";

export const PARAM_TYPES = ["f32", "f64", "i32", "i64", "u32", "u64", "bool"] as const;
export type ParamType = (typeof PARAM_TYPES)[number];
export type ParamValue = number | bigint | boolean;

const WIDE_RANGE = {
  i64: [-(2n ** 63n), 2n ** 63n - 1n],
  u64: [0n, 2n ** 64n - 1n],
} as const;

/** Turns JSON or a caller's value into `type`. Fails with PARAM_INVALID at `at`; never rounds an integer. */
export function parseParam(type: ParamType, value: unknown, at: string): ParamValue {
  switch (type) {
    case "bool":
      if (typeof value === "boolean") return value;
      break;
    case "f32":
    case "f64":
      if (typeof value === "number" && Number.isFinite(narrow(type, value))) return value;
      break;
    case "i32":
      if (typeof value === "number" && value === (value | 0)) return value;
      break;
    case "u32":
      if (typeof value === "number" && value === value >>> 0) return value;
      break;
    case "i64":
    case "u64": {
      const wide = toBigInt(value);
      if (wide !== undefined && inWideRange(type, wide)) return wide;
      break;
    }
    default:
      return type satisfies never;
  }
  throw new Failure("PARAM_INVALID", {
    at,
    found: show(value),
    expected: EXPECTED[type],
    fix: "Pass a value of the declared type.",
  });
}

/** A value as a failure shows it: its type matters as much as its digits. */
export function show(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "string") return JSON.stringify(value.slice(0, 40));
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

const EXPECTED: Readonly<Record<ParamType, string>> = {
  bool: "true or false",
  f32: "a finite number that fits 32 bits",
  f64: "a finite number",
  i32: "an integer from -2^31 to 2^31 - 1",
  u32: "an integer from 0 to 2^32 - 1",
  i64: "an integer from -2^63 to 2^63 - 1, as a bigint or decimal string beyond 2^53",
  u64: "an integer from 0 to 2^64 - 1, as a bigint or decimal string beyond 2^53",
};

function narrow(type: "f32" | "f64", value: number): number {
  return type === "f32" ? Math.fround(value) : value;
}

function inWideRange(type: keyof typeof WIDE_RANGE, value: bigint): boolean {
  const [min, max] = WIDE_RANGE[type];
  return value >= min && value <= max;
}

function toBigInt(value: unknown): bigint | undefined {
  if (typeof value === "bigint") return value;
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  if (typeof value === "string" && /^-?\d{1,20}$/.test(value)) return BigInt(value);
  return undefined;
}
