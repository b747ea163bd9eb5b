// Printed by `npm run generate` from src/layout/ring.layout.ts. Do not edit.

// 64 bytes.
struct Slot {
  status: atomic<u32>, // who may touch the slot: one of the statuses
  opcode: u32, // what to do
  tenant: u32, // on whose behalf: an index into the tenant masks
  priority: u32, // 0 critical to 4 idle
  args: array<u32, 12>, // arguments; words not given are 0
}

// 16 bytes.
struct DebugRecord {
  format: u32, // id in the registry of formats
  a: u32, // first value
  b: u32, // second value
  slot_base: u32, // index of the first word of the slot that wrote it: 16 times the slot
}

// 32 bytes.
struct IoEntry {
  op: u32, // what to do: one of the IO operations
  source: u32, // handle in the table of sources
  destination: u32, // handle in the table of destinations
  offset_low: u32, // byte offset in the source, lower half
  offset_high: u32, // byte offset in the source, upper half
  byte_count: u32, // bytes to move
  status: atomic<u32>, // one of the IO statuses; written last
  tag: u32, // the requester's own, given back unchanged
}

// 64 bytes.
struct TaskSlot {
  state: u32, // a slot status
  op_handle: u32, // opcode
  tenant: u32, // tenant id
  priority: u32, // 0 critical to 4 idle
  input: u32, // input handle
  output: u32, // output handle
  param: u32, // parameter
  continuation_pc: u32, // where to go on
  continuation_data: u32, // what to go on with
  resume_epoch: u32, // epoch from which it may go on
  task_id: u32, // its own id
  parent_task_id: u32, // id of the task that made it; 0 is none
  age_ticks: u32, // ticks it has waited
  requeue_count: u32, // times it was put back
  yield_count: u32, // times it gave way
  flags: u32, // task flags
}

// The ring.
const RING_MAGIC: u32 = 1196576321u; // the bytes ANRG
const RING_VERSION: u32 = 1u; // of this protocol
const SLOT_WORDS: u32 = 16u; // words of one slot
const ARGS_PER_SLOT: u32 = 12u; // argument words of one slot
const FAULT_CODE_ARG: u32 = 11u; // argument that holds a fault's code
const FAULT_DETAIL_ARG: u32 = 10u; // and the one with its detail
const OBSERVABLE_BASE: u32 = 160u; // first observable word
const MEMCPY_WORDS_PER_RUN: u32 = 4096u; // then MEMCPY yields
const STARVATION_CLAIMS: u32 = 16u; // above NORMAL in a row, then one below

// Control words, as indices of words.
const CONTROL_SHUTDOWN: u32 = 0u; // not 0: executors claim no more, and end what they have claimed
const CONTROL_DONE_COUNT: u32 = 1u; // slots completed, DONE or FAULT; wraps
const CONTROL_TENANT_BASE: u32 = 2u; // index of the first tenant mask: 3
const CONTROL_TENANT_MASKS: u32 = 3u; // classes of opcodes that each tenant may run; 0 is nobody
const CONTROL_QUOTAS: u32 = 32u; // slots that each tenant may still run; refilled by the host
const CONTROL_TENANT_CLAIMS: u32 = 64u; // claims of each tenant, by id modulo 32; wraps
const CONTROL_METRICS: u32 = 96u; // operations run of each opcode below 32, packed ones too; wraps
const CONTROL_EPOCH: u32 = 128u; // batch fences completed; wraps
const CONTROL_LANE_STARTS: u32 = 129u; // first slot of each lane in order of priority, then the end of the last
const CONTROL_STARVATION: u32 = 135u; // claims of critical and high slots since the last lower or empty one
const CONTROL_PRIORITY_CLAIMS: u32 = 136u; // claims of each priority; wraps
const CONTROL_OBSERVABLE_WORDS: u32 = 141u; // observable words that follow word 159
const CONTROL_TENANT_COUNT: u32 = 142u; // tenants: an id from here on is refused
const CONTROL_WINDOW_WORDS: u32 = 143u; // observable words of each tenant: tenant t owns those from t times this
const CONTROL_DEBUG_RECORDS: u32 = 144u; // records that the debug log holds
const CONTROL_IO_SLOTS: u32 = 145u; // entries of the IO queue
const CONTROL_SLOT_COUNT: u32 = 146u; // slots of the ring
const CONTROL_AGE_STEP: u32 = 147u; // ticks of waiting that raise a slot by one priority; 0 raises none
const CONTROL_CLOCK: u32 = 148u; // ticks of the host's clock, which stamps are taken from; wraps
const CONTROL_FAULT_COUNT: u32 = 149u; // slots completed with FAULT; wraps
const CONTROL_RESERVED: u32 = 150u; // 0

// Side tables, each as long as the ring has slots.
const SIDE_TURN: u32 = 0u; // the position that may touch the slot next; see Turns and owners
const SIDE_TICKET: u32 = 1u; // of the publication: its position plus 1, never 0
const SIDE_OWNER: u32 = 2u; // executor that claimed it, from 1; the position with the top bit set: nobody yet; stale once free
const SIDE_CLAIMED_AT: u32 = 3u; // clock when it was claimed
const SIDE_PUBLISHED_AT: u32 = 4u; // clock when it was published
const SIDE_BATCH: u32 = 5u; // batch that a fence counts it in; 0 is none
const SIDE_FLAGS: u32 = 6u; // slot flags
const SIDE_RUN_END: u32 = 7u; // the position behind the run that it was published in

// Statuses of a slot.
const STATUS_EMPTY: u32 = 0u; // free; its publisher may fill it
const STATUS_PUBLISHED: u32 = 1u; // filled; an executor may claim it
const STATUS_CLAIMED: u32 = 2u; // its executor works on it
const STATUS_DONE: u32 = 3u; // completed; may be published over
const STATUS_WAIT_IO: u32 = 4u; // its executor keeps it until an IO entry completes
const STATUS_YIELD: u32 = 5u; // used up its bound; its executor goes on with it later
const STATUS_REQUEUE: u32 = 6u; // cannot run yet; its executor tries it again later
const STATUS_FAULT: u32 = 7u; // failed: code in argument 11, detail in argument 10

// Priorities.
const PRIORITY_CRITICAL: u32 = 0u;
const PRIORITY_HIGH: u32 = 1u;
const PRIORITY_NORMAL: u32 = 2u;
const PRIORITY_LOW: u32 = 3u;
const PRIORITY_IDLE: u32 = 4u;

// Opcodes.
const OP_NOP: u32 = 0u; // nothing
const OP_STORE_U32: u32 = 1u; // control[index] = value
const OP_ATOMIC_ADD: u32 = 2u; // control[index] += value
const OP_LOAD_U32: u32 = 3u; // control[160 + to] = control[index]
const OP_COMPARE_SWAP: u32 = 4u; // control[index] = value if it was expected; control[160 + to] = what it was
const OP_MEMCPY: u32 = 5u; // control[to + i] = control[from + i] for i from 0 to words - 1, in that order
const OP_DFA_STEP: u32 = 6u; // control[160 + to] = the table's entry at 256 times state plus byte
const OP_BATCH_FENCE: u32 = 7u; // once items slots of the batch are complete: first observable word = tag, then epoch += 1
const OP_LOAD_MISS: u32 = 65533u; // asks the IO queue for the resource and waits in WAIT_IO
const OP_PRINTF: u32 = 65534u; // appends a debug record, or counts it as dropped
const OP_PACKED_SLOT: u32 = 2147483649u; // runs the operations packed in its words
const OP_SHUTDOWN: u32 = 4294967295u; // control[0] = 1

// Argument words of each opcode.
const ARITY_NOP: u32 = 0u;
const ARITY_STORE_U32: u32 = 2u; // value, index
const ARITY_ATOMIC_ADD: u32 = 2u; // value, index
const ARITY_LOAD_U32: u32 = 2u; // index, to
const ARITY_COMPARE_SWAP: u32 = 4u; // index, expected, value, to
const ARITY_MEMCPY: u32 = 3u; // from, to, words
const ARITY_DFA_STEP: u32 = 4u; // state, byte, to, table
const ARITY_BATCH_FENCE: u32 = 3u; // items, tag, batch
const ARITY_LOAD_MISS: u32 = 2u; // resource, prefetch
const ARITY_PRINTF: u32 = 3u; // format, a, b
const ARITY_PACKED_SLOT: u32 = 12u;
const ARITY_SHUTDOWN: u32 = 0u;

// Bits of tenant masks.
const CLASS_NOP_AND_FENCE: u32 = 0u; // NOP, BATCH_FENCE and the packed slot itself
const CLASS_CONTROL_READ: u32 = 1u; // LOAD_U32
const CLASS_CONTROL_WRITE: u32 = 2u; // STORE_U32, ATOMIC_ADD, COMPARE_SWAP
const CLASS_MEMCPY: u32 = 3u; // MEMCPY
const CLASS_DFA: u32 = 4u; // DFA_STEP
const CLASS_PRINTF: u32 = 5u; // PRINTF
const CLASS_CUSTOM: u32 = 6u; // custom opcodes
const CLASS_KERNEL: u32 = 7u; // LOAD_MISS and the opcodes that call kernels
const CLASS_SYSTEM: u32 = 30u; // the whole of the control words, and every tenant's window
const CLASS_SHUTDOWN: u32 = 31u; // SHUTDOWN

// Faults.
const FAULT_UNAUTHORISED: u32 = 1u; // the tenant is unknown or may not do this; detail: its mask
const FAULT_UNKNOWN_OPCODE: u32 = 2u; // nobody registered the opcode; detail: the opcode
const FAULT_MALFORMED_ARGS: u32 = 3u; // an argument has no meaning here; detail: its index, or the packed operation's
const FAULT_OUT_OF_BOUNDS: u32 = 4u; // an index lies outside what the tenant may touch; detail: the index
const FAULT_BUDGET: u32 = 5u; // it ran past its bound; detail: the bound
const FAULT_DEVICE_LOST: u32 = 6u; // the device went away while it ran; detail: 0
const FAULT_WORKER_LOST: u32 = 7u; // the executor died while it ran; detail: the executor
const FAULT_HANDLER_ERROR: u32 = 8u; // its handler failed; detail: the kernel's code, 1 to 6, or 0
const FAULT_QUOTA: u32 = 9u; // the tenant's quota is used up; detail: 0

// Flags of a slot.
const FLAG_HELD: u32 = 1u; // somebody waits for the outcome and frees the slot; without it the executor does

// IO operations.
const IO_READ: u32 = 1u;
const IO_WRITE: u32 = 2u;
const IO_FENCE: u32 = 3u;

// IO statuses.
const IO_STATUS_EMPTY: u32 = 0u;
const IO_STATUS_PUBLISHED: u32 = 1u;
const IO_STATUS_CLAIMED: u32 = 2u;
const IO_STATUS_DONE: u32 = 3u;
const IO_STATUS_OK: u32 = 16u;
const IO_STATUS_ERROR: u32 = 17u;

// Flags of a task.
const TASK_PAUSED: u32 = 1u;
const TASK_YIELDED: u32 = 2u;
const TASK_REQUEUE_REQUESTED: u32 = 4u;
const TASK_RESUME_READY: u32 = 8u;

// Classes of a window's items.
const WINDOW_REQUIRED: u32 = 0u;
const WINDOW_LOOKAHEAD: u32 = 1u;
