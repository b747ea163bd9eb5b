// The stack budget: deterministic in depth, and given back on every way out of a function.

import { describe, expect, test } from "vitest";

import type { InstrumentOptions } from "./instrument.ts";
import { outcomeOf, rewritten } from "./rewritten.fixture.ts";

const MODES = (["epoch", "fuel", "none"] as const).map((interrupt) => ({ interrupt }));
const STACK_BYTES = 20_000;

function options(interrupt: InstrumentOptions["interrupt"]): InstrumentOptions {
  return { interrupt, memory: "keep", stackBytes: STACK_BYTES };
}

/** Recursions without end. Each exports `run`, and counts its frames in the global `depth`. */
const RUNAWAYS: readonly (readonly [what: string, fields: string])[] = [
  ["itself", `(func $f (export "run") COUNT (call $f))`],
  ["itself in a block", `(func $f (export "run") (block (loop COUNT (call $f))))`],
  ["another that calls it", `(func $f (export "run") COUNT (call $g)) (func $g COUNT (call $f))`],
  [
    "itself through a table",
    `(type $t (func)) (table 1 funcref) (elem (i32.const 0) $f)
    (func $f (export "run") COUNT (call_indirect (type $t) (i32.const 0)))`,
  ],
  [
    "itself through the host",
    `(import "env" "back" (func $back))
    (func $f (export "run") COUNT (call $back))`,
  ],
  [
    "itself within a try",
    `(tag $e) (func $f (export "run") COUNT (try (do (call $f)) (catch $e)))`,
  ],
  [
    "itself from a catch clause",
    `(tag $e) (func $f (export "run") COUNT
    (try (do (throw $e)) (catch $e (call $f))))`,
  ],
  [
    "itself behind a landing",
    `(tag $e) (func $f (export "run") COUNT
    (block (try_table (catch $e 0) (throw $e))) (call $f))`,
  ],
];
const COUNT = "(global.set $depth (i32.add (global.get $depth) (i32.const 1)))";
const GLOBAL = '(global $depth (export "depth") (mut i32) (i32.const 0))';

const DOWN = "(i32.sub (local.get 0) (i32.const 1))";
const RUN = '(func $f (export "run") (param i32) (result i32)';
const THROWS =
  "(func $throws (param i32) (if (local.get 0) (then (call $throws DOWN)) (else (throw $e))))";

/** Recursive functions by the way in which they end, and what they compute. */
const WAYS_OUT: readonly (readonly [
  what: string,
  fields: string,
  expected: (n: number) => number,
])[] = [
  [
    "its end",
    `${RUN} (if (result i32) (local.get 0)
    (then (i32.add (i32.const 1) (call $f DOWN))) (else (i32.const 0))))`,
    (n) => n,
  ],
  [
    "return",
    `${RUN} (if (local.get 0) (then (return (i32.add (i32.const 1) (call $f DOWN)))))
    (return (i32.const 0)))`,
    (n) => n,
  ],
  [
    "return from within blocks, with more on the stack",
    `${RUN} (i32.const 9) (i64.const 9)
    (block (loop (if (local.get 0) (then (f32.const 1) (return (i32.add (i32.const 1) (call $f DOWN)))))))
    (return (i32.const 0)))`,
    (n) => n,
  ],
  [
    "br",
    `${RUN} (block (br_if 0 (i32.eqz (local.get 0))) (br 1 (i32.add (i32.const 1) (call $f DOWN))))
    (br 0 (i32.const 0)))`,
    (n) => n,
  ],
  [
    "br_if",
    `${RUN} (drop (br_if 0 (i32.const 0) (i32.eqz (local.get 0))))
    (i32.add (i32.const 1) (call $f DOWN)))`,
    (n) => n,
  ],
  [
    "br_table",
    `${RUN} (block (result i32) (br_table 0 1 (i32.const 0) (i32.eqz (local.get 0))))
    (drop) (i32.add (i32.const 1) (call $f DOWN)))`,
    (n) => n,
  ],
  [
    "return_call",
    `${RUN} (if (result i32) (local.get 0) (then (return_call $f DOWN)) (else (i32.const 3))))`,
    () => 3,
  ],
  [
    "return_call_indirect",
    `(elem (i32.const 0) $f) ${RUN} (if (result i32) (local.get 0)
    (then (return_call_indirect (type $t) DOWN (i32.const 0))) (else (i32.const 3))))`,
    () => 3,
  ],
  [
    "several results",
    `(func $p (param i32) (result i32 i64) (if (result i32 i64) (local.get 0)
      (then (call $p DOWN) (i64.const 2) (i64.add)) (else (i32.const 1) (i64.const 1))))
    (func (export "run") (param i32) (result i32) (call $p (local.get 0)) (i32.wrap_i64) (i32.add))`,
    (n) => 2 + 2 * n,
  ],
  [
    "an exception that a legacy clause catches",
    `${THROWS} (func (export "run") (param i32) (result i32)
    (try (result i32) (do (call $throws (local.get 0)) (i32.const 1)) (catch $e (i32.const 2))))`,
    () => 2,
  ],
  [
    "an exception with a payload",
    `(func $throws (param i32) (if (local.get 0) (then (call $throws DOWN))
      (else (throw $pair (i32.const 4) (i64.const 5)))))
    (func (export "run") (param i32) (result i32)
      (try (result i32 i64) (do (call $throws (local.get 0)) (i32.const 1) (i64.const 1)) (catch $pair))
      (i32.wrap_i64) (i32.add))`,
    () => 9,
  ],
  [
    "an exception that catch_all catches",
    `${THROWS} (func (export "run") (param i32) (result i32)
    (try (result i32) (do (call $throws (local.get 0)) (i32.const 1)) (catch_all (i32.const 2))))`,
    () => 2,
  ],
  [
    "an exception of the host's",
    `(func $throws (param i32)
      (if (local.get 0) (then (call $throws DOWN)) (else (call $thrower))))
    (func (export "run") (param i32) (result i32)
      (try (result i32) (do (call $throws (local.get 0)) (i32.const 1)) (catch_all (i32.const 2))))`,
    () => 2,
  ],
  [
    "an exception rethrown at each level",
    `${RUN} (try (result i32)
      (do (if (local.get 0) (then (drop (call $g DOWN)))) (throw $e)) (catch_all (i32.const 5))))
    (func $g (param i32) (result i32) (try (result i32) (do (call $f (local.get 0)) (throw $e))
      (catch $e (br_if 1 (i32.const 6) (local.get 0)) (drop) (i32.const 7))))`,
    () => 5,
  ],
  [
    "an exception that passes by, with delegate",
    `${THROWS} (func (export "run") (param i32) (result i32)
    (try (result i32) (do (try (do (call $throws (local.get 0))) (delegate 0)) (i32.const 1))
      (catch $e (i32.const 2))))`,
    () => 2,
  ],
  [
    "an exception that lands on a block",
    `${THROWS} (func (export "run") (param i32) (result i32)
    (block (try_table (catch $e 0) (call $throws (local.get 0))) (return (i32.const 1))) (i32.const 2))`,
    () => 2,
  ],
  [
    "an exception that lands on the function",
    `${THROWS} (func $h (param i32)
      (try_table (catch $e 0) (call $throws (local.get 0))) (unreachable))
    (func (export "run") (param i32) (result i32) (call $h (local.get 0)) (i32.const 2))`,
    () => 2,
  ],
  [
    "an exception that lands on a loop",
    `${THROWS} (func (export "run") (param i32) (result i32) (local i32)
    (loop $l (if (i32.lt_s (local.get 1) (i32.const 20)) (then (local.set 1 (i32.add (local.get 1) (i32.const 1)))
      (try_table (catch $e $l) (call $throws (local.get 0)))))) (local.get 1))`,
    () => 20,
  ],
  [
    "an exception that lands on an if",
    `${THROWS} (func (export "run") (param i32) (result i32)
    (if (i32.const 1) (then (try_table (catch_all 0) (call $throws (local.get 0))) (return (i32.const 1)))
      (else (return (i32.const 3)))) (i32.const 2))`,
    () => 2,
  ],
];

describe.each(MODES)("A stack budget in mode $interrupt", ({ interrupt }) => {
  test.each(RUNAWAYS)("stops a function that calls %s, each time equally deep", (_, fields) => {
    const [before, after] = fields.includes("import")
      ? [fields.slice(0, fields.indexOf(")\n") + 1), fields.slice(fields.indexOf(")\n") + 1)]
      : ["", fields];
    const text = `(module ${before} ${GLOBAL} ${after.replaceAll("COUNT", COUNT)})`;
    const env: { back: () => unknown } = { back: Object };
    const { call, exports, host } = rewritten(
      text,
      { ...options(interrupt), entries: ["run"] },
      { stack: STACK_BYTES, imports: { env: { back: () => env.back() } } },
    );
    env.back = () => call["run"]!();
    const depth = exports["depth"] as WebAssembly.Global<"i32">;
    const depths = [1, 2, 3].map(() => {
      depth.value = 0;
      host.set("stack", STACK_BYTES);
      expect(outcomeOf(() => call["run"]!())).toBe("trap: unreachable");
      expect(host.reason).toBe("stack");
      return depth.value;
    });
    expect(new Set(depths).size).toBe(1);
    expect(depths[0]).toBe(Math.floor(STACK_BYTES / 64)); // 64 bytes for a frame without locals.
  });

  test("charges a frame for its parameters and locals", () => {
    const deepest = (locals: string): number => {
      const { call, exports } = rewritten(
        `(module ${GLOBAL} (func $f (export "run") (local ${locals}) ${COUNT} (call $f)))`,
        options(interrupt),
        { stack: STACK_BYTES },
      );
      expect(outcomeOf(() => call["run"]!())).toBe("trap: unreachable");
      return (exports["depth"] as WebAssembly.Global<"i32">).value;
    };
    expect(deepest("i32")).toBe(Math.floor(STACK_BYTES / 72));
    expect(deepest("v128 f64")).toBe(Math.floor(STACK_BYTES / 88));
    expect(deepest("i32 ".repeat(1000))).toBe(Math.floor(STACK_BYTES / 8064));
  });

  test.each(WAYS_OUT)("gets back what it lent on the way out by %s", (_, fields, expected) => {
    const text = `(module (import "env" "thrower" (func $thrower)) (tag $e (export "e")) (tag $pair (param i32 i64))
      (type $t (func (param i32) (result i32))) (table 4 funcref) ${fields.replaceAll("DOWN", DOWN)})`;
    const { call, host } = rewritten(
      text,
      { ...options(interrupt), entries: ["run"] },
      {
        stack: STACK_BYTES,
        imports: {
          env: {
            thrower() {
              throw new TypeError("of the host");
            },
          },
        },
      },
    );
    for (const argument of [0, 1, 5, 40]) {
      expect(outcomeOf(() => call["run"]!(argument))).toBe(String(expected(argument)));
      expect(host.get("stack")).toBe(STACK_BYTES);
    }
  });

  test.each([
    ["a legacy clause", "(try (do (call $throws (i32.const 9))) (catch_all))"],
    ["a landing", "(block (try_table (catch $e 0) (call $throws (i32.const 9))))"],
    ["a landing in another function", "(call $lands)"],
  ])("is not used up by ten thousand exceptions that end in %s", (_, turn) => {
    const text = `(module (tag $e) ${THROWS.replaceAll("DOWN", DOWN)}
      (func $lands (try_table (catch $e 0) (call $throws (i32.const 9))))
      (func (export "run") (result i32) (local i32)
        (loop $l ${turn} (local.set 0 (i32.add (local.get 0) (i32.const 1)))
          (br_if $l (i32.lt_s (local.get 0) (i32.const 10000)))) (local.get 0)))`;
    const { call, host } = rewritten(text, options(interrupt), { stack: STACK_BYTES });
    expect(outcomeOf(() => call["run"]!())).toBe("10000");
    expect(host.get("stack")).toBe(STACK_BYTES);
  });

  test("costs nothing where nothing can recurse", () => {
    const { result } = rewritten("(module (func (call 1)) (func))", options(interrupt));
    expect(result.imports.map(({ name }) => name)).not.toContain("stack");
  });
});
