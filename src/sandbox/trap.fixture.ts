// Trap fixture: one tiny module per way in which WebAssembly can stop, each exporting `f`.
//
// `trap` is the class that must be recognised. Modules that use garbage collection or typed function
// references are assembled by binaryen, which knows them; all others by wabt.

import wabtInit from "wabt";
import type { TrapName } from "./trap-messages.ts";

export interface TrapModule {
  readonly what: string;
  readonly trap: TrapName;
  /** The text of the module between its parentheses. */
  readonly text: string;
  readonly assembler?: "binaryen";
}

const MEMORY = "(memory 1)";
const TABLE = "(table 1 funcref) (type $t (func)) (type $i (func (param i32)))";

export const TRAP_MODULES: readonly TrapModule[] = [
  { what: "unreachable", trap: "unreachable", text: f("unreachable") },
  memory("i32.load", "(drop (i32.load (i32.const 65536)))"),
  memory("i32.load with an offset", "(drop (i32.load offset=65535 (i32.const 1)))"),
  memory("i64.store at -1", "(i64.store (i32.const -1) (i64.const 0))"),
  memory("v128.load across the end", "(drop (v128.load (i32.const 65521)))"),
  memory("memory.copy", "(memory.copy (i32.const 0) (i32.const 65530) (i32.const 10))"),
  memory("memory.fill", "(memory.fill (i32.const 0) (i32.const 0) (i32.const 65537))"),
  memory("memory.init past memory", init(65_535, 0, 2)),
  memory("memory.init past its segment", init(0, 0, 4)),
  memory("memory.init of a dropped segment", `(data.drop $d) ${init(0, 0, 1)}`),
  memory("memory.atomic.notify", "(drop (memory.atomic.notify (i32.const 65536) (i32.const 1)))"),
  {
    what: "64-bit load",
    trap: "memory-out-of-bounds",
    text: `(memory i64 1) ${f("(drop (i32.load (i64.const -1)))")}`,
  },
  {
    what: "active data segment",
    trap: "data-segment-out-of-bounds",
    text: `${MEMORY} (data (i32.const 65536) "a")`,
  },
  table("table.get", "(drop (table.get 0 (i32.const 1)))"),
  table("table.set", "(table.set 0 (i32.const 1) (ref.null func))"),
  table("table.fill", "(table.fill 0 (i32.const 1) (ref.null func) (i32.const 1))"),
  table("table.copy", "(table.copy (i32.const 0) (i32.const 1) (i32.const 1))"),
  table("table.init past the table", "(table.init $e (i32.const 1) (i32.const 0) (i32.const 1))"),
  table("call_indirect past the table", "(call_indirect (type $t) (i32.const 1))"),
  {
    what: "active element segment",
    trap: "table-out-of-bounds",
    text: `${TABLE} (func $g) (elem (i32.const 1) $g)`,
  },
  {
    what: "table.init of a dropped segment",
    trap: "element-segment-out-of-bounds",
    text: `${TABLE} (elem $e func 0)
      ${f("(elem.drop $e) (table.init $e (i32.const 0) (i32.const 0) (i32.const 1))")}`,
  },
  {
    what: "call_indirect to null",
    trap: "indirect-call-mismatch",
    text: `${TABLE} ${f("(call_indirect (type $t) (i32.const 0))")}`,
  },
  {
    what: "call_indirect with another signature",
    trap: "indirect-call-mismatch",
    text: `${TABLE} (elem (i32.const 0) $g) (func $g (type $i))
      ${f("(call_indirect (type $t) (i32.const 0))")}`,
  },
  number("i32.div_s", "integer-divide-by-zero", "(i32.div_s (i32.const 1) (i32.const 0))"),
  number("i64.div_u", "integer-divide-by-zero", "(i64.div_u (i64.const 1) (i64.const 0))"),
  number("i32.rem_s", "integer-divide-by-zero", "(i32.rem_s (i32.const 1) (i32.const 0))"),
  number("i64.rem_u", "integer-divide-by-zero", "(i64.rem_u (i64.const 1) (i64.const 0))"),
  number(
    "i32.div_s INT_MIN / -1",
    "integer-overflow",
    "(i32.div_s (i32.const 0x80000000) (i32.const -1))",
  ),
  number("trunc of NaN", "bad-conversion-to-integer", "(i32.trunc_f32_s (f32.const nan))"),
  number("trunc out of range", "bad-conversion-to-integer", "(i64.trunc_f64_u (f64.const -1))"),
  { what: "endless recursion", trap: "stack-overflow", text: '(func $r (export "f") (call $r))' },
  {
    what: "endless mutual recursion",
    trap: "stack-overflow",
    text: '(func $a (export "f") (call $b)) (func $b (call $a))',
  },
  {
    what: "unaligned atomic load",
    trap: "heap-misaligned",
    text: `(memory 1 1 shared) ${f("(drop (i32.atomic.load (i32.const 1)))")}`,
  },
  {
    what: "unaligned atomic wait",
    trap: "heap-misaligned",
    text: `(memory 1 1 shared)
      ${f("(drop (memory.atomic.wait32 (i32.const 1) (i32.const 0) (i64.const 0)))")}`,
  },
  {
    what: "atomic wait on unshared memory",
    trap: "atomic-wait-not-allowed",
    text: `${MEMORY} ${f("(drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 0)))")}`,
  },
  {
    what: "start function",
    trap: "unreachable",
    text: "(func $s unreachable) (start $s)",
  },
  { what: "uncaught exception", trap: "exception", text: `(tag $t) ${f("(throw $t)")}` },
  gc("struct.get of null", "null-reference", "(drop (struct.get $s 0 (local.get $s)))"),
  gc("array.get of null", "null-reference", "(drop (array.get $a (local.get $a) (i32.const 0)))"),
  gc("array.len of null", "null-reference", "(drop (array.len (local.get $a)))"),
  gc("ref.as_non_null", "null-reference", "(drop (ref.as_non_null (local.get $s)))"),
  gc("i31.get_s of null", "null-reference", "(drop (i31.get_s (local.get $i)))"),
  gc("call_ref of null", "null-reference", "(call_ref $t (local.get $t))"),
  gc("ref.cast", "cast-failure", "(drop (ref.cast (ref $s) (ref.i31 (i32.const 1))))"),
  gc(
    "array.get past the end",
    "array-out-of-bounds",
    "(drop (array.get $a (array.new_default $a (i32.const 1)) (i32.const 1)))",
  ),
  gc(
    "array.set past the end",
    "array-out-of-bounds",
    "(array.set $a (array.new_default $a (i32.const 1)) (i32.const 1) (i32.const 0))",
  ),
  gc(
    "array.fill past the end",
    "array-out-of-bounds",
    "(array.fill $a (array.new_default $a (i32.const 1)) (i32.const 1) (i32.const 0) (i32.const 1))",
  ),
  gc(
    "array.copy past the end",
    "array-out-of-bounds",
    `(array.copy $a $a (array.new_default $a (i32.const 1)) (i32.const 0)
      (array.new_default $a (i32.const 1)) (i32.const 1) (i32.const 1))`,
  ),
  gc(
    "array.new too large",
    "allocation-too-large",
    "(drop (array.new_default $a (i32.const 0x7fffffff)))",
  ),
  gc(
    "array.new_data past its segment",
    "data-segment-out-of-bounds",
    '(drop (array.new_data $a $d (i32.const 0) (i32.const 2)))) (data $d "abcd"',
  ),
  gc(
    "array.new_elem past its segment",
    "element-segment-out-of-bounds",
    "(drop (array.new_elem $r $e (i32.const 0) (i32.const 2)))) (elem $e func $f",
  ),
  gc("throw_ref of null", "null-reference", "(throw_ref (local.get $e))"),
];

/** The bytes of `module`. Frames carry the text's names unless `names` is false. */
export async function assemble(
  module: Pick<TrapModule, "text" | "assembler">,
  names = true,
): Promise<Uint8Array<ArrayBuffer>> {
  const text = `(module ${module.text})`;
  if (module.assembler === "binaryen") {
    const { default: binaryen } = await import("binaryen");
    const parsed = binaryen.parseText(text);
    parsed.setFeatures(binaryen.Features.All);
    return new Uint8Array(parsed.emitBinary());
  }
  const wabt = await (loaded ??= wabtInit());
  const parsed = wabt.parseWat("trap.wat", text, FEATURES);
  try {
    return new Uint8Array(parsed.toBinary({ write_debug_names: names }).buffer);
  } finally {
    parsed.destroy();
  }
}

/** `bytes` with a name section that calls function 0 `name`, whatever its characters. */
export function nameFunction(bytes: Uint8Array, name: string): Uint8Array<ArrayBuffer> {
  const text = [...new TextEncoder().encode(name)];
  const names = [1, ...sized([1, 0, ...sized(text)])]; // Subsection 1: one function, index 0.
  const section = [0, ...sized([...sized([...new TextEncoder().encode("name")]), ...names])];
  return new Uint8Array([...bytes, ...section]);
}

/** `bytes` behind their length in two bytes of LEB128. */
function sized(bytes: readonly number[]): number[] {
  return [(bytes.length & 0x7f) | 0x80, bytes.length >> 7, ...bytes];
}

let loaded: ReturnType<typeof wabtInit> | undefined;

const FEATURES = { threads: true, exceptions: true, memory64: true, multi_memory: true };

function f(body: string): string {
  return `(func $f (export "f") ${body})`;
}

function memory(what: string, body: string): TrapModule {
  return { what, trap: "memory-out-of-bounds", text: `${MEMORY} (data $d "abc") ${f(body)}` };
}

function init(to: number, from: number, bytes: number): string {
  return `(memory.init $d (i32.const ${to}) (i32.const ${from}) (i32.const ${bytes}))`;
}

function table(what: string, body: string): TrapModule {
  return { what, trap: "table-out-of-bounds", text: `${TABLE} (elem $e func 0) ${f(body)}` };
}

function number(what: string, trap: TrapName, body: string): TrapModule {
  return { what, trap, text: f(`(drop ${body})`) };
}

function gc(what: string, trap: TrapName, body: string): TrapModule {
  const types = `(type $t (func)) (type $s (struct (field i32))) (type $a (array (mut i32)))
    (type $r (array (mut funcref)))`;
  const nulls = `(local $s (ref null $s)) (local $a (ref null $a)) (local $i i31ref)
    (local $t (ref null $t)) (local $e exnref)`;
  return { what, trap, text: `${types} ${f(`${nulls} ${body}`)}`, assembler: "binaryen" };
}
