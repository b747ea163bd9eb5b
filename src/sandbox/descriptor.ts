// Descriptor: the ten words that tell a kernel where its tensors lie, and the rules they must obey.
//
//   input A, input B   read only: the output may not touch them
//   output             write only: overlaps nothing but a region of size zero
//   scratch            read and write: overlaps nothing at all
//   params             read only: the output may not touch them
//
// The check runs before every unprepared call, so its way to success allocates nothing. Sums are
// taken in JavaScript numbers, which hold every sum of two u32, so that no end wraps round to zero.

import { Failure } from "../base/mod.ts";
import { DESCRIPTOR } from "../layout/mod.ts";

export const REGIONS = ["inputA", "inputB", "output", "scratch", "params"] as const;
export type Region = (typeof REGIONS)[number];

/** The alignment that each region's elements need, a power of two: 4 for f32, 2 for f16, 1 for u8. */
export type RegionAlign = Readonly<Record<Region, number>>;

/** Where each region of a call begins and ends, for reports. */
export type DescriptorRanges = Readonly<Record<Region, readonly [start: number, end: number]>>;

/** Word index of each region's offset; its size is the word after. */
const A = DESCRIPTOR.fields.input_a_offset.at / 4;
const B = DESCRIPTOR.fields.input_b_offset.at / 4;
const OUTPUT = DESCRIPTOR.fields.output_offset.at / 4;
const SCRATCH = DESCRIPTOR.fields.scratch_offset.at / 4;
const PARAMS = DESCRIPTOR.fields.params_offset.at / 4;
const WORDS = DESCRIPTOR.bytes / 4;

const WORD_OF: Readonly<Record<Region, number>> = {
  inputA: A,
  inputB: B,
  output: OUTPUT,
  scratch: SCRATCH,
  params: PARAMS,
};

/** A descriptor of the host's own, all zero: every region unused. */
export function newDescriptor(): Uint32Array {
  return new Uint32Array(WORDS);
}

/** Sets one region of `words`. */
export function setRegion(words: Uint32Array, region: Region, offset: number, size: number): void {
  const word = WORD_OF[region];
  words[word] = offset;
  words[word + 1] = size;
}

/** Copies `words` into linear memory at byte `at`, which the caller has checked. */
export function writeDescriptor(memory: Uint32Array, at: number, words: Uint32Array): void {
  const first = at >>> 2;
  for (let i = 0; i < WORDS; i++) memory[first + i] = words[i]!;
}

/** Copies the descriptor at byte `at` out of linear memory, so that a kernel cannot change it later. */
export function readDescriptor(memory: Uint32Array, at: number): Uint32Array {
  return memory.slice(at >>> 2, (at >>> 2) + WORDS);
}

/** The end of the region that reaches furthest. Exceeds 2^32 where the seed's u32 sum would wrap. */
export function totalMemoryRequired(words: Uint32Array): number {
  return Math.max(
    words[A]! + words[A + 1]!,
    words[B]! + words[B + 1]!,
    words[OUTPUT]! + words[OUTPUT + 1]!,
    words[SCRATCH]! + words[SCRATCH + 1]!,
    words[PARAMS]! + words[PARAMS + 1]!,
  );
}

/**
 * Checks `words`, which will lie at byte `at` of a memory of `memoryBytes`, against every rule.
 * Fails with DESCRIPTOR_INVALID naming the region, its range, and the other's range. A region of size
 * zero overlaps nothing and needs no alignment, but its offset must still lie within memory.
 */
export function checkDescriptor(
  words: Uint32Array,
  memoryBytes: number,
  at: number,
  align: RegionAlign,
): void {
  const a = words[A]!;
  const aEnd = a + words[A + 1]!;
  const b = words[B]!;
  const bEnd = b + words[B + 1]!;
  const out = words[OUTPUT]!;
  const outEnd = out + words[OUTPUT + 1]!;
  const scratch = words[SCRATCH]!;
  const scratchEnd = scratch + words[SCRATCH + 1]!;
  const params = words[PARAMS]!;
  const paramsEnd = params + words[PARAMS + 1]!;
  const end = at + DESCRIPTOR.bytes;

  if (at % DESCRIPTOR.align !== 0) throw misaligned("descriptor", at, end, DESCRIPTOR.align);
  if (!(at >= 0 && end <= memoryBytes)) throw outside("descriptor", at, end, memoryBytes);
  if (aEnd > memoryBytes) throw outside("inputA", a, aEnd, memoryBytes);
  if (bEnd > memoryBytes) throw outside("inputB", b, bEnd, memoryBytes);
  if (outEnd > memoryBytes) throw outside("output", out, outEnd, memoryBytes);
  if (scratchEnd > memoryBytes) throw outside("scratch", scratch, scratchEnd, memoryBytes);
  if (paramsEnd > memoryBytes) throw outside("params", params, paramsEnd, memoryBytes);

  if ((a & (align.inputA - 1)) !== 0 && a < aEnd) throw misaligned("inputA", a, aEnd, align.inputA);
  if ((b & (align.inputB - 1)) !== 0 && b < bEnd) throw misaligned("inputB", b, bEnd, align.inputB);
  if ((out & (align.output - 1)) !== 0 && out < outEnd)
    throw misaligned("output", out, outEnd, align.output);
  if ((scratch & (align.scratch - 1)) !== 0 && scratch < scratchEnd)
    throw misaligned("scratch", scratch, scratchEnd, align.scratch);
  if ((params & (align.params - 1)) !== 0 && params < paramsEnd)
    throw misaligned("params", params, paramsEnd, align.params);

  if (b === 0 && bEnd !== 0) throw unusedInputB(bEnd);
  if (meet(out, outEnd, a, aEnd)) throw overlap("output", out, outEnd, "inputA", a, aEnd);
  if (meet(out, outEnd, b, bEnd)) throw overlap("output", out, outEnd, "inputB", b, bEnd);
  if (meet(out, outEnd, params, paramsEnd))
    throw overlap("output", out, outEnd, "params", params, paramsEnd);
  if (meet(out, outEnd, at, end)) throw overlap("output", out, outEnd, "descriptor", at, end);
  if (meet(scratch, scratchEnd, out, outEnd))
    throw overlap("scratch", scratch, scratchEnd, "output", out, outEnd);
  if (meet(scratch, scratchEnd, a, aEnd))
    throw overlap("scratch", scratch, scratchEnd, "inputA", a, aEnd);
  if (meet(scratch, scratchEnd, b, bEnd))
    throw overlap("scratch", scratch, scratchEnd, "inputB", b, bEnd);
  if (meet(scratch, scratchEnd, params, paramsEnd))
    throw overlap("scratch", scratch, scratchEnd, "params", params, paramsEnd);
  if (meet(scratch, scratchEnd, at, end))
    throw overlap("scratch", scratch, scratchEnd, "descriptor", at, end);
}

/** The ranges of `words` by region. Allocates: for reports only. */
export function rangesOf(words: Uint32Array): DescriptorRanges {
  const entries = REGIONS.map((region) => {
    const offset = words[WORD_OF[region]]!;
    return [region, [offset, offset + words[WORD_OF[region] + 1]!]] as const;
  });
  return Object.fromEntries(entries) as DescriptorRanges;
}

/** Whether two ranges share a byte. An empty range shares none. */
function meet(start: number, end: number, otherStart: number, otherEnd: number): boolean {
  return start < otherEnd && otherStart < end && start < end && otherStart < otherEnd;
}

type Named = Region | "descriptor";

function outside(region: Named, start: number, end: number, memoryBytes: number): Failure {
  return new Failure(
    "DESCRIPTOR_INVALID",
    {
      at: region,
      found: `${range(start, end)}, which leaves the memory`,
      expected: `a range within ${range(0, memoryBytes)}`,
      fix: "Allocate the region from the kernel's arena, or grow the memory first.",
    },
    { detail: { region, range: [start, end], memoryBytes } },
  );
}

function misaligned(region: Named, start: number, end: number, align: number): Failure {
  return new Failure(
    "DESCRIPTOR_INVALID",
    {
      at: region,
      found: `${range(start, end)}, which starts off its elements' boundary`,
      expected: `an offset that is a multiple of ${align}`,
      fix: "Allocate the region from the kernel's arena, which aligns to 16.",
    },
    { detail: { region, range: [start, end], align } },
  );
}

function unusedInputB(size: number): Failure {
  return new Failure(
    "DESCRIPTOR_INVALID",
    {
      at: "inputB",
      found: `${size} bytes at offset 0`,
      expected: "size 0, since offset 0 says that input B is unused",
      fix: "Place input B elsewhere, or set its size to 0.",
    },
    { detail: { region: "inputB", range: [0, size] } },
  );
}

function overlap(
  region: Region,
  start: number,
  end: number,
  other: Named,
  otherStart: number,
  otherEnd: number,
): Failure {
  return new Failure(
    "DESCRIPTOR_INVALID",
    {
      at: region,
      found: `${range(start, end)}, which overlaps ${other} ${range(otherStart, otherEnd)}`,
      expected: `${region} apart from ${other}`,
      fix: "Give every region memory of its own.",
    },
    { detail: { region, range: [start, end], other, otherRange: [otherStart, otherEnd] } },
  );
}

function range(start: number, end: number): string {
  return `[${start}, ${end})`;
}
