// Runtime thread: a second door, for threads that serve kernels and for the modules of those. Behind `mod.ts` stands
// the host's side too: handles, supervision, moves.

export { decodeCheckpoint } from "./checkpoint.ts";
export { defineKernel } from "./define-kernel.ts";
export type { KernelSpec, Launched, ThreadSpec } from "./kernel-spec.ts";
export { KernelThread, thrownInKernel } from "./kernel-thread.ts";
export { STATES } from "./lifecycle.ts";
export type { StateAnswer, StateOrder } from "./resting.ts";
export type { RouteSpec } from "./routes.ts";
export { NOTHING } from "./topic-wire.ts";
export { unsupported } from "./unsupported.ts";
