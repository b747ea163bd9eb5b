/* Printed by `npm run generate` from src/layout/ring.layout.ts. Do not edit. */
#ifndef ANNULUS_RING_H
#define ANNULUS_RING_H

#include <stddef.h>
#include <stdint.h>

/* 64 bytes, little-endian. */
struct annulus_ring_header {
  uint32_t magic; /* the bytes ANRG */
  uint32_t version; /* 1 */
  uint32_t total_bytes; /* bytes of the whole memory that the ring uses, this header included */
  uint32_t slots; /* slots of all lanes together: a power of two */
  uint32_t lanes; /* 1: the lane NORMAL holds every slot; 5: one lane for each priority */
  uint32_t cursors_at; /* byte offset of the lanes' cursors, in order of priority, and of the bells */
  uint32_t control_at; /* byte offset of the control words */
  uint32_t control_words; /* control words, observable words included */
  uint32_t observables; /* observable words, which are the last of the control words */
  uint32_t tenants; /* tenants: ids from 0 to one less */
  uint32_t slots_at; /* byte offset of the slots */
  uint32_t sides_at; /* byte offset of the side tables */
  uint32_t debug_at; /* byte offset of the debug log */
  uint32_t debug_records; /* records that the debug log holds */
  uint32_t io_at; /* byte offset of the IO queue */
  uint32_t io_slots; /* entries of the IO queue */
};
_Static_assert(sizeof(struct annulus_ring_header) == 64, "annulus_ring_header is 64 bytes");
_Static_assert(offsetof(struct annulus_ring_header, magic) == 0, "annulus_ring_header.magic is at 0");
_Static_assert(offsetof(struct annulus_ring_header, version) == 4, "annulus_ring_header.version is at 4");
_Static_assert(offsetof(struct annulus_ring_header, total_bytes) == 8, "annulus_ring_header.total_bytes is at 8");
_Static_assert(offsetof(struct annulus_ring_header, slots) == 12, "annulus_ring_header.slots is at 12");
_Static_assert(offsetof(struct annulus_ring_header, lanes) == 16, "annulus_ring_header.lanes is at 16");
_Static_assert(offsetof(struct annulus_ring_header, cursors_at) == 20, "annulus_ring_header.cursors_at is at 20");
_Static_assert(offsetof(struct annulus_ring_header, control_at) == 24, "annulus_ring_header.control_at is at 24");
_Static_assert(offsetof(struct annulus_ring_header, control_words) == 28, "annulus_ring_header.control_words is at 28");
_Static_assert(offsetof(struct annulus_ring_header, observables) == 32, "annulus_ring_header.observables is at 32");
_Static_assert(offsetof(struct annulus_ring_header, tenants) == 36, "annulus_ring_header.tenants is at 36");
_Static_assert(offsetof(struct annulus_ring_header, slots_at) == 40, "annulus_ring_header.slots_at is at 40");
_Static_assert(offsetof(struct annulus_ring_header, sides_at) == 44, "annulus_ring_header.sides_at is at 44");
_Static_assert(offsetof(struct annulus_ring_header, debug_at) == 48, "annulus_ring_header.debug_at is at 48");
_Static_assert(offsetof(struct annulus_ring_header, debug_records) == 52, "annulus_ring_header.debug_records is at 52");
_Static_assert(offsetof(struct annulus_ring_header, io_at) == 56, "annulus_ring_header.io_at is at 56");
_Static_assert(offsetof(struct annulus_ring_header, io_slots) == 60, "annulus_ring_header.io_slots is at 60");

/* 64 bytes, little-endian. */
struct annulus_slot {
  uint32_t status; /* who may touch the slot: one of the statuses */
  uint32_t opcode; /* what to do */
  uint32_t tenant; /* on whose behalf: an index into the tenant masks */
  uint32_t priority; /* 0 critical to 4 idle */
  uint32_t args[12]; /* arguments; words not given are 0 */
};
_Static_assert(sizeof(struct annulus_slot) == 64, "annulus_slot is 64 bytes");
_Static_assert(offsetof(struct annulus_slot, status) == 0, "annulus_slot.status is at 0");
_Static_assert(offsetof(struct annulus_slot, opcode) == 4, "annulus_slot.opcode is at 4");
_Static_assert(offsetof(struct annulus_slot, tenant) == 8, "annulus_slot.tenant is at 8");
_Static_assert(offsetof(struct annulus_slot, priority) == 12, "annulus_slot.priority is at 12");
_Static_assert(offsetof(struct annulus_slot, args) == 16, "annulus_slot.args is at 16");

/* 640 bytes, little-endian. */
struct annulus_control {
  uint32_t shutdown; /* not 0: executors claim no more, and end what they have claimed */
  uint32_t done_count; /* slots completed, DONE or FAULT; wraps */
  uint32_t tenant_base; /* index of the first tenant mask: 3 */
  uint32_t tenant_masks[29]; /* classes of opcodes that each tenant may run; 0 is nobody */
  uint32_t quotas[32]; /* slots that each tenant may still run; refilled by the host */
  uint32_t tenant_claims[32]; /* claims of each tenant, by id modulo 32; wraps */
  uint32_t metrics[32]; /* operations run of each opcode below 32, packed ones too; wraps */
  uint32_t epoch; /* batch fences completed; wraps */
  uint32_t lane_starts[6]; /* first slot of each lane in order of priority, then the end of the last */
  uint32_t starvation; /* claims of critical and high slots since the last lower or empty one */
  uint32_t priority_claims[5]; /* claims of each priority; wraps */
  uint32_t observable_words; /* observable words that follow word 159 */
  uint32_t tenant_count; /* tenants: an id from here on is refused */
  uint32_t window_words; /* observable words of each tenant: tenant t owns those from t times this */
  uint32_t debug_records; /* records that the debug log holds */
  uint32_t io_slots; /* entries of the IO queue */
  uint32_t slot_count; /* slots of the ring */
  uint32_t age_step; /* ticks of waiting that raise a slot by one priority; 0 raises none */
  uint32_t clock; /* ticks of the host's clock, which stamps are taken from; wraps */
  uint32_t fault_count; /* slots completed with FAULT; wraps */
  uint32_t reserved[10]; /* 0 */
};
_Static_assert(sizeof(struct annulus_control) == 640, "annulus_control is 640 bytes");
_Static_assert(offsetof(struct annulus_control, shutdown) == 0, "annulus_control.shutdown is at 0");
_Static_assert(offsetof(struct annulus_control, done_count) == 4, "annulus_control.done_count is at 4");
_Static_assert(offsetof(struct annulus_control, tenant_base) == 8, "annulus_control.tenant_base is at 8");
_Static_assert(offsetof(struct annulus_control, tenant_masks) == 12, "annulus_control.tenant_masks is at 12");
_Static_assert(offsetof(struct annulus_control, quotas) == 128, "annulus_control.quotas is at 128");
_Static_assert(offsetof(struct annulus_control, tenant_claims) == 256, "annulus_control.tenant_claims is at 256");
_Static_assert(offsetof(struct annulus_control, metrics) == 384, "annulus_control.metrics is at 384");
_Static_assert(offsetof(struct annulus_control, epoch) == 512, "annulus_control.epoch is at 512");
_Static_assert(offsetof(struct annulus_control, lane_starts) == 516, "annulus_control.lane_starts is at 516");
_Static_assert(offsetof(struct annulus_control, starvation) == 540, "annulus_control.starvation is at 540");
_Static_assert(offsetof(struct annulus_control, priority_claims) == 544, "annulus_control.priority_claims is at 544");
_Static_assert(offsetof(struct annulus_control, observable_words) == 564, "annulus_control.observable_words is at 564");
_Static_assert(offsetof(struct annulus_control, tenant_count) == 568, "annulus_control.tenant_count is at 568");
_Static_assert(offsetof(struct annulus_control, window_words) == 572, "annulus_control.window_words is at 572");
_Static_assert(offsetof(struct annulus_control, debug_records) == 576, "annulus_control.debug_records is at 576");
_Static_assert(offsetof(struct annulus_control, io_slots) == 580, "annulus_control.io_slots is at 580");
_Static_assert(offsetof(struct annulus_control, slot_count) == 584, "annulus_control.slot_count is at 584");
_Static_assert(offsetof(struct annulus_control, age_step) == 588, "annulus_control.age_step is at 588");
_Static_assert(offsetof(struct annulus_control, clock) == 592, "annulus_control.clock is at 592");
_Static_assert(offsetof(struct annulus_control, fault_count) == 596, "annulus_control.fault_count is at 596");
_Static_assert(offsetof(struct annulus_control, reserved) == 600, "annulus_control.reserved is at 600");

/* 256 bytes, little-endian. */
struct annulus_lane_cursors {
  uint32_t tail; /* next position to publish; moved by publishers; wraps */
  uint8_t tail_pad[124]; /* 0 */
  uint32_t head; /* next position to claim; moved by executors; wraps */
  uint32_t counted; /* positions before this one are in done_count; only where runs complete at once */
  uint8_t head_pad[120]; /* 0 */
};
_Static_assert(sizeof(struct annulus_lane_cursors) == 256, "annulus_lane_cursors is 256 bytes");
_Static_assert(offsetof(struct annulus_lane_cursors, tail) == 0, "annulus_lane_cursors.tail is at 0");
_Static_assert(offsetof(struct annulus_lane_cursors, tail_pad) == 4, "annulus_lane_cursors.tail_pad is at 4");
_Static_assert(offsetof(struct annulus_lane_cursors, head) == 128, "annulus_lane_cursors.head is at 128");
_Static_assert(offsetof(struct annulus_lane_cursors, counted) == 132, "annulus_lane_cursors.counted is at 132");
_Static_assert(offsetof(struct annulus_lane_cursors, head_pad) == 136, "annulus_lane_cursors.head_pad is at 136");

/* 1664 bytes, little-endian. */
struct annulus_bells {
  uint32_t doorbell; /* moves after slots were published while executors sleep; wraps */
  uint8_t doorbell_pad[124]; /* 0 */
  uint32_t sleepers; /* executors asleep on the doorbell, or about to be */
  uint8_t sleepers_pad[124]; /* 0 */
  uint32_t done_doorbell; /* moves after slots completed while hosts sleep; wraps */
  uint8_t done_doorbell_pad[124]; /* 0 */
  uint32_t done_sleepers; /* hosts asleep on the done doorbell, or about to be */
  uint8_t done_sleepers_pad[124]; /* 0 */
  uint32_t batches[256]; /* slots completed of each batch, by batch id modulo 256 */
  uint32_t tenant_done[32]; /* slots completed of each tenant, by id modulo 32; wraps */
};
_Static_assert(sizeof(struct annulus_bells) == 1664, "annulus_bells is 1664 bytes");
_Static_assert(offsetof(struct annulus_bells, doorbell) == 0, "annulus_bells.doorbell is at 0");
_Static_assert(offsetof(struct annulus_bells, doorbell_pad) == 4, "annulus_bells.doorbell_pad is at 4");
_Static_assert(offsetof(struct annulus_bells, sleepers) == 128, "annulus_bells.sleepers is at 128");
_Static_assert(offsetof(struct annulus_bells, sleepers_pad) == 132, "annulus_bells.sleepers_pad is at 132");
_Static_assert(offsetof(struct annulus_bells, done_doorbell) == 256, "annulus_bells.done_doorbell is at 256");
_Static_assert(offsetof(struct annulus_bells, done_doorbell_pad) == 260, "annulus_bells.done_doorbell_pad is at 260");
_Static_assert(offsetof(struct annulus_bells, done_sleepers) == 384, "annulus_bells.done_sleepers is at 384");
_Static_assert(offsetof(struct annulus_bells, done_sleepers_pad) == 388, "annulus_bells.done_sleepers_pad is at 388");
_Static_assert(offsetof(struct annulus_bells, batches) == 512, "annulus_bells.batches is at 512");
_Static_assert(offsetof(struct annulus_bells, tenant_done) == 1536, "annulus_bells.tenant_done is at 1536");

/* 16 bytes, little-endian. */
struct annulus_debug_record {
  uint32_t format; /* id in the registry of formats */
  uint32_t a; /* first value */
  uint32_t b; /* second value */
  uint32_t slot_base; /* index of the first word of the slot that wrote it: 16 times the slot */
};
_Static_assert(sizeof(struct annulus_debug_record) == 16, "annulus_debug_record is 16 bytes");
_Static_assert(offsetof(struct annulus_debug_record, format) == 0, "annulus_debug_record.format is at 0");
_Static_assert(offsetof(struct annulus_debug_record, a) == 4, "annulus_debug_record.a is at 4");
_Static_assert(offsetof(struct annulus_debug_record, b) == 8, "annulus_debug_record.b is at 8");
_Static_assert(offsetof(struct annulus_debug_record, slot_base) == 12, "annulus_debug_record.slot_base is at 12");

/* 32 bytes, little-endian. */
struct annulus_io_entry {
  uint32_t op; /* what to do: one of the IO operations */
  uint32_t source; /* handle in the table of sources */
  uint32_t destination; /* handle in the table of destinations */
  uint32_t offset_low; /* byte offset in the source, lower half */
  uint32_t offset_high; /* byte offset in the source, upper half */
  uint32_t byte_count; /* bytes to move */
  uint32_t status; /* one of the IO statuses; written last */
  uint32_t tag; /* the requester's own, given back unchanged */
};
_Static_assert(sizeof(struct annulus_io_entry) == 32, "annulus_io_entry is 32 bytes");
_Static_assert(offsetof(struct annulus_io_entry, op) == 0, "annulus_io_entry.op is at 0");
_Static_assert(offsetof(struct annulus_io_entry, source) == 4, "annulus_io_entry.source is at 4");
_Static_assert(offsetof(struct annulus_io_entry, destination) == 8, "annulus_io_entry.destination is at 8");
_Static_assert(offsetof(struct annulus_io_entry, offset_low) == 12, "annulus_io_entry.offset_low is at 12");
_Static_assert(offsetof(struct annulus_io_entry, offset_high) == 16, "annulus_io_entry.offset_high is at 16");
_Static_assert(offsetof(struct annulus_io_entry, byte_count) == 20, "annulus_io_entry.byte_count is at 20");
_Static_assert(offsetof(struct annulus_io_entry, status) == 24, "annulus_io_entry.status is at 24");
_Static_assert(offsetof(struct annulus_io_entry, tag) == 28, "annulus_io_entry.tag is at 28");

/* 64 bytes, little-endian. */
struct annulus_task_slot {
  uint32_t state; /* a slot status */
  uint32_t op_handle; /* opcode */
  uint32_t tenant; /* tenant id */
  uint32_t priority; /* 0 critical to 4 idle */
  uint32_t input; /* input handle */
  uint32_t output; /* output handle */
  uint32_t param; /* parameter */
  uint32_t continuation_pc; /* where to go on */
  uint32_t continuation_data; /* what to go on with */
  uint32_t resume_epoch; /* epoch from which it may go on */
  uint32_t task_id; /* its own id */
  uint32_t parent_task_id; /* id of the task that made it; 0 is none */
  uint32_t age_ticks; /* ticks it has waited */
  uint32_t requeue_count; /* times it was put back */
  uint32_t yield_count; /* times it gave way */
  uint32_t flags; /* task flags */
};
_Static_assert(sizeof(struct annulus_task_slot) == 64, "annulus_task_slot is 64 bytes");
_Static_assert(offsetof(struct annulus_task_slot, state) == 0, "annulus_task_slot.state is at 0");
_Static_assert(offsetof(struct annulus_task_slot, op_handle) == 4, "annulus_task_slot.op_handle is at 4");
_Static_assert(offsetof(struct annulus_task_slot, tenant) == 8, "annulus_task_slot.tenant is at 8");
_Static_assert(offsetof(struct annulus_task_slot, priority) == 12, "annulus_task_slot.priority is at 12");
_Static_assert(offsetof(struct annulus_task_slot, input) == 16, "annulus_task_slot.input is at 16");
_Static_assert(offsetof(struct annulus_task_slot, output) == 20, "annulus_task_slot.output is at 20");
_Static_assert(offsetof(struct annulus_task_slot, param) == 24, "annulus_task_slot.param is at 24");
_Static_assert(offsetof(struct annulus_task_slot, continuation_pc) == 28, "annulus_task_slot.continuation_pc is at 28");
_Static_assert(offsetof(struct annulus_task_slot, continuation_data) == 32, "annulus_task_slot.continuation_data is at 32");
_Static_assert(offsetof(struct annulus_task_slot, resume_epoch) == 36, "annulus_task_slot.resume_epoch is at 36");
_Static_assert(offsetof(struct annulus_task_slot, task_id) == 40, "annulus_task_slot.task_id is at 40");
_Static_assert(offsetof(struct annulus_task_slot, parent_task_id) == 44, "annulus_task_slot.parent_task_id is at 44");
_Static_assert(offsetof(struct annulus_task_slot, age_ticks) == 48, "annulus_task_slot.age_ticks is at 48");
_Static_assert(offsetof(struct annulus_task_slot, requeue_count) == 52, "annulus_task_slot.requeue_count is at 52");
_Static_assert(offsetof(struct annulus_task_slot, yield_count) == 56, "annulus_task_slot.yield_count is at 56");
_Static_assert(offsetof(struct annulus_task_slot, flags) == 60, "annulus_task_slot.flags is at 60");

/* The ring. */
#define ANNULUS_RING_MAGIC 1196576321u /* the bytes ANRG */
#define ANNULUS_RING_VERSION 1u /* of this protocol */
#define ANNULUS_SLOT_WORDS 16u /* words of one slot */
#define ANNULUS_ARGS_PER_SLOT 12u /* argument words of one slot */
#define ANNULUS_FAULT_CODE_ARG 11u /* argument that holds a fault's code */
#define ANNULUS_FAULT_DETAIL_ARG 10u /* and the one with its detail */
#define ANNULUS_OBSERVABLE_BASE 160u /* first observable word */
#define ANNULUS_MEMCPY_WORDS_PER_RUN 4096u /* then MEMCPY yields */
#define ANNULUS_STARVATION_CLAIMS 16u /* above NORMAL in a row, then one below */

/* Control words, as indices of words. */
#define ANNULUS_CONTROL_SHUTDOWN 0u /* not 0: executors claim no more, and end what they have claimed */
#define ANNULUS_CONTROL_DONE_COUNT 1u /* slots completed, DONE or FAULT; wraps */
#define ANNULUS_CONTROL_TENANT_BASE 2u /* index of the first tenant mask: 3 */
#define ANNULUS_CONTROL_TENANT_MASKS 3u /* classes of opcodes that each tenant may run; 0 is nobody */
#define ANNULUS_CONTROL_QUOTAS 32u /* slots that each tenant may still run; refilled by the host */
#define ANNULUS_CONTROL_TENANT_CLAIMS 64u /* claims of each tenant, by id modulo 32; wraps */
#define ANNULUS_CONTROL_METRICS 96u /* operations run of each opcode below 32, packed ones too; wraps */
#define ANNULUS_CONTROL_EPOCH 128u /* batch fences completed; wraps */
#define ANNULUS_CONTROL_LANE_STARTS 129u /* first slot of each lane in order of priority, then the end of the last */
#define ANNULUS_CONTROL_STARVATION 135u /* claims of critical and high slots since the last lower or empty one */
#define ANNULUS_CONTROL_PRIORITY_CLAIMS 136u /* claims of each priority; wraps */
#define ANNULUS_CONTROL_OBSERVABLE_WORDS 141u /* observable words that follow word 159 */
#define ANNULUS_CONTROL_TENANT_COUNT 142u /* tenants: an id from here on is refused */
#define ANNULUS_CONTROL_WINDOW_WORDS 143u /* observable words of each tenant: tenant t owns those from t times this */
#define ANNULUS_CONTROL_DEBUG_RECORDS 144u /* records that the debug log holds */
#define ANNULUS_CONTROL_IO_SLOTS 145u /* entries of the IO queue */
#define ANNULUS_CONTROL_SLOT_COUNT 146u /* slots of the ring */
#define ANNULUS_CONTROL_AGE_STEP 147u /* ticks of waiting that raise a slot by one priority; 0 raises none */
#define ANNULUS_CONTROL_CLOCK 148u /* ticks of the host's clock, which stamps are taken from; wraps */
#define ANNULUS_CONTROL_FAULT_COUNT 149u /* slots completed with FAULT; wraps */
#define ANNULUS_CONTROL_RESERVED 150u /* 0 */

/* Side tables, each as long as the ring has slots. */
#define ANNULUS_SIDE_TURN 0u /* the position that may touch the slot next; see Turns and owners */
#define ANNULUS_SIDE_TICKET 1u /* of the publication: its position plus 1, never 0 */
#define ANNULUS_SIDE_OWNER 2u /* executor that claimed it, from 1; the position with the top bit set: nobody yet; stale once free */
#define ANNULUS_SIDE_CLAIMED_AT 3u /* clock when it was claimed */
#define ANNULUS_SIDE_PUBLISHED_AT 4u /* clock when it was published */
#define ANNULUS_SIDE_BATCH 5u /* batch that a fence counts it in; 0 is none */
#define ANNULUS_SIDE_FLAGS 6u /* slot flags */
#define ANNULUS_SIDE_RUN_END 7u /* the position behind the run that it was published in */

/* Statuses of a slot. */
#define ANNULUS_STATUS_EMPTY 0u /* free; its publisher may fill it */
#define ANNULUS_STATUS_PUBLISHED 1u /* filled; an executor may claim it */
#define ANNULUS_STATUS_CLAIMED 2u /* its executor works on it */
#define ANNULUS_STATUS_DONE 3u /* completed; may be published over */
#define ANNULUS_STATUS_WAIT_IO 4u /* its executor keeps it until an IO entry completes */
#define ANNULUS_STATUS_YIELD 5u /* used up its bound; its executor goes on with it later */
#define ANNULUS_STATUS_REQUEUE 6u /* cannot run yet; its executor tries it again later */
#define ANNULUS_STATUS_FAULT 7u /* failed: code in argument 11, detail in argument 10 */

/* Priorities. */
#define ANNULUS_PRIORITY_CRITICAL 0u
#define ANNULUS_PRIORITY_HIGH 1u
#define ANNULUS_PRIORITY_NORMAL 2u
#define ANNULUS_PRIORITY_LOW 3u
#define ANNULUS_PRIORITY_IDLE 4u

/* Opcodes. */
#define ANNULUS_OP_NOP 0u /* nothing */
#define ANNULUS_OP_STORE_U32 1u /* control[index] = value */
#define ANNULUS_OP_ATOMIC_ADD 2u /* control[index] += value */
#define ANNULUS_OP_LOAD_U32 3u /* control[160 + to] = control[index] */
#define ANNULUS_OP_COMPARE_SWAP 4u /* control[index] = value if it was expected; control[160 + to] = what it was */
#define ANNULUS_OP_MEMCPY 5u /* control[to + i] = control[from + i] for i from 0 to words - 1, in that order */
#define ANNULUS_OP_DFA_STEP 6u /* control[160 + to] = the table's entry at 256 times state plus byte */
#define ANNULUS_OP_BATCH_FENCE 7u /* once items slots of the batch are complete: first observable word = tag, then epoch += 1 */
#define ANNULUS_OP_LOAD_MISS 65533u /* asks the IO queue for the resource and waits in WAIT_IO */
#define ANNULUS_OP_PRINTF 65534u /* appends a debug record, or counts it as dropped */
#define ANNULUS_OP_PACKED_SLOT 2147483649u /* runs the operations packed in its words */
#define ANNULUS_OP_SHUTDOWN 4294967295u /* control[0] = 1 */

/* Argument words of each opcode. */
#define ANNULUS_ARITY_NOP 0u
#define ANNULUS_ARITY_STORE_U32 2u /* value, index */
#define ANNULUS_ARITY_ATOMIC_ADD 2u /* value, index */
#define ANNULUS_ARITY_LOAD_U32 2u /* index, to */
#define ANNULUS_ARITY_COMPARE_SWAP 4u /* index, expected, value, to */
#define ANNULUS_ARITY_MEMCPY 3u /* from, to, words */
#define ANNULUS_ARITY_DFA_STEP 4u /* state, byte, to, table */
#define ANNULUS_ARITY_BATCH_FENCE 3u /* items, tag, batch */
#define ANNULUS_ARITY_LOAD_MISS 2u /* resource, prefetch */
#define ANNULUS_ARITY_PRINTF 3u /* format, a, b */
#define ANNULUS_ARITY_PACKED_SLOT 12u
#define ANNULUS_ARITY_SHUTDOWN 0u

/* Bits of tenant masks. */
#define ANNULUS_CLASS_NOP_AND_FENCE 0u /* NOP, BATCH_FENCE and the packed slot itself */
#define ANNULUS_CLASS_CONTROL_READ 1u /* LOAD_U32 */
#define ANNULUS_CLASS_CONTROL_WRITE 2u /* STORE_U32, ATOMIC_ADD, COMPARE_SWAP */
#define ANNULUS_CLASS_MEMCPY 3u /* MEMCPY */
#define ANNULUS_CLASS_DFA 4u /* DFA_STEP */
#define ANNULUS_CLASS_PRINTF 5u /* PRINTF */
#define ANNULUS_CLASS_CUSTOM 6u /* custom opcodes */
#define ANNULUS_CLASS_KERNEL 7u /* LOAD_MISS and the opcodes that call kernels */
#define ANNULUS_CLASS_SYSTEM 30u /* the whole of the control words, and every tenant's window */
#define ANNULUS_CLASS_SHUTDOWN 31u /* SHUTDOWN */

/* Faults. */
#define ANNULUS_FAULT_UNAUTHORISED 1u /* the tenant is unknown or may not do this; detail: its mask */
#define ANNULUS_FAULT_UNKNOWN_OPCODE 2u /* nobody registered the opcode; detail: the opcode */
#define ANNULUS_FAULT_MALFORMED_ARGS 3u /* an argument has no meaning here; detail: its index, or the packed operation's */
#define ANNULUS_FAULT_OUT_OF_BOUNDS 4u /* an index lies outside what the tenant may touch; detail: the index */
#define ANNULUS_FAULT_BUDGET 5u /* it ran past its bound; detail: the bound */
#define ANNULUS_FAULT_DEVICE_LOST 6u /* the device went away while it ran; detail: 0 */
#define ANNULUS_FAULT_WORKER_LOST 7u /* the executor died while it ran; detail: the executor */
#define ANNULUS_FAULT_HANDLER_ERROR 8u /* its handler failed; detail: the kernel's code, 1 to 6, or 0 */
#define ANNULUS_FAULT_QUOTA 9u /* the tenant's quota is used up; detail: 0 */

/* Flags of a slot. */
#define ANNULUS_FLAG_HELD 1u /* somebody waits for the outcome and frees the slot; without it the executor does */

/* IO operations. */
#define ANNULUS_IO_READ 1u
#define ANNULUS_IO_WRITE 2u
#define ANNULUS_IO_FENCE 3u

/* IO statuses. */
#define ANNULUS_IO_STATUS_EMPTY 0u
#define ANNULUS_IO_STATUS_PUBLISHED 1u
#define ANNULUS_IO_STATUS_CLAIMED 2u
#define ANNULUS_IO_STATUS_DONE 3u
#define ANNULUS_IO_STATUS_OK 16u
#define ANNULUS_IO_STATUS_ERROR 17u

/* Flags of a task. */
#define ANNULUS_TASK_PAUSED 1u
#define ANNULUS_TASK_YIELDED 2u
#define ANNULUS_TASK_REQUEUE_REQUESTED 4u
#define ANNULUS_TASK_RESUME_READY 8u

/* Classes of a window's items. */
#define ANNULUS_WINDOW_REQUIRED 0u
#define ANNULUS_WINDOW_LOOKAHEAD 1u

#endif
