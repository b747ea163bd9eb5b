// Runtime: kernels as persistent actors. Messages go through rings in shared memory to the threads that serve
// kernels, and answers come back in the same slots. It starts no thread and reads no clock: a platform
// hands both in.

export { Attention, createAttention } from "./attention.ts";
export { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "./checkpoint.ts";
export type { DeadLetterOffice, Replayed } from "./dead-letter-office.ts";
export type {
  DeadLetter,
  DeadLetterMetrics,
  DeadLettersOptions,
  DeadReason,
  LetterFilter,
} from "./dead-letters.ts";
export { defineKernel, type KernelDefinition, type KernelPlace } from "./define-kernel.ts";
export type {
  CallOptions,
  CheckpointOptions,
  KernelEnd,
  KernelMetrics,
  KernelStatus,
  Moved,
  MoveOptions,
  ReplyOf,
  SendOptions,
  ThreadEnd,
} from "./kernel-facts.ts";
export { KernelHandle } from "./kernel-handle.ts";
export type { KernelSpec, Launched, ThreadSpec } from "./kernel-spec.ts";
export { KernelThread, type KernelThreadOptions, thrownInKernel } from "./kernel-thread.ts";
export { type KernelState, STATES } from "./lifecycle.ts";
export type {
  Dim3,
  FullPolicy,
  LaunchOptions,
  Rate,
  RuntimeOptions,
  SupervisionEvent,
  TenantQuota,
} from "./options.ts";
export type { StateAnswer, StateOrder } from "./resting.ts";
export { HOPS_MAX, type RouteSpec } from "./routes.ts";
export type { RuntimeMetrics } from "./books.ts";
export type { LatencyFacts } from "./latency.ts";
export { type MessageNotice, NOTICES, type Notices, type Notify } from "./notices.ts";
export type { Trace, TraceEvent } from "./trace.ts";
export { Runtime, type RuntimeParts } from "./runtime.ts";
export type { SchedulerOptions, SchedulingStrategy } from "./scheduling.ts";
export type { ServingThread } from "./thread-pool.ts";
export type { Restart, Strategy, SupervisionOptions } from "./supervision.ts";
export type { BrokerLimits as TopicsOptions, Qos, SubscriptionOption } from "./topic-options.ts";
export { NOTHING } from "./topic-wire.ts";
export type { Topics, TopicsMetrics } from "./topics-handle.ts";
