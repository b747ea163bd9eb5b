// Features: the names under which WebAssembly's extensions are declared in manifests, probed in
// engines and found in modules. One list, so that the three can be compared.

export const FEATURES = [
  "mutable-globals",
  "sign-ext",
  "nontrapping-fptoint",
  "multi-value",
  "bulk-memory",
  "reference-types",
  "simd",
  "relaxed-simd",
  "threads",
  "tail-call",
  "extended-const",
  "multi-memory",
  "memory64",
  "exceptions",
  "legacy-exceptions",
  "function-references",
  "gc",
  "fp16",
] as const;

export type Feature = (typeof FEATURES)[number];

/** Whether `name` is a feature that this runtime knows. No engine has one that it does not. */
export function isFeature(name: string): name is Feature {
  return (FEATURES as readonly string[]).includes(name);
}

/** Every engine that this runtime accepts has these, so a manifest need not declare them. */
export const ASSUMED_FEATURES: ReadonlySet<Feature> = new Set([
  "mutable-globals",
  "extended-const",
]);
