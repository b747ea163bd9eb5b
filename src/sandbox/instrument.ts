// Instrument: rewrites a module so that its host can stop it, bound its stack and own its memory.
//
// A pure function of bytes and options. What it adds the author's code cannot name: every index of
// the author's was checked against the author's own spaces (decode.ts), and everything added lies
// behind them. What it adds, in full:
//
//   imports    annulus.memory       the kernel's memory, shared, owned by the host (memory: "host")
//              annulus.epoch        one shared page; its first word is the epoch ("epoch")
//              annulus.deadline     mutable i32: the epoch at which the running call ends ("epoch")
//              annulus.fuel         mutable i64: what is left to burn ("fuel")
//              annulus.stack        mutable i32: bytes of stack left (where a function can recurse)
//              annulus.interrupted  mutable i32: why a call was stopped (where any of these is)
//   exports    annulus:NAME         for each entry: arms the call, then calls the export NAME
//
// Results and traps stay the author's; invalid modules stay invalid; the start function runs where
// it ran before, under the deadline that the host puts into the global before it instantiates.

import { Failure, MODULE_LIMITS } from "../base/mod.ts";
import { recursiveFunctions } from "./callgraph.ts";
import { decode, SECTION, SECTION_ORDER } from "./decode.ts";
import { Instructions } from "./instructions.ts";
import { type Body, type Module, type Section, typeOfFunction } from "./module.ts";
import { keptNames } from "./names.ts";
import { byteAt, tooLarge, unsupported } from "./reader.ts";
import type { FramePlan } from "./frame-keeper.ts";
import { type BodyPlan, rewriteBody } from "./rewrite-body.ts";
import { type AddedIndices, epochCheck, fuelCharge } from "./snippets.ts";
import { type FunctionType, I32, I64 } from "./types.ts";
import { leb, nameBytes, type OffsetMap, signedLeb, Writer } from "./writer.ts";
import { OP } from "./opcodes.ts";

export interface InstrumentOptions {
  /** How a call is stopped: by the clock, after a count of instructions, or not at all. */
  readonly interrupt: "epoch" | "fuel" | "none";
  /** "host" makes the memory a shared import; "keep" leaves memories as they are. */
  readonly memory: "host" | "keep";
  /** Upper bound of the hoisted memory, in pages. Default: what the author declared, at most 65,536. */
  readonly memoryPagesMax?: number;
  /** Upper bound that every table of the module is given. Default: none. */
  readonly tableElementsMax?: number;
  /** Bytes of stack that an entry grants to functions that can recurse. Default: the engine's own. */
  readonly stackBytes?: number;
  /** Exports to make armed entries for. Default: none; the host sets the globals itself. */
  readonly entries?: readonly string[];
}

export interface MemoryType {
  readonly initial: number;
  readonly maximum: number;
  readonly shared: true;
}

/** What the host must supply under `annulus`, beside the author's own imports. */
export type AddedImport =
  | {
      readonly module: string;
      readonly name: "memory" | "epoch";
      readonly kind: "memory";
      readonly type: MemoryType;
    }
  | {
      readonly module: string;
      readonly name: "deadline" | "fuel" | "stack" | "interrupted";
      readonly kind: "global";
      readonly type: { readonly value: "i32" | "i64"; readonly mutable: true };
    };

/**
 * An armed entry: `(deadline: i32, ...params)` in epoch mode, `(fuel: i64, ...params)` in fuel mode,
 * the author's own parameters in mode "none". It grants the stack anew, then calls.
 */
export interface AddedExport {
  readonly name: string;
  readonly kind: "function";
  /** The author's export that it calls. */
  readonly entry: string;
}

export interface Instrumented {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly imports: readonly AddedImport[];
  readonly exports: readonly AddedExport[];
  readonly offsets: OffsetMap;
}

/** The module name under which everything added is imported. Modules that import from it are refused. */
export const HOST_MODULE = "annulus";
const ENTRY_PREFIX = "annulus:";
const PAGES_MAX = 65_536;

/** Rewrites a module. Throws MODULE_MALFORMED, MODULE_UNSUPPORTED or MODULE_REFUSED; never half-done. */
export function instrument(bytes: Uint8Array, options: InstrumentOptions): Instrumented {
  return instrumentModule(decode(bytes), options);
}

/** The same for a module that is decoded already. */
export function instrumentModule(module: Module, options: InstrumentOptions): Instrumented {
  return new Instrumenter(module, options).run();
}

interface Entry {
  readonly name: string;
  readonly index: number;
  readonly type: FunctionType;
}

class Instrumenter {
  readonly #module: Module;
  readonly #options: InstrumentOptions;
  readonly #writer: Writer;
  readonly #imports: AddedImport[] = [];
  readonly #entries: readonly Entry[];
  readonly #recursive: Uint8Array;
  readonly #chargesStack: boolean;
  readonly #hoists: boolean;
  readonly #plan: BodyPlan;
  /** Types to append, as bytes; their indices follow the author's. */
  readonly #addedTypes: number[][] = [];
  readonly #resultTypes = new Map<number, number>();

  constructor(module: Module, options: InstrumentOptions) {
    this.#module = module;
    this.#options = options;
    this.#writer = new Writer(module.bytes);
    this.#refuseOurNames();
    this.#hoists = options.memory === "host" && this.#hostMemory();
    this.#recursive =
      options.stackBytes === undefined
        ? new Uint8Array(module.bodies.length)
        : recursiveFunctions(module);
    this.#chargesStack = this.#recursive.includes(1);
    this.#plan = this.#bodyPlan();
    this.#entries = [...new Set(options.entries)].map((name) => this.#entry(name));
  }

  run(): Instrumented {
    const { sections, bytes } = this.#module;
    const writer = this.#writer;
    const frames = this.#frames();
    const needed = this.#neededSections();
    this.#checkCounts();
    writer.copy(0, 8);
    for (const section of sections) {
      if (section.id === SECTION.custom) {
        this.#customSection(section);
        continue;
      }
      this.#missing(needed, SECTION_ORDER.indexOf(section.id), section.at);
      needed.delete(section.id);
      this.#section(section, frames);
    }
    this.#missing(needed, SECTION_ORDER.length, bytes.length);
    return {
      bytes: writer.bytes(),
      imports: this.#imports,
      exports: this.#entries.map(({ name }) => ({
        name: ENTRY_PREFIX + name,
        kind: "function",
        entry: name,
      })),
      offsets: writer,
    };
  }

  /** A module that imports from `annulus`, or exports a name that we would, could pose as the host. */
  #refuseOurNames(): void {
    const taken = this.#module.imports.find(({ module }) => module === HOST_MODULE);
    const exported = this.#module.exports.find(({ name }) => name.startsWith(ENTRY_PREFIX));
    const at = taken?.at ?? exported?.at;
    if (at === undefined) return;
    throw new Failure("MODULE_REFUSED", {
      at: byteAt(at),
      found: taken
        ? `an import of ${HOST_MODULE}.${taken.name}`
        : `an export named ${exported!.name}`,
      expected: "names outside those that the sandbox reserves for itself",
      fix: `Rename it: "${HOST_MODULE}" and "${ENTRY_PREFIX}" belong to the host.`,
    });
  }

  /** True if there is a memory to hoist; refuses those that cannot be. */
  #hostMemory(): boolean {
    const [memory, second] = this.#module.memories;
    if (memory === undefined) return false;
    if (second !== undefined)
      throw unsupported(
        second.at,
        "multi-memory",
        "a second memory, where the host owns the memory",
      );
    if (memory.wide)
      throw unsupported(memory.at, "memory64", "a 64-bit memory, where the host owns the memory");
    const limit = this.#options.memoryPagesMax ?? PAGES_MAX;
    if (memory.min > limit) {
      throw new Failure("MODULE_REFUSED", {
        at: byteAt(memory.at),
        found: `a memory of at least ${memory.min} pages`,
        expected: `at most ${limit} pages of 64 KiB`,
        fix: "Build the module with a smaller initial memory, or grant it more.",
      });
    }
    return true;
  }

  #bodyPlan(): BodyPlan {
    const { importedGlobals, importedMemories, memories, tables, features } = this.#module;
    const { interrupt } = this.#options;
    if (interrupt === "fuel" && features.has("relaxed-simd")) {
      throw unsupported(
        features.get("relaxed-simd")!,
        "relaxed-simd",
        "an instruction whose result differs between machines, in fuel mode",
      );
    }
    if (this.#hoists) this.#importMemory();
    let globals = importedGlobals;
    const indices: AddedIndices = {
      epoch: importedMemories + (this.#hoists && importedMemories === 0 ? 1 : 0),
      deadline: interrupt === "epoch" ? globals++ : -1,
      fuel: interrupt === "fuel" ? globals++ : -1,
      stack: this.#chargesStack ? globals++ : -1,
      interrupted: interrupt !== "none" || this.#chargesStack ? globals++ : -1,
    };
    if (interrupt === "epoch") this.#importEpoch();
    if (interrupt === "fuel") this.#importGlobal("fuel", "i64");
    if (this.#chargesStack) this.#importGlobal("stack", "i32");
    if (indices.interrupted >= 0) this.#importGlobal("interrupted", "i32");
    return {
      interrupt,
      indices,
      check: interrupt === "epoch" ? epochCheck(indices) : [],
      shifts: {
        importedGlobals,
        globals: globals - importedGlobals,
        importedMemories,
        // The epoch's memory stands in front of memories that the module defines itself.
        memories:
          interrupt === "epoch" && !this.#hoists && memories.length > importedMemories ? 1 : 0,
      },
      fuel:
        interrupt === "fuel"
          ? {
              indices,
              charge: fuelCharge(indices),
              wideMemory: (index) => memories[index]!.wide,
              wideTable: (index) => tables[index]!.wide,
              hasSimd: features.has("simd"),
            }
          : undefined,
    };
  }

  #importMemory(): void {
    const { min, max } = this.#module.memories[0]!;
    const maximum = Math.min(max ?? PAGES_MAX, this.#options.memoryPagesMax ?? PAGES_MAX);
    const type = { initial: min, maximum, shared: true } as const;
    this.#imports.push({ module: HOST_MODULE, name: "memory", kind: "memory", type });
  }

  #importEpoch(): void {
    const type = { initial: 1, maximum: 1, shared: true } as const;
    this.#imports.push({ module: HOST_MODULE, name: "epoch", kind: "memory", type });
    this.#importGlobal("deadline", "i32");
  }

  #importGlobal(name: "deadline" | "fuel" | "stack" | "interrupted", value: "i32" | "i64"): void {
    this.#imports.push({
      module: HOST_MODULE,
      name,
      kind: "global",
      type: { value, mutable: true },
    });
  }

  #entry(name: string): Entry {
    const found = this.#module.exports.find(
      (each) => each.name === name && each.kind === "function",
    );
    const type = found === undefined ? undefined : typeOfFunction(this.#module, found.index);
    if (found !== undefined && type !== undefined) return { name, index: found.index, type };
    throw new Failure("MODULE_REFUSED", {
      found: `no exported function "${name}"`,
      expected: "an export for every entry",
      fix: "Export the function, or name the one that is exported.",
    });
  }

  /** How each body that can recurse is charged; also adds the types that their wrapping needs. */
  #frames(): readonly (FramePlan | undefined)[] {
    const { bodies, functions, importedFunctions } = this.#module;
    return bodies.map((body, i) => {
      // A function that catches sees frames that exceptions unwound, and must set the budget right.
      const charged = this.#recursive[i] === 1 || (this.#chargesStack && body.catches);
      if (!charged) return undefined;
      return {
        bytes: frameBytes(body),
        blockType: this.#blockType(functions[importedFunctions + i]!),
      };
    });
  }

  #blockType(type: number): readonly number[] {
    const shape = this.#module.types[type] as FunctionType;
    const [first, second] = shape.results;
    if (first === undefined) return [0x40];
    if (second === undefined) return [...this.#module.bytes.subarray(first.at, first.end)];
    let index = this.#resultTypes.get(type);
    if (index === undefined) {
      index = this.#addType([0x60, 0, ...this.#spell(shape.results)]);
      this.#resultTypes.set(type, index);
    }
    return signedLeb(index);
  }

  #addType(bytes: number[]): number {
    return this.#module.types.length + this.#addedTypes.push(bytes) - 1;
  }

  /** A vector of value types, in the author's own spelling. */
  #spell(types: FunctionType["params"]): number[] {
    const { bytes } = this.#module;
    return [...leb(types.length), ...types.flatMap(({ at, end }) => [...bytes.subarray(at, end)])];
  }

  /** Types of the armed entries; a function of the author's type if there is nothing to arm. */
  readonly #entryTypes: number[] = [];

  #neededSections(): Set<number> {
    for (const { type } of this.#entries) {
      const arming = this.#arming();
      const params = [
        ...leb(type.params.length + arming.length),
        ...arming,
        ...this.#spell(type.params).slice(leb(type.params.length).length),
      ];
      this.#entryTypes.push(this.#addType([0x60, ...params, ...this.#spell(type.results)]));
    }
    const needed = new Set<number>();
    if (this.#addedTypes.length > 0) needed.add(SECTION.type);
    if (this.#imports.length > 0) needed.add(SECTION.import);
    if (this.#entries.length > 0)
      for (const id of [SECTION.function, SECTION.export, SECTION.code]) needed.add(id);
    return needed;
  }

  /** Engines bound these counts, and what we add counts too. */
  #checkCounts(): void {
    const { types, functions, globals, exports } = this.#module;
    const entries = this.#entries.length;
    const { typesMax, functionsMax, globalsMax, exportsMax, parametersMax } = MODULE_LIMITS;
    bound("types", types.length + this.#addedTypes.length, typesMax);
    bound("functions", functions.length + entries, functionsMax);
    bound("globals", globals.length + this.#plan.shifts.globals, globalsMax);
    bound("exports", exports.length + entries, exportsMax);
    for (const { name, type } of this.#entries)
      bound(`parameters of "${name}"`, type.params.length + this.#arming().length, parametersMax);
  }

  /** The type of the parameter that arms an entry. */
  #arming(): number[] {
    if (this.#plan.interrupt === "none") return [];
    return [this.#plan.interrupt === "epoch" ? I32 : I64];
  }

  /** Writes needed sections that the module lacks and that stand before `order`. */
  #missing(needed: Set<number>, order: number, before: number): void {
    for (const id of SECTION_ORDER.slice(0, order)) {
      if (!needed.delete(id)) continue;
      this.#extended(id, before, before, 0, () => {});
    }
  }

  #section(section: Section, frames: readonly (FramePlan | undefined)[]): void {
    const module = this.#module;
    const { id, start, end, at } = section;
    switch (id) {
      case SECTION.type:
        return this.#counted(section, module.typeEntries, (from) => this.#copyEdited(from, end));
      case SECTION.import:
        return this.#counted(section, module.imports.length, () => this.#copyImports());
      case SECTION.function:
        return this.#counted(section, module.bodies.length, (from) => this.#copyEdited(from, end));
      case SECTION.export:
        return this.#counted(section, module.exports.length, (from) => this.#copyEdited(from, end));
      case SECTION.code:
        return this.#counted(section, module.bodies.length, () => this.#bodies(frames));
      case SECTION.memory:
        if (this.#hoists && module.importedMemories === 0) return; // It is imported now.
        return this.#writer.copy(at, end);
      case SECTION.table:
      case SECTION.global:
      case SECTION.element:
      case SECTION.data:
        return this.#reopened(section, () => this.#copyEdited(start, end));
      default:
        return this.#writer.copy(at, end);
    }
  }

  /** A section that begins with a count, with what we append to it. */
  #counted(section: Section, count: number, copy: (from: number) => void): void {
    const reader = new Instructions(this.#module.bytes, () => {});
    reader.at = section.start;
    reader.u32();
    this.#extended(section.id, section.at, section.end, count, () => copy(reader.at));
  }

  #extended(id: number, before: number, end: number, count: number, copy: () => void): void {
    const additions = this.#additions(id);
    const writer = this.#writer;
    writer.add([id], before);
    const opened = writer.open(before);
    writer.addU32(count + additions.length, before);
    copy();
    for (const bytes of additions) writer.add(bytes, end);
    writer.fill(opened);
  }

  #reopened(section: Section, copy: () => void): void {
    this.#writer.add([section.id], section.at);
    const opened = this.#writer.open(section.at);
    copy();
    this.#writer.fill(opened);
  }

  /** What is appended to a section, item by item. */
  #additions(id: number): readonly (readonly number[])[] {
    const functions = this.#module.functions.length;
    switch (id) {
      case SECTION.type:
        return this.#addedTypes;
      case SECTION.import:
        return this.#appendedImports().map((added) => spellImport(added));
      case SECTION.function:
        return this.#entryTypes.map((type) => leb(type));
      case SECTION.export:
        return this.#entries.map(({ name }, i) => [
          ...nameBytes(ENTRY_PREFIX + name),
          0,
          ...leb(functions + i),
        ]);
      case SECTION.code:
        return this.#entries.map((entry) => this.#entryBody(entry));
      default:
        return [];
    }
  }

  /** An imported memory is replaced where it stands; everything else is appended. */
  #appendedImports(): readonly AddedImport[] {
    const replaced = this.#hoists && this.#module.importedMemories > 0;
    return replaced ? this.#imports.filter(({ name }) => name !== "memory") : this.#imports;
  }

  #copyImports(): void {
    for (const { kind, at, end } of this.#module.imports) {
      if (kind === "memory" && this.#hoists) this.#writer.add(spellImport(this.#imports[0]!), at);
      else this.#writer.copy(at, end);
    }
  }

  #bodies(frames: readonly (FramePlan | undefined)[]): void {
    const code = new Instructions(this.#module.bytes, () => {});
    this.#module.bodies.forEach((body, i) =>
      rewriteBody(this.#writer, code, body, this.#plan, frames[i]),
    );
  }

  #entryBody({ index, type }: Entry): readonly number[] {
    const { indices, interrupt } = this.#plan;
    const armed = this.#arming().length;
    const body = [0]; // No locals.
    if (interrupt === "epoch") {
      body.push(OP.localGet, 0, OP.globalSet, ...leb(indices.deadline));
      body.push(...this.#plan.check); // A budget of 0 stops even a kernel without a loop.
    }
    if (interrupt === "fuel") body.push(OP.localGet, 0, OP.globalSet, ...leb(indices.fuel));
    if (this.#chargesStack) {
      body.push(
        OP.i32Const,
        ...signedLeb(this.#options.stackBytes!),
        OP.globalSet,
        ...leb(indices.stack),
      );
    }
    type.params.forEach((_, i) => body.push(OP.localGet, ...leb(armed + i)));
    body.push(OP.call, ...leb(index), OP.end);
    return [...leb(body.length), ...body];
  }

  /** Copies bytes outside bodies, writing indices that moved and clamping tables. */
  #copyEdited(from: number, to: number): void {
    let at = from;
    for (const edit of this.#edits()) {
      if (edit.at < from || edit.at >= to) continue;
      this.#writer.copy(at, edit.at);
      this.#writer.add(edit.bytes, edit.at);
      at = edit.end;
    }
    this.#writer.copy(at, to);
  }

  #editList: readonly Edit[] | undefined;

  #edits(): readonly Edit[] {
    if (this.#editList !== undefined) return this.#editList;
    const edits: Edit[] = [];
    const { shifts } = this.#plan;
    for (const { at, end, space, index } of this.#module.indexSites) {
      const global = space === "global";
      if (index < (global ? shifts.importedGlobals : shifts.importedMemories)) continue;
      const moved = leb(index + (global ? shifts.globals : shifts.memories));
      edits.push({ at, end, bytes: space === "data-flags" ? [2, ...moved] : moved });
    }
    this.#editList = [...edits, ...this.#tableEdits()].toSorted((a, b) => a.at - b.at);
    return this.#editList;
  }

  #tableEdits(): Edit[] {
    const limit = this.#options.tableElementsMax;
    if (limit === undefined) return [];
    return this.#module.tables.flatMap((table) => {
      if (table.imported || (table.max !== undefined && table.max <= limit)) return [];
      if (table.min > limit) {
        throw new Failure("MODULE_REFUSED", {
          at: byteAt(table.at),
          found: `a table of at least ${table.min} elements`,
          expected: `at most ${limit}`,
          fix: "Build the module with a smaller table, or grant it more.",
        });
      }
      const bytes = [table.wide ? 5 : 1, ...leb(table.min), ...leb(limit)];
      return [{ at: table.limitsAt, end: table.limitsEnd, bytes }];
    });
  }

  /** Custom sections are the author's, but for what names things by places that moved. */
  #customSection(section: Section): void {
    if (section.name.startsWith("metadata.code.")) return; // Hints at offsets in function bodies.
    const { shifts } = this.#plan;
    const moved = { globals: shifts.globals > 0, memories: shifts.memories > 0 };
    const kept = keptNames(this.#module, section, moved);
    if (kept === undefined) return this.#writer.copy(section.at, section.end);
    this.#writer.add([section.id], section.at);
    const opened = this.#writer.open(section.at);
    this.#writer.add(nameBytes(section.name), section.at);
    for (const { at, end } of kept) this.#writer.copy(at, end);
    this.#writer.fill(opened);
  }
}

function bound(what: string, count: number, max: number): void {
  if (count > max) throw tooLarge(0, `${count} ${what} with those of the sandbox`, max);
}

interface Edit {
  readonly at: number;
  readonly end: number;
  readonly bytes: readonly number[];
}

const FRAME_BYTES = 64; // Return address, instance, saved registers and spills of a small frame.

/** An estimate of a frame in bytes; what it misses, the engine's own stack check catches. */
function frameBytes(body: Body): number {
  return FRAME_BYTES + body.localBytes;
}

function spellImport(added: AddedImport): number[] {
  const names = [...nameBytes(added.module), ...nameBytes(added.name)];
  if (added.kind === "memory")
    return [...names, 2, 3, ...leb(added.type.initial), ...leb(added.type.maximum)];
  return [...names, 3, added.type.value === "i32" ? I32 : I64, 1];
}
