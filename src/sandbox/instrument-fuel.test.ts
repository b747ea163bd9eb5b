// Fuel: the same program and input stop at the same instruction, whatever compiled them.

import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";

import { burn, burnAll, PROGRAMS } from "./fuel.fixture.ts";
import { instrument, type InstrumentOptions } from "./instrument.ts";
import { outcomeOf, rewritten } from "./rewritten.fixture.ts";
import { failureOf, functionModule, refusal, vectorSection, wat } from "./wasm.fixture.ts";
import { nameBytes } from "./writer.ts";

const FUEL: InstrumentOptions = { interrupt: "fuel", memory: "keep" };

describe("A run out of fuel", () => {
  const here = burnAll();

  test("stops for want of it, below zero, at an instruction of the author's", () => {
    for (const [name, stop] of Object.entries(here)) {
      expect({ name, outcome: stop.outcome }).toEqual({ name, outcome: "trap: fuel" });
      expect(Number(stop.left)).toBeLessThan(0);
      expect(stop.at).toBeGreaterThan(8);
    }
  });

  test("stops at the same instruction with the same memory, run by run", () => {
    expect(burnAll()).toEqual(here);
  });

  test.each([
    ["the baseline compiler only", ["--liftoff-only"]],
    ["the optimising compiler only", ["--no-liftoff"]],
    ["tier-up after the first call", ["--wasm-tiering-budget=1"]],
    ["inlining off", ["--no-wasm-inlining"]],
  ])("stops at the same instruction with %s", (_, flags) => {
    const script = resolve(import.meta.dirname, "fuel.fixture.ts");
    const printed = execFileSync(process.execPath, [...flags, script], { encoding: "utf8" });
    expect(JSON.parse(printed)).toEqual(here);
  });

  test("with one unit more stops no earlier", () => {
    for (const program of Object.values(PROGRAMS)) {
      let last = -1;
      for (let fuel = 1n; fuel < 40n; fuel++) {
        const stop = burn(program, fuel);
        expect(stop.outcome).toBe("trap: fuel");
        last = Math.max(last, Number(stop.left));
      }
      expect(last).toBe(-1); // One stretch's worth at most is missing, and at best one unit.
    }
  });
});

describe("Fuel is charged", () => {
  test("one unit for each instruction, none for structure", () => {
    expect(cost("")).toBe(0);
    expect(cost("nop (block nop) (loop nop)")).toBe(0);
    expect(cost("(drop (i32.add (i32.const 1) (i32.const 2)))")).toBe(4);
  });

  test("for the arm of an if that is taken, and a loop's turns", () => {
    const arms =
      "(if (local.get 0) (then (drop (i32.const 1))) (else (drop (i32.eqz (i32.const 1)))))";
    expect([cost(arms, "", 1), cost(arms, "", 0)]).toEqual([2 + 2, 2 + 3]);
    const loop = "(loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))";
    expect([cost(loop, "", 1), cost(loop, "", 10)]).toEqual([5, 50]);
  });

  test("one unit more for every 16 bytes of a bulk operation, and every 16 elements of a table's", () => {
    const fill = "(memory.fill (i32.const 0) (i32.const 1) (local.get 0))";
    expect([0, 15, 16, 65_536].map((bytes) => cost(fill, "", bytes))).toEqual([4, 4, 5, 4 + 4096]);
    const copy = "(memory.copy (i32.const 0) (i32.const 1) (local.get 0))";
    expect(cost(copy, "", 160)).toBe(14);
    const init = "(memory.init $d (i32.const 0) (i32.const 0) (local.get 0))";
    expect(cost(init, `(data $d "${"x".repeat(64)}")`, 64)).toBe(8);
    const table = "(table.fill 0 (i32.const 0) (ref.null func) (local.get 0))";
    expect(cost(table, "", 96)).toBe(10);
    expect(cost("(table.copy (i32.const 0) (i32.const 1) (local.get 0))", "", 64)).toBe(8);
    expect(cost("(drop (table.grow 0 (ref.null func) (local.get 0)))", "", 160)).toBe(14);
  });

  test("for a length of 64 bits, which is never taken for a small one", () => {
    const text = `(module (memory i64 2) (func (export "run") (param i64)
      (memory.fill (i64.const 0) (i32.const 1) (local.get 0))))`;
    for (const [length, reason] of [
      [2n ** 63n, "fuel"],
      [-1n, "fuel"],
      [2n ** 40n, "fuel"],
      [2n ** 17n + 1n, "none"],
    ] as const) {
      const { call, host } = rewritten(text, FUEL, { fuel: 1_000_000n });
      expect(outcomeOf(() => call["run"]!(length))).toMatch(/^trap/);
      expect(host.reason).toBe(reason);
    }
  });

  test("for a copy between memories of 32 and 64 bits, whose length is an i32", () => {
    const code = [0x42, 0, 0x41, 0, 0x41, 0x80, 2, 0xfc, 10, 1, 0]; // 256 bytes from 0 to 1.
    const bytes = functionModule(code, {
      sections: {
        5: vectorSection(5, [
          [0, 1],
          [4, 1],
        ]),
        7: vectorSection(7, [[...nameBytes("run"), 0, 0]]),
      },
    });
    const { call, host } = rewritten(bytes, FUEL, { fuel: 1000n });
    call["run"]!();
    expect(host.get("fuel")).toBe(1000n - 4n - 16n);
  });

  test("before the bulk operation that it pays for, so that none runs on credit", () => {
    const text = `(module (memory (export "m") 1) (func (export "run")
      (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536))))`;
    const { call, exports, host } = rewritten(text, FUEL, { fuel: 4000n });
    expect(outcomeOf(() => call["run"]!())).toBe("trap: unreachable");
    expect(host.reason).toBe("fuel");
    expect(
      new Uint8Array((exports["m"] as WebAssembly.Memory).buffer).every((byte) => byte === 0),
    ).toBe(true);
  });

  test("for arrays by their length", () => {
    const code = [0x20, 0, 0xfb, 7, 1, 0x1a]; // array.new_default of local 0.
    const bytes = functionModule(code, {
      sections: {
        1: vectorSection(1, [
          [0x60, 1, 0x7f, 0],
          [0x5e, 0x78, 1],
        ]),
        7: vectorSection(7, [[...nameBytes("run"), 0, 0]]),
      },
    });
    const { call, host } = rewritten(bytes, FUEL, { fuel: 1000n });
    call["run"]!(1600);
    expect(host.get("fuel")).toBe(1000n - 3n - 100n);
  });
});

describe("Fuel mode makes NaNs the same", () => {
  const NAN32 = 0x7fc00000;
  const NAN64 = 0x7ff8000000000000n;
  // NaNs of either sign, signalling or quiet, with payloads.
  const bits32 = [0x7fc00000, 0xffc00000, 0x7f800001, 0xff812345, 0x7fffffff];
  const bits64 = [
    0x7ff8000000000000n,
    0xfff8000000000000n,
    0x7ff0000000000001n,
    0xffff123456789abcn,
  ];

  const unary = ["ceil", "floor", "trunc", "nearest", "sqrt"];
  const binary = ["add", "sub", "mul", "div", "min", "max"];

  test.each([...unary, ...binary])("that f32.%s makes of any NaN", (op) => {
    const operands = "(f32.reinterpret_i32 (local.get 0))".repeat(binary.includes(op) ? 2 : 1);
    const { call } = rewritten(
      `(module (func (export "f") (param i32) (result i32) (i32.reinterpret_f32 (f32.${op} ${operands}))))`,
      FUEL,
    );
    for (const bits of bits32) expect((call["f"]!(bits) as number) >>> 0).toBe(NAN32);
  });

  test.each([...unary, ...binary])("that f64.%s makes of any NaN", (op) => {
    const operands = "(f64.reinterpret_i64 (local.get 0))".repeat(binary.includes(op) ? 2 : 1);
    const { call } = rewritten(
      `(module (func (export "f") (param i64) (result i64) (i64.reinterpret_f64 (f64.${op} ${operands}))))`,
      FUEL,
    );
    for (const bits of bits64) expect(BigInt.asUintN(64, call["f"]!(bits) as bigint)).toBe(NAN64);
  });

  test.each([
    ["0 / 0", "(f32.div (local.get 0) (f32.const 0))", 0],
    ["the root of -1", "(f32.sqrt (local.get 0))", -1],
    ["infinity less itself", "(f32.sub (local.get 0) (local.get 0))", Infinity],
    ["0 times infinity", "(f32.mul (local.get 0) (f32.const 0))", -Infinity],
    ["demotion", "(f32.demote_f64 (f64.promote_f32 (local.get 0)))", NaN],
  ])("that come of %s", (_, code, argument) => {
    const { call } = rewritten(
      `(module (func (export "f") (param f32) (result i32) (i32.reinterpret_f32 ${code})))`,
      FUEL,
    );
    expect((call["f"]!(argument) as number) >>> 0).toBe(NAN32);
  });

  test.each([
    ...[...unary, ...binary].flatMap((op) => [`f32x4.${op}`, `f64x2.${op}`]),
    "f32x4.demote_f64x2_zero",
    "f64x2.promote_low_f32x4",
  ])("lane by lane: %s", (op) => {
    const wide = op.startsWith("f64x2");
    const operands = "(local.get 1)".repeat(binary.includes(op.slice(6)) ? 2 : 1);
    const fromWide = op.startsWith("f64x2.promote") ? false : wide || op.includes("demote");
    const { call, exports } = rewritten(
      `(module (memory (export "m") 1) (func (export "f") (local i32 v128)
        (local.set 1 (v128.load (i32.const 0))) (v128.store (i32.const 16) (${op} ${operands})))
        (data (i32.const 0) "${fromWide ? lanes64() : lanes32()}"))`,
      FUEL,
    );
    call["f"]!();
    const view = new DataView((exports["m"] as WebAssembly.Memory).buffer, 16, 16);
    // Lane 1 is the number 4; lane 0 and, of four, lanes 2 and 3 are NaNs.
    if (wide) expect(view.getBigUint64(0, true)).toBe(NAN64);
    else
      for (const lane of op.includes("demote") ? [0] : [0, 2, 3])
        expect(view.getUint32(lane * 4, true)).toBe(NAN32);
    const second = wide ? view.getFloat64(8, true) : view.getFloat32(4, true);
    expect(second).not.toBeNaN();
  });

  test("and leaves alone what only moves bits", () => {
    const moves = ["f32.neg", "f32.abs"].map((op) => `(${op} (f32.reinterpret_i32 (local.get 0)))`);
    const { call } = rewritten(
      `(module (func (export "neg") (param i32) (result i32) (i32.reinterpret_f32 ${moves[0]}))
        (func (export "abs") (param i32) (result i32) (i32.reinterpret_f32 ${moves[1]}))
        (func (export "keep") (param i32) (result i32) (i32.reinterpret_f32 (f32.reinterpret_i32 (local.get 0)))))`,
      FUEL,
    );
    expect((call["neg"]!(0x7fc12345) as number) >>> 0).toBe(0xffc12345);
    expect((call["abs"]!(0xffc12345) as number) >>> 0).toBe(0x7fc12345);
    expect((call["keep"]!(0xff812345) as number) >>> 0).toBe(0xff812345);
  });
});

describe("Fuel mode refuses relaxed SIMD", () => {
  test("with the offset of its first instruction, wherever it stands", () => {
    const bytes = wat(`(module (func (param v128) (result v128)
      (i32x4.relaxed_trunc_f32x4_s (local.get 0))))`);
    expect(refusal(bytes)).toBeUndefined();
    const failure = failureOf(() => instrument(bytes, FUEL));
    expect([failure.code, failure.detail["feature"]]).toEqual([
      "MODULE_UNSUPPORTED",
      "relaxed-simd",
    ]);
    expect(bytes[failure.detail["offset"] as number]).toBe(0xfd);
    for (const interrupt of ["epoch", "none"] as const)
      expect(refusal(instrument(bytes, { ...FUEL, interrupt }).bytes)).toBeUndefined();
  });
});

/** What one call of `run`, whose body is given, costs. */
function cost(code: string, fields = "", ...args: unknown[]): number {
  const module = `(module (memory 2) (table 100 funcref) ${fields}
    (func (export "run") (param i32) ${code}))`;
  const { call, host } = rewritten(module, FUEL, { fuel: 1_000_000n });
  expect(outcomeOf(() => call["run"]!(...args))).not.toMatch(/trap/);
  return 1_000_000 - Number(host.get("fuel"));
}

/** Lane 1 is the number 4, the others are NaNs of many kinds. */
function lanes32(): string {
  return dataText(Uint32Array.of(0xff812345, 0x40800000, 0x7fc00001, 0xffc00000));
}

function lanes64(): string {
  return dataText(BigUint64Array.of(0xfff8123456789abcn, 0x4010000000000000n));
}

function dataText(lanes: Uint32Array | BigUint64Array): string {
  const bytes = [...new Uint8Array(lanes.buffer)];
  return bytes.map((byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("");
}
