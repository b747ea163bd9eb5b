// Probe: what this engine's WebAssembly can do, found out by validating one tiny module per feature.
//
// Each module is valid exactly when the engine has the feature. Nothing is compiled to run, nothing is
// guessed from a version. Opcodes and section numbers are those of the core specification.

import { assert, type Feature } from "../base/mod.ts";

const I32 = 0x7f;
const V128 = 0x7b;
const END = 0x0b;
const DROP = 0x1a;

/** A module of sections, each a number and its contents; lengths stay below 128, so one byte each. */
function module(
  ...sections: readonly (readonly [id: number, ...contents: number[]])[]
): Uint8Array<ArrayBuffer> {
  const header = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]; // "\0asm", version 1.
  const body = sections.flatMap(([id, ...contents]) => {
    assert(contents.length < 128, "a probe's section has a length of one byte");
    return [id, contents.length, ...contents];
  });
  return Uint8Array.from([...header, ...body]);
}

const types = (...contents: number[]) => [1, ...contents] as const;
const ACTION = types(1, 0x60, 0, 0); // One type: a function that takes and returns nothing.
const FUNCTION = [3, 1, 0] as const; // One function, of type 0.
const MEMORY = [5, 1, 0x00, 1] as const; // One memory of at least one page.

/** The code section of one function without locals. */
const code = (...body: number[]) => [10, 1, body.length + 2, 0, ...body, END] as const;

/** A module with one function that does nothing but what `body` says. */
const running = (...body: number[]) => module(ACTION, FUNCTION, code(...body));

const PROBES: Readonly<Record<Feature, Uint8Array<ArrayBuffer>>> = {
  // A global that may change, (mut i32) = 0, exported as "g".
  "mutable-globals": module([6, 1, I32, 0x01, 0x41, 0, END], [7, 1, 1, 0x67, 0x03, 0]),
  // i32.const 0, i32.extend8_s.
  "sign-ext": running(0x41, 0, 0xc0, DROP),
  // f32.const 0, i32.trunc_sat_f32_s.
  "nontrapping-fptoint": running(0x43, 0, 0, 0, 0, 0xfc, 0x00, DROP),
  // A function with two results.
  "multi-value": module(types(1, 0x60, 0, 2, I32, I32), FUNCTION, code(0x41, 0, 0x41, 0)),
  // memory.fill of nothing.
  "bulk-memory": module(ACTION, FUNCTION, MEMORY, code(0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 0x0b, 0)),
  // ref.null extern.
  "reference-types": running(0xd0, 0x6f, DROP),
  // i32.const 0, i8x16.splat.
  simd: running(0x41, 0, 0xfd, 0x0f, DROP),
  // Two v128 of zeros, i8x16.relaxed_swizzle.
  "relaxed-simd": module(
    types(1, 0x60, 2, V128, V128, 0),
    FUNCTION,
    code(0x20, 0, 0x20, 1, 0xfd, 0x80, 0x02, DROP),
  ),
  // A shared memory of at most one page, and i32.atomic.load from it.
  threads: module(ACTION, FUNCTION, [5, 1, 0x03, 1, 1], code(0x41, 0, 0xfe, 0x10, 0x02, 0, DROP)),
  // return_call of itself.
  "tail-call": running(0x12, 0),
  // A global whose initial value is the sum 1 + 1.
  "extended-const": module([6, 1, I32, 0x00, 0x41, 1, 0x41, 1, 0x6a, END]),
  // Two memories.
  "multi-memory": module([5, 2, 0x00, 1, 0x00, 1]),
  // A memory with 64-bit addresses.
  memory64: module([5, 1, 0x04, 1]),
  // ref.null exn, throw_ref.
  exceptions: running(0xd0, 0x69, 0x0a),
  // try, catch_all, end.
  "legacy-exceptions": running(0x06, 0x40, 0x19, END),
  // ref.null of type 0, call_ref of type 0.
  "function-references": running(0xd0, 0, 0x14, 0),
  // A structure type without fields, and struct.new_default of it in a function of type 1.
  gc: module(types(2, 0x5f, 0, 0x60, 0, 0), [3, 1, 1], code(0xfb, 0x01, 0, DROP)),
  // f32.const 0, f16x8.splat.
  fp16: running(0x43, 0, 0, 0, 0, 0xfd, 0xa0, 0x02, DROP),
};

const answers = new Map<Feature, boolean>();

/** Whether this engine has `feature`. Asked once; an engine does not change while it runs. */
export function hasFeature(feature: Feature): boolean {
  const known = answers.get(feature);
  if (known !== undefined) return known;
  const answer = WebAssembly.validate(PROBES[feature]);
  answers.set(feature, answer);
  return answer;
}

/** The module that decides whether an engine has `feature`, for tests of other decoders. */
export function probeModule(feature: Feature): Uint8Array<ArrayBuffer> {
  return PROBES[feature].slice();
}
