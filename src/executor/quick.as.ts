// Quick: runs claimed slots that are as they should be, and stops before the first that is not.
//
// It does to such slots exactly what slot-run.ts does, and that file does everything else: whatever
// faults, waits, touches words that count, or is none of the five operations below, is left untouched.
// The executor owns the slots and settles them. Judge: the conformance programs of executor.test.ts.
//
// Addresses are bytes into the ring's memory, indices are control words. Built by
// tools/generators/quick.ts.

import {
  ARGS_PER_SLOT,
  CLASS_CONTROL_READ,
  CLASS_CONTROL_WRITE,
  CLASS_NOP_AND_FENCE,
  CLASS_SYSTEM,
  CONTROL_METRICS,
  CONTROL_OBSERVABLE_WORDS,
  CONTROL_PRIORITY_CLAIMS,
  CONTROL_QUOTAS,
  CONTROL_TENANT_CLAIMS,
  CONTROL_TENANT_COUNT,
  CONTROL_TENANT_MASKS,
  CONTROL_WINDOW_WORDS,
  OBSERVABLE_BASE,
  OP_ATOMIC_ADD,
  OP_COMPARE_SWAP,
  OP_LOAD_U32,
  OP_NOP,
  OP_PACKED_SLOT,
  OP_STORE_U32,
  PRIORITY_IDLE,
  ringHeaderControlAt,
  ringHeaderControlWords,
  ringHeaderSlotsAt,
  ringHeaderTenants,
  SLOT_BYTES,
  slotArgs,
  slotOpcode,
  slotPriority,
  slotTenant,
} from "annulus/generated/ring.as";

/** The most operations whose heads fit a packed slot. */
const PACKED_OPS_MAX: u32 = 23;

let control: usize = 0;
let controlWords: u32 = 0;
let tenants: u32 = 0;
let slots: usize = 0;
/** 48 bytes of this executor alone: a packed slot's words, which its publisher can no longer change. */
let scratch: usize = 0;

// What the tenant of the slot that runs may do: classes, and control words from `first` to before `end`.
let mask: u32 = 0;
let first: u32 = 0;
let end: u32 = 0;

// Counts of neighbours that are alike, added to the control words when one is not.
let tenantNow: u32 = 0;
let tenantCount: u32 = 0;
let priorityNow: u32 = 0;
let priorityCount: u32 = 0;
let opcodeNow: u32 = 0;
let opcodeCount: u32 = 0;

/** The ring starts at byte 0, and whoever attaches has checked its header. */
export function attach(scratchAt: usize): void {
  control = ringHeaderControlAt(0);
  controlWords = ringHeaderControlWords(0);
  tenants = ringHeaderTenants(0);
  slots = ringHeaderSlotsAt(0);
  scratch = scratchAt;
}

/** Runs up to `count` claimed slots from `slot` on, and says how many it ran. */
export function run(slot: u32, count: u32): u32 {
  let done: u32 = 0;
  while (done < count && runSlot(slots + <usize>(slot + done) * SLOT_BYTES)) done++;
  storeTenant();
  storePriority();
  storeOpcode();
  return done;
}

/** False, and nothing happened: the slot is one that the executor has to look at. */
function runSlot(slot: usize): bool {
  const tenant = slotTenant(slot);
  const opcode = slotOpcode(slot);
  if (!admit(tenant)) return false;
  if (opcode == OP_PACKED_SLOT) {
    if (!may(CLASS_NOP_AND_FENCE) || !readPacked(slot) || !takeQuota(tenant)) return false;
    runPacked();
  } else {
    const a = slotArgs(slot, 0);
    const b = slotArgs(slot, 1);
    const c = slotArgs(slot, 2);
    const d = slotArgs(slot, 3);
    if (!mayRun(opcode, a, b, c, d) || !takeQuota(tenant)) return false;
    runOp(opcode, a, b, c, d);
  }
  countTenant(tenant);
  countPriority(min(slotPriority(slot), PRIORITY_IDLE));
  return true;
}

// ---- rights, as rights.ts has them ----

// @ts-ignore: decorator
@inline
function word(index: u32): usize {
  return control + (<usize>index << 2);
}

function admit(tenant: u32): bool {
  if (tenant >= tenants || tenant >= load<u32>(word(CONTROL_TENANT_COUNT))) return false;
  mask = load<u32>(word(CONTROL_TENANT_MASKS + tenant));
  const declared = load<u32>(word(CONTROL_OBSERVABLE_WORDS));
  end = OBSERVABLE_BASE + min(declared, controlWords - OBSERVABLE_BASE);
  first = OBSERVABLE_BASE;
  if (may(CLASS_SYSTEM)) return true;
  const window = <u64>load<u32>(word(CONTROL_WINDOW_WORDS));
  const from = <u64>OBSERVABLE_BASE + window * tenant;
  first = <u32>min(from, <u64>end);
  end = <u32>min(<u64>first + window, <u64>end);
  return true;
}

// @ts-ignore: decorator
@inline
function may(bit: u32): bool {
  return ((mask >> bit) & 1) != 0;
}

// @ts-ignore: decorator
@inline
function covers(index: u32): bool {
  return index >= first && index < end;
}

/** The word that a result goes to, counted from the first observable one. */
// @ts-ignore: decorator
@inline
function coversResult(to: u32): bool {
  return to >= first - OBSERVABLE_BASE && to < end - OBSERVABLE_BASE;
}

function takeQuota(tenant: u32): bool {
  const at = word(CONTROL_QUOTAS + tenant);
  let left = atomic.load<u32>(at);
  while (left != 0) {
    const found = atomic.cmpxchg<u32>(at, left, left - 1);
    if (found == left) return true;
    left = found;
  }
  return false;
}

// ---- operations, as operation.ts has them ----

function mayRun(opcode: u32, a: u32, b: u32, c: u32, d: u32): bool {
  switch (opcode) {
    case OP_NOP:
      return may(CLASS_NOP_AND_FENCE);
    case OP_STORE_U32:
    case OP_ATOMIC_ADD:
      return may(CLASS_CONTROL_WRITE) && covers(b);
    case OP_LOAD_U32:
      return may(CLASS_CONTROL_READ) && covers(a) && coversResult(b);
    case OP_COMPARE_SWAP:
      return may(CLASS_CONTROL_WRITE) && covers(a) && coversResult(d);
    default:
      return false;
  }
}

function runOp(opcode: u32, a: u32, b: u32, c: u32, d: u32): void {
  switch (opcode) {
    case OP_STORE_U32:
      atomic.store<u32>(word(b), a);
      break;
    case OP_ATOMIC_ADD:
      atomic.add<u32>(word(b), a);
      break;
    case OP_LOAD_U32:
      atomic.store<u32>(word(OBSERVABLE_BASE + b), atomic.load<u32>(word(a)));
      break;
    case OP_COMPARE_SWAP:
      atomic.store<u32>(word(OBSERVABLE_BASE + d), atomic.cmpxchg<u32>(word(a), b, c));
      break;
    default:
  }
  countOp(opcode);
}

/** How many arguments an operation may be given. */
// @ts-ignore: decorator
@inline
function arity(opcode: u32): u32 {
  return opcode == OP_NOP ? 0 : opcode == OP_COMPARE_SWAP ? 4 : 2;
}

// ---- packed slots, as ../ring/packed.ts reads them ----

// @ts-ignore: decorator
@inline
function headWords(ops: u32): u32 {
  return (2 + 2 * ops + 3) >> 2;
}

/** Copies a packed slot's words and checks all of it. */
function readPacked(slot: usize): bool {
  for (let i: u32 = 0; i < ARGS_PER_SLOT; i++) store<u32>(scratch + (i << 2), slotArgs(slot, i));
  const ops = <u32>load<u8>(scratch);
  const total = <u32>load<u8>(scratch, 1);
  if (ops == 0 || ops > PACKED_OPS_MAX || load<u8>(scratch, 3) != 0) return false;
  if (headWords(ops) + total > ARGS_PER_SLOT) return false;
  for (let op: u32 = 0; op < ops; op++) {
    const given = offsetOf(op + 1, ops, total) - offsetOf(op, ops, total);
    const opcode = opcodeOf(op);
    if (opcode > OP_COMPARE_SWAP || given > arity(opcode)) return false; // Negative is large.
    const from = headWords(ops) + offsetOf(op, ops, total);
    if (!mayRun(opcode, arg(from, given, 0), arg(from, given, 1), 0, arg(from, given, 3))) return false;
  }
  return true;
}

function runPacked(): void {
  const ops = <u32>load<u8>(scratch);
  const total = <u32>load<u8>(scratch, 1);
  for (let op: u32 = 0; op < ops; op++) {
    const offset = offsetOf(op, ops, total);
    const given = offsetOf(op + 1, ops, total) - offset;
    const from = headWords(ops) + offset;
    const b = arg(from, given, 1);
    runOp(opcodeOf(op), arg(from, given, 0), b, arg(from, given, 2), arg(from, given, 3));
  }
}

// @ts-ignore: decorator
@inline
function opcodeOf(op: u32): u32 {
  return load<u8>(scratch + (op << 1), 2);
}

/** Where an operation's arguments begin, in words behind the head; where they all end for the one after. */
// @ts-ignore: decorator
@inline
function offsetOf(op: u32, ops: u32, total: u32): u32 {
  return op == ops ? total : <u32>load<u8>(scratch + (op << 1), 3);
}

/** What an operation was not given reads as 0. */
// @ts-ignore: decorator
@inline
function arg(from: u32, given: u32, index: u32): u32 {
  return index < given ? load<u32>(scratch + ((from + index) << 2)) : 0;
}

// ---- counts ----

// @ts-ignore: decorator
@inline
function countTenant(tenant: u32): void {
  if (tenant != tenantNow) storeTenant();
  tenantNow = tenant;
  tenantCount++;
}

// @ts-ignore: decorator
@inline
function countPriority(priority: u32): void {
  if (priority != priorityNow) storePriority();
  priorityNow = priority;
  priorityCount++;
}

// @ts-ignore: decorator
@inline
function countOp(opcode: u32): void {
  if (opcode != opcodeNow) storeOpcode();
  opcodeNow = opcode;
  opcodeCount++;
}

function storeTenant(): void {
  if (tenantCount != 0) atomic.add<u32>(word(CONTROL_TENANT_CLAIMS + tenantNow), tenantCount);
  tenantCount = 0;
}

function storePriority(): void {
  if (priorityCount != 0) atomic.add<u32>(word(CONTROL_PRIORITY_CLAIMS + priorityNow), priorityCount);
  priorityCount = 0;
}

function storeOpcode(): void {
  if (opcodeCount != 0) atomic.add<u32>(word(CONTROL_METRICS + opcodeNow), opcodeCount);
  opcodeCount = 0;
}
