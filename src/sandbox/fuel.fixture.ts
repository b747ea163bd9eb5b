// Fuel fixture: programs whose every run must stop at the same instruction, and what is seen of a run.
// As a script it runs them all and prints what it saw, so that a test can ask engines with other flags.

import type { InstrumentOptions } from "./instrument.ts";
import { offsetsOf, outcomeOf, rewritten } from "./rewritten.fixture.ts";

/** Programs, each with an endless `run`. */
export const PROGRAMS: Readonly<Record<string, string>> = {
  counting: `(memory (export "m") 1) (func (export "run") (local i32)
    (loop (local.set 0 (i32.add (local.get 0) (i32.const 1)))
      (i32.store (i32.and (i32.mul (local.get 0) (i32.const 28)) (i32.const 65532)) (local.get 0)) (br 0)))`,
  branching: `(memory (export "m") 1) (func (export "run") (local i32) (local.set 0 (i32.const 27))
    (loop $l
      (if (i32.and (local.get 0) (i32.const 1))
        (then (local.set 0 (i32.add (i32.mul (local.get 0) (i32.const 3)) (i32.const 1))))
        (else (local.set 0 (i32.shr_u (local.get 0) (i32.const 1)))))
      (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
      (block (block (block (br_table 0 1 2 (i32.and (local.get 0) (i32.const 3)))) (br $l))
        (i32.store8 (i32.and (local.get 0) (i32.const 65535)) (i32.const 5)) (br $l))
      (if (i32.le_u (local.get 0) (i32.const 1))
        (then (local.set 0 (i32.add (i32.load (i32.const 0)) (i32.const 28))))) (br $l)))`,
  floating: `(memory (export "m") 1) (func (export "run") (local f64 f64 i32)
    (local.set 0 (f64.const 0.3))
    (loop $l
      (local.set 0 (f64.mul (f64.mul (f64.const 3.9) (local.get 0)) (f64.sub (f64.const 1) (local.get 0))))
      (local.set 1 (f64.sqrt (f64.sub (f64.const 0.5) (local.get 0))))
      (f64.store (i32.and (local.get 2) (i32.const 65528)) (local.get 1))
      (local.set 2 (i32.add (local.get 2) (i32.const 8)))
      (br_if $l (i64.gt_u (i64.reinterpret_f64 (local.get 1)) (i64.const 0))) (br $l)))`,
  bulk: `(memory (export "m") 4) (func (export "run") (local i32) (loop
    (memory.fill (local.get 0) (local.get 0) (i32.add (local.get 0) (i32.const 17)))
    (memory.copy (i32.const 131072) (local.get 0) (local.get 0))
    (local.set 0 (i32.and (i32.add (local.get 0) (i32.const 91)) (i32.const 65535))) (br 0)))`,
  calling: `(memory (export "m") 1) (table 2 funcref) (elem (i32.const 0) $even $odd) (type $t (func (param i32)))
    (func $even (param i32) (if (local.get 0) (then (i32.store8 (local.get 0) (i32.const 1))
      (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 1)))))
    (func $odd (param i32) (if (local.get 0) (then (i32.store8 (local.get 0) (i32.const 2))
      (call $even (i32.sub (local.get 0) (i32.const 1))))))
    (func (export "run") (local i32) (loop (local.set 0 (i32.and (i32.add (local.get 0) (i32.const 7)) (i32.const 255)))
      (call $even (local.get 0)) (br 0)))`,
  throwing: `(memory (export "m") 1) (tag $e (param i32)) (func $t (param i32) (if (local.get 0)
      (then (call $t (i32.sub (local.get 0) (i32.const 1)))) (else (throw $e (i32.const 3)))))
    (func (export "run") (local i32) (loop $l
      (try (do (call $t (i32.and (local.get 0) (i32.const 15)))) (catch $e (i32.store (i32.const 4))))
      (local.set 0 (i32.add (local.get 0) (i32.const 1)))
      (i32.store (i32.const 8) (local.get 0)) (br $l)))`,
  vectors: `(memory (export "m") 1) (func (export "run") (local v128 i32) (loop
    (local.set 0 (f32x4.div (local.get 0) (f32x4.splat (f32.convert_i32_s (local.get 1)))))
    (v128.store (i32.and (local.get 1) (i32.const 65520)) (local.get 0))
    (local.set 1 (i32.add (local.get 1) (i32.const 16))) (br 0)))`,
};

const OPTIONS: InstrumentOptions = { interrupt: "fuel", memory: "keep", stackBytes: 1 << 20 };

export interface Stop {
  readonly outcome: string;
  /** Offset in the author's module of the instruction that was not run for want of fuel. */
  readonly at: number;
  readonly left: string;
  readonly memory: string;
}

/** Runs a program until `fuel` is burnt. */
export function burn(program: string, fuel: bigint): Stop {
  const { call, exports, host, result } = rewritten(`(module ${program})`, OPTIONS, { fuel });
  let at = -1;
  const outcome = outcomeOf(() => {
    [at] = offsetsOf(() => call["run"]!()) as [number];
    throw new WebAssembly.RuntimeError(host.reason);
  });
  const { buffer } = exports["m"] as WebAssembly.Memory;
  const memory = hash(new Uint8Array(buffer));
  return { outcome, at: result.offsets.toOriginal(at), left: String(host.get("fuel")), memory };
}

/** What every program comes to with each of these amounts: enough to be optimised, and too little. */
export function burnAll(): Record<string, Stop> {
  const stops: Record<string, Stop> = {};
  for (const [name, program] of Object.entries(PROGRAMS))
    for (const fuel of [1n, 1_000n, 1_001n, 200_000n, 200_001n])
      stops[`${name} with ${fuel}`] = burn(program, fuel);
  return stops;
}

function hash(bytes: Uint8Array): string {
  let sum = 0x811c9dc5;
  for (const byte of bytes) sum = Math.imul(sum ^ byte, 0x01000193);
  return (sum >>> 0).toString(16);
}

if (import.meta.main) process.stdout.write(JSON.stringify(burnAll()));
