// Variants: the modules that one kernel may have, and the order in which a host tries them.
//
// A kernel's entry names its baseline. A variant computes the same with other instructions, so it
// shares everything in the entry but path, hash and features: same entry point, tensors, params,
// limits and accuracy. The order needs no rank in the manifest. A variant that needs a feature which
// the baseline does without was built to be faster and is tried before it; one that needs none was
// built for hosts where the baseline cannot run, and is tried after it.

/** The name of the module that the entry itself names; no variant may take it. */
export const BASELINE = "baseline";

export interface KernelModule {
  /** The variant's id, or `baseline`. */
  readonly variant: string;
  readonly path: string;
  readonly hash: string;
  /** All that the module may use. The baseline's are those of every platform together. */
  readonly features: readonly string[];
}

/** What of a kernel's entry tells its modules. */
interface Entry {
  readonly path: string;
  readonly hash: string;
  readonly platforms: Readonly<Record<string, { readonly features: readonly string[] }>>;
  readonly variants?: readonly Variant[] | undefined;
}

type Variant = Omit<KernelModule, "variant"> & { readonly id: string };

/** Every module of a kernel, the one to try first at the front. */
export function modulesOf(entry: Entry): readonly KernelModule[] {
  const { path, hash, platforms, variants = [] } = entry;
  const features = [...new Set(Object.values(platforms).flatMap((platform) => platform.features))];
  const baseline: KernelModule = { variant: BASELINE, path, hash, features };
  const others = variants.map((variant): KernelModule => ({
    variant: variant.id,
    path: variant.path,
    hash: variant.hash,
    features: variant.features,
  }));
  const asksMore = (module: KernelModule): boolean =>
    module.features.some((feature) => !features.includes(feature));
  return [...others.filter(asksMore), baseline, ...others.filter((module) => !asksMore(module))];
}
