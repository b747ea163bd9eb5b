// Reference: what the core kernels compute, written plainly and mostly in f64. Tests hold kernels against
// these functions, and the sandbox runs them where a kernel fails: so they ship. Nothing here is quick.

export { BLOCK_BYTES, packKiviKeys, packQ4, type Q4Format } from "./kv-q4-pack.ts";
export { unpackKiviKeys, unpackQ4 } from "./kv-q4-unpack.ts";
export { packQ8, unpackQ8 } from "./kv-q8.ts";
export { packedTokens } from "./kv-residual.ts";
export { lora, type LoraShape, type LoraTensors } from "./lora.ts";
export { REFERENCES } from "./references.ts";
export { rmsnorm, type RmsnormOptions } from "./rmsnorm.ts";
export { rmsnormResidual } from "./rmsnorm-residual.ts";
export { rope, ropeAngles, type RopeOptions, type RopeShape } from "./rope.ts";
export { ropeQ8 } from "./rope-q8.ts";
export { type Activation, geluErf, geluTanh, silu, swiglu, swigluPacked } from "./swiglu.ts";
