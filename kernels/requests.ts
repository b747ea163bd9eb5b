// Requests: a few calls of every kernel of the pack, drawn from its manifest, and some that it refuses.
// They are kept by family: a kernel in another element type takes the same calls.

import type { TensorView } from "../src/base/mod.ts";
import type { KernelSource } from "../src/pack/mod.ts";
import { BLOCK_BYTES, packQ4, packQ8 } from "../src/reference/mod.ts";
import type { CallRequest } from "../src/sandbox/mod.ts";
import { pack } from "./pack.ts";
import { normals } from "./testing.ts";

type Dims = Readonly<Record<string, number>>;
type Params = Readonly<Record<string, unknown>>;

interface Shape {
  readonly dims: Dims;
  /** Those that the kernel does not declare are left out. */
  readonly params?: Params;
  /** Changes the tensors that were drawn. */
  readonly change?: (inputs: Readonly<Record<string, TensorView>>) => void;
}

interface Refusal extends Shape {
  readonly why: string;
  /** What the kernel returns. */
  readonly code: 1 | 2 | 3;
}

interface Family {
  readonly accepted: readonly Shape[];
  readonly refused?: readonly Refusal[];
}

const ROPE = { batch: 2, seq: 3, heads: 2, dim: 10, dim_half: 4 };
const ROPE_Q8 = { batch: 1, seq: 2, heads: 2, blocks: 3, dim_half: 20 };
const ROWS = { rows: 3, dim: 37 };
const FFN = { tokens: 3, ffn: 21 };
const BLOCKS = { rows: 32, blocks: 2 };
const LORA = { tokens: 4, in: 9, out: 7, rank: 3, adapters: 2 };

const LAYOUTS = [
  { layout: "interleaved" },
  { layout: "half_split", inverse: true, scale: 0.75 },
] as const;
const NO_LAYOUT = { why: "no layout", code: 3, params: {} } as const;
const ACTS = ["silu", "gelu_tanh", "gelu_erf"].map((act) => ({ act }));
const FORMATS = {
  q4_0: 18,
  q4_1: 20,
  kivi_k: 20,
  kivi_v: 20,
  kivi_k2: 12,
  kivi_v2: 12,
} as const;
const Q4: readonly Shape[] = Object.entries(FORMATS).map(([format, block_bytes]) => {
  return { dims: { ...BLOCKS, block_bytes }, params: { format } };
});

/** The first whose name an id begins with: what begins alike stands further up. */
const FAMILIES: Readonly<Record<string, Family>> = {
  rope_q8: {
    accepted: LAYOUTS.map((params) => ({ dims: ROPE_Q8, params })),
    refused: [
      { ...NO_LAYOUT, dims: ROPE_Q8 },
      { why: "49 pairs of 96", code: 1, dims: { ...ROPE_Q8, dim_half: 49 }, params: LAYOUTS[0] },
      {
        why: "a scale of NaN",
        code: 1,
        dims: ROPE_Q8,
        params: LAYOUTS[0],
        change: spoilScale("x"),
      },
    ],
  },
  rope: {
    accepted: LAYOUTS.map((params) => ({ dims: ROPE, params })),
    refused: [
      { ...NO_LAYOUT, dims: ROPE },
      { why: "6 pairs of 10", code: 1, dims: { ...ROPE, dim_half: 6 }, params: LAYOUTS[0] },
    ],
  },
  rmsnorm: {
    accepted: [
      { dims: ROWS },
      { dims: ROWS, params: { eps: 0.5, plus_one: true } },
      { dims: ROWS, params: { cast_before_weight: true } },
    ],
  },
  swiglu_packed: {
    accepted: ["halves", "interleaved"].map((packing) => ({ dims: FFN, params: { packing } })),
    refused: [{ why: "no packing", code: 3, dims: FFN }],
  },
  swiglu: { accepted: ACTS.map((params) => ({ dims: FFN, params })) },
  kv_pack_q8: {
    accepted: [{ dims: BLOCKS }],
    refused: [{ why: "NaN", code: 1, dims: BLOCKS, change: spoilValue }],
  },
  kv_unpack_q8: {
    accepted: [{ dims: BLOCKS }],
    refused: [{ why: "a scale of NaN", code: 1, dims: BLOCKS, change: spoilScale("packed") }],
  },
  kv_pack_q4: {
    accepted: Q4,
    refused: [
      { why: "no format", code: 3, dims: Q4[0]!.dims },
      { why: "blocks of 19 bytes", code: 2, ...Q4[0]!, dims: { ...BLOCKS, block_bytes: 19 } },
      { why: "31 rows", code: 1, ...Q4[2]!, dims: { ...Q4[2]!.dims, rows: 31 } },
      ...Q4.map((shape) => ({ why: "NaN", code: 1, ...shape, change: spoilValue }) as const),
    ],
  },
  kv_unpack_q4: {
    accepted: Q4,
    refused: [
      { why: "no format", code: 3, dims: Q4[0]!.dims },
      { why: "blocks of 19 bytes", code: 1, ...Q4[0]!, dims: { ...BLOCKS, block_bytes: 19 } },
      { why: "31 rows", code: 1, ...Q4[2]!, dims: { ...Q4[2]!.dims, rows: 31 } },
      ...Q4.map((shape) => {
        return { why: "a scale of NaN", code: 1, ...shape, change: spoilScale("packed") } as const;
      }),
    ],
  },
  lora_apply: {
    accepted: [{ dims: LORA }, { dims: { ...LORA, rank: 0 } }],
    refused: [2, -2].map((index) => ({
      why: `adapter ${index}`,
      code: 1,
      dims: LORA,
      change: ({ adapter }) => void adapter!.fill(index, 3),
    })),
  },
};

/** A kernel of the pack with its calls. */
export interface KernelRequests {
  readonly kernel: KernelSource;
  readonly accepted: readonly NamedRequest[];
  readonly refused: readonly (NamedRequest & { readonly why: string; readonly code: number })[];
}

/** A call by value, and the values of all dimensions. */
export interface NamedRequest extends CallRequest {
  readonly dims: Dims;
}

export const REQUESTS: readonly KernelRequests[] = pack.kernels.map((kernel: KernelSource) => {
  const name = Object.keys(FAMILIES).find((family) => kernel.id.startsWith(family));
  const { accepted, refused = [] } = FAMILIES[name!]!;
  return {
    kernel,
    accepted: accepted.map((shape) => requestOf(kernel, shape)),
    refused: refused.map((shape) => {
      return { ...requestOf(kernel, shape), why: shape.why, code: shape.code };
    }),
  };
});

function requestOf(kernel: KernelSource, { dims, params = {}, change }: Shape): NamedRequest {
  const tensors = kernel.inputs.map(({ name, dtype, shape }, i) => {
    const axes = shape.map((dim) => (typeof dim === "string" ? dims[dim]! : dim));
    const length = axes.reduce((product, size) => product * size, 1);
    return { name, shape: axes, data: dataOf(name, dtype, length, i + 1, params) };
  });
  const declared = Object.entries(params).filter(([name]) => name in (kernel.params ?? {}));
  change?.(Object.fromEntries(tensors.map(({ name, data }) => [name, data])));
  const inputs = Object.fromEntries(
    tensors.map(({ name, shape, data }) => [name, { shape, data }] as const),
  );
  return { inputs, params: Object.fromEntries(declared), dims };
}

function dataOf(name: string, dtype: string, length: number, seed: number, params: Params) {
  if (name === "adapter") return Int32Array.from({ length }, (_, i) => [0, -1, 1][i % 3]!);
  if (dtype === "u8") return blocksOf(length, params, seed);
  const values = normals(length, seed);
  return dtype === "f16" ? Float16Array.from(values) : values;
}

/** Packed blocks of normal values, cut or filled up to `length` bytes. */
function blocksOf(length: number, { format }: Params, seed: number): Uint8Array {
  const isTwo = format === "kivi_k2" || format === "kivi_v2";
  const q4 = format === "q4_0" || format === "q4_1" ? format : isTwo ? "kivi_v2" : "kivi_v";
  const bytes = format === undefined ? 34 : BLOCK_BYTES[q4];
  const values = normals(Math.ceil(length / bytes) * 32, seed);
  const blocks = format === undefined ? packQ8(values)! : packQ4(values, q4)!;
  return blocks.slice(0, length);
}

function spoilValue({ x }: Readonly<Record<string, TensorView>>): void {
  x![x!.length - 5] = NaN;
}

/** The scale of the first block becomes NaN. */
function spoilScale(name: string): NonNullable<Shape["change"]> {
  return (inputs) => void inputs[name]!.fill(0xff, 0, 2);
}
