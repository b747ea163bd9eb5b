// Front door `annulus/runtime` on Node: messages, kernels as actors, those of packs too, and the
// runtime that serves them.

import { createRuntime, type NodeRuntime, type NodeRuntimeOptions } from "./platform/node/mod.ts";

export { Failure } from "./base/mod.ts";
export * from "./message/mod.ts";
export {
  BACKENDS,
  type BackendName,
  type InvokeOptions,
  type NodeRuntimeOptions,
  type PackKernel,
  type PackLaunchOptions,
  type PackSandboxOptions,
} from "./platform/node/mod.ts";
export { IDLE, type IdlePolicy } from "./ring/mod.ts";
export {
  type CallOptions,
  defineKernel,
  type FullPolicy,
  type KernelDefinition,
  type KernelEnd,
  type KernelHandle,
  type KernelMetrics,
  type KernelState,
  type KernelStatus,
  type LatencyFacts,
  type LaunchOptions,
  type MessageNotice,
  type Notices,
  type ReplyOf,
  type RuntimeMetrics,
  type SendOptions,
  STATES,
  type SupervisionEvent,
  type Trace,
  type TraceEvent,
} from "./runtime/mod.ts";

export type Runtime = NodeRuntime;

export const Runtime = {
  /** Starts `prestart` threads; the others start with the first launches. Fails with BACKEND_UNAVAILABLE. */
  async create(options?: NodeRuntimeOptions): Promise<NodeRuntime> {
    const runtime = createRuntime(options);
    await runtime.start();
    return runtime;
  },
};
