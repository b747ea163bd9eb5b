// Failure: what the caller must handle. One class, one table of codes, the facts beside the code.
//
// A code never changes its meaning and is never reused: programs compare codes, people read the
// sentence. Every failure says where, what was found, what was expected and what to do about it.

export const FAILURES = {
  // Packs: reading.
  PACK_UNREADABLE: "The pack cannot be read",
  PACK_TOO_LARGE: "The pack is larger than this host accepts",
  PACK_PATH_UNSAFE: "A path in the pack leaves the pack or is not plain",
  PACK_ARCHIVE_INVALID: "The pack's archive is malformed",
  MANIFEST_SYNTAX: "The manifest is not strict JSON",
  MANIFEST_INVALID: "The manifest breaks the rules of its format",
  // Packs: trust.
  KEY_INVALID: "A key cannot be used",
  KEYRING_INVALID: "The key ring is malformed",
  PACK_UNSIGNED: "The pack carries no signature",
  INVALID_SIGNATURE: "The signature is malformed",
  NO_TRUSTED_KEY: "No trusted key made this signature",
  KEY_REVOKED: "The key that signed the pack is revoked",
  KEY_NOT_YET_VALID: "The key that signed the pack is not valid yet",
  KEY_EXPIRED: "The key that signed the pack has expired",
  KEY_MISMATCH: "The manifest names another key than the one that signed",
  HASH_MISMATCH: "A kernel's bytes are not the bytes that were signed",
  KERNEL_REVOKED: "A kernel's hash is revoked",
  PACK_DOWNGRADE: "The pack is older than the lowest version accepted",
  // Packs: gates.
  RUNTIME_TOO_OLD: "This runtime is older than the pack requires",
  RUNTIME_TOO_NEW: "This runtime is newer than the pack supports",
  PLATFORM_TOO_OLD: "This platform is older than a kernel requires",
  MISSING_FEATURE: "This engine lacks a WebAssembly feature that a kernel requires",
  LIMIT_EXCEEDED: "A kernel asks for more than this host grants",
  FALLBACK_UNKNOWN: "A fallback names neither a kernel of the pack nor a reference of this host",
  FALLBACK_MISMATCH: "A fallback takes or gives something else than its kernel",
  // Packs: building.
  PACK_SOURCE_INVALID: "The pack's source cannot be built",
  KERNEL_BUILD_FAILED: "A kernel does not compile",
  // Sandbox: reading a module.
  MODULE_MALFORMED: "The module is not well-formed WebAssembly",
  MODULE_UNSUPPORTED: "The module uses a feature that cannot be rewritten safely",
  MODULE_INVALID: "The engine refuses the module",
  MODULE_REFUSED: "The module breaks the sandbox's rules",
  // Sandbox: running.
  NOT_VERIFIED: "Only a verified pack reaches the sandbox",
  KERNEL_NOT_FOUND: "No such kernel",
  SHAPE_MISMATCH: "The tensors do not fit the kernel's shapes",
  DTYPE_MISMATCH: "A tensor has another element type than the kernel takes",
  PARAM_INVALID: "A parameter does not fit its declaration",
  DESCRIPTOR_INVALID: "The descriptor names memory that the call may not use",
  OUT_OF_MEMORY: "The kernel's memory is full",
  KERNEL_WROTE_INPUT: "The kernel wrote to memory that it may only read",
  POOL_EXHAUSTED: "Every instance is busy and the queue is full",
  NO_GRADIENTS: "The kernel computes no gradients",
  DISPOSED: "This handle was disposed",
  KERNEL_DEADLINE: "The kernel ran past its budget and was stopped",
  KERNEL_FUEL: "The kernel used up its fuel and was stopped",
  KERNEL_STACK: "The kernel's calls went deeper than its stack allows",
  KERNEL_MEMORY: "The kernel reached outside its memory",
  KERNEL_ARITHMETIC: "The kernel computed an integer that cannot be represented",
  KERNEL_UNREACHABLE: "The kernel stopped itself",
  KERNEL_INDIRECT_CALL: "The kernel called through a table entry that does not fit",
  KERNEL_TRAP: "The kernel stopped on a trap",
  KERNEL_CODE: "The kernel returned an error code",
  KERNEL_LINK: "The kernel could not be instantiated",
  REFERENCE_FAILED: "A reference of the host's own failed",
  FALLBACKS_EXHAUSTED: "Neither the kernel nor any of its fallbacks computed a result",
  ENGINE_UNSUPPORTED: "This engine lacks what the sandbox needs",
  // Bypass.
  BYPASS_REFUSED: "This host does not let that run outside the sandbox",
  // Testing kernels.
  KERNEL_INACCURATE: "The kernel's results lie further from its reference than it promises",
  KERNEL_MISBEHAVED: "The kernel breaks its contract with the host",
  KERNEL_UNTESTED: "A kernel was not tested",
  CERTIFICATE_INVALID: "The certificate breaks the rules of its format",
  // Tensor files.
  TENSOR_FILE_INVALID: "The tensor file is malformed",
  TENSOR_FILE_UNSUPPORTED: "The tensor file holds something that is not supported",
  TENSOR_FILE_TOO_LARGE: "The tensor file is larger than the limit",
  TENSOR_NOT_FOUND: "The file holds no such tensor",
  TENSOR_INVALID: "A tensor's shape, element type and data do not belong together",
  // Models.
  MODEL_FILE_INVALID: "A file of the model is malformed",
  MODEL_UNSUPPORTED: "The model needs something that is not supported",
  MODEL_TOO_LARGE: "The model is larger than this host accepts",
  MODEL_MISMATCH: "Parts of the model do not belong together",
  LOGITS_INVALID: "The model's logits are no numbers",
  CONTEXT_FULL: "The text is longer than the model's context",
  // The slot ring.
  RING_INVALID: "The ring's shape or bytes break its protocol",
  RING_FULL: "The ring has no room there",
  SLOT_INVALID: "The slot cannot be published as described",
  TENANTS_FULL: "The ring has no id for another tenant",
  TENANT_REVOKED: "The tenant may publish no more",
  QUIESCE_TIMEOUT: "The tenant's slots did not settle in time",
  RING_LOG_INVALID: "The ring's log cannot be used",
  RING_LOG_UNWRITABLE: "The ring's log cannot be written",
  RINGS_DIFFER: "The logs differ",
  EXECUTOR_FAILED: "An executor's thread failed",
  OPCODE_INVALID: "The opcode, table or format cannot be registered",
  THREAD_MAY_NOT_BLOCK: "This thread may not sleep",
  // Messages.
  MESSAGE_INVALID: "The bytes or fields are no message",
  TOPIC_INVALID: "The name is no topic, or no filter of topics",
  TOPIC_FORBIDDEN: "The kernel may not publish there",
  // Kernels as actors.
  INVALID_STATE_TRANSITION: "The kernel cannot do that in its state",
  KERNEL_ALREADY_ACTIVE: "A kernel of this id was launched already",
  KERNEL_NOT_ACTIVE: "The kernel takes no messages now",
  KERNEL_TERMINATED: "The kernel has ended",
  LAUNCH_FAILED: "The kernel did not start",
  OPTION_UNSUPPORTED: "This backend does not have that option",
  BACKEND_UNAVAILABLE: "This backend cannot run here",
  RUNTIME_CLOSED: "The runtime was shut down",
  TENANT_MISMATCH: "The kernels belong to different tenants",
  HOPS_EXCEEDED: "The message has passed through too many kernels",
  QUEUE_FULL: "The queue has no room",
  RATE_LIMITED: "More messages are sent than the rate lets through",
  MESSAGE_DUPLICATE: "A message of this id was sent before",
  TENANT_QUOTA: "The tenant has all that it may have",
  QUEUE_EMPTY: "The queue holds no message",
  MESSAGE_TOO_LARGE: "The message is larger than a payload may be",
  MESSAGE_UNKNOWN: "The kernel takes no such message",
  EMISSION_UNDECLARED: "The kernel emits a message that it does not declare",
  MESSAGE_DAMAGED: "The message is not as it was sent",
  CALL_TIMEOUT: "The answer did not come in time",
  CALL_CANCELLED: "The call was cancelled",
  DEADLINE_PASSED: "The message came after its deadline",
  CLOCK_SKEW: "The sender's clock is too far ahead",
  HANDLER_FAILED: "The kernel's handler failed",
  HANDLER_INTERRUPTED: "The kernel's handler was interrupted",
  WORKER_LOST: "The thread that held the message ended",
  // Watching a process.
  MONITOR_UNAVAILABLE: "The monitor cannot be offered there",
  MONITOR_NOT_FOUND: "No process offers a monitor there",
  MONITOR_REFUSED: "The monitor does not belong to its owner alone",
  MONITOR_PROTOCOL: "What came over the monitor breaks its protocol",
  // Bridges to devices.
  BRIDGE_CLOSED: "The bridge was stopped",
  DEVICE_LOST: "The device was lost",
  DEVICE_COPY_FAILED: "A copy to or from the device failed",
  DEVICE_MEMORY_FULL: "The device's memory is full",
  DEVICE_QUEUE_INVALID: "The device's queue breaks its protocol",
  // Actors: checkpoints and moves.
  STATE_UNSAVABLE: "The kernel's state cannot be saved",
  REST_TIMEOUT: "The kernel did not come to rest in time",
  MOVE_REFUSED: "The kernel cannot be moved",
  CHECKPOINT_INVALID: "The bytes are no checkpoint of this kernel",
  CHECKPOINT_UNREADABLE: "The checkpoint cannot be read",
  CHECKPOINT_UNWRITABLE: "The checkpoint cannot be written",
  HEARTBEAT_LOST: "The kernel's thread stood still",
  // Command line.
  USAGE: "The command line is not understood",
  INPUT_UNREADABLE: "An input cannot be read",
  OUTPUT_UNWRITABLE: "An output cannot be written",
} as const;

export type FailureCode = keyof typeof FAILURES;

/** What every failure must say. */
export interface Facts {
  /** Where: a JSON pointer, a file, a byte offset as "byte 0x1f", a kernel id. */
  readonly at?: string;
  readonly found: string;
  readonly expected: string;
  /** What the reader can do about it, as an instruction. */
  readonly fix: string;
}

/** One of several findings behind a single failure, such as each fault of a manifest. */
export interface Issue extends Facts {
  readonly at: string;
  /** Stable, like a failure's code, and listed where the findings are made. */
  readonly code: string;
}

export interface FailureOptions extends ErrorOptions {
  readonly issues?: readonly Issue[];
  /** Machine-readable facts, such as `{ required, actual }`. */
  readonly detail?: Readonly<Record<string, unknown>>;
}

export class Failure extends Error {
  override readonly name: string = "Failure";
  readonly code: FailureCode;
  readonly at: string | undefined;
  readonly found: string;
  readonly expected: string;
  readonly fix: string;
  readonly issues: readonly Issue[];
  readonly detail: Readonly<Record<string, unknown>>;

  constructor(code: FailureCode, facts: Facts, options: FailureOptions = {}) {
    super(sentence(code, facts), options);
    this.code = code;
    this.at = facts.at;
    this.found = facts.found;
    this.expected = facts.expected;
    this.fix = facts.fix;
    this.issues = options.issues ?? [];
    this.detail = options.detail ?? {};
  }

  /** What `--json` prints and logs keep: everything but the stack. */
  toJSON(): Record<string, unknown> {
    const { code, message, at, found, expected, fix, issues, detail } = this;
    return { code, message, at, found, expected, fix, issues, detail };
  }
}

function sentence(code: FailureCode, { at, found, expected, fix }: Facts): string {
  const where = at === undefined ? "" : ` at ${at}`;
  return `${FAILURES[code]}${where}: found ${found}; expected ${expected}. ${fix}`;
}
