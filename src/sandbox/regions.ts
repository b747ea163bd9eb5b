// Regions: places the tensors of one call in a kernel's arena, as Kernel ABI v1 has them.
//
//   | params | descriptor | input A | input B: every further input | outputs | scratch |
//
// Each tensor starts on 16 bytes. The first input is region A; the others follow each other as region
// B; outputs follow each other as the output region. Regions do not begin at the same offset within a
// 4 KiB page: processors compare only those twelve bits when they order a load behind a store, and a
// kernel that walks several such regions in step runs a tenth slower. Small regions are packed.

import { SANDBOX_LIMITS } from "../base/mod.ts";
import { DESCRIPTOR } from "../layout/mod.ts";
import type { Arena } from "./arena.ts";
import { type Region, type RegionAlign, setRegion } from "./descriptor.ts";
import type { BoundShapes, BoundTensor } from "./shapes.ts";

const ALIGN = SANDBOX_LIMITS.regionAlignBytes;

/** What every region of an arena is aligned to; more than any element needs. */
export const ARENA_ALIGN: RegionAlign = {
  inputA: ALIGN,
  inputB: ALIGN,
  output: ALIGN,
  scratch: ALIGN,
  params: ALIGN,
};

/** Where a call's parts lie; tensors' offsets are in manifest order. */
export interface Placement {
  readonly paramsAt: number;
  readonly descriptorAt: number;
  readonly inputsAt: readonly number[];
  readonly outputsAt: readonly number[];
}

/**
 * Takes memory for a call from `arena` and describes it in `words`; for the descriptor too, unless it
 * has a place already. OUT_OF_MEMORY takes nothing.
 */
export function place(
  arena: Arena,
  words: Uint32Array,
  shapes: BoundShapes,
  paramsBytes: number,
  descriptorPlace?: number,
): Placement {
  const mark = arena.mark();
  try {
    const paramsAt = arena.allocate(paramsBytes);
    setRegion(words, "params", paramsAt, paramsBytes);
    const descriptorAt = descriptorPlace ?? arena.allocate(DESCRIPTOR.bytes);
    const { inputs, outputs, scratch } = shapes;
    const inputsAt: number[] = [];
    const outputsAt: number[] = [];
    const room = { arena, words };
    allocate(room, "inputA", inputs, inputsAt, Math.min(1, inputs.length));
    allocate(room, "inputB", inputs, inputsAt, inputs.length);
    allocate(room, "output", outputs, outputsAt, outputs.length);
    allocate(room, "scratch", scratch, [], scratch.length);
    return { paramsAt, descriptorAt, inputsAt, outputsAt };
  } catch (error) {
    arena.release(mark);
    throw error;
  }
}

interface Room {
  readonly arena: Arena;
  readonly words: Uint32Array;
}

/**
 * Places the tensors that `offsets` does not hold yet, up to `count` of them, one behind the other as
 * one region, and adds their offsets. No tensors: offset 0, size 0, unused.
 */
function allocate(
  { arena, words }: Room,
  region: Region,
  tensors: readonly BoundTensor[],
  offsets: number[],
  count: number,
): void {
  const first = offsets.length;
  let end = 0;
  if (first < count && tensors[first]!.bytes >= PAGE) stagger(arena, region);
  for (let i = first; i < count; i++) {
    const { bytes } = tensors[i]!;
    const at = arena.allocate(bytes);
    end = at + bytes;
    offsets.push(at);
  }
  const start = offsets[first] ?? 0;
  setRegion(words, region, start, end - start);
}

const PAGE = 4096;

/** Where within a page each region begins: a quarter apart. */
const BEGINNINGS: Partial<Readonly<Record<Region, number>>> = {
  inputA: 0,
  inputB: 1024,
  output: 2048,
  scratch: 3072,
};

/** Skips up to a page, so that `region` begins where it should within the next. */
function stagger(arena: Arena, region: Region): void {
  const offset = (BEGINNINGS[region] ?? 0) - (arena.mark() % PAGE);
  arena.allocate((offset + PAGE) % PAGE);
}
