// Core hints: what the inputs of the core pack's kernels must be, by the name of their reference, so
// that every kernel that falls back to it is tested so.

import type { CorpusHints, DimHint, HintContext } from "./hints.ts";
import { blocksHint } from "./hints.ts";
import { tensorOf } from "./styles.ts";
import { unpackBlocks } from "./blocks.ts";

/** Values of the param `format`, as the manifests name them. */
const Q4_0 = 1;
const KEYS = new Set([3, 5]); // KIVI's, of 4 bits and of 2.
const BLOCK_BYTES: Readonly<Record<number, number>> = { 1: 18, 2: 20, 3: 20, 4: 20, 5: 12, 6: 12 };

/** Bytes of a block of 32 codes of four bits; seldom others, which are refused. */
const blockBytes: DimHint = ({ chance, params }) => {
  if (chance.oneIn(20)) return chance.pick([0, 16, 17, 34]);
  return BLOCK_BYTES[Number(params["format"])] ?? 20;
};

/** Keys in KIVI's layout come in groups of 32 rows. */
const groupedRows: DimHint = ({ chance, params }) => {
  if (!KEYS.has(Number(params["format"])) || chance.oneIn(20)) return chance.pick([1, 2, 3, 7, 33]);
  return 32 * chance.between(1, 3);
};

const fewBlocks: DimHint = ({ chance }) => chance.pick([1, 2, 3, 4, 5, 8]);

/** At most half of the head, and not always all of it. */
const pairs =
  (widthOf: (dims: HintContext["dims"]) => number): DimHint =>
  ({ chance, dims }) => {
    const half = Math.floor(widthOf(dims) / 2);
    if (chance.oneIn(30)) return half + 1;
    return chance.oneIn(3) ? chance.between(0, half) : half;
  };

/** Angles of positions up to a million, with the exact ones of quarter turns among them. */
const angles: NonNullable<CorpusHints["inputs"]>[string] = ({ chance, dtype, elements }) => {
  const largest = chance.pick([0, 1, 7, 4096, 131_072, 2 ** 20]);
  return tensorOf(dtype, elements, () =>
    chance.oneIn(8) ? (chance.between(-8, 8) * Math.PI) / 4 : largest * (2 * chance.unit() - 1),
  );
};

/** One adapter of those there are for each token, or -1 for none; seldom one that there is not. */
const adapterIndex: NonNullable<CorpusHints["inputs"]>[string] = (context) => {
  const { chance, dims, dtype, elements } = context;
  const count = dims["adapters"]!;
  const isDamaged = chance.oneIn(16);
  return tensorOf(dtype, elements, () => {
    if (isDamaged && chance.oneIn(4)) return chance.pick([count, -2, 2 ** 31 - 1]);
    return count === 0 || chance.oneIn(4) ? -1 : chance.below(count);
  });
};

const q4: CorpusHints = { dims: { rows: groupedRows, blocks: fewBlocks, block_bytes: blockBytes } };

/**
 * Products of several of the largest numbers overflow on their way to a result that need not, and so
 * does an activation that has underflowed when it meets one: f64 has room for what f32 has not.
 */
export const CORE_HINTS: ReadonlyMap<string, CorpusHints> = new Map<string, CorpusHints>([
  [
    "rope_reference",
    { dims: { dim_half: pairs((dims) => dims["dim"]!) }, inputs: { freqs: angles } },
  ],
  [
    "rope_q8_reference",
    {
      dims: { blocks: fewBlocks, dim_half: pairs((dims) => 32 * dims["blocks"]!) },
      inputs: {
        x: blocksHint(
          () => 34,
          () => [0],
        ),
        freqs: angles,
      },
      outputs: { y: { numbers: (bytes) => unpackBlocks(bytes as Uint8Array), rowLength: 32 } },
    },
  ],
  [
    "kv_unpack_q8_reference",
    {
      inputs: {
        packed: blocksHint(
          () => 34,
          () => [0],
        ),
      },
    },
  ],
  ["kv_pack_q4_reference", q4],
  [
    "kv_unpack_q4_reference",
    {
      ...q4,
      inputs: {
        packed: blocksHint(
          ({ dims }) => dims["block_bytes"]!,
          ({ params }) => (params["format"] === Q4_0 ? [0] : [0, 2]),
        ),
      },
    },
  ],
  [
    "lora_apply_reference",
    {
      inputs: { adapter: adapterIndex },
      without: { x: ["largest"], a: ["largest"], b: ["largest"], scales: ["largest"] },
    },
  ],
  ["rmsnorm_reference", { without: { weight: ["largest"] } }],
  ["rmsnorm_residual_reference", { without: { weight: ["largest"] } }],
  ["swiglu_reference", { without: { up: ["largest"] } }],
  ["swiglu_packed_reference", { without: { gate_up: ["largest"] } }],
]);
