// Platform, Node: what the inner rooms may not reach for themselves (threads, files, clocks), made of
// `node:` modules and handed in from outside.

export {
  ASSEMBLYSCRIPT_FLAGS,
  assemblyScriptFlags,
  compileAssemblyScript,
} from "./assemblyscript.ts";
export { bridgeTime } from "./bridge-time.ts";
export { readCheckpoint, type StoredCheckpoint, writeCheckpoint } from "./checkpoint-file.ts";
export { type ExecutorEnd, type ExecutorThread, startExecutor } from "./executor.ts";
export type { ExecutorThreadOptions } from "./executor.ts";
export { keepAlive } from "./keep-alive.ts";
export { directoryFiles, openPackFiles, readFileWithin } from "./pack-files.ts";
export { loadPackSource } from "./pack-source.ts";
export { modelFolder } from "./model-folder.ts";
export { createRingLog, type LogEnd, type LogReader, openRingLog, writeLog } from "./ring-log.ts";
export { sharedTicker, type SharedTickerOptions } from "./shared-ticker.ts";
export { newEpoch, startTicker, type Ticker, type TickerOptions } from "./ticker.ts";
export type { PackSandboxOptions } from "./pack-actor.ts";
export { type InvokeOptions, PackKernel } from "./pack-kernel.ts";
export type { PackLaunchOptions } from "./pack-launch.ts";
export {
  type AttachedMonitor,
  attachMonitor,
  findMonitors,
  type FoundMonitor,
  type FoundMonitors,
} from "./monitor-find.ts";
export { places as monitorPlaces } from "./monitor-place.ts";
export { type Monitor, type MonitorOptions, startMonitor } from "./monitor-socket.ts";
export { BACKENDS, type BackendName } from "./backends.ts";
export { createRuntime, NodeRuntime, type NodeRuntimeOptions, openRuntime } from "./runtime.ts";
export { RuntimeBuilder } from "./runtime-builder.ts";
export { THREAD_DEVICE_CAPABILITIES, ThreadDevice } from "./thread-device.ts";
