// Degraded: kernels that failed while a model ran, and who computed their results instead.

import type { FallbackChain, LinkName } from "../sandbox/mod.ts";

/** A kernel that fails so often in a row is not tried again: its deadline may be seconds. */
export const REST_AFTER = 3;

export interface Degraded {
  /** The kernel that should have answered. */
  readonly kernel: string;
  readonly by: LinkName;
  readonly calls: number;
}

/** What each stand-in did, so far. */
export function degradedOf(chains: readonly FallbackChain[]): readonly Degraded[] {
  return chains.flatMap((chain) =>
    chain
      .counts()
      .links.slice(1)
      .filter(({ answered }) => answered > 0)
      .map(({ kind, id, answered }) => {
        return { kernel: chain.entry.id, by: { kind, id }, calls: answered };
      }),
  );
}
