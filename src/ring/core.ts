// Ring core: a second door, for those who only pass slots between threads. Behind `mod.ts` stand opcodes, logs, windows
// and tenants too, which a thread that serves kernels would load for nothing.

export { createRing } from "./format.ts";
export type { QueueSides } from "./queue.ts";
export { Ring } from "./ring.ts";
export { sweep } from "./sweep.ts";
export { Bell, type Condition, IDLE, type IdlePolicy, type KeepAlive } from "./waits.ts";
