// Ticker: the clock of interruption, as this room sees it. A platform supplies the thread behind it.

import { Failure, SANDBOX_LIMITS } from "../base/mod.ts";

/** Ticks of the epoch: a whole number, counted in intervals of the ticker. */
export type Ticks = number;

/** A shared page whose first word a thread of the host's increments every `intervalMs`. */
export interface Ticker extends AsyncDisposable {
  /** The page that kernels import. Only the host ever writes to it. */
  readonly memory: WebAssembly.Memory;
  /** Word 0 is the epoch; it wraps. */
  readonly epoch: Int32Array;
  readonly intervalMs: number;
}

export interface TickerRequest {
  readonly intervalMs: number;
  /** Told once if the thread dies: from then on the epoch stands still and no call may begin. */
  readonly onError: (failure: Failure) => void;
}

/** Where a sandbox gets its ticker: one per process and interval, shared by all that ask for it. */
export type TickerSource = (request: TickerRequest) => Promise<Ticker>;

/** The smallest number of ticks that lasts at least `ms`. */
export function ticksOf(ms: number, intervalMs: number): Ticks {
  if (!(ms >= 0)) throw budgetInvalid(`${ms} ms`);
  return Math.min(Math.ceil(ms / intervalMs), SANDBOX_LIMITS.budgetTicksMax);
}

/** What a call may use: what it asks for, within what its kernel was granted. */
export function clampBudget(asked: Ticks | undefined, granted: Ticks): Ticks {
  if (asked === undefined) return granted;
  if (!(asked >= 0)) throw budgetInvalid(`${asked} ticks`);
  return Math.min(Math.floor(asked), granted);
}

/** The same for fuel. */
export function clampFuel(asked: bigint, granted: bigint): bigint {
  if (typeof asked !== "bigint" || asked < 0n) throw budgetInvalid(`${asked} units of fuel`);
  return asked < granted ? asked : granted;
}

function budgetInvalid(found: string): Failure {
  return new Failure("PARAM_INVALID", {
    at: "budget",
    found,
    expected: "a number from 0 up; for fuel, a bigint",
    fix: "Pass a budget in ticks, milliseconds or fuel, or none for the kernel's own.",
  });
}
