// Ring codes: every number of the ring that means something, with what it means.
//
// Numbers of statuses, priorities and opcodes are the seed protocol's. A number never changes its
// meaning, since logs keep them.

/** What a slot's status says. Whoever the note names may change it. */
export const SLOT_STATUS = {
  EMPTY: 0,
  PUBLISHED: 1,
  CLAIMED: 2,
  DONE: 3,
  WAIT_IO: 4,
  YIELD: 5,
  REQUEUE: 6,
  FAULT: 7,
} as const;

export type SlotStatus = keyof typeof SLOT_STATUS;

export const SLOT_STATUS_NOTES: Readonly<Record<SlotStatus, string>> = {
  EMPTY: "free; its publisher may fill it",
  PUBLISHED: "filled; an executor may claim it",
  CLAIMED: "its executor works on it",
  DONE: "completed; may be published over",
  WAIT_IO: "its executor keeps it until an IO entry completes",
  YIELD: "used up its bound; its executor goes on with it later",
  REQUEUE: "cannot run yet; its executor tries it again later",
  FAULT: "failed: code in argument 11, detail in argument 10",
};

/** Statuses that a publisher may write over. FAULT is not one: its code would be lost unseen. */
export const PUBLISHABLE: ReadonlySet<number> = new Set([SLOT_STATUS.EMPTY, SLOT_STATUS.DONE]);

export const PRIORITY = { CRITICAL: 0, HIGH: 1, NORMAL: 2, LOW: 3, IDLE: 4 } as const;

export type Priority = keyof typeof PRIORITY;

/** Slots above NORMAL that are claimed in a row before one of NORMAL or below goes first. */
export const STARVATION_CLAIMS = 16;

/** Bits of a tenant's mask. All ones, as the seed's encoder writes, allow everything. */
export const OPCODE_CLASS = {
  NOP_AND_FENCE: 0,
  CONTROL_READ: 1,
  CONTROL_WRITE: 2,
  MEMCPY: 3,
  DFA: 4,
  PRINTF: 5,
  CUSTOM: 6,
  KERNEL: 7,
  SYSTEM: 30,
  SHUTDOWN: 31,
} as const;

export type OpcodeClass = keyof typeof OPCODE_CLASS;

export const OPCODE_CLASS_NOTES: Readonly<Record<OpcodeClass, string>> = {
  NOP_AND_FENCE: "NOP, BATCH_FENCE and the packed slot itself",
  CONTROL_READ: "LOAD_U32",
  CONTROL_WRITE: "STORE_U32, ATOMIC_ADD, COMPARE_SWAP",
  MEMCPY: "MEMCPY",
  DFA: "DFA_STEP",
  PRINTF: "PRINTF",
  CUSTOM: "custom opcodes",
  KERNEL: "LOAD_MISS and the opcodes that call kernels",
  SYSTEM: "the whole of the control words, and every tenant's window",
  SHUTDOWN: "SHUTDOWN",
};

export interface Opcode {
  readonly code: number;
  /** Argument words that it reads. */
  readonly arity: number;
  readonly class: OpcodeClass;
  /** Words or steps of one run, after which an executor yields; 1 for what takes one step. */
  readonly bound: number;
  /** Whether running it twice leaves the same words as running it once. */
  readonly idempotent: boolean;
  /** Whether it may stand inside a packed slot. */
  readonly packable: boolean;
  readonly args: readonly string[];
  readonly note: string;
}

/** Words that MEMCPY moves in one run. */
export const MEMCPY_WORDS_PER_RUN = 4096;

export const OPCODES = {
  NOP: builtin(0, "NOP_AND_FENCE", [], "nothing", { idempotent: true }),
  STORE_U32: builtin(1, "CONTROL_WRITE", ["value", "index"], "control[index] = value", {
    idempotent: true,
  }),
  ATOMIC_ADD: builtin(2, "CONTROL_WRITE", ["value", "index"], "control[index] += value"),
  LOAD_U32: builtin(3, "CONTROL_READ", ["index", "to"], "control[160 + to] = control[index]", {
    idempotent: true,
  }),
  COMPARE_SWAP: builtin(
    4,
    "CONTROL_WRITE",
    ["index", "expected", "value", "to"],
    "control[index] = value if it was expected; control[160 + to] = what it was",
  ),
  MEMCPY: builtin(
    5,
    "MEMCPY",
    ["from", "to", "words"],
    "control[to + i] = control[from + i] for i from 0 to words - 1, in that order",
    { bound: MEMCPY_WORDS_PER_RUN },
  ),
  DFA_STEP: builtin(
    6,
    "DFA",
    ["state", "byte", "to", "table"],
    "control[160 + to] = the table's entry at 256 times state plus byte",
    { idempotent: true },
  ),
  BATCH_FENCE: builtin(
    7,
    "NOP_AND_FENCE",
    ["items", "tag", "batch"],
    "once items slots of the batch are complete: first observable word = tag, then epoch += 1",
    { packable: false },
  ),
  LOAD_MISS: builtin(
    0xfffd,
    "KERNEL",
    ["resource", "prefetch"],
    "asks the IO queue for the resource and waits in WAIT_IO",
    { packable: false, idempotent: true },
  ),
  PRINTF: builtin(
    0xfffe,
    "PRINTF",
    ["format", "a", "b"],
    "appends a debug record, or counts it as dropped",
    { packable: false },
  ),
  PACKED_SLOT: builtin(
    0x8000_0001,
    "NOP_AND_FENCE",
    [],
    "runs the operations packed in its words",
    {
      arity: 12,
      packable: false,
    },
  ),
  SHUTDOWN: builtin(0xffff_ffff, "SHUTDOWN", [], "control[0] = 1", {
    packable: false,
    idempotent: true,
  }),
} as const satisfies Readonly<Record<string, Opcode>>;

export type BuiltinOpcode = keyof typeof OPCODES;

type Traits = Partial<Pick<Opcode, "arity" | "bound" | "idempotent" | "packable">>;

function builtin(
  code: number,
  opcodeClass: OpcodeClass,
  args: readonly string[],
  note: string,
  traits: Traits = {},
): Opcode {
  const { arity = args.length, bound = 1, idempotent = false, packable = true } = traits;
  return { code, arity, class: opcodeClass, bound, idempotent, packable, args, note };
}

const BY_CODE: ReadonlyMap<number, Opcode> = new Map(
  Object.values(OPCODES).map((opcode) => [opcode.code, opcode]),
);

/** The builtin of this number, if it is one. */
export function builtinOf(code: number): Opcode | undefined {
  return BY_CODE.get(code);
}

/** Whether hosts may register a custom opcode under this number: 8 to 0xFFEF, 0x10000 to 0x7FFFFFFF. */
export function isCustomOpcode(code: number): boolean {
  return (code >= 8 && code <= 0xffef) || (code >= 0x1_0000 && code <= 0x7fff_ffff);
}

/** Why a slot failed: argument 11 of a slot in FAULT. Argument 10 holds the detail that the note names. */
export const FAULT_CODES = {
  UNAUTHORISED: 1,
  UNKNOWN_OPCODE: 2,
  MALFORMED_ARGS: 3,
  OUT_OF_BOUNDS: 4,
  BUDGET: 5,
  DEVICE_LOST: 6,
  WORKER_LOST: 7,
  HANDLER_ERROR: 8,
  QUOTA: 9,
} as const;

export type FaultCode = keyof typeof FAULT_CODES;

export const FAULT_CODE_NOTES: Readonly<Record<FaultCode, string>> = {
  UNAUTHORISED: "the tenant is unknown or may not do this; detail: its mask",
  UNKNOWN_OPCODE: "nobody registered the opcode; detail: the opcode",
  MALFORMED_ARGS: "an argument has no meaning here; detail: its index, or the packed operation's",
  OUT_OF_BOUNDS: "an index lies outside what the tenant may touch; detail: the index",
  BUDGET: "it ran past its bound; detail: the bound",
  DEVICE_LOST: "the device went away while it ran; detail: 0",
  WORKER_LOST: "the executor died while it ran; detail: the executor",
  HANDLER_ERROR: "its handler failed; detail: the kernel's code, 1 to 6, or 0",
  QUOTA: "the tenant's quota is used up; detail: 0",
};

/** Bits of the side table `flags`. */
export const SLOT_FLAGS = { HELD: 1 } as const;

export const SLOT_FLAG_NOTES: Readonly<Record<keyof typeof SLOT_FLAGS, string>> = {
  HELD: "somebody waits for the outcome and frees the slot; without it the executor does",
};

export const IO_OP = { READ: 1, WRITE: 2, FENCE: 3 } as const;

export const IO_STATUS = {
  EMPTY: 0,
  PUBLISHED: 1,
  CLAIMED: 2,
  DONE: 3,
  OK: 0x10,
  ERROR: 0x11,
} as const;

/** Bits of a task slot's flags. */
export const TASK_FLAGS = { PAUSED: 1, YIELDED: 2, REQUEUE_REQUESTED: 4, RESUME_READY: 8 } as const;

/** First argument words of a window's slots: its ticket, then the class of the item. */
export const WINDOW_CLASS = { REQUIRED: 0, LOOKAHEAD: 1 } as const;
export const WINDOW_PREFIX_ARGS = 2;
