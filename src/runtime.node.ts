// Front door `annulus/runtime` on Node: messages, kernels as actors, and the runtime that serves them.

import { createRuntime, type NodeRuntimeOptions } from "./platform/node/mod.ts";
import type { Runtime as ActorRuntime } from "./runtime/mod.ts";

export { Failure } from "./base/mod.ts";
export * from "./message/mod.ts";
export { BACKENDS, type BackendName, type NodeRuntimeOptions } from "./platform/node/mod.ts";
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
  type LaunchOptions,
  type ReplyOf,
  type RuntimeMetrics,
  type SendOptions,
  STATES,
} from "./runtime/mod.ts";

export type Runtime = ActorRuntime;

export const Runtime = {
  /** Threads start with the first launches. Fails with BACKEND_UNAVAILABLE. */
  create: async (options?: NodeRuntimeOptions): Promise<ActorRuntime> => createRuntime(options),
};
