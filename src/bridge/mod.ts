// Bridge: carries messages between the host and a device that has its own memory, by one of four strategies. What a
// back end has to fill in is `DeviceMemory`; `SimulatedDevice` is one without hardware. It starts no thread
// and reads no clock.

export type { BridgeEnd, BridgeState, BridgeStats } from "./account.ts";
export { RingBufferBridge, type StopOptions } from "./bridge.ts";
export type { CopyCount } from "./copies.ts";
export type { BridgeTime, DeviceCapabilities, DeviceMemory, DeviceRegion } from "./device.ts";
export { DeviceKernel, TRANSFORMS, type TransformName } from "./device-kernel.ts";
export { deviceLost } from "./faults.ts";
export type { Fate } from "./input-lane.ts";
export { BRIDGE_DEFAULTS, BRIDGE_RANGES, type BridgeOptions } from "./options.ts";
export { type DeviceQueue, type QueueGeometry, queueGeometry, type QueueShape } from "./queue.ts";
export { QueueView } from "./queue.ts";
export { type CopyFacts, type Fault, SimulatedDevice } from "./simulated-device.ts";
export type { SimulatedDeviceOptions, SimulatedTime } from "./simulated-device.ts";
export { type Refusal, STRATEGIES, type Strategy, type TransferPlan } from "./strategy.ts";
export type { Unused } from "./strategy.ts";
export type { WaitOptions } from "./waiters.ts";
