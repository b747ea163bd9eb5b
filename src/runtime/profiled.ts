// Profiled: a kernel whose handlers are timed. They are wrapped when the kernel starts, so that the path of a
// message knows nothing of it and costs a kernel that is not profiled nothing.

import { PROFILE_FLAGS } from "../layout/mod.ts";
import type { Handler, KernelContext } from "../message/mod.ts";
import type { KernelDefinition } from "./define-kernel.ts";
import type { Profile } from "./profile.ts";

const { LATE, FAILED, CALL } = PROFILE_FLAGS;

export interface ProfiledOptions {
  readonly profile: Profile;
  /** Messages that the thread handles at a time. */
  readonly lanes: number;
  /** Monotonic milliseconds, the same on all threads. */
  readonly clockMs: () => number;
}

export function profiled(definition: KernelDefinition, options: ProfiledOptions): KernelDefinition {
  const taken = new Uint8Array(options.lanes);
  return { ...definition, on: definition.on.map((one) => timed(one, options, taken)) };
}

function timed(handler: Handler, options: ProfiledOptions, taken: Uint8Array): Handler {
  const { profile, clockMs } = options;
  const { id } = handler.message;
  const handle = (message: unknown, context: KernelContext): unknown => {
    const lane = Math.max(0, taken.indexOf(0));
    const { source } = context;
    const flags = context.isCall ? CALL : 0;
    taken[lane] = 1;
    const from = clockMs();
    const ended = (how: number): void => {
      profile.record(id, source, lane, flags | how, from, clockMs());
      taken[lane] = 0;
    };
    try {
      const answer = handler.handle(message as never, context);
      if (answer instanceof Promise) return later(answer, ended);
      ended(0);
      return answer;
    } catch (error) {
      ended(FAILED);
      throw error;
    }
  };
  return { ...handler, handle: handle as Handler["handle"] };
}

async function later(answer: Promise<unknown>, ended: (how: number) => void): Promise<unknown> {
  let how: number = LATE | FAILED;
  try {
    const value = await answer;
    how = LATE;
    return value;
  } finally {
    ended(how);
  }
}
