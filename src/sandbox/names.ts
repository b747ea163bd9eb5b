// Names: the `name` custom section, read for errors and kept true while indices move.
//
// The section is the author's and proves nothing: names are for people, and a malformed section is
// read as far as it goes and then ignored, as engines do.

import { Failure } from "../base/mod.ts";
import type { Module, Section } from "./module.ts";
import { Reader } from "./reader.ts";

const NAME_BYTES_MAX = 1000;
const FUNCTION_NAMES = 1;
const MEMORY_NAMES = 6;
const GLOBAL_NAMES = 7;

/** Names of functions by index, from the name section and, where that is silent, from exports. */
export function functionNames(module: Module): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const { kind, index, name } of module.exports) {
    if (kind === "function" && !names.has(index)) names.set(index, name);
  }
  for (const section of module.sections) {
    if (!isNames(section)) continue;
    for (const { id, start, end } of subsections(module, section)) {
      if (id === FUNCTION_NAMES)
        readNameMap(new Reader(module.bytes, start, end), names, module.functions.length);
    }
  }
  return names;
}

/** A range of the module's bytes. */
export interface Range {
  readonly at: number;
  readonly end: number;
}

/**
 * What to keep of a name section in which spaces moved: its parts but those that name globals or
 * memories. Undefined where nothing is to be dropped, or the section is no name section.
 */
export function keptNames(
  module: Module,
  section: Section,
  moved: { readonly globals: boolean; readonly memories: boolean },
): readonly Range[] | undefined {
  if (!isNames(section)) return undefined;
  const kept: { at: number; end: number }[] = [];
  let dropped = false;
  for (const { id, at, end } of subsections(module, section)) {
    if ((moved.globals && id === GLOBAL_NAMES) || (moved.memories && id === MEMORY_NAMES)) {
      dropped = true;
    } else if (kept.at(-1)?.end === at) kept.at(-1)!.end = end;
    else kept.push({ at, end });
  }
  return dropped ? kept : undefined;
}

function isNames({ id, name }: Section): boolean {
  return id === 0 && name === "name";
}

interface Subsection {
  readonly id: number;
  readonly at: number;
  readonly start: number;
  readonly end: number;
}

/** The parts of a name section, up to the first that is malformed. */
function* subsections(module: Module, section: Section): Generator<Subsection> {
  const reader = new Reader(module.bytes, section.start, section.end);
  while (reader.at < section.end) {
    const at = reader.at;
    const part = untilFault(() => {
      const id = reader.u8();
      const bytes = reader.u32();
      const start = reader.skip(bytes);
      return { id, at, start, end: reader.at };
    });
    if (part === undefined) return;
    yield part;
  }
}

/** Names that come before a fault stand; names of functions that the module lacks are lies. */
function readNameMap(reader: Reader, names: Map<number, string>, functions: number): void {
  const count = untilFault(() => reader.count("names", functions)) ?? 0;
  for (let i = 0; i < count; i++) {
    const entry = untilFault(() => [reader.u32(), reader.name(NAME_BYTES_MAX)] as const);
    if (entry === undefined) return;
    if (entry[0] < functions) names.set(...entry);
  }
}

/** What `read` returns, or undefined where it meets the fault that ends a section. */
function untilFault<Read>(read: () => Read): Read | undefined {
  try {
    return read();
  } catch (fault) {
    if (fault instanceof Failure) return undefined; // A name section is read as far as it goes.
    throw fault;
  }
}
