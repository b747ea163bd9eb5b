// Rewrite sections: writes the rewritten module, section by section, in the author's order.
//
// Sections that the additions belong to are extended, or made where the module has none; indices that
// moved and bounds of tables are written anew; all else is copied byte for byte.

import { Failure } from "../base/mod.ts";
import type { Additions } from "./additions.ts";
import type { AddedImport } from "./instrument-options.ts";
import { SECTION, SECTION_ORDER } from "./decode.ts";
import { Instructions } from "./instructions.ts";
import type { Module, Section, Table } from "./module.ts";
import { keptNames } from "./names.ts";
import { byteAt, Reader } from "./reader.ts";
import { rewriteBody } from "./rewrite-body.ts";
import { I32, I64 } from "./types.ts";
import { leb, nameBytes, Writer } from "./writer.ts";

/** Writes `module` with its additions; `tableElementsMax` bounds every table. */
export function rewriteSections(
  module: Module,
  additions: Additions,
  tableElementsMax: number | undefined,
): Writer {
  return new SectionRewriter(module, additions, tableElementsMax).run();
}

/** Bytes outside bodies to be written anew. */
interface Edit {
  readonly at: number;
  readonly end: number;
  readonly bytes: readonly number[];
}

class SectionRewriter {
  readonly #module: Module;
  readonly #additions: Additions;
  readonly #writer: Writer;
  /** All edits in the order of their places, which is the order of writing. */
  readonly #edits: Iterator<Edit, undefined>;
  #nextEdit: Edit | undefined;

  constructor(module: Module, additions: Additions, tableElementsMax: number | undefined) {
    this.#module = module;
    this.#additions = additions;
    this.#writer = new Writer(module.bytes);
    this.#edits = inOrder(indexEdits(module, additions), tableEdits(module, tableElementsMax));
    this.#nextEdit = this.#edits.next().value;
  }

  run(): Writer {
    const { sections, bytes } = this.#module;
    const needed = this.#neededSections();
    this.#writer.copy(0, 8);
    for (const section of sections) {
      if (section.id === SECTION.custom) {
        this.#customSection(section);
        continue;
      }
      this.#missing(needed, SECTION_ORDER.indexOf(section.id), section.at);
      needed.delete(section.id);
      this.#section(section);
    }
    this.#missing(needed, SECTION_ORDER.length, bytes.length);
    return this.#writer;
  }

  #neededSections(): Set<number> {
    const { types, imports, entries } = this.#additions;
    const needed = new Set<number>();
    if (types.length > 0) needed.add(SECTION.type);
    if (imports.length > 0) needed.add(SECTION.import);
    if (entries.length > 0)
      for (const id of [SECTION.function, SECTION.export, SECTION.code]) needed.add(id);
    return needed;
  }

  /** Writes needed sections that the module lacks and that stand before `order`. */
  #missing(needed: Set<number>, order: number, before: number): void {
    for (const id of SECTION_ORDER.slice(0, order)) {
      if (needed.delete(id)) this.#extended(id, before, before, 0, () => {});
    }
  }

  #section(section: Section): void {
    const module = this.#module;
    const { id, start, end, at } = section;
    const copy = (from: number): void => this.#copyEdited(from, end);
    switch (id) {
      case SECTION.type:
        return this.#counted(section, module.typeEntries, copy);
      case SECTION.import:
        return this.#counted(section, module.imports.length, () => this.#copyImports());
      case SECTION.function:
        return this.#counted(section, module.bodies.length, copy);
      case SECTION.export:
        return this.#counted(section, module.exports.length, copy);
      case SECTION.code:
        return this.#counted(section, module.bodies.length, () => this.#bodies());
      case SECTION.memory:
        if (this.#additions.hoists && module.importedMemories === 0) return; // It is imported now.
        return this.#writer.copy(at, end);
      case SECTION.table:
      case SECTION.global:
      case SECTION.element:
      case SECTION.data:
        return this.#resized(section, () => copy(start));
      default:
        return this.#writer.copy(at, end);
    }
  }

  /** A section that begins with a count, with what we append to it. */
  #counted(section: Section, count: number, copy: (from: number) => void): void {
    const reader = new Reader(this.#module.bytes, section.start);
    reader.u32();
    this.#extended(section.id, section.at, section.end, count, () => copy(reader.at));
  }

  #extended(id: number, before: number, end: number, count: number, copy: () => void): void {
    const items = this.#appended(id);
    const writer = this.#writer;
    writer.add([id], before);
    const opened = writer.open(before);
    writer.addU32(count + items.length, before);
    copy();
    for (const item of items) writer.add(item, end);
    writer.fill(opened);
  }

  /** A section whose contents change in size. */
  #resized(section: Section, write: () => void): void {
    this.#writer.add([section.id], section.at);
    const opened = this.#writer.open(section.at);
    write();
    this.#writer.fill(opened);
  }

  /** What is appended to a section, item by item. */
  #appended(id: number): readonly (readonly number[])[] {
    const { types, entries } = this.#additions;
    const functions = this.#module.functions.length;
    switch (id) {
      case SECTION.type:
        return types;
      case SECTION.import:
        return this.#appendedImports().map((added) => spellImport(added));
      case SECTION.function:
        return entries.map(({ type }) => leb(type));
      case SECTION.export:
        return entries.map(({ name }, i) => [...nameBytes(name), 0, ...leb(functions + i)]);
      case SECTION.code:
        return entries.map(({ body }) => body);
      default:
        return [];
    }
  }

  /** An imported memory is replaced where it stands; everything else is appended. */
  #appendedImports(): readonly AddedImport[] {
    const { imports, hoists } = this.#additions;
    return hoists && this.#module.importedMemories > 0 ? imports.slice(1) : imports;
  }

  #copyImports(): void {
    const { imports, hoists } = this.#additions;
    for (const { kind, at, end } of this.#module.imports) {
      if (kind === "memory" && hoists) this.#writer.add(spellImport(imports[0]!), at);
      else this.#writer.copy(at, end);
    }
  }

  #bodies(): void {
    const { bodies, frames } = this.#additions;
    const code = new Instructions(this.#module.bytes, () => {});
    this.#module.bodies.forEach((body, i) =>
      rewriteBody(this.#writer, code, body, bodies, frames[i]),
    );
  }

  /** Copies bytes outside bodies, with the edits that fall among them. */
  #copyEdited(from: number, to: number): void {
    let at = from;
    for (let edit = this.#nextEdit; edit !== undefined && edit.at < to; edit = this.#nextEdit) {
      this.#writer.copy(at, edit.at);
      this.#writer.add(edit.bytes, edit.at);
      at = edit.end;
      this.#nextEdit = this.#edits.next().value;
    }
    this.#writer.copy(at, to);
  }

  /** Custom sections are the author's, but for what names things by places that moved. */
  #customSection(section: Section): void {
    if (section.name.startsWith("metadata.code.")) return; // Hints at offsets in function bodies.
    const { shifts } = this.#additions.bodies;
    const moved = { globals: shifts.globals > 0, memories: shifts.memories > 0 };
    const kept = keptNames(this.#module, section, moved);
    if (kept === undefined) return this.#writer.copy(section.at, section.end);
    this.#resized(section, () => {
      this.#writer.add(nameBytes(section.name), section.at);
      for (const { at, end } of kept) this.#writer.copy(at, end);
    });
  }
}

/** Indices that moved. */
function* indexEdits(module: Module, { bodies }: Additions): Generator<Edit> {
  const { importedGlobals, globals, importedMemories, memories } = bodies.shifts;
  if (globals === 0 && memories === 0) return;
  for (const { at, end, space, index } of module.indexSites) {
    const isGlobal = space === "global";
    if (index < (isGlobal ? importedGlobals : importedMemories)) continue;
    const moved = leb(index + (isGlobal ? globals : memories));
    yield { at, end, bytes: space === "data-flags" ? [2, ...moved] : moved };
  }
}

/** Limits of tables that may grow beyond the bound. */
function* tableEdits({ tables }: Module, max: number | undefined): Generator<Edit> {
  if (max === undefined) return;
  for (const table of tables) {
    if (table.imported || (table.max !== undefined && table.max <= max)) continue;
    if (table.min > max) throw tableTooLarge(table, max);
    const bytes = [table.wide ? 5 : 1, ...leb(table.min), ...leb(max)];
    yield { at: table.limitsAt, end: table.limitsEnd, bytes };
  }
}

function tableTooLarge({ at, min }: Table, max: number): Failure {
  return new Failure("MODULE_REFUSED", {
    at: byteAt(at),
    found: `a table of at least ${min} elements`,
    expected: `at most ${max}`,
    fix: "Build the module with a smaller table, or grant it more.",
  });
}

/** Merges two runs of edits, each in the order of its places. */
function* inOrder(some: Generator<Edit>, others: Generator<Edit>): Generator<Edit, undefined> {
  let a = some.next();
  let b = others.next();
  while (a.done !== true || b.done !== true) {
    if (b.done === true || (a.done !== true && a.value.at < b.value.at)) {
      yield a.value as Edit;
      a = some.next();
    } else {
      yield b.value;
      b = others.next();
    }
  }
}

function spellImport(added: AddedImport): readonly number[] {
  const names = [...nameBytes(added.module), ...nameBytes(added.name)];
  if (added.kind === "memory")
    return [...names, 2, 3, ...leb(added.type.initial), ...leb(added.type.maximum)];
  return [...names, 3, added.type.value === "i32" ? I32 : I64, 1];
}
