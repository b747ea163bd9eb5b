// Ring: work in flight as 64-byte slots in shared memory. Descriptors publish slots, publishers and
// executors hand them over without locks, and pure code says what every opcode does. It starts no
// thread and reads no clock.

export { Batch } from "./batch.ts";
export { type BodyRun, runBody } from "./body.ts";
export { type ControlShape, type ControlSnapshot, decodeControl, encodeControl } from "./codec.ts";
export { type DebugLog, type DebugRecord, decodeDebugLog, encodeDebugLog } from "./codec.ts";
export { decodeSlot, encodeEmptyRing, encodeSlot, type SlotRecord } from "./codec.ts";
export { apply, claim, type Continuation, type Effects } from "./effects.ts";
export { controlWord, type RingState, stateOf, type StepSlot } from "./effects.ts";
export { decodeLogHead, decodeRecord, encodeLogHead, isSealed, logDamaged } from "./log.ts";
export { LOG_HEADER_WORDS, LOG_RECORD_WORDS, logHeadWords, type LogHead } from "./log.ts";
export type { LogRecord } from "./log.ts";
export { diffLogs, type LogDifference } from "./log-diff.ts";
export { mergeLogs } from "./log-merge.ts";
export { LogRecorder, type LogSink } from "./log-recorder.ts";
export { createRing, createRingMemory, type FormatOptions, geometryOf } from "./format.ts";
export { type CustomOpcode, type DfaTable, type OpcodeAnswer, Opcodes } from "./opcodes.ts";
export { type KnownOpcode, type OpcodeCall } from "./opcodes.ts";
export { type ArityOf, packableArity, type PackedOp, PACKED_HEAD, PackedOps } from "./packed.ts";
export { OWNER_MAX, type QueueSides } from "./queue.ts";
export type { SlotRecorder } from "./record.ts";
export { maskOf, mayRun, tenantCount } from "./rights.ts";
export { type OfferOptions, Ring, slotMessage } from "./ring.ts";
export { type PackedSlot, type SingleSlot, Slot } from "./slot.ts";
export { step } from "./step.ts";
export { sweep } from "./sweep.ts";
export { controlSnapshot, isActive, occupancy, since, windowTelemetry } from "./telemetry.ts";
export type { ControlChange, Occupancy, WindowTelemetry } from "./telemetry.ts";
export { Tenant, type TenantOptions, Tenants, USER_CLASSES } from "./tenants.ts";
export { type Settled, Tickets } from "./tickets.ts";
export { Bell, type Condition, IDLE, type IdlePolicy, type KeepAlive } from "./waits.ts";
export { type Progress, type SlotOutcome, WindowHandle } from "./window-handle.ts";
export { type Stall, Watchdog } from "./watchdog.ts";
export { Window, type WindowOptions } from "./window.ts";
