// Variant fixture: a kernel in three modules, each of which writes what it is to its output.

import { kernelHash, type VerifiedKernel } from "../pack/mod.ts";
import {
  type EntryChanges,
  kernelModule,
  type KernelText,
  verifiedPack,
} from "./kernel.fixture.ts";

/** Writes `value`, an f32 expression, to y[0]. */
export const writing = (value: string): KernelText => ({
  forward: `(f32.store (i32.load offset=16 (local.get $at)) ${value}) (i32.const 0)`,
});

const lane = (vector: string): string => `(f32x4.extract_lane 0 ${vector})`;
const splat = (value: number): string => `(f32x4.splat (f32.const ${value}))`;

/** Each computes its number with no feature beyond those of its name. */
export const TEXTS = {
  embedded: writing("(f32.const 1)"),
  baseline: writing(lane(`(f32x4.add ${splat(1)} ${splat(1)})`)),
  relaxed: writing(lane(`(f32x4.relaxed_madd ${splat(1)} ${splat(1)} ${splat(2)})`)),
} as const;

export const RESULTS = { embedded: 1, baseline: 2, relaxed: 3 } as const;

export interface VariantText {
  readonly id: string;
  readonly features: readonly string[];
  readonly text: KernelText;
}

export const EMBEDDED: VariantText = { id: "embedded", features: [], text: TEXTS.embedded };
export const RELAXED: VariantText = {
  id: "relaxed",
  features: ["simd", "relaxed-simd"],
  text: TEXTS.relaxed,
};

const path = (id: string): string => `variants/${id}.wasm`;

/** A verified kernel whose baseline needs simd, with `variants` in the manifest's order. */
export async function kernelWith(
  variants: readonly VariantText[],
  changes: EntryChanges = {},
): Promise<VerifiedKernel> {
  const modules = await Promise.all(variants.map(({ text }) => kernelModule(text)));
  const entries = variants.map(async ({ id, features }, i) => {
    return { id, path: path(id), features, hash: await kernelHash(modules[i]!) };
  });
  const pack = await verifiedPack([
    {
      module: await kernelModule(TEXTS.baseline),
      platforms: { node: { min_version: "24.0.0", features: ["simd"] } },
      variants: await Promise.all(entries),
      files: Object.fromEntries(variants.map(({ id }, i) => [path(id), modules[i]!])),
      ...changes,
    },
  ]);
  return pack.kernels[0]!;
}
