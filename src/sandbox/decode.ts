// Decode: the whole binary format, section by section, into a Module. Nothing is executed or compiled.
//
// What the engines accept is either decoded here or refused with the feature and offset; nothing is
// guessed or skipped. Heap types' and fields' indices and operand types are the engine's business:
// a module that passes here may still be invalid, and stays so when it is rewritten.

import { type Feature, MODULE_LIMITS } from "../base/mod.ts";
import { type BodyFacts, readBody, type Spaces } from "./body.ts";
import { readConstant } from "./constants.ts";
import { IndexSites } from "./index-sites.ts";
import { Instructions } from "./instructions.ts";
import {
  type Body,
  type DataSegment,
  type Export,
  EXTERNAL_KINDS,
  type ExternalKind,
  type Global,
  type Import,
  type Memory,
  type Module,
  type Section,
  type Table,
} from "./module.ts";
import { malformed, tooLarge, unsupported } from "./reader.ts";
import {
  type CompositeType,
  I32,
  type Limits,
  readLimits,
  readMutability,
  readRecursiveType,
  readReferenceType,
  readValueType,
  type UseFeature,
  V128,
} from "./types.ts";

export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const;

/** Known sections in the order that the format demands. */
export const SECTION_ORDER: readonly number[] = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11];

/** Proposals behind kinds of imports and exports that are not read. */
const UNKNOWN_KINDS: Readonly<Record<number, string>> = {
  0x20: "custom descriptors",
  0x7e: "compact imports",
  0x7f: "compact imports",
};

/**
 * Decodes a module completely. Throws MODULE_MALFORMED, MODULE_UNSUPPORTED, or MODULE_REFUSED for
 * what is beyond MODULE_LIMITS. Bytes in shared memory are copied first: another thread could change
 * them between our look and the engine's.
 */
export function decode(bytes: Uint8Array): Module {
  const isShared =
    typeof SharedArrayBuffer !== "undefined" && bytes.buffer instanceof SharedArrayBuffer;
  return new Decoder(isShared ? Uint8Array.from(bytes) : bytes).module();
}

class Decoder {
  readonly #code: Instructions;
  readonly #features = new Map<Feature, number>();
  readonly #use: UseFeature = (feature, offset) => {
    if (!this.#features.has(feature)) this.#features.set(feature, offset);
  };
  readonly #sections: Section[] = [];
  readonly #types: CompositeType[] = [];
  #typeEntries = 0;
  readonly #imports: Import[] = [];
  readonly #functions: number[] = [];
  #importedFunctions = 0;
  readonly #tables: Table[] = [];
  readonly #memories: Memory[] = [];
  #importedMemories = 0;
  readonly #globals: Global[] = [];
  #importedGlobals = 0;
  #tags = 0;
  readonly #exports: Export[] = [];
  #start: number | undefined;
  #elementSegments = 0;
  #dataCount: number | undefined;
  readonly #data: DataSegment[] = [];
  readonly #bodies: Body[] = [];
  readonly #facts: BodyFacts = { addressTaken: new Set(), waitAt: undefined };
  readonly #indexSites = new IndexSites();
  readonly #notes = {
    use: this.#use,
    indexSites: this.#indexSites,
    addressTaken: this.#facts.addressTaken,
  };

  constructor(bytes: Uint8Array) {
    this.#code = new Instructions(bytes, this.#use);
  }

  module(): Module {
    const code = this.#code;
    const size = code.bytes.length;
    if (size > MODULE_LIMITS.moduleBytesMax) {
      throw tooLarge(0, `a module of ${size} bytes`, MODULE_LIMITS.moduleBytesMax);
    }
    this.#header();
    code.types = 0; // Until the type section is read.
    let previous = -1;
    while (code.at < size) previous = this.#section(previous);
    this.#checkWhole();
    return {
      bytes: code.bytes,
      sections: this.#sections,
      types: this.#types,
      typeEntries: this.#typeEntries,
      imports: this.#imports,
      functions: this.#functions,
      importedFunctions: this.#importedFunctions,
      tables: this.#tables,
      memories: this.#memories,
      importedMemories: this.#importedMemories,
      globals: this.#globals,
      importedGlobals: this.#importedGlobals,
      tags: this.#tags,
      exports: this.#exports,
      start: this.#start,
      elementSegments: this.#elementSegments,
      data: this.#data,
      bodies: this.#bodies,
      addressTaken: this.#facts.addressTaken,
      features: this.#features,
      waitAt: this.#facts.waitAt,
      indexSites: this.#indexSites,
    };
  }

  #header(): void {
    const code = this.#code;
    const magic = code.skip(8);
    const view = new DataView(code.bytes.buffer, code.bytes.byteOffset + magic, 8);
    if (view.getUint32(0, true) !== 0x6d736100) throw malformed(0, "other magic bytes", '"\\0asm"');
    const version = view.getUint32(4, true);
    if ((version & 0xffff) === 0x0d)
      throw unsupported(4, "the component model", `version 0x${version.toString(16)}`);
    if (version !== 1) throw malformed(4, `version ${version}`, "version 1");
  }

  /** Reads one section; returns its place in the order, or the previous one after a custom section. */
  #section(previous: number): number {
    const code = this.#code;
    const at = code.at;
    const id = code.u8();
    const bytes = code.u32();
    const start = code.skip(bytes);
    const end = code.at;
    const order = SECTION_ORDER.indexOf(id);
    if (id === 14) throw unsupported(at, "string references", "section 14");
    if (id !== SECTION.custom && order < 0)
      throw unsupported(at, "an unknown section", `section ${id}`);
    if (this.#sections.length === MODULE_LIMITS.sectionsMax)
      throw tooLarge(at, `${MODULE_LIMITS.sectionsMax + 1} sections`, MODULE_LIMITS.sectionsMax);
    if (id !== SECTION.custom && order <= previous)
      throw malformed(at, `section ${id} out of order`, "each known section once, in order");
    code.at = start;
    code.end = end;
    const name = id === SECTION.custom ? code.name(MODULE_LIMITS.nameBytesMax) : "";
    this.#sections.push({ id, name, at, start: code.at, end });
    if (id === SECTION.custom) code.at = end;
    else this.#contents(id);
    if (code.at !== end)
      throw malformed(code.at, `${end - code.at} bytes behind section ${id}`, "none");
    code.end = code.bytes.length;
    return id === SECTION.custom ? previous : order;
  }

  #contents(id: number): void {
    const code = this.#code;
    switch (id) {
      case SECTION.type:
        return this.#typeSection();
      case SECTION.import:
        return this.#each("imports", MODULE_LIMITS.importsMax, () => this.#import());
      case SECTION.function:
        return this.#each("functions", MODULE_LIMITS.functionsMax, () =>
          this.#functions.push(this.#typeIndex()),
        );
      case SECTION.table:
        return this.#each("tables", MODULE_LIMITS.importsMax, () => this.#table());
      case SECTION.memory:
        return this.#each("memories", MODULE_LIMITS.importsMax, () => this.#memory(false));
      case SECTION.tag:
        return this.#each("tags", MODULE_LIMITS.globalsMax, () => this.#tag());
      case SECTION.global:
        return this.#each("globals", MODULE_LIMITS.globalsMax, () => this.#global());
      case SECTION.export:
        return this.#each("exports", MODULE_LIMITS.exportsMax, () => this.#export());
      case SECTION.start:
        this.#start = this.#index("function", this.#functions.length);
        return;
      case SECTION.element:
        return this.#each("element segments", MODULE_LIMITS.elementSegmentsMax, () =>
          this.#element(),
        );
      case SECTION.dataCount:
        this.#use("bulk-memory", code.at);
        this.#dataCount = code.u32();
        return;
      case SECTION.code:
        return this.#bodiesSection();
      case SECTION.data:
        return this.#each("data segments", MODULE_LIMITS.dataSegmentsMax, () =>
          this.#dataSegment(),
        );
      default:
        throw malformed(code.at, `section ${id}`, "a section that has a reader");
    }
  }

  #typeSection(): void {
    const code = this.#code;
    code.types = Infinity; // Groups of types may name types that follow.
    this.#typeEntries = code.count("types", MODULE_LIMITS.typesMax);
    for (let i = 0; i < this.#typeEntries; i++) readRecursiveType(code, this.#types, this.#use);
    code.types = this.#types.length;
  }

  #each(what: string, max: number, read: () => void): void {
    const count = this.#code.count(what, max);
    for (let i = 0; i < count; i++) read();
  }

  /** Reads an index and refuses one that the author's module does not have. */
  #index(what: string, count: number): number {
    const at = this.#code.at;
    const index = this.#code.u32();
    if (index >= count) throw malformed(at, `${what} ${index}`, `one of ${count}`);
    return index;
  }

  #typeIndex(): number {
    const at = this.#code.at;
    const index = this.#index("type", this.#types.length);
    if (this.#types[index]!.kind !== "function")
      throw malformed(at, `type ${index}, which is no function`, "a function type");
    return index;
  }

  #import(): void {
    const code = this.#code;
    const at = code.at;
    const module = code.name(MODULE_LIMITS.nameBytesMax);
    const name = code.name(MODULE_LIMITS.nameBytesMax);
    const kind = this.#externalKind();
    switch (kind) {
      case "function":
        this.#functions.push(this.#typeIndex());
        this.#importedFunctions++;
        break;
      case "table":
        this.#tableType(true);
        break;
      case "memory":
        this.#memory(true);
        this.#importedMemories++;
        break;
      case "global":
        this.#globals.push({ ...this.#globalType(), imported: true, i32: undefined });
        this.#importedGlobals++;
        break;
      default:
        this.#tag();
    }
    this.#imports.push({ module, name, kind, at, end: code.at });
  }

  #externalKind(): ExternalKind {
    const at = this.#code.at;
    const code = this.#code.u8();
    const kind = EXTERNAL_KINDS[code];
    if (kind !== undefined) return kind;
    const feature = UNKNOWN_KINDS[code] ?? "an unknown import or export kind";
    throw unsupported(at, feature, `kind 0x${code.toString(16)}`);
  }

  #table(): void {
    const code = this.#code;
    if (code.bytes[code.at] !== 0x40) return this.#tableType(false);
    const at = code.skip(1);
    this.#use("function-references", at);
    const reserved = code.u8();
    if (reserved !== 0) throw malformed(at + 1, `0x${reserved.toString(16)}`, "a reserved 0");
    this.#tableType(false);
    this.#constant();
  }

  #tableType(imported: boolean): void {
    const code = this.#code;
    const at = code.at;
    readReferenceType(code, (feature, offset) => {
      // A table of functions is as old as WebAssembly; every other one came with references.
      if (feature !== "reference-types" || code.bytes[offset] !== 0x70) this.#use(feature, offset);
    });
    const limitsAt = code.at;
    const limits = readLimits(code, "table", this.#use);
    this.#tables.push({ ...limits, imported, at, limitsAt, limitsEnd: code.at });
    if (this.#tables.length > 1) this.#use("reference-types", at);
  }

  #memory(imported: boolean): void {
    const at = this.#code.at;
    const limits: Limits = readLimits(this.#code, "memory", this.#use);
    const pagesMax = limits.wide ? 2 ** 48 : 2 ** 16;
    const most = limits.max ?? limits.min;
    if (most > pagesMax) throw malformed(at, `a memory of ${most} pages`, `at most ${pagesMax}`);
    this.#memories.push({ ...limits, imported, at });
    if (this.#memories.length > 1) this.#use("multi-memory", at);
  }

  #tag(): void {
    const code = this.#code;
    this.#use("exceptions", code.at);
    const attribute = code.u32();
    if (attribute !== 0) throw malformed(code.at - 1, `tag attribute ${attribute}`, "0");
    this.#typeIndex();
    this.#tags++;
  }

  #globalType(): { type: Global["type"]; mutable: boolean } {
    const type = readValueType(this.#code, this.#use);
    return { type, mutable: readMutability(this.#code) };
  }

  #global(): void {
    const shape = this.#globalType();
    const i32 = this.#constant();
    this.#globals.push({
      ...shape,
      imported: false,
      i32: shape.type.code === I32 ? i32 : undefined,
    });
  }

  /** Reads a constant expression; the value of one that is a single i32.const. */
  #constant(): number | undefined {
    const nameable = {
      globals: this.#globals.length,
      importedGlobals: this.#importedGlobals,
      functions: this.#functions.length,
      types: this.#types.length,
    };
    return readConstant(this.#code, nameable, this.#notes);
  }

  #export(): void {
    const code = this.#code;
    const at = code.at;
    const name = code.name(MODULE_LIMITS.nameBytesMax);
    const kind = this.#externalKind();
    const indexAt = code.at;
    const index = this.#index(kind, this.#countOf(kind));
    if (kind === "global" || kind === "memory") this.#indexSites.add(kind, indexAt, code.at, index);
    if (kind === "global" && this.#globals[index]!.mutable) this.#use("mutable-globals", at);
    if (kind === "function") this.#facts.addressTaken.add(index);
    this.#exports.push({ name, kind, index, at });
  }

  #countOf(kind: ExternalKind): number {
    switch (kind) {
      case "function":
        return this.#functions.length;
      case "table":
        return this.#tables.length;
      case "memory":
        return this.#memories.length;
      case "global":
        return this.#globals.length;
      case "tag":
        return this.#tags;
      default:
        return kind satisfies never;
    }
  }

  /** Element segments: bit 0 passive or declared, bit 1 an explicit table, bit 2 expressions. */
  #element(): void {
    const code = this.#code;
    const at = code.at;
    const flags = code.u32();
    if (flags > 7) throw malformed(at, `element flags ${flags}`, "0 to 7");
    if (flags !== 0) this.#use(flags === 1 || flags === 2 ? "bulk-memory" : "reference-types", at);
    const active = (flags & 1) === 0;
    if (active) {
      if (flags & 2) this.#index("table", this.#tables.length);
      else if (this.#tables.length === 0)
        throw malformed(at, "an element segment", "a table to put it in");
      this.#constant();
    }
    const expressions = (flags & 4) !== 0;
    if (flags & 3) {
      if (expressions) this.#elementType();
      else if (code.u8() !== 0)
        throw malformed(code.at - 1, "an element kind other than 0", "0, functions");
    }
    this.#each("elements", MODULE_LIMITS.functionsMax * 10, () => {
      if (expressions) this.#constant();
      else this.#facts.addressTaken.add(this.#index("function", this.#functions.length));
    });
    this.#elementSegments++;
  }

  /** V8 takes segments of numbers too, against the format; no table could ever hold them. */
  #elementType(): void {
    const at = this.#code.at;
    const type = readValueType(this.#code, this.#use);
    if (type.code >= V128 && type.code <= I32)
      throw unsupported(at, "an element segment of numbers", `type 0x${type.code.toString(16)}`);
  }

  #bodiesSection(): void {
    const code = this.#code;
    const at = code.at;
    const count = code.count("function bodies", MODULE_LIMITS.functionsMax);
    const declared = this.#functions.length - this.#importedFunctions;
    if (count !== declared)
      throw malformed(at, `${count} function bodies`, `${declared}, as declared`);
    const spaces: Spaces = {
      types: this.#types.length,
      functions: this.#functions.length,
      tables: this.#tables.length,
      memories: this.#memories.length,
      globals: this.#globals.length,
      tags: this.#tags,
      elements: this.#elementSegments,
      data: this.#dataCount ?? 0, // The format demands the count where code names a segment.
    };
    for (let i = 0; i < count; i++) {
      const type = this.#types[this.#functions[this.#importedFunctions + i]!];
      const shape = type?.kind === "function" ? type : undefined;
      this.#bodies.push(readBody(code, shape, spaces, this.#facts, this.#use));
    }
  }

  #dataSegment(): void {
    const code = this.#code;
    const at = code.at;
    const flags = code.u32();
    if (flags > 2) throw malformed(at, `data flags ${flags}`, "0 to 2");
    if (flags !== 0) this.#use("bulk-memory", at);
    let memory: number | undefined;
    if (flags !== 1) {
      const indexAt = code.at;
      if (flags === 2) memory = this.#index("memory", this.#memories.length);
      else if (this.#memories.length === 0)
        throw malformed(at, "a data segment", "a memory to put it in");
      else memory = 0;
      this.#indexSites.add("data-flags", at, code.at, memory);
      if (memory !== 0) this.#use("multi-memory", indexAt);
      this.#constant();
    }
    const bytes = code.u32();
    code.skip(bytes);
    this.#data.push({ at, bytes, memory });
  }

  /** Checks between sections that no single one can make. */
  #checkWhole(): void {
    const end = this.#code.bytes.length;
    const declared = this.#functions.length - this.#importedFunctions;
    if (this.#bodies.length !== declared)
      throw malformed(end, `${this.#bodies.length} function bodies`, `${declared}, as declared`);
    if (this.#dataCount !== undefined && this.#dataCount !== this.#data.length) {
      throw malformed(end, `${this.#data.length} data segments`, `${this.#dataCount}, as counted`);
    }
  }
}
