// Pack: reads, writes, signs and verifies kernel packs. What comes out of `verifyPack` is the only
// thing that the sandbox takes, and nothing else can make one. The room knows no files: it reads
// through `PackFiles`, and clock, trust and engine features are passed in.

export { type Json, parseJson, printJson } from "./json.ts";
export { formatPublicKey, keyId, parsePublicKey } from "./keys.ts";
export {
  budgetTicks,
  DEFAULT_RESOURCE_LIMITS,
  getFallback,
  getKernel,
  kernelIds,
  kernelsByCategory,
  manifestWarnings,
  parseManifest,
  printManifest,
} from "./manifest.ts";
export type * from "./manifest-schema.ts";
export { generateSigningKey, importSigningKey, type SigningKey } from "./signing.ts";
