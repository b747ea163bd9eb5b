// Ring: work in flight as 64-byte slots in shared memory. Descriptors publish slots, publishers and
// executors hand them over without locks, and pure code says what every opcode does. It starts no
// thread and reads no clock.

export { Batch } from "./batch.ts";
export {
  type ControlShape,
  type ControlSnapshot,
  type DebugLog,
  type DebugRecord,
  decodeControl,
  decodeDebugLog,
  decodeSlot,
  encodeControl,
  encodeDebugLog,
  encodeEmptyRing,
  encodeSlot,
  type SlotRecord,
} from "./codec.ts";
export { createRing, type FormatOptions, geometryOf } from "./format.ts";
export { type ArityOf, packableArity, type PackedOp, PACKED_HEAD, PackedOps } from "./packed.ts";
export { OWNER_MAX, type QueueSides } from "./queue.ts";
export { type OfferOptions, Ring, slotMessage } from "./ring.ts";
export { type PackedSlot, type SingleSlot, Slot } from "./slot.ts";
export { checkSlotWords, slotWords } from "./slot-words.ts";
export { sweep } from "./sweep.ts";
export { type Settled, Tickets } from "./tickets.ts";
export { Bell, type Condition, IDLE, type IdlePolicy, type KeepAlive } from "./waits.ts";
export { type Progress, type SlotOutcome, WindowHandle } from "./window-handle.ts";
export { Window, type WindowOptions } from "./window.ts";
