// Runtime door: of this room, what `annulus/runtime` exports and no more. Every thread that serves kernels loads
// that, since their modules import it: what only a host needs is loaded when it makes a runtime.

import type { NodeRuntime, NodeRuntimeOptions } from "./runtime.ts";

export { BACKENDS, type BackendName } from "./backends.ts";
export { bridgeTime } from "./bridge-time.ts";
export { readCheckpoint, type StoredCheckpoint, writeCheckpoint } from "./checkpoint-file.ts";
export type { Monitor, MonitorOptions } from "./monitor-socket.ts";
export type { PackSandboxOptions } from "./pack-actor.ts";
export type { InvokeOptions, PackKernel } from "./pack-kernel.ts";
export type { PackLaunchOptions } from "./pack-launch.ts";
export type { NodeRuntime, NodeRuntimeOptions } from "./runtime.ts";
export { RuntimeBuilder } from "./runtime-builder.ts";
export { ThreadDevice } from "./thread-device.ts";

/** See runtime.ts. */
export async function openRuntime(options?: NodeRuntimeOptions): Promise<NodeRuntime> {
  const host = await import("./runtime.ts");
  return host.openRuntime(options);
}
