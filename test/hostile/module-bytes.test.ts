// Modules that are damaged, byte by byte: nothing but a typed refusal, and never a misreading.
//
// The law, for every damaged module: what V8 accepts is decoded or refused as beyond us; what V8
// refuses is refused, or rewritten into something that V8 refuses too.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

import { Failure } from "../../src/base/mod.ts";
import { instrument, type InstrumentOptions } from "../../src/sandbox/mod.ts";
import { decode } from "../../src/sandbox/decode.ts";
import { leb } from "../../src/sandbox/writer.ts";
import { bytesOf, readScript } from "../rewriter/wast.ts";

const OPTIONS: InstrumentOptions = { interrupt: "epoch", memory: "keep", stackBytes: 1 << 16 };

const MODULES = ["calls", "globals", "tables", "exceptions", "multi-memory", "gc", "simd"].map(
  (name): [string, Uint8Array<ArrayBuffer>] => {
    const path = join(import.meta.dirname, "..", "rewriter", "wast", `${name}.wast`);
    const script = readScript(readFileSync(path, "utf8"));
    const [first] = script.commands;
    if (first?.do !== "module") throw new Error(`${name}.wast does not begin with a module`);
    return [name, bytesOf(script, first.form)!];
  },
);

/** Checks the law. True if V8 accepts the module. */
function check(bytes: Uint8Array<ArrayBuffer>, what: string): boolean {
  const valid = WebAssembly.validate(bytes);
  try {
    const ours = instrument(bytes, OPTIONS).bytes;
    if (!valid) expect({ what, valid: WebAssembly.validate(ours) }).toEqual({ what, valid });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    expect({ what, code: error.code }).toEqual({ what, code: expect.stringMatching(/^MODULE_/) });
    if (valid) expect(error.code).toMatch(/MODULE_(?:UNSUPPORTED|REFUSED)/);
    expect(error.detail["offset"] ?? 0).toBeLessThanOrEqual(bytes.length);
  }
  return valid;
}

describe.each(MODULES)("A module of %s", (_, bytes) => {
  test("is what it should be before it is damaged", () => {
    expect(check(bytes, "whole")).toBe(true);
  });

  test("cut off at any byte", () => {
    for (let length = 0; length < bytes.length; length++) {
      const valid = check(bytes.slice(0, length), `cut at ${length}`);
      const atSection = decode(bytes).sections.some(({ at }) => at === length);
      if (valid) expect(atSection).toBe(true);
    }
  });

  test("with any byte changed", () => {
    for (let at = 0; at < bytes.length; at++)
      for (const value of [0x00, 0x01, 0x40, 0x7f, 0x80, 0xff, bytes[at]! + 1, bytes[at]! ^ 0x80]) {
        const damaged = bytes.slice();
        damaged[at] = value;
        check(damaged, `0x${(value & 0xff).toString(16)} at ${at}`);
      }
  });

  test("with any byte left out, doubled, or swapped with the next", () => {
    for (let at = 8; at < bytes.length; at++) {
      check(Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + 1)]), `no ${at}`);
      check(Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at)]), `double ${at}`);
      const swapped = bytes.slice();
      [swapped[at], swapped[at + 1]] = [swapped[at + 1] ?? 0, swapped[at]!];
      check(swapped, `swap ${at}`);
    }
  });

  test("with any byte replaced by a number that is too long, too large or without end", () => {
    const numbers = [
      [0x80, 0x00],
      [0x80, 0x80, 0x80, 0x80, 0x00],
      [0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
      [0xff, 0xff, 0xff, 0xff, 0x0f],
      [0xff, 0xff, 0xff, 0xff, 0x1f],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
    ];
    for (let at = 8; at < bytes.length; at++)
      for (const number of numbers) {
        const head = [...bytes.subarray(0, at), ...number];
        check(
          Uint8Array.from([...head, ...bytes.subarray(at + 1)]),
          `${number.join(" ")} at ${at}`,
        );
      }
  });

  test("with the length of a section or body off by any small number", () => {
    const { sections, bodies } = decode(bytes);
    const lengths = [
      ...sections.map(({ at, end }) => ({ at: at + 1, end })),
      ...bodies.map(({ at, end }) => ({ at, end })),
    ];
    for (const { at, end } of lengths)
      for (const off of [-2, -1, 1, 2, 100, 2 ** 31, 2 ** 32 - 1]) {
        const { start, size } = readLength(bytes, at, end);
        const changed = (size + off) >>> 0;
        const head = [...bytes.subarray(0, at), ...leb(changed)];
        const damaged = Uint8Array.from([...head, ...bytes.subarray(start)]);
        expect(check(damaged, `length at ${at} off by ${off}`)).toBe(false);
      }
  });
});

/** The length written at `at` of what ends at `end`, and where that begins. */
function readLength(bytes: Uint8Array, at: number, end: number): { start: number; size: number } {
  let start = at;
  while (bytes[start]! >= 0x80) start++;
  start++;
  return { start, size: end - start };
}
