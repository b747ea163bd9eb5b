// What runs away is stopped. In most of these the module ticks its own epoch, whose memory the test
// lends it, so that it is known at which turn the deadline passes; one has a real clock.

import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { InstrumentOptions } from "./instrument.ts";
import { type Host, outcomeOf, rewritten, type Supplies } from "./rewritten.fixture.ts";

const EPOCH: InstrumentOptions = { interrupt: "epoch", memory: "keep" };
const FUEL: InstrumentOptions = { interrupt: "fuel", memory: "keep" };

/** Adds one to the epoch: the word at address 0 of the memory that both share. */
const TICK = "(i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))";
const SHARED = '(import "env" "epoch" (memory 1 1 shared))';

/** Programs that never end by themselves. Each exports `run`; `$tick` counts a turn. */
const ENDLESS: readonly (readonly [what: string, fields: string])[] = [
  ["a loop", `(func (export "run") (loop ${TICK} (br 0)))`],
  [
    "a loop left and entered again",
    `(func (export "run")
      (loop $outer (block (loop ${TICK} (br 1))) (br $outer)))`,
  ],
  [
    "nested loops, of which only the inner one turns",
    `(func (export "run")
      (loop (loop (loop ${TICK} (br 0)))))`,
  ],
  [
    "nested loops, of which only the outer one turns",
    `(func (export "run")
      (loop $outer (loop (loop ${TICK})) (br $outer)))`,
  ],
  [
    "a loop that branches through a table",
    `(func (export "run")
      (loop $l ${TICK} (br_table $l $l $l (i32.load (i32.const 0)))))`,
  ],
  [
    "a loop with a parameter and results",
    `(func (export "run") (result i32 i64)
      (i32.const 1) (i64.const 2) (loop (param i32 i64) (result i32 i64) ${TICK} (br 0)))`,
  ],
  [
    "a loop of long memory.fill",
    `(func (export "run")
      (loop ${TICK} (memory.fill (i32.const 8) (i32.const 1) (i32.const 65528)) (br 0)))`,
  ],
  [
    "a loop in code behind a return that is never taken",
    `(func (export "run")
      (block (br_if 0 (i32.const 1)) (return)) (loop ${TICK} (br 0)))`,
  ],
  ["a function that calls itself", `(func $f (export "run") ${TICK} (call $f) (call $f))`],
  [
    "a function that returns by calling itself",
    `(func $f (export "run") ${TICK} (return_call $f))`,
  ],
  [
    "functions that return by calling each other",
    `(func $f (export "run") (return_call $g))
      (func $g ${TICK} (return_call $f))`,
  ],
  [
    "functions that return by calling through a table",
    `(table 2 funcref) (elem (i32.const 0) $f $g)
      (type $t (func)) (func $f (export "run") ${TICK} (return_call_indirect (type $t) (i32.const 1)))
      (func $g (return_call_indirect (type $t) (i32.const 0)))`,
  ],
  ["a call tree that doubles at each level and is hundreds deep", `${doubling(400)}`],
  [
    "a loop around a throw that it catches",
    `(tag $e) (func (export "run")
      (loop $l (try (do ${TICK} (throw $e)) (catch $e)) (br $l)))`,
  ],
  [
    "a catch clause that lands on its loop",
    `(tag $e) (func (export "run")
      (loop $l (try_table (catch $e $l) ${TICK} (throw $e))))`,
  ],
  [
    "exceptions thrown and caught and rethrown, call by call",
    `(tag $e) (func $f (export "run")
      (try (do ${TICK} (try (do (throw $e)) (catch $e (rethrow 0)))) (catch_all (return_call $f))))`,
  ],
];

/** As above, of programs that would catch whatever stops them, and go on. */
const CATCHING: readonly (readonly [what: string, fields: string])[] = [
  [
    "a loop in a try that catches all and begins anew",
    `(func (export "run") (loop $again (try (do (loop ${TICK} (br 0))) (catch_all)) (br $again)))`,
  ],
  [
    "a loop in a try_table that catches all and begins anew",
    `(func (export "run") (loop $again (try_table (catch_all $again) (loop ${TICK} (br 0)))))`,
  ],
  [
    "a loop in a try_table that keeps the exception and throws it again",
    `(func (export "run") (loop $again (block $caught (result exnref)
      (try_table (catch_all_ref $caught) (loop ${TICK} (br 0))) (unreachable))
      (drop) (br $again)))`,
  ],
  [
    "calls, each of which catches what the next one throws",
    `(func $f (export "run") (try (do ${TICK} (call $f)) (catch_all (call $f))) (call $f))`,
  ],
];

function doubling(levels: number): string {
  const functions = Array.from({ length: levels }, (_, i) =>
    i + 1 < levels ? `(func $f${i} (call $f${i + 1}) (call $f${i + 1}))` : `(func $f${i} ${TICK})`,
  );
  return `${functions.join("\n")} (export "run" (func $f0))`;
}

function start(
  fields: string,
  options: InstrumentOptions,
  supplies: Supplies = {},
): {
  readonly run: () => unknown;
  readonly host: Host;
  readonly ticks: () => number;
} {
  const epoch = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const { call, host } = rewritten(`(module ${SHARED} ${fields})`, options, {
    ...supplies,
    epoch,
    imports: { env: { epoch } },
  });
  const word = new Int32Array(epoch.buffer);
  return { run: () => call["run"]!(), host, ticks: () => word[0]! };
}

describe.each([
  ["", EPOCH],
  [" and a stack budget", { ...EPOCH, stackBytes: 1 << 20 }],
] as const)("The epoch%s", (_, options) => {
  test.each([...ENDLESS, ...CATCHING])(
    "stops %s, when its deadline has come and not before",
    (_, fields) => {
      const { run, host, ticks } = start(fields, options, { deadline: 100 });
      expect(outcomeOf(run)).toBe("trap: unreachable");
      expect([host.reason, ticks()]).toEqual(["deadline", 100]);
      host.set("interrupted", 0);
      host.set("deadline", 150);
      expect(outcomeOf(run)).toBe("trap: unreachable"); // And again in the next call.
      expect([host.reason, ticks()]).toEqual(["deadline", 150]);
    },
  );

  test.each([...ENDLESS, ...CATCHING])(
    "stops %s at once where the deadline has passed",
    (_, fields) => {
      const { run, host, ticks } = start(fields, options, { deadline: 0 });
      expect(outcomeOf(run)).toBe("trap: unreachable");
      expect([host.reason, ticks()]).toEqual(["deadline", 0]);
    },
  );
});

test("The epoch stops a loop across the wrap of its word", () => {
  const { run, host, ticks } = start(`(func (export "run") (loop ${TICK} (br 0)))`, EPOCH, {
    deadline: -(2 ** 31) + 5,
    before: ({ epoch }) => void epoch.fill(2 ** 31 - 5, 0, 1),
  });
  expect(outcomeOf(run)).toBe("trap: unreachable");
  expect([host.reason, ticks()]).toEqual(["deadline", -(2 ** 31) + 5]);
});

test.each([...ENDLESS, ...CATCHING])("Fuel stops %s, every time at the same turn", (_, fields) => {
  const turns = [1, 2].map(() => {
    const { run, host, ticks } = start(fields, FUEL, { fuel: 20_000n });
    expect(outcomeOf(run)).toBe("trap: unreachable");
    expect(host.reason).toBe("fuel");
    expect(host.get("fuel")).toBeLessThan(0n);
    return [ticks(), host.get("fuel")];
  });
  expect(turns[1]).toEqual(turns[0]);
});

describe("A start function", () => {
  const loop = `(func $s (loop ${TICK} (br 0))) (start $s)`;

  test("runs where it ran, and its module is of use", () => {
    const turns = `(global $g (mut i32) (i32.const 1)) (func $s (loop $l
      (global.set $g (i32.add (global.get $g) (i32.const 1)))
      (br_if $l (i32.lt_s (global.get $g) (i32.const 9)))))
      (start $s) (func (export "run") (result i32) (global.get $g))`;
    for (const options of [EPOCH, FUEL]) expect(start(turns, options).run()).toBe(9);
  });

  test.each([
    ["epoch", EPOCH, "deadline", { deadline: 50 }],
    ["fuel", FUEL, "fuel", { fuel: 500n }],
    [
      "a stack budget",
      { interrupt: "none", memory: "keep", stackBytes: 1 },
      "stack",
      { stack: 4000 },
    ],
  ] as const)(
    "that does not end is stopped by %s, while it is instantiated",
    (_, options, reason, supplies) => {
      const fields = reason === "stack" ? "(func $s (call $s)) (start $s)" : loop;
      let host: Host | undefined;
      const instantiate = (): unknown =>
        start(fields, options, { ...supplies, before: (it) => void (host = it) });
      expect(outcomeOf(instantiate)).toBe("trap: unreachable");
      expect(host!.reason).toBe(reason);
    },
  );
});

test("The end of the engine's own stack is nothing that a module can catch", () => {
  const fields = '(func $f (export "run") (try (do (call $f)) (catch_all)) (call $f))';
  expect(outcomeOf(start(fields, EPOCH).run)).toBe("trap: stack overflow");
});

describe("With a clock in another thread", () => {
  const epoch = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  let clock: Worker;

  beforeAll(() => {
    const code = `const { workerData } = require("node:worker_threads");
      const words = new Int32Array(workerData);
      for (;;) { Atomics.wait(words, 1, 0, 1); Atomics.add(words, 0, 1); }`;
    clock = new Worker(code, { eval: true, workerData: epoch.buffer });
  });
  afterAll(() => clock.terminate());

  // Loops that an optimising compiler would like to empty, unroll, or lift the load of the epoch from.
  test.each([
    ["empty", '(func (export "run") (loop (br 0)))'],
    [
      "counting",
      `(func (export "run") (local i32)
      (loop (local.set 0 (i32.add (local.get 0) (i32.const 1))) (br 0)))`,
    ],
    [
      "writing",
      `(memory 1) (func (export "run") (local i32)
      (loop (i32.store (i32.const 0) (local.tee 0 (i32.add (local.get 0) (i32.const 1)))) (br 0)))`,
    ],
    [
      "filling",
      `(memory 64) (func (export "run")
      (loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 4194304)) (br 0)))`,
    ],
    [
      "nested",
      `(func (export "run") (local i32) (loop $o (local.set 0 (i32.const 100))
      (loop $i (br_if $i (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (br $o)))`,
    ],
    ["returning calls", `(func $f (export "run") (return_call $f))`],
  ])("an endless loop ends: %s", (_, fields) => {
    const words = new Int32Array(epoch.buffer);
    const { call, host } = rewritten(`(module ${fields})`, EPOCH, { epoch });
    for (let turn = 0; turn < 3; turn++) {
      host.set("interrupted", 0);
      host.set("deadline", (Atomics.load(words, 0) + 20) | 0);
      expect(outcomeOf(() => call["run"]!())).toBe("trap: unreachable");
      expect(host.reason).toBe("deadline");
    }
  });
});
