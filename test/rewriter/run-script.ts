// Run script: runs a script's modules as their authors wrote them, or rewritten, and notes what every
// command came to. Two runs of one script must note the same.

import { decode } from "../../src/sandbox/decode.ts";
import { Failure } from "../../src/base/mod.ts";
import { instrument, type InstrumentOptions } from "../../src/sandbox/instrument.ts";
import { type Host, supply } from "../../src/sandbox/rewritten.fixture.ts";
import type { FunctionType } from "../../src/sandbox/types.ts";
import { wat } from "../../src/sandbox/wasm.fixture.ts";
import {
  type Action,
  bytesOf,
  type Command,
  invalidBytesOf,
  type Form,
  type Script,
} from "./wast.ts";

export interface Notes {
  /** What each command came to. */
  readonly lines: readonly string[];
  /** Of the assertions on results that could be checked: those that held, and those that did not. */
  readonly held: number;
  readonly broken: readonly string[];
  /** Modules that no assembler here took, or that this engine refuses. */
  readonly skipped: number;
}

/** Runs `script`; `options` undefined leaves modules as they are. */
export function runScript(script: Script, options: InstrumentOptions | undefined): Notes {
  return new ScriptRun(script, options).run();
}

/**
 * True if every module of the script can be rewritten with `options`: memories that are hoisted must be
 * the module's own, one, and of 32 bits, and relaxed instructions do not go with fuel.
 */
export function canRewrite(script: Script, { interrupt, memory }: InstrumentOptions): boolean {
  return script.commands.every((command) => {
    const bytes = command.do === "module" ? bytesOf(script, command.form) : undefined;
    if (bytes === undefined || !WebAssembly.validate(bytes)) return true;
    const { memories, features } = decode(bytes);
    if (interrupt === "fuel" && features.has("relaxed-simd")) return false;
    const own = memories.length <= 1 && !memories.some(({ imported, wide }) => imported || wide);
    return memory === "keep" || own;
  });
}

/** `line` with every NaN among its bits made the same, for runs whose engines may choose its bits. */
export function withoutNanBits(line: string): string {
  return line.replaceAll(/0x[0-9a-f]+/g, (bits) => {
    const value = BigInt(bits);
    if (isNan(value, 11n, 52n)) return "nan";
    const halves = [value >> 32n, value & 0xffffffffn];
    return halves.map((half) => (isNan(half, 8n, 23n) ? "nan" : half.toString(16))).join(":");
  });
}

function isNan(bits: bigint, exponentBits: bigint, fractionBits: bigint): boolean {
  const exponent = (1n << exponentBits) - 1n;
  const isSpecial = ((bits >> fractionBits) & exponent) === exponent;
  return isSpecial && (bits & ((1n << fractionBits) - 1n)) !== 0n;
}

interface Loaded {
  readonly exports: WebAssembly.Exports;
  /** Types of exported functions by name; undefined where they hold more than numbers. */
  readonly types: ReadonlyMap<string, NumericType | undefined>;
}

interface NumericType {
  readonly params: readonly string[];
  readonly results: readonly string[];
}

class ScriptRun {
  readonly #script: Script;
  readonly #options: InstrumentOptions | undefined;
  readonly #lines: string[] = [];
  readonly #broken: string[] = [];
  #held = 0;
  #skipped = 0;
  readonly #registered: Record<string, WebAssembly.ModuleImports>;
  readonly #named = new Map<string, Loaded>();
  readonly #hosts: Host[] = [];
  #current: Loaded | undefined;

  constructor(script: Script, options: InstrumentOptions | undefined) {
    this.#script = script;
    this.#options = options;
    this.#registered = { spectest: spectest(this.#lines) };
  }

  run(): Notes {
    for (const command of this.#script.commands) this.#command(command);
    const [lines, broken] = [this.#lines, this.#broken];
    return { lines, broken, held: this.#held, skipped: this.#skipped };
  }

  #command(command: Command): void {
    switch (command.do) {
      case "module":
        return this.#load(command.name, command.form);
      case "register": {
        const module = this.#find(command.module);
        if (module !== undefined)
          this.#registered[command.as] = module.exports as WebAssembly.ModuleImports;
        return;
      }
      case "act":
        return this.#act(command);
      case "refuse": {
        const bytes = invalidBytesOf(this.#script, command.form);
        if (bytes === undefined) return void this.#skipped++;
        return void this.#note(command.what, () => this.#instantiate(bytes).exports);
      }
      default:
        return command satisfies never;
    }
  }

  #load(name: string | undefined, form: Form): void {
    this.#current = undefined;
    const bytes = bytesOf(this.#script, form);
    if (bytes === undefined || !WebAssembly.validate(bytes)) return void this.#skipped++;
    this.#note("module", () => {
      this.#current = { exports: this.#instantiate(bytes).exports, types: typesOf(bytes) };
      if (name !== undefined) this.#named.set(name, this.#current);
      return "loaded";
    });
  }

  /** Instantiates `bytes`, rewritten if that is the way. A Failure counts as the engine's refusal. */
  #instantiate(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Instance {
    if (this.#options === undefined) {
      return new WebAssembly.Instance(new WebAssembly.Module(bytes), this.#registered);
    }
    const valid = WebAssembly.validate(bytes);
    const { bytes: ours, imports } = instrument(bytes, this.#options);
    if (valid !== WebAssembly.validate(ours)) throw new Error("validity changed");
    const host = supply(imports);
    this.#hosts.push(host);
    const all = { ...this.#registered, annulus: host.imports };
    return new WebAssembly.Instance(new WebAssembly.Module(ours), all);
  }

  #find(name: string | undefined): Loaded | undefined {
    return name === undefined ? this.#current : this.#named.get(name);
  }

  #act({ what, action, expected }: Extract<Command, { do: "act" }>): void {
    const module = this.#find(action.module);
    if (module === undefined) return;
    for (const host of this.#hosts) host.refill();
    const line = this.#note(`${what} ${action.field}`, () => perform(module, action));
    const checkable = what === "assert_return" && isNumeric(module, action);
    const wanted = checkable ? expectation(expected) : undefined;
    if (wanted === undefined) return;
    if (line.endsWith(` -> ${wanted}`)) this.#held++;
    else this.#broken.push(`${line}, and not ${wanted}`);
  }

  #note(what: string, act: () => unknown): string {
    const line = `${what} -> ${outcome(act)}`;
    this.#lines.push(line);
    return line;
  }
}

function outcome(act: () => unknown): string {
  try {
    const result = act();
    return Array.isArray(result) ? result.map(spell).join(" ") : spell(result);
  } catch (error) {
    if (error instanceof WebAssembly.CompileError || error instanceof Failure) return "refused";
    if (error instanceof WebAssembly.LinkError) return "does not link";
    if (error instanceof WebAssembly.RuntimeError) return `trap: ${error.message}`;
    if (error instanceof RangeError) return "exhausted";
    if (error instanceof WebAssembly.Exception) return "exception";
    if (error instanceof TypeError) return "type error";
    throw error;
  }
}

function spell(value: unknown): string {
  if (typeof value === "bigint") return `0x${BigInt.asUintN(64, value).toString(16)}`;
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if (typeof value === "function") return "function";
  if (typeof value === "object" && value !== null) return "object";
  return String(value);
}

/** True for a call that takes and returns but numbers and vectors. */
function isNumeric(
  { types }: Loaded,
  { kind, field, args }: Pick<Action, "kind" | "field" | "args">,
): boolean {
  if (kind === "get" || types.get(field) === undefined) return false;
  return args.every(({ items }) => /^(?:[if]\d+|v128)\.const$/.test(String(items[0])));
}

function perform(
  { exports, types }: Loaded,
  { kind, field, args }: Pick<Action, "kind" | "field" | "args">,
): unknown {
  if (kind === "get") return (exports[field] as WebAssembly.Global).value;
  const called = exports[field] as (...values: unknown[]) => unknown;
  if (isNumeric({ exports, types }, { kind, field, args }))
    return throughWrapper(called, types.get(field)!, args);
  return called(...args.map((form) => javascriptValue(form)));
}

/**
 * Calls from WebAssembly, with the script's own constants, and returns the results' bits: JavaScript
 * can neither pass a vector nor keep the bits of a NaN.
 */
function throughWrapper(
  called: unknown,
  { params, results }: NumericType,
  args: readonly Form[],
): bigint[] {
  const wrapper = new WebAssembly.Instance(
    new WebAssembly.Module(
      wat(`(module (import "m" "f" (func $f (param ${params.join(" ")}) (result ${results.join(" ")})))
        ${runner(results, `${args.map(textOf).join(" ")} (call $f)`)})`),
    ),
    { m: { f: called as WebAssembly.ImportValue } },
  );
  return run(wrapper);
}

function run({ exports }: WebAssembly.Instance): bigint[] {
  const result = (exports["run"] as () => unknown)();
  if (result === undefined) return [];
  return (Array.isArray(result) ? result : [result]) as bigint[];
}

/** An exported function that returns the bits of what `code` leaves, as 64-bit integers. */
function runner(results: readonly string[], code: string): string {
  const locals = results.map((type, i) => `(local $r${i} ${type})`).join(" ");
  const set = results
    .map((_, i) => `(local.set $r${i})`)
    .toReversed()
    .join(" ");
  const get = results.map((type, i) => bitsOf(type, `(local.get $r${i})`)).join(" ");
  const types = results.map((type) => (type === "v128" ? "i64 i64" : "i64")).join(" ");
  return `(func (export "run") (result ${types}) ${locals} ${code} ${set} ${get})`;
}

function bitsOf(type: string, value: string): string {
  switch (type) {
    case "i32":
      return `(i64.extend_i32_u ${value})`;
    case "f32":
      return `(i64.extend_i32_u (i32.reinterpret_f32 ${value}))`;
    case "f64":
      return `(i64.reinterpret_f64 ${value})`;
    case "v128":
      return `(i64x2.extract_lane 0 ${value}) (i64x2.extract_lane 1 ${value})`;
    default:
      return value;
  }
}

/** How `outcome` spells the results that a script expects; undefined where it leaves a choice. */
function expectation(expected: readonly Form[]): string | undefined {
  const types = expected.map(({ items }) => /^([if]\d+|v128)\.const$/.exec(String(items[0]))?.[1]);
  const text = expected.map(textOf).join(" ");
  if (types.includes(undefined) || /nan:[ca]/.test(text)) return undefined;
  if (expected.length === 0) return "";
  const numbers = types as string[];
  const module = new WebAssembly.Module(wat(`(module ${runner(numbers, text)})`));
  return run(new WebAssembly.Instance(module)).map(spell).join(" ");
}

function textOf(form: Form): string {
  return `(${form.items.map((item) => (typeof item === "string" ? item : textOf(item))).join(" ")})`;
}

function javascriptValue({ items }: Form): unknown {
  const [type, value] = items.map(String);
  switch (type) {
    case "i64.const":
      return BigInt.asIntN(
        64,
        BigInt(value!.replace(/^-/, "").replaceAll("_", "")) * (value!.startsWith("-") ? -1n : 1n),
      );
    case "i32.const":
    case "f32.const":
    case "f64.const":
      return Number(value!.replaceAll("_", ""));
    case "ref.extern":
    case "ref.host":
      return `external ${value}`;
    default:
      return null;
  }
}

function numericNames(types: FunctionType["params"]): (string | undefined)[] {
  return types.map(({ code }) => NUMERIC[code]);
}

const NUMERIC: Readonly<Record<number, string>> = {
  0x7f: "i32",
  0x7e: "i64",
  0x7d: "f32",
  0x7c: "f64",
  0x7b: "v128",
};

function typesOf(bytes: Uint8Array): ReadonlyMap<string, NumericType | undefined> {
  const { exports, functions, types } = decode(bytes);
  return new Map(
    exports
      .filter(({ kind }) => kind === "function")
      .map(({ name, index }) => {
        const { params, results } = types[functions[index]!] as FunctionType;
        const all = { params: numericNames(params), results: numericNames(results) };
        const numeric = ![...all.params, ...all.results].includes(undefined);
        return [name, numeric ? (all as NumericType) : undefined];
      }),
  );
}

/** What every script may import, as the test suite defines it; prints become lines. */
function spectest(lines: string[]): WebAssembly.ModuleImports {
  const print = (...values: unknown[]): void =>
    void lines.push(`print ${values.map(spell).join(" ")}`);
  const names = [
    "print",
    "print_i32",
    "print_i64",
    "print_f32",
    "print_f64",
    "print_i32_f32",
    "print_f64_f64",
  ];
  return {
    ...Object.fromEntries(names.map((name) => [name, print])),
    global_i32: new WebAssembly.Global({ value: "i32" }, 666),
    global_i64: new WebAssembly.Global({ value: "i64" }, 666n),
    global_f32: new WebAssembly.Global({ value: "f32" }, 666.6),
    global_f64: new WebAssembly.Global({ value: "f64" }, 666.6),
    table: new WebAssembly.Table({ element: "anyfunc", initial: 10, maximum: 20 }),
    memory: new WebAssembly.Memory({ initial: 1, maximum: 2 }),
    shared_memory: new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true }),
  };
}
