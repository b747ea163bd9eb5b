// Pack: reads, writes, signs and verifies kernel packs. What comes out of `verifyPack` is the only
// thing that the sandbox takes, and nothing else can make one. The room knows no folders: it reads
// through `PackFiles`, and clock, trust, platform and compiler are passed in.

export { buildPack, type BuildSeams, checkedSource } from "./build.ts";
export { kernelHash, sha256Hex } from "./digest.ts";
export { type Decision, type Evidence, verifyEvidence } from "./evidence.ts";
export { fileMissing, fileTooLarge, memoryFiles, type PackFiles, tarFiles } from "./files.ts";
export { type Ceilings, type Platform } from "./gates.ts";
export { type Json, parseJson, printJson } from "./json.ts";
export { parseKeyring, printKeyring, type TrustPolicy, trustKeys } from "./keyring.ts";
export { formatPublicKey, keyId, parsePublicKey } from "./keys.ts";
export { budgetTicks, DEFAULT_RESOURCE_LIMITS, getFallback, getKernel } from "./manifest.ts";
export { kernelIds, kernelsByCategory, manifestWarnings } from "./manifest.ts";
export { parseManifest, printManifest, validateForVerify } from "./manifest.ts";
export type { KernelCategory, KernelEntry, Manifest } from "./manifest-schema.ts";
export type {
  KernelSource,
  KernelVariant,
  PackSource,
  ParamSpec,
  PlatformSpec,
} from "./manifest-schema.ts";
export type { Accuracy, ResourceLimits, TensorSpec, VariantSource } from "./manifest-schema.ts";
export { isPlainPath, MANIFEST_PATH, SIGNATURE_PATH } from "./path.ts";
export { hasFeature, probeModule } from "./probe.ts";
export { parseSignature, signatureFromBase64, signatureFromHex } from "./signature.ts";
export { BASELINE, type KernelModule, modulesOf } from "./variants.ts";
export { verifySignature } from "./signature.ts";
export { generateSigningKey, importSigningKey, type SigningKey } from "./signing.ts";
export { readTar, writeTar } from "./tar.ts";
export { isVerifiedKernel, isVerifiedPack, verifyPack } from "./verify.ts";
export type { VerifiedKernel, VerifiedPack } from "./verify.ts";
export type { AuditEvent, VerifyOptions } from "./verify-options.ts";
