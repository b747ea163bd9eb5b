// Sandbox: makes untrusted WebAssembly a kernel that stays within its memory, its stack and its time.
// Modules are read, refused or rewritten before any engine sees them; only verified kernels are run.
// The room starts no threads: the ticker that bounds time is passed in.

export {
  type BatchedRequest,
  type BatchRun,
  type BatchSetup,
  PreparedBatch,
  type RequestSetup,
} from "./batch.ts";
export { type CallSetup, type CallShapes, PreparedCall } from "./call.ts";
export type { BudgetRequest, SandboxEvent, TrapEvent } from "./context.ts";
export {
  checkDescriptor,
  type DescriptorRanges,
  type RegionAlign,
  totalMemoryRequired,
} from "./descriptor.ts";
export { type ChainOptions, type ChainResult, FallbackChain } from "./fallback.ts";
export type { Answer, ChainCounts, LinkFailure, LinkName } from "./fallback-links.ts";
export type { PreparedChain } from "./fallback-prepared.ts";
export type { KernelInfo } from "./info.ts";
export { inspect, type ModuleReport } from "./inspect.ts";
export {
  type AddedExport,
  type AddedImport,
  instrument,
  type Instrumented,
  type InstrumentOptions,
} from "./instrument.ts";
export type { TensorValue } from "./by-value.ts";
export { type BatchRequest, type CallRequest, Kernel } from "./kernel.ts";
export { Lease } from "./lease.ts";
export type { PoolCounts } from "./pool.ts";
export {
  type Preset,
  type PresetName,
  PRESETS,
  type SandboxLimits,
  type Setting,
} from "./presets.ts";
export { Sandbox, type SandboxCounts, type SandboxOptions } from "./sandbox.ts";
export type { Ticker, TickerSource } from "./ticker.ts";
export type { VariantChoice } from "./variant.ts";
export { KernelError, type KernelErrorKind, type TrapName } from "./trap.ts";
