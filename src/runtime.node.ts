// Front door `annulus/runtime` on Node: messages, kernels as actors, those of packs too, and the
// runtime that serves them.

import {
  type NodeRuntime,
  type NodeRuntimeOptions,
  openRuntime,
  RuntimeBuilder,
} from "./platform/node/runtime-door.ts";

export { Failure } from "./base/mod.ts";
export {
  BRIDGE_DEFAULTS,
  type BridgeEnd,
  type BridgeOptions,
  type BridgeState,
  type BridgeStats,
  type BridgeTime,
  type DeviceCapabilities,
  deviceLost,
  type DeviceMemory,
  type DeviceQueue,
  type DeviceRegion,
  type Fate,
  type QueueGeometry,
  QueueView,
  RingBufferBridge,
  SimulatedDevice,
  type SimulatedDeviceOptions,
  STRATEGIES,
  type Strategy,
  type TransferPlan,
} from "./bridge/mod.ts";
export * from "./message/mod.ts";
export {
  BACKENDS,
  type BackendName,
  type InvokeOptions,
  type Monitor,
  type MonitorOptions,
  type NodeRuntimeOptions,
  type PackKernel,
  type PackLaunchOptions,
  type PackSandboxOptions,
  bridgeTime,
  ThreadDevice,
  readCheckpoint,
  type StoredCheckpoint,
  writeCheckpoint,
} from "./platform/node/runtime-door.ts";
export { IDLE, type IdlePolicy } from "./ring/core.ts";
export { defineKernel, NOTHING, STATES } from "./runtime/thread.ts";
export type {
  CallOptions,
  CheckpointOptions,
  DeadLetter,
  DeadLetterMetrics,
  DeadLetterOffice,
  DeadLettersOptions,
  DeadReason,
  Dim3,
  FullPolicy,
  KernelDefinition,
  KernelEnd,
  KernelHandle,
  KernelMetrics,
  KernelPlace,
  KernelState,
  KernelStatus,
  LatencyFacts,
  LaunchOptions,
  LetterFilter,
  Moved,
  MoveOptions,
  MessageNotice,
  Notices,
  Qos,
  Rate,
  Replayed,
  ReplyOf,
  Restart,
  RuntimeMetrics,
  RuntimeOptions,
  SchedulerOptions,
  SchedulingStrategy,
  SendOptions,
  Strategy as SupervisionStrategy,
  SubscriptionOption,
  SupervisionOptions,
  TenantQuota,
  ThreadEnd,
  Topics,
  TopicsMetrics,
  TopicsOptions,
  SupervisionEvent,
  Trace,
  TraceEvent,
} from "./runtime/mod.ts";

export { RuntimeBuilder } from "./platform/node/runtime-door.ts";

export type Runtime = NodeRuntime;

export const Runtime = {
  /**
   * Starts `prestart` threads; the others start with the first launches. Fails with BACKEND_UNAVAILABLE or
   * MONITOR_UNAVAILABLE.
   */
  create: (options?: NodeRuntimeOptions): Promise<NodeRuntime> => openRuntime(options),
  /** The same, option by option. */
  builder: (): RuntimeBuilder => new RuntimeBuilder(openRuntime),
};
