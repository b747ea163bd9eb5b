// Batch entries: one call that enters the author's function for each of many pointers, each with a
// budget of its own, up to the first that does not return 0.

import { describe, expect, test } from "vitest";
import { COUNTS, INDEX_PLACES } from "./index-attacks.fixture.ts";
import { instrument, type InstrumentOptions } from "./instrument.ts";
import { outcomeOf, rewritten, type Supplies } from "./rewritten.fixture.ts";
import { codeOf, isValidToWabt, refusal, wat } from "./wasm.fixture.ts";

const STRIDE = 40;
const BATCHES = [{ entry: "run", strideBytes: STRIDE }];
const BATCH = "annulus:batch:run";
const MODES = ["epoch", "fuel", "none"] as const;
type Mode = (typeof MODES)[number];

/** What a batch takes in front of its range: plenty. */
const PLENTY = { epoch: [1000], fuel: [10_000n], none: [] } as const;

/** Counts calls, keeps the last pointer, traps or returns what lies at the pointer. */
const SAMPLE = `(module (memory (export "memory") 1) (global $calls (export "calls") (mut i32) (i32.const 0))
  (global $last (export "last") (mut i32) (i32.const 0))
  (func $down (param i32) (if (local.get 0) (then (call $down (i32.sub (local.get 0) (i32.const 1))))))
  (func (export "run") (param $at i32) (result i32)
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (global.set $last (local.get $at))
    (call $down (i32.load offset=4 (local.get $at)))
    (loop $spin (br_if $spin (i32.load offset=8 (local.get $at))))
    (if (i32.eq (i32.load (local.get $at)) (i32.const -1)) (then unreachable))
    (i32.load (local.get $at))))`;

function optionsOf(interrupt: Mode, changes: Partial<InstrumentOptions> = {}): InstrumentOptions {
  return { interrupt, memory: "keep", stackBytes: 65_536, batches: BATCHES, ...changes };
}

function open(interrupt: Mode, supplies: Supplies = {}) {
  const module = rewritten(SAMPLE, optionsOf(interrupt), supplies);
  const { buffer } = module.exports["memory"] as WebAssembly.Memory;
  const words = new Int32Array(buffer);
  const value = (name: string) => (module.exports[name] as WebAssembly.Global).value as number;
  return {
    host: module.host,
    calls: () => value("calls"),
    last: () => value("last"),
    /** Sets a word of request `i`. */
    set: (i: number, word: number, to: number) => (words[(i * STRIDE) / 4 + word] = to),
    run: (from: number, to: number, budget: readonly (number | bigint)[] = PLENTY[interrupt]) =>
      module.call[BATCH]!(...budget, from * STRIDE, to * STRIDE),
  };
}

describe.each(MODES)("a batch entry in mode %s", (mode) => {
  test("calls the function for every pointer from `at` up to `end`, and returns 0", () => {
    const { calls, last, run, host } = open(mode);
    expect([run(2, 7), calls(), last(), host.get("request")]).toEqual([0, 5, 240, 0]);
    expect([run(3, 4), calls(), last()]).toEqual([0, 6, 120]);
  });

  test("calls nothing for an empty range", () => {
    const { calls, run, host } = open(mode);
    expect([run(0, 0), run(9, 9), calls(), host.get("request")]).toEqual([0, 0, 0, 0]);
  });

  test("stops at the first result that is not 0, and says which it was", () => {
    const { calls, run, set, host } = open(mode);
    set(3, 0, 7);
    set(5, 0, 8);
    expect([run(0, 9), calls(), host.get("request")]).toEqual([7, 4, 3 * STRIDE]);
    expect([run(4, 9), calls(), host.get("request")]).toEqual([8, 6, 5 * STRIDE]);
  });

  test("says where it trapped, and calls no other", () => {
    const { calls, run, set, host } = open(mode);
    set(2, 0, -1);
    expect(outcomeOf(() => run(0, 9))).toBe("trap: unreachable");
    expect([calls(), host.get("request"), host.reason]).toEqual([3, 2 * STRIDE, "none"]);
  });

  test("grants every request the whole stack, and none more", () => {
    const { run, set, host } = open(mode);
    const depth = Math.floor(65_536 / 72) - 4;
    for (let i = 0; i < 6; i++) set(i, 1, depth / 2);
    expect(run(0, 6)).toBe(0);
    set(4, 1, depth * 2);
    expect(outcomeOf(() => run(0, 6))).toBe("trap: unreachable");
    expect([host.reason, host.get("request")]).toEqual(["stack", 4 * STRIDE]);
  });

  test("leaves the author's indices, results and exports as they were, and the module valid", () => {
    const bytes = wat(SAMPLE);
    const without = instrument(bytes, { ...optionsOf(mode), batches: [] });
    const { bytes: made, batches, exports, imports } = instrument(bytes, optionsOf(mode));
    expect([refusal(made), isValidToWabt(made)]).toEqual([undefined, isValidToWabt(without.bytes)]);
    expect([batches, exports]).toEqual([[{ name: BATCH, kind: "function", entry: "run" }], []]);
    expect(imports.map(({ name }) => name)).toEqual([
      ...without.imports.map(({ name }) => name),
      "request",
    ]);
    expect(without.batches).toEqual([]);
  });

  test("adds nothing that code can name: an index one too high is malformed wherever it stands", () => {
    const entry = { interrupt: mode, memory: "keep", entries: [] } as const;
    for (const { space, place, module } of INDEX_PLACES) {
      const beyond = place.includes("initialiser") ? 1 : COUNTS[space];
      for (let index = beyond; index < beyond + 6; index++) {
        // The entry is asked for, so that a module which got past the decoder would fail otherwise.
        const code = codeOf(() => instrument(module(index), { ...entry, batches: BATCHES }));
        expect({ space, place, index, code }).toMatchObject({ code: "MODULE_MALFORMED" });
      }
    }
  });
});

describe("a batch arms anew for every request", () => {
  test("with ticks from the epoch as it is then", () => {
    const epoch = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const supplies = { epoch, imports: { env: { tick: () => void word[0]!++ } } };
    const word = new Int32Array(epoch.buffer);
    const text = `(module (import "env" "tick" (func $tick))
      (func (export "run") (param i32) (result i32) (local $i i32)
        (loop $again (call $tick) (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $again (i32.lt_s (local.get $i) (local.get 0)))) (i32.const 0)))`;
    const options = optionsOf("epoch", { batches: [{ entry: "run", strideBytes: 1 }] });
    const { call, host } = rewritten(text, options, supplies);
    word[0] = 2 ** 31 - 3; // It wraps on the way.
    expect(call[BATCH]!(4, 1, 4)).toBe(0); // 1, 2 and 3 ticks, of 4 each.
    expect(outcomeOf(() => call[BATCH]!(4, 1, 9))).toBe("trap: unreachable");
    expect([host.reason, host.get("request")]).toEqual(["deadline", 5]);
  });

  test("so that a budget of no ticks stops the first, whatever it is", () => {
    const { calls, run, host } = open("epoch");
    expect(outcomeOf(() => run(0, 3, [0]))).toBe("trap: unreachable");
    expect([calls(), host.reason, host.get("request")]).toEqual([0, "deadline", 0]);
  });

  test("with fuel that others did not burn", () => {
    const { calls, run, set, host } = open("fuel");
    const used = (fuel: bigint) => outcomeOf(() => run(0, 100, [fuel]));
    let least = 0n;
    while (least < 10_000n && used(least) !== "0") least++; // What one request burns is enough for each of a hundred.
    expect(calls()).toBeGreaterThanOrEqual(100);
    expect(host.get("fuel")).toBe(0n);
    set(60, 2, 1); // One that spins takes its own fuel only, and is named.
    expect(used(least)).toBe("trap: unreachable");
    expect([host.reason, host.get("request")]).toEqual(["fuel", 60 * STRIDE]);
  });
});

function only(entry: string): InstrumentOptions {
  return optionsOf("epoch", { batches: [{ entry, strideBytes: 4 }] });
}

describe("a batch entry is refused", () => {
  test.each([
    "(result i32)",
    "(param i32)",
    "(param i64) (result i32)",
    "(param i32 i32) (result i32)",
    "(param i32) (result i32 i32)",
    "(param i32) (result f32)",
    "(param funcref) (result i32)",
  ])("for a function %s", (type) => {
    const bytes = wat(`(module (func (export "f") ${type} unreachable))`);
    expect(codeOf(() => instrument(bytes, only("f")))).toBe("MODULE_REFUSED");
  });

  test("for what the module does not export", () => {
    const bytes = wat('(module (memory (export "m") 1))');
    for (const name of ["f", "m"])
      expect(codeOf(() => instrument(bytes, only(name)))).toBe("MODULE_REFUSED");
  });

  test("where its name would be another entry's", () => {
    const f = "(param i32) (result i32) (i32.const 0)";
    const bytes = wat(`(module (func (export "f") ${f}) (func (export "batch:f") ${f}))`);
    const both = { ...only("f"), entries: ["batch:f"] };
    expect(codeOf(() => instrument(bytes, both))).toBe("MODULE_REFUSED");
    expect(codeOf(() => instrument(bytes, { ...both, entries: ["f"] }))).toBeUndefined();
    const twice = {
      ...only("f"),
      batches: [...only("f").batches!, ...only("f").batches!],
    };
    expect(codeOf(() => instrument(bytes, twice))).toBe("MODULE_REFUSED");
  });
});

test("no kernel can pose as a batch or import what tells of one", () => {
  const f = "(param i32) (result i32) (i32.const 0)";
  for (const text of [
    `(func (export "${BATCH}") ${f}) (func (export "run") ${f})`,
    `(import "annulus" "request" (global (mut i32))) (func (export "run") ${f})`,
  ])
    expect(codeOf(() => instrument(wat(`(module ${text})`), optionsOf("epoch")))).toBe(
      "MODULE_REFUSED",
    );
});
