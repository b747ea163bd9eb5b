// Trap: turns what an engine throws when a kernel stops into one KernelError, whatever the engine.
//
// A trap never takes the host down. It says which kernel stopped, why, in which function, at which
// byte of the author's module, and which memory the call had. The instance that trapped must be
// discarded; after a return code (`codeError`) it stays good.

import { Failure, type FailureCode } from "../base/mod.ts";
import { KERNEL_CODE_NOTES, KERNEL_CODES, type KernelCode } from "../layout/mod.ts";
import { BASELINE } from "../pack/mod.ts";
import type { DescriptorRanges } from "./descriptor.ts";
import { AUTHOR, CLASSES, KIND_OF, type KernelErrorKind, REASONS } from "./trap-classes.ts";
import { INTERRUPTED, type Interrupted } from "./interrupted.ts";
import { clean, innermostFrame } from "./trap-frame.ts";
import { type Engine, isStackExhausted, type TrapName, trapOfMessage } from "./trap-messages.ts";

export type { KernelErrorKind } from "./trap-classes.ts";
export { INTERRUPTED, type Interrupted } from "./interrupted.ts";
export { type Engine, engineOf, type TrapName } from "./trap-messages.ts";

/** What is known about a trap from the error alone. */
export interface Trap {
  readonly kind: KernelErrorKind;
  readonly code: FailureCode;
  readonly trap: TrapName;
}

export interface TrapContext {
  readonly kernel: string;
  /** Which of the kernel's modules ran: functions and offsets are that one's. */
  readonly variant?: string | undefined;
  readonly engine: Engine;
  readonly interrupted: Interrupted;
  /** The rewriter's map, from the module that ran to the author's. */
  readonly offsets?: { toOriginal(offset: number): number | undefined } | undefined;
  /** Names of the author's functions, where the module has them. */
  readonly functionName?: ((index: number) => string | undefined) | undefined;
  readonly descriptor?: DescriptorRanges | undefined;
  readonly request?: number | undefined;
}

interface KernelErrorFacts extends Trap {
  readonly kernel: string;
  readonly variant?: string | undefined;
  readonly functionIndex?: number | undefined;
  readonly functionName?: string | undefined;
  readonly offset?: number | undefined;
  readonly descriptor?: DescriptorRanges | undefined;
  readonly request?: number | undefined;
  readonly returned?: number | undefined;
  readonly found: string;
  readonly expected: string;
  readonly fix: string;
}

export class KernelError extends Failure {
  override readonly name = "KernelError";
  readonly kind: KernelErrorKind;
  /** The class of the trap by its original name; rule 37 maps several to one kind. */
  readonly trap: TrapName;
  readonly kernel: string;
  /** The module that trapped: `baseline` or the id of a variant. */
  readonly variant: string | undefined;
  readonly functionIndex: number | undefined;
  readonly functionName: string | undefined;
  /** Byte offset in the module as its author built it, where the engine tells. */
  readonly offset: number | undefined;
  readonly descriptor: DescriptorRanges | undefined;
  /** Which request of a batch it was, from 0; the ones before it are done, the ones behind it are not. */
  readonly request: number | undefined;
  /** What the entry point returned, when that was the error. */
  readonly returned: number | undefined;

  constructor(facts: KernelErrorFacts, options: ErrorOptions = {}) {
    const { code, found, expected, fix, ...detail } = facts;
    super(code, { at: place(facts), found, expected, fix }, { ...options, detail });
    this.kind = facts.kind;
    this.trap = facts.trap;
    this.kernel = facts.kernel;
    this.variant = facts.variant;
    this.functionIndex = facts.functionIndex;
    this.functionName = facts.functionName;
    this.offset = facts.offset;
    this.descriptor = facts.descriptor;
    this.request = facts.request;
    this.returned = facts.returned;
  }
}

/**
 * Classifies what a call into WebAssembly threw. Undefined when it is no trap, such as a TypeError for
 * an argument that WebAssembly cannot take: that is the host's own error, to be thrown on.
 */
export function classifyTrap(
  error: unknown,
  engine: Engine,
  interrupted: Interrupted,
): Trap | undefined {
  const trap = trapOf(error, engine);
  if (trap === undefined) return undefined;
  if (trap !== "unreachable") return { trap, ...CLASSES[KIND_OF[trap]] };
  switch (interrupted) {
    case INTERRUPTED.none:
      return { trap, ...CLASSES.Unreachable };
    case INTERRUPTED.deadline:
      return { trap: "deadline", ...CLASSES.EpochDeadline };
    case INTERRUPTED.stack:
      return { trap: "stack-overflow", ...CLASSES.StackOverflow };
    case INTERRUPTED.fuel:
      return { trap: "fuel", kind: "KernelTrap", code: "KERNEL_FUEL" };
    default:
      return interrupted satisfies never;
  }
}

/** The KernelError for what a call threw, or undefined when it was no trap. `cause` is kept. */
export function trapError(error: unknown, context: TrapContext): KernelError | undefined {
  const trap = classifyTrap(error, context.engine, context.interrupted);
  if (trap === undefined) return undefined;
  const frame = innermostFrame(error instanceof Error ? error.stack : undefined);
  const index = frame?.functionIndex;
  const name = index === undefined ? undefined : context.functionName?.(index);
  const ran = frame?.offset;
  return new KernelError(
    {
      ...trap,
      ...REASONS[trap.trap],
      kernel: context.kernel,
      variant: context.variant,
      functionIndex: index,
      functionName: name === undefined ? frame?.functionName : clean(name),
      offset: ran === undefined || !context.offsets ? ran : context.offsets.toOriginal(ran),
      descriptor: context.descriptor,
      request: context.request,
    },
    { cause: error },
  );
}

/** The KernelError for a non-zero return code. The instance stays good. */
export function codeError(
  kernel: string,
  returned: number,
  descriptor?: DescriptorRanges,
  request?: number,
): KernelError {
  const entry = Object.entries(KERNEL_CODES).find(([, value]) => value === returned && value !== 0);
  const name = (entry?.[0] ?? "INTERNAL_ERROR") as KernelCode;
  return new KernelError({
    kind: "KernelTrap",
    code: "KERNEL_CODE",
    trap: "code",
    kernel,
    returned,
    descriptor,
    request,
    found: `${name} (${returned}): ${KERNEL_CODE_NOTES[name]}`,
    expected: "OK (0)",
    fix: CODE_FIX[name],
  });
}

function trapOf(error: unknown, engine: Engine): TrapName | undefined {
  if (error instanceof WebAssembly.RuntimeError) return trapOfMessage(engine, error.message);
  if (error instanceof WebAssembly.Exception) return "exception";
  if (error instanceof Error && isStackExhausted(error)) return "stack-overflow";
  return undefined;
}

function place(facts: KernelErrorFacts): string {
  const { kernel, variant = BASELINE, functionIndex, functionName, offset } = facts;
  const where = [`kernel "${clean(kernel)}"`];
  if (variant !== BASELINE) where.push(`variant "${clean(variant)}"`);
  const name = functionName === undefined ? "" : ` "${functionName}"`;
  if (facts.request !== undefined) where.push(`request ${facts.request}`);
  if (functionIndex !== undefined) where.push(`function ${functionIndex}${name}`);
  else if (name !== "") where.push(`function${name}`);
  if (offset !== undefined) where.push(`byte 0x${offset.toString(16)}`);
  return where.join(", ");
}

const CODE_FIX: Readonly<Record<KernelCode, string>> = {
  OK: AUTHOR,
  INVALID_INPUT: "Pass inputs with the shapes and values that the kernel documents.",
  INVALID_OUTPUT: "Pass an output of the shape that the kernel documents.",
  INVALID_PARAMS: "Pass params within the ranges that the kernel documents.",
  OUT_OF_MEMORY: "Use smaller tensors, or raise max_memory_pages.",
  NOT_IMPLEMENTED: "Use another kernel, or a version that implements it.",
  INTERNAL_ERROR: AUTHOR,
};
