// Front door `annulus/sandbox` on Node: the sandbox room, with a ticker thread behind it, and the policy
// on what may run outside.

import { sharedTicker } from "./platform/node/mod.ts";
import { REFERENCES } from "./reference/mod.ts";
import { Sandbox as Core, type SandboxOptions, type TickerSource } from "./sandbox/mod.ts";

export * from "./bypass/mod.ts";
export { packedTokens, REFERENCES } from "./reference/mod.ts";
export { sharedTicker } from "./platform/node/mod.ts";
export * from "./sandbox/mod.ts";

export interface NodeSandboxOptions extends SandboxOptions {
  /** Where the epoch comes from. Default: this process's own ticker thread. */
  readonly ticker?: TickerSource | undefined;
}

/**
 * A sandbox whose deadlines are kept by a thread of this process, shared by all its sandboxes. Chains may
 * end in what `REFERENCES` has, unless the options say otherwise.
 */
export const Sandbox = {
  create({ ticker = sharedTicker, ...options }: NodeSandboxOptions = {}): Promise<Core> {
    return Core.create({ references: REFERENCES, ...options }, ticker);
  },
} as const;

export type Sandbox = Core;
