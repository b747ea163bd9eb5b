// Fuzz image: the memory of a call as a hostile host would lay it out, and what may change in it.
//
//   | the module's own pages | gap params gap descriptor gap A gap B gap outputs gap scratch gap |
//                            0 of the image
//
// Gaps hold a pattern. Words of the descriptor may then be made to say anything. Offsets in this file
// are in bytes from the image's start; the kernel sees them with the start added.

import { tensorBytes } from "../base/mod.ts";
import { DESCRIPTOR, paramsLayout, writeParams } from "../layout/mod.ts";
import type { KernelEntry, TensorSpec } from "../pack/mod.ts";
import type { Chance } from "./chance.ts";
import type { CorpusCase } from "./corpus.ts";
import { elementsOf } from "./sizes.ts";

export const IMAGE_BYTES = 4 * 65_536;

const ALIGN = 16;
const GAP = 64;
const PATTERN = 0xa5;
const BLOCK = DESCRIPTOR.bytes / 4;
const FIELDS = ["inputA", "inputB", "output", "scratch", "params"] as const;

export interface Image {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The ten words that the kernel is given. */
  readonly words: Uint32Array<ArrayBuffer>;
  readonly descriptorAt: number;
  /** What was changed, for reports. */
  readonly changes: readonly string[];
}

/** Lays a call out at `start` and damages it up to three times. Undefined where it does not fit. */
export function imageOf(
  entry: KernelEntry,
  drawn: CorpusCase,
  start: number,
  chance: Chance,
): Image | undefined {
  const layout = paramsLayout(entry);
  const [first, ...others] = entry.inputs.map(({ name }) => bytesIn(drawn.inputs[name]!.data));
  const b = endToEnd(others.map(({ length }) => length));
  const sizes = {
    inputA: first?.length ?? 0,
    inputB: b.end,
    output: endToEnd(sizesOf(entry.outputs, drawn.dims)).end,
    scratch: endToEnd(sizesOf(entry.scratch ?? [], drawn.dims)).end,
    params: layout.bytes,
  };
  const at = placed({ ...sizes, descriptor: DESCRIPTOR.bytes });
  if (at.end > IMAGE_BYTES) return undefined;

  const bytes = new Uint8Array(IMAGE_BYTES).fill(PATTERN);
  if (first !== undefined) bytes.set(first, at.inputA);
  others.forEach((part, i) => bytes.set(part, at.inputB + b.starts[i]!));
  writeParams(
    new DataView(bytes.buffer),
    at.params,
    layout,
    drawn.params,
    blockDims(drawn, layout),
  );
  const words = new Uint32Array(BLOCK);
  FIELDS.forEach((field, i) => {
    words[2 * i] = sizes[field] === 0 ? 0 : start + at[field];
    words[2 * i + 1] = sizes[field];
  });
  const block = new DataView(bytes.buffer, at.params, layout.bytes);
  const changes = damage(words, block, chance);
  new Uint32Array(bytes.buffer, at.descriptor, BLOCK).set(words);
  return { bytes, words, descriptorAt: start + at.descriptor, changes };
}

/** The first byte that changed outside what the descriptor lets the kernel write; -1 for none. */
export function strayWrite({ bytes, words }: Image, after: Uint8Array, start: number): number {
  const may = [2, 3].map((region) => {
    const from = words[2 * region]! - start;
    return [from, from + words[2 * region + 1]!] as const;
  });
  const before = new Uint32Array(bytes.buffer);
  const now = new Uint32Array(after.buffer, after.byteOffset, before.length);
  for (let word = 0; word < before.length; word++) {
    if (before[word] === now[word]) continue;
    for (let byte = 4 * word; byte < 4 * word + 4; byte++) {
      const isAllowed = may.some(([from, end]) => byte >= from && byte < end);
      if (!isAllowed && bytes[byte] !== after[byte]) return byte;
    }
  }
  return -1;
}

/** Changes words of the descriptor and of the params block; often none. */
function damage(words: Uint32Array, block: DataView, chance: Chance): string[] {
  const changes: string[] = [];
  for (let count = chance.below(4); count > 0; count--) {
    if (block.byteLength >= 4 && chance.oneIn(2)) {
      const at = 4 * chance.below(block.byteLength / 4);
      const value = hostile(block.getUint32(at, true), chance);
      block.setUint32(at, value, true);
      changes.push(`params byte ${at} = ${value}`);
    } else {
      const word = chance.below(words.length);
      words[word] = hostile(words[word]!, chance);
      const field = `${FIELDS[word >> 1]}.${word % 2 === 0 ? "offset" : "size"}`;
      changes.push(`${field} = ${words[word]}`);
    }
  }
  return changes;
}

/** A word near `word`, near a border, or any. */
function hostile(word: number, chance: Chance): number {
  const near = [word + 1, word - 1, word + 4, word - 4, word * 2, word + 65_536, word >>> 1];
  const borders = [0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32 - 4, 2 ** 30 + 1, 0x7fc0_0000];
  return chance.pick([...near, ...borders, chance.u32()]) >>> 0;
}

function blockDims({ dims }: CorpusCase, layout: ReturnType<typeof paramsLayout>) {
  return Object.fromEntries(layout.dims.map(({ name }) => [name, dims[name]!]));
}

function sizesOf(tensors: readonly TensorSpec[], dims: CorpusCase["dims"]): number[] {
  return tensors.map((spec) => tensorBytes(spec.dtype, elementsOf(spec, dims)));
}

/** Where tensors begin in their region, each at a multiple of 16, and where it ends. */
function endToEnd(sizes: readonly number[]): { readonly starts: number[]; readonly end: number } {
  let end = 0;
  const starts = sizes.map((bytes) => {
    const start = roundUp(end);
    end = start + bytes;
    return start;
  });
  return { starts, end };
}

function placed<Name extends string>(sizes: Readonly<Record<Name, number>>) {
  let end = 0;
  const offsets = Object.entries<number>(sizes).map(([name, bytes]) => {
    const at = roundUp(end) + GAP;
    end = at + bytes;
    return [name, at];
  });
  return { ...(Object.fromEntries(offsets) as Record<Name, number>), end: end + GAP };
}

function bytesIn({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function roundUp(at: number): number {
  return Math.ceil(at / ALIGN) * ALIGN;
}
