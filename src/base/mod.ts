// Base: words that every room shares. It knows no thread, no file and no network.

export { assert } from "./assert.ts";
export { DTYPES, type DType, sizeBytes, tensorBytes, type TensorView, viewOf } from "./dtype.ts";
export {
  type Facts,
  Failure,
  type FailureCode,
  type FailureOptions,
  FAILURES,
  type Issue,
} from "./failure.ts";
export { ASSUMED_FEATURES, type Feature, FEATURES, isFeature } from "./features.ts";
export { MODULE_LIMITS, PACK_LIMITS, SANDBOX_LIMITS, SANDBOX_RANGES } from "./limits.ts";
export {
  BRIDGE_LIMITS,
  BYPASS_LIMITS,
  MODEL_LIMITS,
  RING_LIMITS,
  TENSOR_LIMITS,
} from "./limits.ts";
export { MONITOR_LIMITS } from "./limits.ts";
export type { Reference, ReferenceCall, ReferenceOutput, References } from "./reference.ts";
