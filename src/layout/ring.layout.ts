// The slot ring, version 1: every structure that publishers and executors share, little-endian.
//
// Word positions up to control word 140, of the slot, the debug records, the IO queue and the task slot
// are the seed protocol's. What it left unused declares the sizes of the regions, so that an executor
// that is handed the control words alone can check every bound. The codes stand in `ring-codes.ts`, the
// order of the regions in `ring-geometry.ts`.

import { layout } from "./layout.ts";

/** "ANRG" as bytes in memory. */
export const RING_MAGIC = 0x4752_4e41;
export const RING_VERSION = 1;
/** Every region starts on a multiple of this: one line of the cache. */
export const REGION_ALIGN_BYTES = 64;

/** The first bytes of the shared memory: where everything else is. Written once, before anyone attaches. */
export const RING_HEADER = layout("RingHeader", {
  magic: ["u32", "the bytes ANRG"],
  version: ["u32", "1"],
  total_bytes: ["u32", "bytes of the whole memory that the ring uses, this header included"],
  slots: ["u32", "slots of all lanes together: a power of two"],
  lanes: ["u32", "1: the lane NORMAL holds every slot; 5: one lane for each priority"],
  cursors_at: ["u32", "byte offset of the lanes' cursors, in order of priority, and of the bells"],
  control_at: ["u32", "byte offset of the control words"],
  control_words: ["u32", "control words, observable words included"],
  observables: ["u32", "observable words, which are the last of the control words"],
  tenants: ["u32", "tenants: ids from 0 to one less"],
  slots_at: ["u32", "byte offset of the slots"],
  sides_at: ["u32", "byte offset of the side tables"],
  debug_at: ["u32", "byte offset of the debug log"],
  debug_records: ["u32", "records that the debug log holds"],
  io_at: ["u32", "byte offset of the IO queue"],
  io_slots: ["u32", "entries of the IO queue"],
});

/** One unit of work. The status is written last by whoever hands the slot over. */
export const SLOT = layout("Slot", {
  status: ["u32", "who may touch the slot: one of the statuses"],
  opcode: ["u32", "what to do"],
  tenant: ["u32", "on whose behalf: an index into the tenant masks"],
  priority: ["u32", "0 critical to 4 idle"],
  args: ["u32", "arguments; words not given are 0", 12],
});

export const SLOT_WORDS = SLOT.bytes / 4;
export const ARGS_PER_SLOT = SLOT.fields.args.count;
/** On FAULT an executor writes the fault's code to the last argument and its detail to the one before. */
export const FAULT_CODE_ARG = 11;
export const FAULT_DETAIL_ARG = 10;

/** The control words that every ring has; the observable words follow. */
export const CONTROL = layout("Control", {
  shutdown: ["u32", "not 0: executors claim no more, and end what they have claimed"],
  done_count: ["u32", "slots completed, DONE or FAULT; wraps"],
  tenant_base: ["u32", "index of the first tenant mask: 3"],
  tenant_masks: ["u32", "classes of opcodes that each tenant may run; 0 is nobody", 29],
  quotas: ["u32", "slots that each tenant may still run; refilled by the host", 32],
  tenant_claims: ["u32", "claims of each tenant, by id modulo 32; wraps", 32],
  metrics: ["u32", "operations run of each opcode below 32, packed ones too; wraps", 32],
  epoch: ["u32", "batch fences completed; wraps"],
  lane_starts: ["u32", "first slot of each lane in order of priority, then the end of the last", 6],
  starvation: ["u32", "claims of critical and high slots since the last lower or empty one"],
  priority_claims: ["u32", "claims of each priority; wraps", 5],
  observable_words: ["u32", "observable words that follow word 159"],
  tenant_count: ["u32", "tenants: an id from here on is refused"],
  window_words: ["u32", "observable words of each tenant: tenant t owns those from t times this"],
  debug_records: ["u32", "records that the debug log holds"],
  io_slots: ["u32", "entries of the IO queue"],
  slot_count: ["u32", "slots of the ring"],
  age_step: ["u32", "ticks of waiting that raise a slot by one priority; 0 raises none"],
  clock: ["u32", "ticks of the host's clock, which stamps are taken from; wraps"],
  fault_count: ["u32", "slots completed with FAULT; wraps"],
  reserved: ["u32", "0", 10],
});

export const CONTROL_WORDS = CONTROL.bytes / 4;
/** Index of the first observable word. */
export const OBSERVABLE_BASE = CONTROL_WORDS;

/** Positions of one lane. Neighbours are two cache lines apart, since processors fetch lines in pairs. */
export const LANE_CURSORS = layout("LaneCursors", {
  tail: ["u32", "next position to publish; moved by publishers; wraps"],
  tail_pad: ["pad", "0", 124],
  head: ["u32", "next position to claim; moved by executors; wraps"],
  counted: ["u32", "positions before this one are in done_count; only where runs complete at once"],
  head_pad: ["pad", "0", 120],
});

/** What threads sleep on, and the counters that fences wait for. */
export const BELLS = layout("Bells", {
  doorbell: ["u32", "moves after slots were published while executors sleep; wraps"],
  doorbell_pad: ["pad", "0", 124],
  sleepers: ["u32", "executors asleep on the doorbell, or about to be"],
  sleepers_pad: ["pad", "0", 124],
  done_doorbell: ["u32", "moves after slots completed while hosts sleep; wraps"],
  done_doorbell_pad: ["pad", "0", 124],
  done_sleepers: ["u32", "hosts asleep on the done doorbell, or about to be"],
  done_sleepers_pad: ["pad", "0", 124],
  batches: ["u32", "slots completed of each batch, by batch id modulo 256", 256],
  tenant_done: ["u32", "slots completed of each tenant, by id modulo 32; wraps", 32],
});

/** One array of u32 for each row, as long as the ring has slots, one array after the other. */
export const SIDE_TABLES = layout("SideTables", {
  turn: ["u32", "the position that may touch the slot next; see Turns and owners"],
  ticket: ["u32", "of the publication: its position plus 1, never 0"],
  owner: [
    "u32",
    "executor that claimed it, from 1; the position with the top bit set: nobody yet; stale once free",
  ],
  claimed_at: ["u32", "clock when it was claimed"],
  published_at: ["u32", "clock when it was published"],
  batch: ["u32", "batch that a fence counts it in; 0 is none"],
  flags: ["u32", "slot flags"],
  run_end: ["u32", "the position behind the run that it was published in"],
});

/** The head of a debug log; its records, the dropped counter and the sequences follow. */
export const DEBUG_LOG = layout("DebugLog", {
  cursor: ["u32", "words of records in use: a multiple of 4, never more than the log holds"],
});

export const DEBUG_RECORD = layout("DebugRecord", {
  format: ["u32", "id in the registry of formats"],
  a: ["u32", "first value"],
  b: ["u32", "second value"],
  slot_base: ["u32", "index of the first word of the slot that wrote it: 16 times the slot"],
});

export const IO_ENTRY = layout("IoEntry", {
  op: ["u32", "what to do: one of the IO operations"],
  source: ["u32", "handle in the table of sources"],
  destination: ["u32", "handle in the table of destinations"],
  offset_low: ["u32", "byte offset in the source, lower half"],
  offset_high: ["u32", "byte offset in the source, upper half"],
  byte_count: ["u32", "bytes to move"],
  status: ["u32", "one of the IO statuses; written last"],
  tag: ["u32", "the requester's own, given back unchanged"],
});

/** Where a task that stopped midway goes on. Kept by hosts; no region of the ring holds it. */
export const TASK_SLOT = layout("TaskSlot", {
  state: ["u32", "a slot status"],
  op_handle: ["u32", "opcode"],
  tenant: ["u32", "tenant id"],
  priority: ["u32", "0 critical to 4 idle"],
  input: ["u32", "input handle"],
  output: ["u32", "output handle"],
  param: ["u32", "parameter"],
  continuation_pc: ["u32", "where to go on"],
  continuation_data: ["u32", "what to go on with"],
  resume_epoch: ["u32", "epoch from which it may go on"],
  task_id: ["u32", "its own id"],
  parent_task_id: ["u32", "id of the task that made it; 0 is none"],
  age_ticks: ["u32", "ticks it has waited"],
  requeue_count: ["u32", "times it was put back"],
  yield_count: ["u32", "times it gave way"],
  flags: ["u32", "task flags"],
});
