// Doctor check: one thing that is needed of a machine, and what was found of it.

import { Failure } from "../base/mod.ts";

export interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** Without it nothing runs; else it only limits which kernels do, or how. */
  readonly needed: boolean;
  readonly found: string;
  readonly expected: string;
  /** The flag, package or setting that turns it on. */
  readonly turnOn: string;
}

export type Attempt = Pick<Check, "name" | "expected" | "turnOn"> & {
  readonly needed?: boolean;
  /** Does it, and says what came of it; what it throws is what was found. */
  readonly attempt: () => string | Promise<string>;
};

export async function attempted({ attempt, needed = true, ...facts }: Attempt): Promise<Check> {
  try {
    return { ...facts, ok: true, needed, found: await attempt() };
  } catch (error) {
    return { ...facts, ok: false, needed, found: foundIn(error) };
  }
}

/** Without what the failure says to do: the check knows better what its reader can. */
function foundIn(error: unknown): string {
  if (error instanceof Failure) return error.found;
  return error instanceof Error ? error.message : String(error);
}

/** What a process under Node's permission model must be told. */
export const ALLOW_THREADS =
  "Start Node without --permission, or add --allow-worker and --allow-fs-read=*.";
