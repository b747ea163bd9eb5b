// Compare: runs a module as its author wrote it and as the rewriter left it, side by side, and
// gathers all that can be seen from outside: results, traps and where they were, calls of imports,
// memories, globals and tables.

import { decode } from "../../src/sandbox/decode.ts";
import { instrument, type InstrumentOptions } from "../../src/sandbox/instrument.ts";
import type { Module } from "../../src/sandbox/module.ts";
import { type FunctionType, type ValueType } from "../../src/sandbox/types.ts";
import { type Host, supply } from "../../src/sandbox/rewritten.fixture.ts";
import { leb, nameBytes } from "../../src/sandbox/writer.ts";

/** What was seen of one run, line by line, in the order in which it happened. */
export interface Observed {
  readonly lines: readonly string[];
  /** The engine's stack ran out, at a depth that differs between two correct runs. */
  readonly overflowed: boolean;
}

export interface Comparison {
  readonly author: Observed;
  readonly rewritten: Observed;
}

/** Runs both and returns what was seen of each. */
export function compare(bytes: Uint8Array<ArrayBuffer>, options: InstrumentOptions): Comparison {
  const open = exposed(bytes);
  const module = decode(open);
  const author = new Run(module, (offset) => offset).all(new WebAssembly.Module(open));
  const { bytes: ours, imports, offsets } = instrument(open, options);
  const host = supply(imports, { stack: options.stackBytes ?? 0 });
  const run = new Run(module, (offset) => offsets.toOriginal(offset), host);
  return { author, rewritten: run.all(new WebAssembly.Module(ours)) };
}

const HOST_PREFIX = "seen:";

/** `bytes` with everything exported that can be, so that nothing a run changes stays unseen. */
export function exposed(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const module = decode(bytes);
  const added = [
    ...module.memories.map((_, i) => [...nameBytes(`${HOST_PREFIX}memory ${i}`), 2, ...leb(i)]),
    ...module.globals.map((_, i) => [...nameBytes(`${HOST_PREFIX}global ${i}`), 3, ...leb(i)]),
    ...module.tables.map((_, i) => [...nameBytes(`${HOST_PREFIX}table ${i}`), 1, ...leb(i)]),
  ];
  const section = module.sections.find(({ id }) => id === 7);
  const before = section ?? module.sections.find(({ id }) => id > 7 && id < 13);
  const at = before?.at ?? bytes.length;
  const count = module.exports.length + added.length;
  const old =
    section === undefined ? [] : [...bytes.subarray(firstExport(module, section.end), section.end)];
  const payload = [...leb(count), ...old, ...added.flat()];
  const rest = section === undefined ? at : section.end;
  return Uint8Array.from([
    ...bytes.subarray(0, at),
    ...[7, ...leb(payload.length), ...payload],
    ...bytes.subarray(rest),
  ]);
}

function firstExport(module: Module, sectionEnd: number): number {
  return module.exports[0]?.at ?? sectionEnd;
}

type Callable = (...args: unknown[]) => unknown;

class Run {
  readonly #module: Module;
  readonly #toOriginal: (offset: number) => number;
  readonly #host: Host | undefined;
  readonly #lines: string[] = [];
  #overflowed = false;
  #exports: WebAssembly.Exports = {};
  #depth = 0;

  constructor(module: Module, toOriginal: (offset: number) => number, host?: Host) {
    this.#module = module;
    this.#toOriginal = toOriginal;
    this.#host = host;
  }

  /** Instantiates, then calls every export twice, each with other arguments. */
  all(compiled: WebAssembly.Module): Observed {
    this.#see("instantiate", () => {
      const imports = { ...this.#imports(), annulus: this.#host?.imports ?? {} };
      this.#exports = new WebAssembly.Instance(compiled, imports).exports;
    });
    const functions = this.#module.exports.filter(({ kind }) => kind === "function");
    for (const round of [0, 1]) {
      for (const { name, index } of functions) {
        const value = this.#exports[name];
        if (typeof value !== "function" || this.#overflowed) continue;
        this.#see(`${name}()`, () => (value as Callable)(...this.#arguments(index, round)));
      }
      this.#state();
    }
    return { lines: this.#lines, overflowed: this.#overflowed };
  }

  #see(what: string, act: () => unknown): void {
    this.#host?.refill();
    this.#lines.push(`${what} -> ${this.#outcome(act)}`);
  }

  #outcome(act: () => unknown): string {
    try {
      const result = act();
      return Array.isArray(result) ? result.map(spell).join(", ") : spell(result);
    } catch (error) {
      if (error instanceof RangeError && /call stack/.test(error.message)) this.#overflowed = true;
      if (!(error instanceof WebAssembly.RuntimeError)) return `threw ${spell(error)}`;
      const place = /wasm-function\[(\d+)\]:0x([0-9a-f]+)/.exec(error.stack ?? "");
      const where = place === null ? "nowhere" : this.#toOriginal(Number.parseInt(place[2]!, 16));
      return `trapped: ${error.message} in function ${place?.[1]} at ${where}`;
    }
  }

  #arguments(index: number, round: number): unknown[] {
    return this.#typeOf(index).params.map((type, i) => argument(type, round * 7 + i));
  }

  #typeOf(index: number): FunctionType {
    return this.#module.types[this.#module.functions[index]!] as FunctionType;
  }

  /** Contents of memories, globals and tables. */
  #state(): void {
    for (const [name, value] of Object.entries(this.#exports)) {
      if (!name.startsWith(HOST_PREFIX)) continue;
      this.#lines.push(`${name} = ${spellState(value)}`);
    }
  }

  #imports(): WebAssembly.Imports {
    const imports: Record<string, WebAssembly.ModuleImports> = {};
    const next = { function: 0, global: 0, memory: 0, table: 0, tag: 0 };
    for (const { module, name, kind } of this.#module.imports) {
      const from = (imports[module] ??= {});
      const value = this.#import(kind, next[kind]++, name);
      from[name] ??= value as WebAssembly.ImportValue;
    }
    return imports;
  }

  #import(kind: keyof typeof EMPTY, index: number, name: string): unknown {
    const { memories, tables, globals } = this.#module;
    switch (kind) {
      case "function":
        return this.#importedFunction(index, name);
      case "memory":
        return new WebAssembly.Memory(memoryType(memories[index]!));
      case "table":
        return new WebAssembly.Table({
          element: "anyfunc",
          initial: tables[index]!.min,
          ...(tables[index]!.max === undefined ? {} : { maximum: tables[index]!.max }),
        });
      case "global": {
        const { type, mutable } = globals[index]!;
        const value = VALUE_NAMES[type.code];
        if (value === undefined) return mutable ? undefined : null;
        return new WebAssembly.Global({ value, mutable }, argument(type, 3) as never);
      }
      default:
        return new WebAssembly.Tag({ parameters: name === "jstag" ? ["externref"] : ["i32"] });
    }
  }

  /** An import that writes down its call. Those of binaryen's fuzzer that do more, do it. */
  #importedFunction(index: number, name: string): Callable {
    const [result] = this.#typeOf(index).results;
    return (...args) => {
      this.#lines.push(`  ${name}(${args.map(spell).join(", ")})`);
      if (this.#lines.length > LINES_MAX) throw new Error("enough was seen");
      const answer = this.#act(name, args);
      return result === undefined
        ? undefined
        : (answer ?? argument(result, this.#lines.length % 5));
    };
  }

  #act(name: string, [first, second]: readonly unknown[]): unknown {
    if (name === "throw") throw new Error(`thrown: ${spell(first)}`);
    if (!name.startsWith("call-") || this.#depth > 3) return undefined;
    const called = name.startsWith("call-ref")
      ? first
      : this.#exports[this.#module.exports[Number(first) >>> 0]?.name ?? ""];
    if (typeof called !== "function") return 0;
    this.#depth++;
    try {
      if (!name.endsWith("catch")) return void (called as Callable)(second, 1, 2);
      const outcome = this.#outcome(() => (called as Callable)(second, 1, 2));
      this.#lines.push(`  caught ${outcome}`);
      return outcome.startsWith("t") ? 1 : 0;
    } finally {
      this.#depth--;
    }
  }
}

const LINES_MAX = 5000;
const EMPTY = { function: 0, global: 0, memory: 0, table: 0, tag: 0 };

const VALUE_NAMES: Readonly<Record<number, WebAssembly.ValueType>> = {
  0x7f: "i32",
  0x7e: "i64",
  0x7d: "f32",
  0x7c: "f64",
  0x70: "anyfunc",
  0x6f: "externref",
};

function memoryType({
  min,
  max,
  shared,
  wide,
}: Module["memories"][number]): WebAssembly.MemoryDescriptor {
  const limits = wide
    ? { initial: BigInt(min), maximum: BigInt(max ?? min + 10), address: "i64" }
    : { initial: min, maximum: max ?? min + 10 };
  return { ...limits, shared } as WebAssembly.MemoryDescriptor;
}

const I32S = [0, 1, -1, 7, 65_535, 2 ** 31 - 1, -(2 ** 31), 100, 3, 12];
const F64S = [0, -0, 1.5, -1, 1e10, 1e300, 5e-324, 0.1, -1e-40, 42];

function argument({ code }: ValueType, seed: number): unknown {
  const i32 = I32S[seed % I32S.length]!;
  switch (code) {
    case 0x7f:
      return i32;
    case 0x7e:
      return BigInt(i32) * 4_294_967_297n;
    case 0x7d:
      return Math.fround(F64S[seed % F64S.length]!);
    case 0x7c:
      return F64S[seed % F64S.length]!;
    case 0x6f:
      return `external ${seed}`;
    default:
      return null;
  }
}

function spell(value: unknown): string {
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return `function ${value.name}`;
  if (value instanceof WebAssembly.Exception) return "a WebAssembly exception";
  if (value instanceof Error) return value.constructor.name + withoutPlace(value.message);
  if (typeof value === "object" && value !== null) return "an object";
  return String(value);
}

/** An engine's message without what names the module or a place in it. */
function withoutPlace(message: string): string {
  return `: ${message.replaceAll(/@\+\d+|0x[0-9a-f]+/g, "")}`;
}

function spellState(value: unknown): string {
  if (value instanceof WebAssembly.Memory) return hash(new Uint8Array(value.buffer));
  if (value instanceof WebAssembly.Global) {
    try {
      return spell(value.value);
    } catch {
      return "not for JavaScript"; // A vector or an exception reference.
    }
  }
  const table = value as WebAssembly.Table;
  const length = Number(table.length);
  const elements = Array.from({ length: Math.min(length, 100) }, (_, i) => {
    try {
      return spell(table.get((typeof table.length === "bigint" ? BigInt(i) : i) as number));
    } catch {
      return "not for JavaScript";
    }
  });
  return `${length}: ${elements.join(" ")}`;
}

/** The size and a hash of all bytes (FNV-1a over words; memories are whole pages). */
function hash(bytes: Uint8Array): string {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  let sum = 0x811c9dc5;
  for (let i = 0; i < words.length; i++) sum = Math.imul(sum ^ words[i]!, 0x01000193);
  return `${bytes.length} bytes, ${(sum >>> 0).toString(16)}`;
}
