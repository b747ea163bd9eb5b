// Mutate: damages bytes. Some edits know nothing of what they damage; those for WebAssembly know
// sections, bodies and numbers, and mend the lengths around what they changed, so that the damage is
// met deep inside a reader and not at its door.

import { leb } from "../../src/sandbox/writer.ts";
import type { Chance } from "./random.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const BYTES = [0x00, 0x01, 0x02, 0x0b, 0x20, 0x3f, 0x40, 0x60, 0x63, 0x7e, 0x7f, 0x80, 0xff];
const WORDS = [
  "{",
  "}",
  "[",
  "]",
  '"',
  ":",
  ",",
  "-",
  "9e99",
  "null",
  "__proto__",
  "\\u0000",
  "\0",
];

/** Makes one to `editsMax` edits. `others` are inputs to take pieces from. */
export function mutate(
  bytes: Bytes,
  others: readonly Bytes[],
  chance: Chance,
  editsMax = 4,
): Bytes {
  let mutant = bytes;
  for (let edits = editCount(chance, editsMax); edits > 0; edits--) {
    mutant = edit(mutant, others, chance);
  }
  return mutant;
}

/** One edit half the time: what is damaged least gets furthest. */
function editCount(chance: Chance, max: number): number {
  return chance.once(2) ? 1 : 1 + chance.below(max);
}

function edit(bytes: Bytes, others: readonly Bytes[], chance: Chance): Bytes {
  const at = chance.below(bytes.length + 1);
  const run = bytes.subarray(at, at + 1 + chance.below(chance.once(4) ? 64 : 8));
  switch (chance.below(9)) {
    case 0:
      return withByte(bytes, at, (byte) => byte ^ (1 << chance.below(8)));
    case 1:
      return withByte(bytes, at, () => chance.pick(BYTES));
    case 2:
      return withByte(bytes, at, (byte) => byte + chance.pick([1, -1, 2, 16]));
    case 3:
      return joined(bytes.subarray(0, at), bytes.subarray(at + run.length));
    case 4:
      return joined(bytes.subarray(0, at), run, bytes.subarray(at));
    case 5:
      return joined(bytes.subarray(0, at), Uint8Array.of(chance.below(256)), bytes.subarray(at));
    case 6: {
      const other = chance.pick(others);
      const from = chance.below(other.length);
      const piece = other.subarray(from, from + 1 + chance.below(32));
      return joined(bytes.subarray(0, at), piece, bytes.subarray(at));
    }
    case 7:
      return withNumber(bytes, at, chance);
    default: {
      const word = new TextEncoder().encode(chance.pick(WORDS));
      return joined(bytes.subarray(0, at), word, bytes.subarray(at + chance.below(3)));
    }
  }
}

function withByte(bytes: Bytes, at: number, change: (byte: number) => number): Bytes {
  const changed = bytes.slice();
  if (at < changed.length) changed[at] = change(changed[at]!);
  return changed;
}

/** Writes another number where one may stand: near what it was, at a bound, or in too many bytes. */
function withNumber(bytes: Bytes, at: number, chance: Chance): Bytes {
  let end = at;
  while (end < bytes.length - 1 && bytes[end]! >= 0x80 && end < at + 4) end++;
  const near = Math.max(0, (bytes[at] ?? 0) + chance.below(5) - 2);
  const number = chance.pick([near, near, 0, 63, 64, 127, 128, 2 ** 16, 2 ** 31, 2 ** 32 - 1]);
  const spelled = leb(number);
  if (chance.once(4)) {
    spelled[spelled.length - 1]! |= 0x80;
    for (let i = chance.below(4); i > 0; i--) spelled.push(0x80);
    spelled.push(0);
  }
  return joined(bytes.subarray(0, at), Uint8Array.from(spelled), bytes.subarray(end + 1));
}

/** As `mutate`, for WebAssembly: half the time within its structure. */
export function mutateModule(bytes: Bytes, others: readonly Bytes[], chance: Chance): Bytes {
  if (chance.once(3)) return mutate(bytes, others, chance);
  const sections = sectionsOf(bytes);
  if (sections.length === 0) return mutate(bytes, others, chance);
  for (let edits = editCount(chance, 3); edits > 0; edits--) {
    editSections(sections, others, chance);
  }
  return joined(bytes.subarray(0, 8), ...sections.map(spellSection));
}

interface Section {
  readonly id: number;
  readonly payload: Bytes;
}

function editSections(sections: Section[], others: readonly Bytes[], chance: Chance): void {
  const at = chance.below(sections.length);
  const { id, payload } = sections[at] ?? { id: 0, payload: new Uint8Array() };
  switch (chance.below(chance.once(3) ? 6 : 2)) {
    case 0:
      sections[at] = { id, payload: edit(payload, others, chance) };
      return;
    case 1: {
      const changed = id === 10 ? withBody(payload, others, chance) : undefined;
      sections[at] = { id, payload: changed ?? edit(payload, others, chance) };
      return;
    }
    case 2:
      sections.splice(at, 1);
      return;
    case 3:
      sections.splice(chance.below(sections.length + 1), 0, { id, payload });
      return;
    case 4: {
      const theirs = sectionsOf(chance.pick(others));
      const taken = theirs.length > 0 ? chance.pick(theirs) : { id, payload };
      const same = sections.findIndex((section) => section.id === taken.id);
      if (same >= 0) sections[same] = taken;
      else sections.splice(at, 0, taken);
      return;
    }
    default:
      sections[at] = { id: chance.below(16), payload };
  }
}

/** The code section with one of its bodies changed, and that body's length mended. */
function withBody(code: Bytes, others: readonly Bytes[], chance: Chance): Bytes | undefined {
  const count = numberAt(code, 0);
  if (count === undefined || count.value === 0 || count.value > 10_000) return undefined;
  const chosen = chance.below(count.value);
  let at = count.end;
  for (let i = 0; ; i++) {
    const size = numberAt(code, at);
    if (size === undefined || size.end + size.value > code.length) return undefined;
    const end = size.end + size.value;
    if (i < chosen) at = end;
    else {
      const body = edit(code.slice(size.end, end), others, chance);
      const length = Uint8Array.from(leb(body.length));
      return joined(code.subarray(0, at), length, body, code.subarray(end));
    }
  }
}

/** Sections up to the first that does not fit: their ids and payloads. */
function sectionsOf(bytes: Bytes): Section[] {
  const sections: Section[] = [];
  for (let at = 8; at < bytes.length;) {
    const size = numberAt(bytes, at + 1);
    if (size === undefined || size.end + size.value > bytes.length) break;
    sections.push({ id: bytes[at]!, payload: bytes.slice(size.end, size.end + size.value) });
    at = size.end + size.value;
  }
  return sections;
}

function spellSection({ id, payload }: Section): Bytes {
  return joined(Uint8Array.from([id, ...leb(payload.length)]), payload);
}

function numberAt(bytes: Bytes, at: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let i = 0; i < 5; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { value, end: at + i + 1 };
  }
  return undefined;
}

function joined(...parts: Uint8Array[]): Bytes {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
