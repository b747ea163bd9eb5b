// Printed by `npm run generate` from src/layout/ring.layout.ts. Do not edit.

/** Bytes of one ring header. */
// @ts-ignore: decorator
@inline
export const RING_HEADER_BYTES: i32 = 64;
/** Bytes of one slot. */
// @ts-ignore: decorator
@inline
export const SLOT_BYTES: i32 = 64;
/** Bytes of one control. */
// @ts-ignore: decorator
@inline
export const CONTROL_BYTES: i32 = 640;
/** Bytes of one lane cursors. */
// @ts-ignore: decorator
@inline
export const LANE_CURSORS_BYTES: i32 = 256;
/** Bytes of one bells. */
// @ts-ignore: decorator
@inline
export const BELLS_BYTES: i32 = 1664;
/** Bytes of one debug record. */
// @ts-ignore: decorator
@inline
export const DEBUG_RECORD_BYTES: i32 = 16;
/** Bytes of one io entry. */
// @ts-ignore: decorator
@inline
export const IO_ENTRY_BYTES: i32 = 32;
/** Bytes of one task slot. */
// @ts-ignore: decorator
@inline
export const TASK_SLOT_BYTES: i32 = 64;

// The ring.

/** The bytes ANRG. */
// @ts-ignore: decorator
@inline
export const RING_MAGIC: u32 = 1196576321;
/** Of this protocol. */
// @ts-ignore: decorator
@inline
export const RING_VERSION: u32 = 1;
/** Words of one slot. */
// @ts-ignore: decorator
@inline
export const SLOT_WORDS: u32 = 16;
/** Argument words of one slot. */
// @ts-ignore: decorator
@inline
export const ARGS_PER_SLOT: u32 = 12;
/** Argument that holds a fault's code. */
// @ts-ignore: decorator
@inline
export const FAULT_CODE_ARG: u32 = 11;
/** And the one with its detail. */
// @ts-ignore: decorator
@inline
export const FAULT_DETAIL_ARG: u32 = 10;
/** First observable word. */
// @ts-ignore: decorator
@inline
export const OBSERVABLE_BASE: u32 = 160;
/** Then MEMCPY yields. */
// @ts-ignore: decorator
@inline
export const MEMCPY_WORDS_PER_RUN: u32 = 4096;
/** Above NORMAL in a row, then one below. */
// @ts-ignore: decorator
@inline
export const STARVATION_CLAIMS: u32 = 16;

// Control words, as indices of words.

/** Not 0: executors claim no more, and end what they have claimed. */
// @ts-ignore: decorator
@inline
export const CONTROL_SHUTDOWN: u32 = 0;
/** Slots completed, DONE or FAULT; wraps. */
// @ts-ignore: decorator
@inline
export const CONTROL_DONE_COUNT: u32 = 1;
/** Index of the first tenant mask: 3. */
// @ts-ignore: decorator
@inline
export const CONTROL_TENANT_BASE: u32 = 2;
/** Classes of opcodes that each tenant may run; 0 is nobody. */
// @ts-ignore: decorator
@inline
export const CONTROL_TENANT_MASKS: u32 = 3;
/** Slots that each tenant may still run; refilled by the host. */
// @ts-ignore: decorator
@inline
export const CONTROL_QUOTAS: u32 = 32;
/** Claims of each tenant, by id modulo 32; wraps. */
// @ts-ignore: decorator
@inline
export const CONTROL_TENANT_CLAIMS: u32 = 64;
/** Operations run of each opcode below 32, packed ones too; wraps. */
// @ts-ignore: decorator
@inline
export const CONTROL_METRICS: u32 = 96;
/** Batch fences completed; wraps. */
// @ts-ignore: decorator
@inline
export const CONTROL_EPOCH: u32 = 128;
/** First slot of each lane in order of priority, then the end of the last. */
// @ts-ignore: decorator
@inline
export const CONTROL_LANE_STARTS: u32 = 129;
/** Claims of critical and high slots since the last lower or empty one. */
// @ts-ignore: decorator
@inline
export const CONTROL_STARVATION: u32 = 135;
/** Claims of each priority; wraps. */
// @ts-ignore: decorator
@inline
export const CONTROL_PRIORITY_CLAIMS: u32 = 136;
/** Observable words that follow word 159. */
// @ts-ignore: decorator
@inline
export const CONTROL_OBSERVABLE_WORDS: u32 = 141;
/** Tenants: an id from here on is refused. */
// @ts-ignore: decorator
@inline
export const CONTROL_TENANT_COUNT: u32 = 142;
/** Observable words of each tenant: tenant t owns those from t times this. */
// @ts-ignore: decorator
@inline
export const CONTROL_WINDOW_WORDS: u32 = 143;
/** Records that the debug log holds. */
// @ts-ignore: decorator
@inline
export const CONTROL_DEBUG_RECORDS: u32 = 144;
/** Entries of the IO queue. */
// @ts-ignore: decorator
@inline
export const CONTROL_IO_SLOTS: u32 = 145;
/** Slots of the ring. */
// @ts-ignore: decorator
@inline
export const CONTROL_SLOT_COUNT: u32 = 146;
/** Ticks of waiting that raise a slot by one priority; 0 raises none. */
// @ts-ignore: decorator
@inline
export const CONTROL_AGE_STEP: u32 = 147;
/** Ticks of the host's clock, which stamps are taken from; wraps. */
// @ts-ignore: decorator
@inline
export const CONTROL_CLOCK: u32 = 148;
/** Slots completed with FAULT; wraps. */
// @ts-ignore: decorator
@inline
export const CONTROL_FAULT_COUNT: u32 = 149;
/** 0. */
// @ts-ignore: decorator
@inline
export const CONTROL_RESERVED: u32 = 150;

// Side tables, each as long as the ring has slots.

/** The position that may touch the slot next; see Turns and owners. */
// @ts-ignore: decorator
@inline
export const SIDE_TURN: u32 = 0;
/** Of the publication: its position plus 1, never 0. */
// @ts-ignore: decorator
@inline
export const SIDE_TICKET: u32 = 1;
/** Executor that claimed it, from 1; the position with the top bit set: nobody yet; stale once free. */
// @ts-ignore: decorator
@inline
export const SIDE_OWNER: u32 = 2;
/** Clock when it was claimed. */
// @ts-ignore: decorator
@inline
export const SIDE_CLAIMED_AT: u32 = 3;
/** Clock when it was published. */
// @ts-ignore: decorator
@inline
export const SIDE_PUBLISHED_AT: u32 = 4;
/** Batch that a fence counts it in; 0 is none. */
// @ts-ignore: decorator
@inline
export const SIDE_BATCH: u32 = 5;
/** Slot flags. */
// @ts-ignore: decorator
@inline
export const SIDE_FLAGS: u32 = 6;
/** The position behind the run that it was published in. */
// @ts-ignore: decorator
@inline
export const SIDE_RUN_END: u32 = 7;

// Statuses of a slot.

/** Free; its publisher may fill it. */
// @ts-ignore: decorator
@inline
export const STATUS_EMPTY: u32 = 0;
/** Filled; an executor may claim it. */
// @ts-ignore: decorator
@inline
export const STATUS_PUBLISHED: u32 = 1;
/** Its executor works on it. */
// @ts-ignore: decorator
@inline
export const STATUS_CLAIMED: u32 = 2;
/** Completed; may be published over. */
// @ts-ignore: decorator
@inline
export const STATUS_DONE: u32 = 3;
/** Its executor keeps it until an IO entry completes. */
// @ts-ignore: decorator
@inline
export const STATUS_WAIT_IO: u32 = 4;
/** Used up its bound; its executor goes on with it later. */
// @ts-ignore: decorator
@inline
export const STATUS_YIELD: u32 = 5;
/** Cannot run yet; its executor tries it again later. */
// @ts-ignore: decorator
@inline
export const STATUS_REQUEUE: u32 = 6;
/** Failed: code in argument 11, detail in argument 10. */
// @ts-ignore: decorator
@inline
export const STATUS_FAULT: u32 = 7;

// Priorities.

/** Priorities. */
// @ts-ignore: decorator
@inline
export const PRIORITY_CRITICAL: u32 = 0;
/** Priorities. */
// @ts-ignore: decorator
@inline
export const PRIORITY_HIGH: u32 = 1;
/** Priorities. */
// @ts-ignore: decorator
@inline
export const PRIORITY_NORMAL: u32 = 2;
/** Priorities. */
// @ts-ignore: decorator
@inline
export const PRIORITY_LOW: u32 = 3;
/** Priorities. */
// @ts-ignore: decorator
@inline
export const PRIORITY_IDLE: u32 = 4;

// Opcodes.

/** Nothing. */
// @ts-ignore: decorator
@inline
export const OP_NOP: u32 = 0;
/** Control[index] = value. */
// @ts-ignore: decorator
@inline
export const OP_STORE_U32: u32 = 1;
/** Control[index] += value. */
// @ts-ignore: decorator
@inline
export const OP_ATOMIC_ADD: u32 = 2;
/** Control[160 + to] = control[index]. */
// @ts-ignore: decorator
@inline
export const OP_LOAD_U32: u32 = 3;
/** Control[index] = value if it was expected; control[160 + to] = what it was. */
// @ts-ignore: decorator
@inline
export const OP_COMPARE_SWAP: u32 = 4;
/** Control[to + i] = control[from + i] for i from 0 to words - 1, in that order. */
// @ts-ignore: decorator
@inline
export const OP_MEMCPY: u32 = 5;
/** Control[160 + to] = the table's entry at 256 times state plus byte. */
// @ts-ignore: decorator
@inline
export const OP_DFA_STEP: u32 = 6;
/** Once items slots of the batch are complete: first observable word = tag, then epoch += 1. */
// @ts-ignore: decorator
@inline
export const OP_BATCH_FENCE: u32 = 7;
/** Asks the IO queue for the resource and waits in WAIT_IO. */
// @ts-ignore: decorator
@inline
export const OP_LOAD_MISS: u32 = 65533;
/** Appends a debug record, or counts it as dropped. */
// @ts-ignore: decorator
@inline
export const OP_PRINTF: u32 = 65534;
/** Runs the operations packed in its words. */
// @ts-ignore: decorator
@inline
export const OP_PACKED_SLOT: u32 = 2147483649;
/** Control[0] = 1. */
// @ts-ignore: decorator
@inline
export const OP_SHUTDOWN: u32 = 4294967295;

// Argument words of each opcode.

/** Argument words of each opcode. */
// @ts-ignore: decorator
@inline
export const ARITY_NOP: u32 = 0;
/** Value, index. */
// @ts-ignore: decorator
@inline
export const ARITY_STORE_U32: u32 = 2;
/** Value, index. */
// @ts-ignore: decorator
@inline
export const ARITY_ATOMIC_ADD: u32 = 2;
/** Index, to. */
// @ts-ignore: decorator
@inline
export const ARITY_LOAD_U32: u32 = 2;
/** Index, expected, value, to. */
// @ts-ignore: decorator
@inline
export const ARITY_COMPARE_SWAP: u32 = 4;
/** From, to, words. */
// @ts-ignore: decorator
@inline
export const ARITY_MEMCPY: u32 = 3;
/** State, byte, to, table. */
// @ts-ignore: decorator
@inline
export const ARITY_DFA_STEP: u32 = 4;
/** Items, tag, batch. */
// @ts-ignore: decorator
@inline
export const ARITY_BATCH_FENCE: u32 = 3;
/** Resource, prefetch. */
// @ts-ignore: decorator
@inline
export const ARITY_LOAD_MISS: u32 = 2;
/** Format, a, b. */
// @ts-ignore: decorator
@inline
export const ARITY_PRINTF: u32 = 3;
/** Argument words of each opcode. */
// @ts-ignore: decorator
@inline
export const ARITY_PACKED_SLOT: u32 = 12;
/** Argument words of each opcode. */
// @ts-ignore: decorator
@inline
export const ARITY_SHUTDOWN: u32 = 0;

// Bits of tenant masks.

/** NOP, BATCH_FENCE and the packed slot itself. */
// @ts-ignore: decorator
@inline
export const CLASS_NOP_AND_FENCE: u32 = 0;
/** LOAD_U32. */
// @ts-ignore: decorator
@inline
export const CLASS_CONTROL_READ: u32 = 1;
/** STORE_U32, ATOMIC_ADD, COMPARE_SWAP. */
// @ts-ignore: decorator
@inline
export const CLASS_CONTROL_WRITE: u32 = 2;
/** MEMCPY. */
// @ts-ignore: decorator
@inline
export const CLASS_MEMCPY: u32 = 3;
/** DFA_STEP. */
// @ts-ignore: decorator
@inline
export const CLASS_DFA: u32 = 4;
/** PRINTF. */
// @ts-ignore: decorator
@inline
export const CLASS_PRINTF: u32 = 5;
/** Custom opcodes. */
// @ts-ignore: decorator
@inline
export const CLASS_CUSTOM: u32 = 6;
/** LOAD_MISS and the opcodes that call kernels. */
// @ts-ignore: decorator
@inline
export const CLASS_KERNEL: u32 = 7;
/** The whole of the control words, and every tenant's window. */
// @ts-ignore: decorator
@inline
export const CLASS_SYSTEM: u32 = 30;
/** SHUTDOWN. */
// @ts-ignore: decorator
@inline
export const CLASS_SHUTDOWN: u32 = 31;

// Faults.

/** The tenant is unknown or may not do this; detail: its mask. */
// @ts-ignore: decorator
@inline
export const FAULT_UNAUTHORISED: u32 = 1;
/** Nobody registered the opcode; detail: the opcode. */
// @ts-ignore: decorator
@inline
export const FAULT_UNKNOWN_OPCODE: u32 = 2;
/** An argument has no meaning here; detail: its index, or the packed operation's. */
// @ts-ignore: decorator
@inline
export const FAULT_MALFORMED_ARGS: u32 = 3;
/** An index lies outside what the tenant may touch; detail: the index. */
// @ts-ignore: decorator
@inline
export const FAULT_OUT_OF_BOUNDS: u32 = 4;
/** It ran past its bound; detail: the bound. */
// @ts-ignore: decorator
@inline
export const FAULT_BUDGET: u32 = 5;
/** The device went away while it ran; detail: 0. */
// @ts-ignore: decorator
@inline
export const FAULT_DEVICE_LOST: u32 = 6;
/** The executor died while it ran; detail: the executor. */
// @ts-ignore: decorator
@inline
export const FAULT_WORKER_LOST: u32 = 7;
/** Its handler failed; detail: the kernel's code, 1 to 6, or 0. */
// @ts-ignore: decorator
@inline
export const FAULT_HANDLER_ERROR: u32 = 8;
/** The tenant's quota is used up; detail: 0. */
// @ts-ignore: decorator
@inline
export const FAULT_QUOTA: u32 = 9;

// Flags of a slot.

/** Somebody waits for the outcome and frees the slot; without it the executor does. */
// @ts-ignore: decorator
@inline
export const FLAG_HELD: u32 = 1;

// IO operations.

/** IO operations. */
// @ts-ignore: decorator
@inline
export const IO_READ: u32 = 1;
/** IO operations. */
// @ts-ignore: decorator
@inline
export const IO_WRITE: u32 = 2;
/** IO operations. */
// @ts-ignore: decorator
@inline
export const IO_FENCE: u32 = 3;

// IO statuses.

/** IO statuses. */
// @ts-ignore: decorator
@inline
export const IO_STATUS_EMPTY: u32 = 0;
/** IO statuses. */
// @ts-ignore: decorator
@inline
export const IO_STATUS_PUBLISHED: u32 = 1;
/** IO statuses. */
// @ts-ignore: decorator
@inline
export const IO_STATUS_CLAIMED: u32 = 2;
/** IO statuses. */
// @ts-ignore: decorator
@inline
export const IO_STATUS_DONE: u32 = 3;
/** IO statuses. */
// @ts-ignore: decorator
@inline
export const IO_STATUS_OK: u32 = 16;
/** IO statuses. */
// @ts-ignore: decorator
@inline
export const IO_STATUS_ERROR: u32 = 17;

// Flags of a task.

/** Flags of a task. */
// @ts-ignore: decorator
@inline
export const TASK_PAUSED: u32 = 1;
/** Flags of a task. */
// @ts-ignore: decorator
@inline
export const TASK_YIELDED: u32 = 2;
/** Flags of a task. */
// @ts-ignore: decorator
@inline
export const TASK_REQUEUE_REQUESTED: u32 = 4;
/** Flags of a task. */
// @ts-ignore: decorator
@inline
export const TASK_RESUME_READY: u32 = 8;

// Classes of a window's items.

/** Classes of a window's items. */
// @ts-ignore: decorator
@inline
export const WINDOW_REQUIRED: u32 = 0;
/** Classes of a window's items. */
// @ts-ignore: decorator
@inline
export const WINDOW_LOOKAHEAD: u32 = 1;

/** The bytes ANRG. */
// @ts-ignore: decorator
@inline
export function ringHeaderMagic(ringHeader: usize): u32 {
  return load<u32>(ringHeader, 0);
}

// @ts-ignore: decorator
@inline
export function setRingHeaderMagic(ringHeader: usize, value: u32): void {
  store<u32>(ringHeader, value, 0);
}

/** 1. */
// @ts-ignore: decorator
@inline
export function ringHeaderVersion(ringHeader: usize): u32 {
  return load<u32>(ringHeader, 4);
}

// @ts-ignore: decorator
@inline
export function setRingHeaderVersion(ringHeader: usize, value: u32): void {
  store<u32>(ringHeader, value, 4);
}

/** Bytes of the whole memory that the ring uses, this header included. */
// @ts-ignore: decorator
@inline
export function ringHeaderTotalBytes(ringHeader: usize): u32 {
  return load<u32>(ringHeader, 8);
}

// @ts-ignore: decorator
@inline
export function setRingHeaderTotalBytes(ringHeader: usize, value: u32): void {
  store<u32>(ringHeader, value, 8);
}

/** Slots of all lanes together: a power of two. */
// @ts-ignore: decorator
@inline
export function ringHeaderSlots(ringHeader: usize): u32 {
  return load<u32>(ringHeader, 12);
}

// @ts-ignore: decorator
@inline
export function setRingHeaderSlots(ringHeader: usize, value: u32): void {
  store<u32>(ringHeader, value, 12);
}

/** 1: the lane NORMAL holds every slot; 5: one lane for each priority. */
// @ts-ignore: decorator
@inline
export function ringHeaderLanes(ringHeader: usize): u32 {
  return load<u32>(ringHeader, 16);
}

// @ts-ignore: decorator
@inline
export function setRingHeaderLanes(ringHeader: usize, value: u32): void {
  store<u32>(ringHeader, value, 16);
}

/** Byte offset of the lanes' cursors, in order of priority, and of the bells. */
// @ts-ignore: decorator
@inline
export function ringHeaderCursorsAt(ringHeader: usize): u32 {
  return load<u32>(ringHeader, 20);
}

// @ts-ignore: decorator
@inline
export function setRingHeaderCursorsAt(ringHeader: usize, value: u32): void {
  store<u32>(ringHeader, value, 20);
}

/** Byte offset of the control words. */
// @ts-ignore: decorator
@inline
export function ringHeaderControlAt(ringHeader: usize): u32 {
  return load<u32>(ringHeader, 24);
}

// @ts-ignore: decorator
@inline
export function setRingHeaderControlAt(ringHeader: usize, value: u32): void {
  store<u32>(ringHeader, value, 24);
}

/** Control words, observable words included. */
// @ts-ignore: decorator
@inline
export function ringHeaderControlWords(ringHeader: usize): u32 {
  return load<u32>(ringHeader, 28);
}

// @ts-ignore: decorator
@inline
export function setRingHeaderControlWords(ringHeader: usize, value: u32): void {
  store<u32>(ringHeader, value, 28);
}

/** Observable words, which are the last of the control words. */
// @ts-ignore: decorator
@inline
export function ringHeaderObservables(ringHeader: usize): u32 {
  return load<u32>(ringHeader, 32);
}

// @ts-ignore: decorator
@inline
export function setRingHeaderObservables(ringHeader: usize, value: u32): void {
  store<u32>(ringHeader, value, 32);
}

/** Tenants: ids from 0 to one less. */
// @ts-ignore: decorator
@inline
export function ringHeaderTenants(ringHeader: usize): u32 {
  return load<u32>(ringHeader, 36);
}

// @ts-ignore: decorator
@inline
export function setRingHeaderTenants(ringHeader: usize, value: u32): void {
  store<u32>(ringHeader, value, 36);
}

/** Byte offset of the slots. */
// @ts-ignore: decorator
@inline
export function ringHeaderSlotsAt(ringHeader: usize): u32 {
  return load<u32>(ringHeader, 40);
}

// @ts-ignore: decorator
@inline
export function setRingHeaderSlotsAt(ringHeader: usize, value: u32): void {
  store<u32>(ringHeader, value, 40);
}

/** Byte offset of the side tables. */
// @ts-ignore: decorator
@inline
export function ringHeaderSidesAt(ringHeader: usize): u32 {
  return load<u32>(ringHeader, 44);
}

// @ts-ignore: decorator
@inline
export function setRingHeaderSidesAt(ringHeader: usize, value: u32): void {
  store<u32>(ringHeader, value, 44);
}

/** Byte offset of the debug log. */
// @ts-ignore: decorator
@inline
export function ringHeaderDebugAt(ringHeader: usize): u32 {
  return load<u32>(ringHeader, 48);
}

// @ts-ignore: decorator
@inline
export function setRingHeaderDebugAt(ringHeader: usize, value: u32): void {
  store<u32>(ringHeader, value, 48);
}

/** Records that the debug log holds. */
// @ts-ignore: decorator
@inline
export function ringHeaderDebugRecords(ringHeader: usize): u32 {
  return load<u32>(ringHeader, 52);
}

// @ts-ignore: decorator
@inline
export function setRingHeaderDebugRecords(ringHeader: usize, value: u32): void {
  store<u32>(ringHeader, value, 52);
}

/** Byte offset of the IO queue. */
// @ts-ignore: decorator
@inline
export function ringHeaderIoAt(ringHeader: usize): u32 {
  return load<u32>(ringHeader, 56);
}

// @ts-ignore: decorator
@inline
export function setRingHeaderIoAt(ringHeader: usize, value: u32): void {
  store<u32>(ringHeader, value, 56);
}

/** Entries of the IO queue. */
// @ts-ignore: decorator
@inline
export function ringHeaderIoSlots(ringHeader: usize): u32 {
  return load<u32>(ringHeader, 60);
}

// @ts-ignore: decorator
@inline
export function setRingHeaderIoSlots(ringHeader: usize, value: u32): void {
  store<u32>(ringHeader, value, 60);
}

/** Who may touch the slot: one of the statuses. */
// @ts-ignore: decorator
@inline
export function slotStatus(slot: usize): u32 {
  return atomic.load<u32>(slot, 0);
}

// @ts-ignore: decorator
@inline
export function setSlotStatus(slot: usize, value: u32): void {
  atomic.store<u32>(slot, value, 0);
}

/** What to do. */
// @ts-ignore: decorator
@inline
export function slotOpcode(slot: usize): u32 {
  return load<u32>(slot, 4);
}

// @ts-ignore: decorator
@inline
export function setSlotOpcode(slot: usize, value: u32): void {
  store<u32>(slot, value, 4);
}

/** On whose behalf: an index into the tenant masks. */
// @ts-ignore: decorator
@inline
export function slotTenant(slot: usize): u32 {
  return load<u32>(slot, 8);
}

// @ts-ignore: decorator
@inline
export function setSlotTenant(slot: usize, value: u32): void {
  store<u32>(slot, value, 8);
}

/** 0 critical to 4 idle. */
// @ts-ignore: decorator
@inline
export function slotPriority(slot: usize): u32 {
  return load<u32>(slot, 12);
}

// @ts-ignore: decorator
@inline
export function setSlotPriority(slot: usize, value: u32): void {
  store<u32>(slot, value, 12);
}

/** Arguments; words not given are 0. */
// @ts-ignore: decorator
@inline
export function slotArgs(slot: usize, index: u32): u32 {
  return load<u32>(slot + (<usize>index << 2), 16);
}

// @ts-ignore: decorator
@inline
export function setSlotArgs(slot: usize, index: u32, value: u32): void {
  store<u32>(slot + (<usize>index << 2), value, 16);
}

/** Not 0: executors claim no more, and end what they have claimed. */
// @ts-ignore: decorator
@inline
export function controlShutdown(control: usize): u32 {
  return atomic.load<u32>(control, 0);
}

// @ts-ignore: decorator
@inline
export function setControlShutdown(control: usize, value: u32): void {
  atomic.store<u32>(control, value, 0);
}

/** Slots completed, DONE or FAULT; wraps. */
// @ts-ignore: decorator
@inline
export function controlDoneCount(control: usize): u32 {
  return atomic.load<u32>(control, 4);
}

// @ts-ignore: decorator
@inline
export function setControlDoneCount(control: usize, value: u32): void {
  atomic.store<u32>(control, value, 4);
}

/** Index of the first tenant mask: 3. */
// @ts-ignore: decorator
@inline
export function controlTenantBase(control: usize): u32 {
  return atomic.load<u32>(control, 8);
}

// @ts-ignore: decorator
@inline
export function setControlTenantBase(control: usize, value: u32): void {
  atomic.store<u32>(control, value, 8);
}

/** Classes of opcodes that each tenant may run; 0 is nobody. */
// @ts-ignore: decorator
@inline
export function controlTenantMasks(control: usize, index: u32): u32 {
  return atomic.load<u32>(control + (<usize>index << 2), 12);
}

// @ts-ignore: decorator
@inline
export function setControlTenantMasks(control: usize, index: u32, value: u32): void {
  atomic.store<u32>(control + (<usize>index << 2), value, 12);
}

/** Slots that each tenant may still run; refilled by the host. */
// @ts-ignore: decorator
@inline
export function controlQuotas(control: usize, index: u32): u32 {
  return atomic.load<u32>(control + (<usize>index << 2), 128);
}

// @ts-ignore: decorator
@inline
export function setControlQuotas(control: usize, index: u32, value: u32): void {
  atomic.store<u32>(control + (<usize>index << 2), value, 128);
}

/** Claims of each tenant, by id modulo 32; wraps. */
// @ts-ignore: decorator
@inline
export function controlTenantClaims(control: usize, index: u32): u32 {
  return atomic.load<u32>(control + (<usize>index << 2), 256);
}

// @ts-ignore: decorator
@inline
export function setControlTenantClaims(control: usize, index: u32, value: u32): void {
  atomic.store<u32>(control + (<usize>index << 2), value, 256);
}

/** Operations run of each opcode below 32, packed ones too; wraps. */
// @ts-ignore: decorator
@inline
export function controlMetrics(control: usize, index: u32): u32 {
  return atomic.load<u32>(control + (<usize>index << 2), 384);
}

// @ts-ignore: decorator
@inline
export function setControlMetrics(control: usize, index: u32, value: u32): void {
  atomic.store<u32>(control + (<usize>index << 2), value, 384);
}

/** Batch fences completed; wraps. */
// @ts-ignore: decorator
@inline
export function controlEpoch(control: usize): u32 {
  return atomic.load<u32>(control, 512);
}

// @ts-ignore: decorator
@inline
export function setControlEpoch(control: usize, value: u32): void {
  atomic.store<u32>(control, value, 512);
}

/** First slot of each lane in order of priority, then the end of the last. */
// @ts-ignore: decorator
@inline
export function controlLaneStarts(control: usize, index: u32): u32 {
  return atomic.load<u32>(control + (<usize>index << 2), 516);
}

// @ts-ignore: decorator
@inline
export function setControlLaneStarts(control: usize, index: u32, value: u32): void {
  atomic.store<u32>(control + (<usize>index << 2), value, 516);
}

/** Claims of critical and high slots since the last lower or empty one. */
// @ts-ignore: decorator
@inline
export function controlStarvation(control: usize): u32 {
  return atomic.load<u32>(control, 540);
}

// @ts-ignore: decorator
@inline
export function setControlStarvation(control: usize, value: u32): void {
  atomic.store<u32>(control, value, 540);
}

/** Claims of each priority; wraps. */
// @ts-ignore: decorator
@inline
export function controlPriorityClaims(control: usize, index: u32): u32 {
  return atomic.load<u32>(control + (<usize>index << 2), 544);
}

// @ts-ignore: decorator
@inline
export function setControlPriorityClaims(control: usize, index: u32, value: u32): void {
  atomic.store<u32>(control + (<usize>index << 2), value, 544);
}

/** Observable words that follow word 159. */
// @ts-ignore: decorator
@inline
export function controlObservableWords(control: usize): u32 {
  return atomic.load<u32>(control, 564);
}

// @ts-ignore: decorator
@inline
export function setControlObservableWords(control: usize, value: u32): void {
  atomic.store<u32>(control, value, 564);
}

/** Tenants: an id from here on is refused. */
// @ts-ignore: decorator
@inline
export function controlTenantCount(control: usize): u32 {
  return atomic.load<u32>(control, 568);
}

// @ts-ignore: decorator
@inline
export function setControlTenantCount(control: usize, value: u32): void {
  atomic.store<u32>(control, value, 568);
}

/** Observable words of each tenant: tenant t owns those from t times this. */
// @ts-ignore: decorator
@inline
export function controlWindowWords(control: usize): u32 {
  return atomic.load<u32>(control, 572);
}

// @ts-ignore: decorator
@inline
export function setControlWindowWords(control: usize, value: u32): void {
  atomic.store<u32>(control, value, 572);
}

/** Records that the debug log holds. */
// @ts-ignore: decorator
@inline
export function controlDebugRecords(control: usize): u32 {
  return atomic.load<u32>(control, 576);
}

// @ts-ignore: decorator
@inline
export function setControlDebugRecords(control: usize, value: u32): void {
  atomic.store<u32>(control, value, 576);
}

/** Entries of the IO queue. */
// @ts-ignore: decorator
@inline
export function controlIoSlots(control: usize): u32 {
  return atomic.load<u32>(control, 580);
}

// @ts-ignore: decorator
@inline
export function setControlIoSlots(control: usize, value: u32): void {
  atomic.store<u32>(control, value, 580);
}

/** Slots of the ring. */
// @ts-ignore: decorator
@inline
export function controlSlotCount(control: usize): u32 {
  return atomic.load<u32>(control, 584);
}

// @ts-ignore: decorator
@inline
export function setControlSlotCount(control: usize, value: u32): void {
  atomic.store<u32>(control, value, 584);
}

/** Ticks of waiting that raise a slot by one priority; 0 raises none. */
// @ts-ignore: decorator
@inline
export function controlAgeStep(control: usize): u32 {
  return atomic.load<u32>(control, 588);
}

// @ts-ignore: decorator
@inline
export function setControlAgeStep(control: usize, value: u32): void {
  atomic.store<u32>(control, value, 588);
}

/** Ticks of the host's clock, which stamps are taken from; wraps. */
// @ts-ignore: decorator
@inline
export function controlClock(control: usize): u32 {
  return atomic.load<u32>(control, 592);
}

// @ts-ignore: decorator
@inline
export function setControlClock(control: usize, value: u32): void {
  atomic.store<u32>(control, value, 592);
}

/** Slots completed with FAULT; wraps. */
// @ts-ignore: decorator
@inline
export function controlFaultCount(control: usize): u32 {
  return atomic.load<u32>(control, 596);
}

// @ts-ignore: decorator
@inline
export function setControlFaultCount(control: usize, value: u32): void {
  atomic.store<u32>(control, value, 596);
}

/** 0. */
// @ts-ignore: decorator
@inline
export function controlReserved(control: usize, index: u32): u32 {
  return atomic.load<u32>(control + (<usize>index << 2), 600);
}

// @ts-ignore: decorator
@inline
export function setControlReserved(control: usize, index: u32, value: u32): void {
  atomic.store<u32>(control + (<usize>index << 2), value, 600);
}

/** Next position to publish; moved by publishers; wraps. */
// @ts-ignore: decorator
@inline
export function laneCursorsTail(laneCursors: usize): u32 {
  return atomic.load<u32>(laneCursors, 0);
}

// @ts-ignore: decorator
@inline
export function setLaneCursorsTail(laneCursors: usize, value: u32): void {
  atomic.store<u32>(laneCursors, value, 0);
}

/** Next position to claim; moved by executors; wraps. */
// @ts-ignore: decorator
@inline
export function laneCursorsHead(laneCursors: usize): u32 {
  return atomic.load<u32>(laneCursors, 128);
}

// @ts-ignore: decorator
@inline
export function setLaneCursorsHead(laneCursors: usize, value: u32): void {
  atomic.store<u32>(laneCursors, value, 128);
}

/** Positions before this one are in done_count; only where runs complete at once. */
// @ts-ignore: decorator
@inline
export function laneCursorsCounted(laneCursors: usize): u32 {
  return atomic.load<u32>(laneCursors, 132);
}

// @ts-ignore: decorator
@inline
export function setLaneCursorsCounted(laneCursors: usize, value: u32): void {
  atomic.store<u32>(laneCursors, value, 132);
}

/** Moves after slots were published while executors sleep; wraps. */
// @ts-ignore: decorator
@inline
export function bellsDoorbell(bells: usize): u32 {
  return atomic.load<u32>(bells, 0);
}

// @ts-ignore: decorator
@inline
export function setBellsDoorbell(bells: usize, value: u32): void {
  atomic.store<u32>(bells, value, 0);
}

/** Executors asleep on the doorbell, or about to be. */
// @ts-ignore: decorator
@inline
export function bellsSleepers(bells: usize): u32 {
  return atomic.load<u32>(bells, 128);
}

// @ts-ignore: decorator
@inline
export function setBellsSleepers(bells: usize, value: u32): void {
  atomic.store<u32>(bells, value, 128);
}

/** Moves after slots completed while hosts sleep; wraps. */
// @ts-ignore: decorator
@inline
export function bellsDoneDoorbell(bells: usize): u32 {
  return atomic.load<u32>(bells, 256);
}

// @ts-ignore: decorator
@inline
export function setBellsDoneDoorbell(bells: usize, value: u32): void {
  atomic.store<u32>(bells, value, 256);
}

/** Hosts asleep on the done doorbell, or about to be. */
// @ts-ignore: decorator
@inline
export function bellsDoneSleepers(bells: usize): u32 {
  return atomic.load<u32>(bells, 384);
}

// @ts-ignore: decorator
@inline
export function setBellsDoneSleepers(bells: usize, value: u32): void {
  atomic.store<u32>(bells, value, 384);
}

/** Slots completed of each batch, by batch id modulo 256. */
// @ts-ignore: decorator
@inline
export function bellsBatches(bells: usize, index: u32): u32 {
  return atomic.load<u32>(bells + (<usize>index << 2), 512);
}

// @ts-ignore: decorator
@inline
export function setBellsBatches(bells: usize, index: u32, value: u32): void {
  atomic.store<u32>(bells + (<usize>index << 2), value, 512);
}

/** Slots completed of each tenant, by id modulo 32; wraps. */
// @ts-ignore: decorator
@inline
export function bellsTenantDone(bells: usize, index: u32): u32 {
  return atomic.load<u32>(bells + (<usize>index << 2), 1536);
}

// @ts-ignore: decorator
@inline
export function setBellsTenantDone(bells: usize, index: u32, value: u32): void {
  atomic.store<u32>(bells + (<usize>index << 2), value, 1536);
}

/** Id in the registry of formats. */
// @ts-ignore: decorator
@inline
export function debugRecordFormat(debugRecord: usize): u32 {
  return load<u32>(debugRecord, 0);
}

// @ts-ignore: decorator
@inline
export function setDebugRecordFormat(debugRecord: usize, value: u32): void {
  store<u32>(debugRecord, value, 0);
}

/** First value. */
// @ts-ignore: decorator
@inline
export function debugRecordA(debugRecord: usize): u32 {
  return load<u32>(debugRecord, 4);
}

// @ts-ignore: decorator
@inline
export function setDebugRecordA(debugRecord: usize, value: u32): void {
  store<u32>(debugRecord, value, 4);
}

/** Second value. */
// @ts-ignore: decorator
@inline
export function debugRecordB(debugRecord: usize): u32 {
  return load<u32>(debugRecord, 8);
}

// @ts-ignore: decorator
@inline
export function setDebugRecordB(debugRecord: usize, value: u32): void {
  store<u32>(debugRecord, value, 8);
}

/** Index of the first word of the slot that wrote it: 16 times the slot. */
// @ts-ignore: decorator
@inline
export function debugRecordSlotBase(debugRecord: usize): u32 {
  return load<u32>(debugRecord, 12);
}

// @ts-ignore: decorator
@inline
export function setDebugRecordSlotBase(debugRecord: usize, value: u32): void {
  store<u32>(debugRecord, value, 12);
}

/** What to do: one of the IO operations. */
// @ts-ignore: decorator
@inline
export function ioEntryOp(ioEntry: usize): u32 {
  return load<u32>(ioEntry, 0);
}

// @ts-ignore: decorator
@inline
export function setIoEntryOp(ioEntry: usize, value: u32): void {
  store<u32>(ioEntry, value, 0);
}

/** Handle in the table of sources. */
// @ts-ignore: decorator
@inline
export function ioEntrySource(ioEntry: usize): u32 {
  return load<u32>(ioEntry, 4);
}

// @ts-ignore: decorator
@inline
export function setIoEntrySource(ioEntry: usize, value: u32): void {
  store<u32>(ioEntry, value, 4);
}

/** Handle in the table of destinations. */
// @ts-ignore: decorator
@inline
export function ioEntryDestination(ioEntry: usize): u32 {
  return load<u32>(ioEntry, 8);
}

// @ts-ignore: decorator
@inline
export function setIoEntryDestination(ioEntry: usize, value: u32): void {
  store<u32>(ioEntry, value, 8);
}

/** Byte offset in the source, lower half. */
// @ts-ignore: decorator
@inline
export function ioEntryOffsetLow(ioEntry: usize): u32 {
  return load<u32>(ioEntry, 12);
}

// @ts-ignore: decorator
@inline
export function setIoEntryOffsetLow(ioEntry: usize, value: u32): void {
  store<u32>(ioEntry, value, 12);
}

/** Byte offset in the source, upper half. */
// @ts-ignore: decorator
@inline
export function ioEntryOffsetHigh(ioEntry: usize): u32 {
  return load<u32>(ioEntry, 16);
}

// @ts-ignore: decorator
@inline
export function setIoEntryOffsetHigh(ioEntry: usize, value: u32): void {
  store<u32>(ioEntry, value, 16);
}

/** Bytes to move. */
// @ts-ignore: decorator
@inline
export function ioEntryByteCount(ioEntry: usize): u32 {
  return load<u32>(ioEntry, 20);
}

// @ts-ignore: decorator
@inline
export function setIoEntryByteCount(ioEntry: usize, value: u32): void {
  store<u32>(ioEntry, value, 20);
}

/** One of the IO statuses; written last. */
// @ts-ignore: decorator
@inline
export function ioEntryStatus(ioEntry: usize): u32 {
  return atomic.load<u32>(ioEntry, 24);
}

// @ts-ignore: decorator
@inline
export function setIoEntryStatus(ioEntry: usize, value: u32): void {
  atomic.store<u32>(ioEntry, value, 24);
}

/** The requester's own, given back unchanged. */
// @ts-ignore: decorator
@inline
export function ioEntryTag(ioEntry: usize): u32 {
  return load<u32>(ioEntry, 28);
}

// @ts-ignore: decorator
@inline
export function setIoEntryTag(ioEntry: usize, value: u32): void {
  store<u32>(ioEntry, value, 28);
}

/** A slot status. */
// @ts-ignore: decorator
@inline
export function taskSlotState(taskSlot: usize): u32 {
  return load<u32>(taskSlot, 0);
}

// @ts-ignore: decorator
@inline
export function setTaskSlotState(taskSlot: usize, value: u32): void {
  store<u32>(taskSlot, value, 0);
}

/** Opcode. */
// @ts-ignore: decorator
@inline
export function taskSlotOpHandle(taskSlot: usize): u32 {
  return load<u32>(taskSlot, 4);
}

// @ts-ignore: decorator
@inline
export function setTaskSlotOpHandle(taskSlot: usize, value: u32): void {
  store<u32>(taskSlot, value, 4);
}

/** Tenant id. */
// @ts-ignore: decorator
@inline
export function taskSlotTenant(taskSlot: usize): u32 {
  return load<u32>(taskSlot, 8);
}

// @ts-ignore: decorator
@inline
export function setTaskSlotTenant(taskSlot: usize, value: u32): void {
  store<u32>(taskSlot, value, 8);
}

/** 0 critical to 4 idle. */
// @ts-ignore: decorator
@inline
export function taskSlotPriority(taskSlot: usize): u32 {
  return load<u32>(taskSlot, 12);
}

// @ts-ignore: decorator
@inline
export function setTaskSlotPriority(taskSlot: usize, value: u32): void {
  store<u32>(taskSlot, value, 12);
}

/** Input handle. */
// @ts-ignore: decorator
@inline
export function taskSlotInput(taskSlot: usize): u32 {
  return load<u32>(taskSlot, 16);
}

// @ts-ignore: decorator
@inline
export function setTaskSlotInput(taskSlot: usize, value: u32): void {
  store<u32>(taskSlot, value, 16);
}

/** Output handle. */
// @ts-ignore: decorator
@inline
export function taskSlotOutput(taskSlot: usize): u32 {
  return load<u32>(taskSlot, 20);
}

// @ts-ignore: decorator
@inline
export function setTaskSlotOutput(taskSlot: usize, value: u32): void {
  store<u32>(taskSlot, value, 20);
}

/** Parameter. */
// @ts-ignore: decorator
@inline
export function taskSlotParam(taskSlot: usize): u32 {
  return load<u32>(taskSlot, 24);
}

// @ts-ignore: decorator
@inline
export function setTaskSlotParam(taskSlot: usize, value: u32): void {
  store<u32>(taskSlot, value, 24);
}

/** Where to go on. */
// @ts-ignore: decorator
@inline
export function taskSlotContinuationPc(taskSlot: usize): u32 {
  return load<u32>(taskSlot, 28);
}

// @ts-ignore: decorator
@inline
export function setTaskSlotContinuationPc(taskSlot: usize, value: u32): void {
  store<u32>(taskSlot, value, 28);
}

/** What to go on with. */
// @ts-ignore: decorator
@inline
export function taskSlotContinuationData(taskSlot: usize): u32 {
  return load<u32>(taskSlot, 32);
}

// @ts-ignore: decorator
@inline
export function setTaskSlotContinuationData(taskSlot: usize, value: u32): void {
  store<u32>(taskSlot, value, 32);
}

/** Epoch from which it may go on. */
// @ts-ignore: decorator
@inline
export function taskSlotResumeEpoch(taskSlot: usize): u32 {
  return load<u32>(taskSlot, 36);
}

// @ts-ignore: decorator
@inline
export function setTaskSlotResumeEpoch(taskSlot: usize, value: u32): void {
  store<u32>(taskSlot, value, 36);
}

/** Its own id. */
// @ts-ignore: decorator
@inline
export function taskSlotTaskId(taskSlot: usize): u32 {
  return load<u32>(taskSlot, 40);
}

// @ts-ignore: decorator
@inline
export function setTaskSlotTaskId(taskSlot: usize, value: u32): void {
  store<u32>(taskSlot, value, 40);
}

/** Id of the task that made it; 0 is none. */
// @ts-ignore: decorator
@inline
export function taskSlotParentTaskId(taskSlot: usize): u32 {
  return load<u32>(taskSlot, 44);
}

// @ts-ignore: decorator
@inline
export function setTaskSlotParentTaskId(taskSlot: usize, value: u32): void {
  store<u32>(taskSlot, value, 44);
}

/** Ticks it has waited. */
// @ts-ignore: decorator
@inline
export function taskSlotAgeTicks(taskSlot: usize): u32 {
  return load<u32>(taskSlot, 48);
}

// @ts-ignore: decorator
@inline
export function setTaskSlotAgeTicks(taskSlot: usize, value: u32): void {
  store<u32>(taskSlot, value, 48);
}

/** Times it was put back. */
// @ts-ignore: decorator
@inline
export function taskSlotRequeueCount(taskSlot: usize): u32 {
  return load<u32>(taskSlot, 52);
}

// @ts-ignore: decorator
@inline
export function setTaskSlotRequeueCount(taskSlot: usize, value: u32): void {
  store<u32>(taskSlot, value, 52);
}

/** Times it gave way. */
// @ts-ignore: decorator
@inline
export function taskSlotYieldCount(taskSlot: usize): u32 {
  return load<u32>(taskSlot, 56);
}

// @ts-ignore: decorator
@inline
export function setTaskSlotYieldCount(taskSlot: usize, value: u32): void {
  store<u32>(taskSlot, value, 56);
}

/** Task flags. */
// @ts-ignore: decorator
@inline
export function taskSlotFlags(taskSlot: usize): u32 {
  return load<u32>(taskSlot, 60);
}

// @ts-ignore: decorator
@inline
export function setTaskSlotFlags(taskSlot: usize, value: u32): void {
  store<u32>(taskSlot, value, 60);
}
