// Opcodes: what one ring can run beside the builtins, and the tables that its opcodes refer to.
//
// A host registers before it starts executors. A number is registered once: a second body under it would
// give two executors two meanings. Every opcode declares its bound, and its body is held to it.

import { Failure } from "../base/mod.ts";
import { ARGS_PER_SLOT, builtinOf, isCustomOpcode, type OpcodeClass } from "../layout/mod.ts";
import { OPCODE_CLASS, OPCODES } from "../layout/mod.ts";
import type { DebugRecord } from "./codec.ts";

/** What a body may use. Each use counts as one step; past the bound the slot faults with BUDGET. */
export interface OpcodeCall {
  /** As many as the arity says; those left out are 0. */
  readonly args: readonly number[];
  /** What the body passed to `pause`, or 0 on the first run. */
  readonly resumed: number;
  /** A control word of the tenant's, by its index. Elsewhere the slot faults with OUT_OF_BOUNDS. */
  read(index: number): number;
  write(index: number, value: number): void;
  /** Counts work that touches no word. */
  step(count?: number): void;
}

/**
 * Undefined: done. `pause`: YIELD, and run again later with `resumed` set. `fault`: FAULT with
 * HANDLER_ERROR and this detail, and the run's writes are dropped, as they are when the body throws.
 */
export type OpcodeAnswer = undefined | { readonly pause: number } | { readonly fault: number };

export interface CustomOpcode {
  readonly name: string;
  readonly code: number;
  /** Argument words that it reads, 0 to 12. */
  readonly arity: number;
  /** Steps of one run, 1 or more. */
  readonly bound: number;
  /** Whether a slot whose executor died may be run again. */
  readonly idempotent: boolean;
  /** CUSTOM, unless it calls a kernel. */
  readonly class?: "CUSTOM" | "KERNEL";
  /** Whether it may stand in a packed slot: only below 256. */
  readonly packable?: boolean;
  readonly body: (call: OpcodeCall) => OpcodeAnswer;
}

/** Row-major: entry `256 * state + byte` is the next state. */
export interface DfaTable {
  readonly states: number;
  readonly next: Uint32Array;
}

/** An opcode as executors look it up. */
export interface KnownOpcode {
  readonly arity: number;
  readonly class: OpcodeClass;
  readonly bound: number;
  readonly idempotent: boolean;
  readonly packable: boolean;
  /** Undefined for builtins. */
  readonly body: CustomOpcode["body"] | undefined;
}

/** Numbers that a packed operation can have. */
const SMALL = 256;

export class Opcodes {
  readonly #custom = new Map<number, KnownOpcode & { readonly name: string }>();
  readonly #tables = new Map<number, DfaTable>();
  readonly #formats = new Map<number, string>();
  /** What may be packed, and class bits, by small number: executors ask for each operation. */
  readonly #packable = new Int8Array(SMALL).fill(-1);
  readonly #classes = new Int8Array(SMALL).fill(-1);

  constructor() {
    for (const opcode of Object.values(OPCODES)) this.#index(opcode.code, opcode);
  }

  /** Fails with OPCODE_INVALID for a number that is taken or reserved, and for traits out of range. */
  register(opcode: CustomOpcode): this {
    const { name, code, arity, bound, idempotent, body } = opcode;
    const packable = opcode.packable ?? false;
    const at = `opcode ${name}`;
    if (!isCustomOpcode(code) || !Number.isInteger(code))
      throw invalid(at, `the number ${code}`, "8 to 0xffef or 0x10000 to 0x7fffffff");
    const taken = this.#custom.get(code);
    if (taken !== undefined)
      throw invalid(at, `the number ${code}, which is ${taken.name}'s`, "a number of its own");
    if (!Number.isInteger(arity) || arity < 0 || arity > ARGS_PER_SLOT)
      throw invalid(at, `an arity of ${arity}`, "0 to 12");
    if (!Number.isInteger(bound) || bound < 1 || bound > 0xffff_ffff)
      throw invalid(at, `a bound of ${bound}`, "1 or more steps");
    if (packable && code > 255) throw invalid(at, `${code} as packable`, "a number below 256");
    const opcodeClass = opcode.class ?? "CUSTOM";
    const traits = { arity, bound, idempotent, packable, class: opcodeClass };
    this.#custom.set(code, { name, body, ...traits });
    this.#index(code, traits);
    return this;
  }

  /** Binds a table to the id that DFA_STEP's last argument names. Fails with OPCODE_INVALID. */
  registerTable(id: number, table: DfaTable): this {
    const at = `DFA table ${id}`;
    const { states, next } = table;
    if (this.#tables.has(id)) throw invalid(at, "an id that is taken", "an id of its own");
    if (id >>> 0 !== id) throw invalid(at, "an id that is no word", "0 to 4294967295");
    if (!Number.isInteger(states) || states < 1 || next.length !== states * 256)
      throw invalid(at, `${next.length} entries`, `256 for each of ${states} states`);
    const beyond = next.findIndex((state) => state >= states);
    if (beyond >= 0) throw invalid(at, `entry ${beyond}: ${next[beyond]}`, `below ${states}`);
    this.#tables.set(id, { states, next: next.slice() });
    return this;
  }

  /** `{a}` and `{b}` stand for the record's values. Fails with OPCODE_INVALID for an id that is taken. */
  registerFormat(id: number, text: string): this {
    const taken = this.#formats.has(id);
    if (taken || id >>> 0 !== id) throw invalid(`format ${id}`, `${id}`, "an unused word");
    this.#formats.set(id, text);
    return this;
  }

  opcode(code: number): KnownOpcode | undefined {
    const builtin = builtinOf(code);
    return builtin === undefined ? this.#custom.get(code) : { ...builtin, body: undefined };
  }

  /** A custom opcode, without making anything. */
  custom(code: number): KnownOpcode | undefined {
    return this.#custom.get(code);
  }

  /** As PackedOps.read() asks for it. */
  readonly packableArity = (code: number): number | undefined => {
    const arity = code < SMALL ? this.#packable[code]! : -1;
    return arity < 0 ? undefined : arity;
  };

  /** The bit of an opcode's class in tenants' masks; -1 for an opcode that nobody registered. */
  classBit(code: number): number {
    if (code < SMALL) return this.#classes[code]!;
    const known = builtinOf(code) ?? this.#custom.get(code);
    return known === undefined ? -1 : OPCODE_CLASS[known.class];
  }

  #index(code: number, traits: Pick<KnownOpcode, "arity" | "class" | "packable">): void {
    if (code >= SMALL) return;
    this.#classes[code] = OPCODE_CLASS[traits.class];
    if (traits.packable) this.#packable[code] = traits.arity;
  }

  table(id: number): DfaTable | undefined {
    return this.#tables.get(id);
  }

  /** What a record says; undefined for a format that nobody registered, which harms no other record. */
  render({ format, a, b }: Pick<DebugRecord, "format" | "a" | "b">): string | undefined {
    return this.#formats
      .get(format)
      ?.replaceAll(/\{([ab])\}/g, (_, name) => `${name === "a" ? a : b}`);
  }
}

function invalid(at: string, found: string, expected: string): Failure {
  const fix = "Correct the registration; it must be whole before executors start.";
  return new Failure("OPCODE_INVALID", { at, found, expected, fix });
}
