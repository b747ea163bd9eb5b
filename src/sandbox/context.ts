// Context: what every call of one kernel shares: its program, its budgets, and whether it may run.

import { Failure } from "../base/mod.ts";
import type { Answer, LinkName } from "./fallback-links.ts";
import type { Budget } from "./link.ts";
import type { Program } from "./program.ts";
import type { BoundShapes } from "./shapes.ts";
import { clampBudget, clampFuel, type Ticker, type Ticks, ticksOf } from "./ticker.ts";
import type { KernelError } from "./trap.ts";

/** Whether kernels may run: one object per sandbox, read before each of them does. */
export interface Health {
  /** Set when the sandbox is disposed or its ticker has died. */
  failure: Failure | undefined;
}

/** Throws what keeps kernels from running: on a clock that stands still none would ever be stopped. */
export function requireHealth({ failure }: Health): void {
  if (failure !== undefined) throw failure;
}

/** All that is known of a trap. The error has function, offset and the descriptor's ranges. */
export interface TrapEvent {
  readonly type: "trapped";
  readonly kernel: string;
  readonly pack: string;
  readonly packVersion: string;
  readonly error: KernelError;
  /** The tensors and dimensions of the call; undefined where no tensors were involved. */
  readonly shapes: BoundShapes | undefined;
}

/** What a sandbox tells its host while it runs. */
export type SandboxEvent =
  | TrapEvent
  /** The instance that trapped was given up: nothing enters it again. */
  | { readonly type: "discarded"; readonly kernel: string }
  /** A link of a kernel's chain failed, and the next is about to run. */
  | {
      readonly type: "falling-back";
      readonly kernel: string;
      readonly from: LinkName;
      readonly to: LinkName;
      readonly error: Failure;
    }
  /** Another link than the kernel itself computed a result. It is counted already. */
  | ({ readonly type: "degraded"; readonly kernel: string } & Answer)
  | { readonly type: "cleanup-failed"; readonly kernel: string; readonly error: unknown }
  | { readonly type: "ticker-died"; readonly error: Failure };

export interface KernelContext {
  readonly program: Program;
  readonly ticker: Ticker;
  readonly health: Health;
  /** Never throws. */
  readonly emit: (event: SandboxEvent) => void;
  /** What a call gets that asks for nothing. */
  readonly budget: Budget;
  /** The most that a call may ask for. */
  readonly granted: Budget;
}

/** What a call may ask for; more than its kernel was granted counts as what was granted. */
export interface BudgetRequest {
  readonly budgetTicks?: Ticks | undefined;
  readonly budgetMs?: number | undefined;
  /** Fuel mode only. */
  readonly fuel?: bigint | undefined;
}

/** The budget of a call: the kernel's default, or what was asked for within the grant. */
export function budgetOf(context: KernelContext, asked: BudgetRequest): Budget {
  const { budgetMs, budgetTicks, fuel } = asked;
  if (budgetMs === undefined && budgetTicks === undefined && fuel === undefined)
    return context.budget;
  const { budget, granted, ticker } = context;
  const ticks =
    budgetTicks ?? (budgetMs === undefined ? undefined : ticksOf(budgetMs, ticker.intervalMs));
  return {
    ticks: ticks === undefined ? budget.ticks : clampBudget(ticks, granted.ticks),
    fuel: fuel === undefined ? budget.fuel : clampFuel(fuel, granted.fuel),
  };
}

/** What was used after it was given back. */
export function disposed(what: string): Failure {
  return new Failure("DISPOSED", {
    at: what,
    found: "a use after it was disposed",
    expected: "a handle that is still held",
    fix: "Prepare a new call, or move the use inside the `using` block.",
  });
}
