// Names: the `name` custom section, read for errors and kept true while indices move.
//
// The section is the author's and proves nothing: names are for people, and a malformed section is
// read as far as it goes and then ignored, as engines do.

import type { Module, Section } from "./module.ts";
import { Reader } from "./reader.ts";
import { leb, nameBytes } from "./writer.ts";

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
    if (section.name !== "name") continue;
    for (const { id, start, end } of subsections(module, section)) {
      if (id === FUNCTION_NAMES) readNameMap(new Reader(module.bytes, start, end), names);
    }
  }
  return names;
}

/** The section without the names of spaces that moved; undefined where nothing is to be changed. */
export function renumberNames(
  module: Module,
  section: Section,
  globalsMoved: boolean,
  memoriesMoved: boolean,
): number[] | undefined {
  const moved = (id: number): boolean =>
    (globalsMoved && id === GLOBAL_NAMES) || (memoriesMoved && id === MEMORY_NAMES);
  const parts = subsections(module, section);
  if (!parts.some(({ id }) => moved(id))) return undefined;
  const kept = parts.filter(({ id }) => !moved(id));
  const payload = kept.flatMap(({ at, end }) => [...module.bytes.subarray(at, end)]);
  const content = [...nameBytes("name"), ...payload];
  return [0, ...leb(content.length), ...content];
}

interface Subsection {
  readonly id: number;
  readonly at: number;
  readonly start: number;
  readonly end: number;
}

function subsections(module: Module, section: Section): Subsection[] {
  const reader = new Reader(module.bytes, section.start, section.end);
  const found: Subsection[] = [];
  try {
    while (reader.at < section.end) {
      const at = reader.at;
      const id = reader.u8();
      const bytes = reader.u32();
      const start = reader.skip(bytes);
      found.push({ id, at, start, end: reader.at });
    }
  } catch {
    // What was read so far is all that a malformed section has to say.
    return found;
  }
  return found;
}

function readNameMap(reader: Reader, names: Map<number, string>): void {
  try {
    const count = reader.count("names", 1_000_000);
    for (let i = 0; i < count; i++) {
      const index = reader.u32();
      names.set(index, reader.name(NAME_BYTES_MAX));
    }
  } catch {
    // As above: the names before the fault stand.
    return;
  }
}
