// Variants: the builds of the core kernels beside their baseline, which needs fixed-width SIMD. The
// sources are the same; what is written twice stands behind ASC_FEATURE_SIMD or
// ASC_FEATURE_RELAXED_SIMD.

import type { VariantSource } from "../src/pack/mod.ts";

/**
 * The kernels that multiply and add enough for relaxed SIMD to be faster. The others lose nothing
 * without it: they move bytes, or divide, or add squares as a tree.
 */
const FASTER_RELAXED: ReadonlySet<string> = new Set([
  "rope_f32",
  "swiglu_f32",
  "swiglu_f16",
  "swiglu_packed_f32",
  "swiglu_packed_f16",
  "lora_apply_f32",
  "lora_apply_f16",
]);

interface Baseline {
  readonly id: string;
  readonly path: string;
  readonly source: string;
}

/** The kernels with the variants of each. */
export function withVariants<const Kernels extends readonly Baseline[]>(kernels: Kernels) {
  return kernels.map((kernel) => ({ ...kernel, variants: variantsOf(kernel) })) as {
    readonly [Index in keyof Kernels]: Kernels[Index] & { readonly variants: VariantSource[] };
  };
}

function variantsOf({ id, path, source }: Baseline): VariantSource[] {
  const built = (variant: string) => path.replace(/\.wasm$/, `.${variant}.wasm`);
  const features = ["relaxed-simd", "simd"];
  const relaxed = { id: "relaxed", path: built("relaxed"), source, features };
  const embedded = {
    id: "embedded",
    path: built("embedded"),
    source: `${id}/embedded.ts`,
    features: [],
  };
  return FASTER_RELAXED.has(id) ? [relaxed, embedded] : [embedded];
}
