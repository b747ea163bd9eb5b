// Monitor: what a process tells of its kernels to whoever owns it, and what it lets them do. Lines of JSON in
// both directions over anything that carries bytes. It opens no socket and reads no clock: a platform hands
// both in.

export { MonitorClient, type MonitorClientParts } from "./client.ts";
export type { MonitorLink } from "./link.ts";
export type { Done, KernelRow, MonitorProcess, Snapshot, Verb } from "./protocol.ts";
export { MONITOR_VERSION, VERBS } from "./protocol.ts";
export { ratesOf, type Rates } from "./rates.ts";
export { MonitorSession, type MonitorSessionParts } from "./session.ts";
export { type Monitored, snapshotOf } from "./snapshot.ts";
