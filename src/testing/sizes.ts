// Sizes: the values of a kernel's symbolic dimensions in one case of a corpus.

import { tensorBytes } from "../base/mod.ts";
import { symbolicDims } from "../layout/mod.ts";
import type { KernelEntry, TensorSpec } from "../pack/mod.ts";
import type { Chance } from "./chance.ts";
import type { CorpusHints, HintContext } from "./hints.ts";

/** Around what kernels are built of: one vector, a few, a block of 32, a cache line, a row. */
const EDGES = [
  1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 96, 127, 128, 160, 255, 256, 257,
  1024, 2048, 4096,
] as const;

/** The largest share of a kernel's memory that a case may fill. */
const MEMORY_SHARE = 1 / 4;
const PAGE_BYTES = 65_536;

/** Draws a size for every symbol of `entry`, so that no tensor has more than `elementsMax` numbers. */
export function drawDims(
  entry: KernelEntry,
  hints: CorpusHints,
  context: HintContext,
  elementsMax: number,
): Readonly<Record<string, number>> {
  const { chance } = context;
  const tensors = [...entry.inputs, ...entry.outputs, ...(entry.scratch ?? [])];
  const symbols = symbolicDims(tensors);
  const hinted = Object.keys(hints.dims ?? {}).filter((symbol) => symbols.includes(symbol));
  const free = symbols.filter((symbol) => !hinted.includes(symbol));
  const dims: Record<string, number> = {};
  for (const symbol of free) dims[symbol] = chance.oneIn(40) ? 0 : drawSize(chance);
  for (;;) {
    for (const symbol of hinted) dims[symbol] = hints.dims![symbol]!({ ...context, dims });
    const tooLarge = tensors.find((tensor) => isTooLarge(tensor, dims, entry, elementsMax));
    if (tooLarge === undefined || !shrink(tooLarge, free, dims)) return dims;
  }
}

/** Often an edge, sometimes any small size. */
function drawSize(chance: Chance): number {
  return chance.oneIn(4) ? chance.between(1, 300) : chance.pick(EDGES);
}

function isTooLarge(
  tensor: TensorSpec,
  dims: Readonly<Record<string, number>>,
  entry: KernelEntry,
  elementsMax: number,
): boolean {
  const elements = elementsOf(tensor, dims);
  const bytesMax = entry.resource_limits.max_memory_pages * PAGE_BYTES * MEMORY_SHARE;
  return elements > elementsMax || tensorBytes(tensor.dtype, elements) > bytesMax;
}

/** Makes the tensor's largest free size smaller: to an edge, or by half. False where none is left. */
function shrink(
  tensor: TensorSpec,
  free: readonly string[],
  dims: Record<string, number>,
): boolean {
  const own = tensor.shape.filter((dim) => typeof dim === "string" && free.includes(dim));
  const sizes = own.map((symbol) => dims[symbol]!);
  const symbol = own[sizes.indexOf(Math.max(...sizes))];
  if (symbol === undefined || dims[symbol]! <= 1) return false;
  dims[symbol] = Math.floor(dims[symbol]! / 2);
  return true;
}

export function elementsOf({ shape }: TensorSpec, dims: Readonly<Record<string, number>>): number {
  return shapeOf(shape, dims).reduce((product, size) => product * size, 1);
}

export function shapeOf(
  shape: TensorSpec["shape"],
  dims: Readonly<Record<string, number>>,
): readonly number[] {
  return shape.map((dim) => (typeof dim === "string" ? dims[dim]! : dim));
}
