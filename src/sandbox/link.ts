// Link: instantiates a program over a memory, with fresh globals of the host's. One per life of an
// instance: after a trap or for another tenant, everything here is made anew.

import { Failure } from "../base/mod.ts";
import type { Program } from "./program.ts";
import type { BoundShapes } from "./shapes.ts";
import type { Ticker, Ticks } from "./ticker.ts";
import { engineOf, type Interrupted, type KernelError, trapError } from "./trap.ts";
import type { DescriptorRanges } from "./descriptor.ts";

/** What one call may use: ticks of the epoch, or units of fuel, by the sandbox's mode. */
export interface Budget {
  readonly ticks: Ticks;
  readonly fuel: bigint;
}

/** An export as the rewriter makes it: in mode "none" without the first parameter. */
type Armed = (...args: (number | bigint)[]) => number;

/** Calls a function on a descriptor: arms it with what the budget grants from now on, then enters. */
export type Enter = (descriptorAt: number, budget: Budget) => number;

/** Calls the forward function for each descriptor from `at` up to `end`, arming it anew each time. */
export type EnterBatch = (at: number, end: number, budget: Budget) => number;

export interface Linked {
  readonly forward: Enter;
  /** Undefined where the module exports no kernel_backward. */
  readonly backward: Enter | undefined;
  readonly batch: EnterBatch;
  /** Any other function of the ABI by name; undefined where the module exports none. */
  readonly entry: (
    name: string,
  ) => ((args: readonly number[], budget: Budget) => number) | undefined;
  /** The descriptor at which a batch ended that did not end well, once; else 0. */
  readonly takeRequest: () => number;
  /** Why the running call was stopped, as the kernel's own checks left it. */
  readonly interrupted: () => Interrupted;
  readonly fuelLeft: () => bigint;
}

/**
 * The kernel's memory as its module declares it, at its smallest, which may grow to the grant. Throws
 * KERNEL_LINK where the engine has none left.
 */
export function newMemory(program: Program): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory(program.compiled.memory);
  } catch (error) {
    throw linkFailure(program, String(error), error);
  }
}

/**
 * Instantiates, which copies the module's data into `memory` and runs its start function within
 * `budget`. Throws KernelError where that traps, KERNEL_LINK where the engine refuses.
 */
export function link(
  program: Program,
  memory: WebAssembly.Memory,
  ticker: Ticker,
  budget: Budget,
): Linked {
  const { compiled, grant } = program;
  const globals = new Map<string, WebAssembly.Global>();
  const host: Record<string, WebAssembly.ImportValue> = {};
  for (const added of compiled.imports) {
    if (added.kind === "memory")
      host[added.name] = added.name === "memory" ? memory : ticker.memory;
    else {
      const global = new WebAssembly.Global(added.type, added.type.value === "i64" ? 0n : 0);
      globals.set(added.name, global);
      host[added.name] = global;
    }
  }
  const interrupted = (): Interrupted => (globals.get("interrupted")?.value ?? 0) as Interrupted;
  armStart(globals, grant.stackBytes, ticker, budget);
  const { exports } = instantiate(program, host, interrupted);
  const armed = (name: string): Armed => exports[compiled.armed.get(name)!] as Armed;
  return {
    forward: enterOf(program, armed(compiled.forward), ticker),
    backward: compiled.armed.has("kernel_backward")
      ? enterOf(program, armed("kernel_backward"), ticker)
      : undefined,
    batch: batchOf(program, exports[compiled.batch] as Armed),
    takeRequest: () => {
      const request = globals.get("request")!;
      const at = (request.value as number) >>> 0; // An i32 as JavaScript has it; offsets have no sign.
      request.value = 0;
      return at;
    },
    entry: (name) => {
      if (!compiled.armed.has(name)) return undefined;
      const call = armed(name);
      return (args, budgetOf) => call(...arming(program, ticker, budgetOf), ...args);
    },
    interrupted,
    fuelLeft: () => (globals.get("fuel")?.value ?? 0n) as bigint,
  };
}

/** The start function runs inside instantiation, so what stops it is set before. */
function armStart(
  globals: ReadonlyMap<string, WebAssembly.Global>,
  stackBytes: number,
  ticker: Ticker,
  budget: Budget,
): void {
  const set = (name: string, value: number | bigint): void => {
    const global = globals.get(name);
    if (global !== undefined) global.value = value;
  };
  set("deadline", deadline(ticker.epoch, budget.ticks));
  set("fuel", budget.fuel);
  set("stack", stackBytes);
}

function instantiate(
  program: Program,
  host: Record<string, WebAssembly.ImportValue>,
  interrupted: () => Interrupted,
): WebAssembly.Instance {
  const imports: WebAssembly.Imports = { annulus: host };
  try {
    return new WebAssembly.Instance(program.compiled.module, imports);
  } catch (error) {
    throw trapOf(program, error, interrupted()) ?? linkFailure(program, String(error), error);
  }
}

/** What is known of a call that tensors were passed to. */
export interface Called {
  readonly descriptor?: DescriptorRanges | undefined;
  /** Which of a batch it was. */
  readonly request?: number | undefined;
  readonly shapes?: BoundShapes | undefined;
}

/** The KernelError for what a call threw; undefined where it was no trap. */
export function trapOf(
  program: Program,
  error: unknown,
  interrupted: Interrupted,
  { descriptor, request }: Called = {},
): KernelError | undefined {
  const { names, offsets } = program.compiled;
  return trapError(error, {
    kernel: program.kernel,
    variant: program.variant,
    engine: error instanceof Error ? engineOf(error) : "v8",
    interrupted,
    offsets,
    functionName: (index) => names.get(index),
    descriptor,
    request,
  });
}

/** One closure per mode, so that the hot path has no branch on it. */
function enterOf(program: Program, armed: Armed, { epoch }: Ticker): Enter {
  switch (program.grant.interrupt) {
    case "epoch":
      return (at, budget) => armed((Atomics.load(epoch, 0) + budget.ticks) | 0, at);
    case "fuel":
      return (at, budget) => armed(budget.fuel, at);
    case "none":
      return (at) => armed(at);
    default:
      return program.grant.interrupt satisfies never;
  }
}

/** A batch is handed a budget instead of a deadline: it reads the epoch at each request. */
function batchOf({ grant }: Program, batch: Armed): EnterBatch {
  switch (grant.interrupt) {
    case "epoch":
      return (at, end, budget) => batch(budget.ticks, at, end);
    case "fuel":
      return (at, end, budget) => batch(budget.fuel, at, end);
    case "none":
      return (at, end) => batch(at, end);
    default:
      return grant.interrupt satisfies never;
  }
}

function arming(program: Program, ticker: Ticker, budget: Budget): (number | bigint)[] {
  switch (program.grant.interrupt) {
    case "epoch":
      return [deadline(ticker.epoch, budget.ticks)];
    case "fuel":
      return [budget.fuel];
    case "none":
      return [];
    default:
      return program.grant.interrupt satisfies never;
  }
}

/** The epoch at which a budget that begins now is spent. Wraps, as the epoch does. */
function deadline(epoch: Int32Array, ticks: Ticks): number {
  return (Atomics.load(epoch, 0) + ticks) | 0;
}

function linkFailure({ kernel, compiled }: Program, found: string, cause: unknown): Failure {
  const { initial, maximum } = compiled.memory;
  return new Failure(
    "KERNEL_LINK",
    {
      at: `kernel "${kernel}"`,
      found,
      expected: `an instance with a shared memory of ${initial} to ${maximum} pages of 64 KiB`,
      fix: "Keep fewer instances (poolInstancesMax), or grant the kernel less memory.",
    },
    { cause },
  );
}
