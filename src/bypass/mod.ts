// Bypass: what may run outside the sandbox, and the books on it. Nothing may unless the host opted
// into its kind, by name; what may is audited when it is admitted and metered whenever it runs. The
// room runs no code itself and knows no clock: native kernels are the caller's, and so is the time.

export { BypassMeter, type BypassUse } from "./meter.ts";
export { isVerifiedNative, type VerifiedNative, verifyNative } from "./native.ts";
export { type BypassEvent, type BypassOptions, BypassPolicy } from "./policy.ts";
export { BYPASS_KINDS, type BypassKind, type BypassRequest, type BypassUnit } from "./rules.ts";
