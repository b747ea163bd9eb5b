// Budget: a kernel ends in time on the largest call it is meant for, can be stopped on any, and works
// again afterwards.

import { Failure } from "../base/mod.ts";
import { type Kernel, KernelError } from "../sandbox/mod.ts";
import type { TestKernel } from "./assess.ts";
import { type CorpusCase, corpusOf } from "./corpus.ts";
import type { CorpusHints } from "./hints.ts";

export interface BudgetOptions {
  /** The sizes of the largest call that the kernel is meant for. Default: as far as a corpus goes. */
  readonly dims?: Readonly<Record<string, number>> | undefined;
  readonly hints?: CorpusHints | undefined;
  readonly seed?: number | undefined;
}

/** Cases drawn to find a large one that the kernel accepts, and the most numbers of a tensor. */
const DRAWS = 16;
const ELEMENTS_MAX = 2 ** 16;

/** Too little for any kernel that has a loop or a call. */
const TINY_FUEL = 1n;

/**
 * Checks that the kernel ends within its declared budget on its largest call; that one unit of fuel
 * stops it; and that every other call gives the same, before the stop and after. Fails with
 * KERNEL_MISBEHAVED.
 */
export async function checkBudget(
  { verified, kernel, sandbox }: TestKernel,
  { dims, hints = {}, seed = 1 }: BudgetOptions = {},
): Promise<void> {
  const { entry } = verified;
  const largest = { ...hints, dims: { ...hints.dims, ...fixed(dims) } };
  const elementsMax = dims === undefined ? ELEMENTS_MAX : Infinity;
  const cases = corpusOf(entry, { seed, cases: DRAWS, hints: largest, elementsMax });
  const drawn = largestRun(kernel, cases, dims !== undefined);
  if (drawn === undefined) throw nothingRan(entry.id);

  await using metered = await sandbox({ interrupt: "fuel" });
  const fuelled = await metered.load(verified);
  const [before, again] = [bytesOf(fuelled, drawn), bytesOf(fuelled, drawn)];
  const stop = stopOf(fuelled, drawn, TINY_FUEL);
  if (stop === undefined) throw unstopped(entry.id);
  if (stop.code !== "KERNEL_FUEL") throw stop;
  const after = bytesOf(fuelled, drawn);
  for (const later of [again, after])
    if (before.some((bytes, i) => !same(bytes, later[i]!))) throw changed(entry.id);
}

function fixed(dims: BudgetOptions["dims"] = {}): Record<string, () => number> {
  return Object.fromEntries(Object.entries(dims).map(([name, size]) => [name, () => size]));
}

/** Runs the cases and returns the largest, or the first, that was computed. Fails out of time. */
function largestRun(
  kernel: Kernel,
  cases: Iterable<CorpusCase>,
  isFirst: boolean,
): CorpusCase | undefined {
  let largest: CorpusCase | undefined;
  const budgetTicks = Number(kernel.entry.resource_limits.max_epoch_ticks);
  for (const drawn of cases) {
    try {
      kernel.call({ ...requestOf(drawn), budgetTicks });
      if (isFirst) return drawn;
      if (largest === undefined || sizeOf(drawn) > sizeOf(largest)) largest = drawn;
    } catch (error) {
      const isAnswer = error instanceof KernelError && error.returned !== undefined;
      const isFull = error instanceof Failure && error.code === "OUT_OF_MEMORY";
      if (!isAnswer && !isFull) throw misbehaved(kernel.id, drawn, error);
    }
  }
  return largest;
}

function requestOf({ inputs, params, dims }: CorpusCase) {
  return { inputs, params, dims };
}

function sizeOf({ inputs }: CorpusCase): number {
  return Object.values(inputs).reduce((sum, { data }) => sum + data.byteLength, 0);
}

function bytesOf(kernel: Kernel, drawn: CorpusCase): readonly Uint8Array[] {
  const outputs = kernel.call(requestOf(drawn));
  return Object.values(outputs).map(
    ({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  );
}

/** What stopped a call with this fuel; undefined where it ended. */
function stopOf(kernel: Kernel, drawn: CorpusCase, fuel: bigint): KernelError | undefined {
  try {
    kernel.call({ ...requestOf(drawn), fuel });
    return undefined;
  } catch (error) {
    if (error instanceof KernelError) return error;
    throw error;
  }
}

function same(one: Uint8Array, two: Uint8Array): boolean {
  return one.length === two.length && one.every((byte, i) => byte === two[i]);
}

function misbehaved(id: string, { dims }: CorpusCase, cause: unknown): Failure {
  const found = cause instanceof Error ? cause.message : String(cause);
  const facts = { at: `kernel "${id}", ${JSON.stringify(dims)}`, found };
  const expected = "an end within the declared budget";
  const fix = "Make the kernel faster, or declare more ticks.";
  return new Failure("KERNEL_MISBEHAVED", { ...facts, expected, fix }, { cause });
}

function nothingRan(id: string): Failure {
  return new Failure("KERNEL_MISBEHAVED", {
    at: `kernel "${id}"`,
    found: `no call of ${DRAWS} that was computed`,
    expected: "sizes and params that the kernel accepts",
    fix: "Pass `dims` or `hints` that draw them.",
  });
}

function unstopped(id: string): Failure {
  return new Failure("KERNEL_MISBEHAVED", {
    at: `kernel "${id}"`,
    found: "an end although the budget was spent",
    expected: "KERNEL_FUEL",
    fix: "Check that the call has work to do.",
  });
}

function changed(id: string): Failure {
  return new Failure("KERNEL_MISBEHAVED", {
    at: `kernel "${id}"`,
    found: "other outputs for the same inputs",
    expected: "the same bytes from every call, also from the one after a stop",
    fix: "Keep nothing between calls that a result depends on.",
  });
}
