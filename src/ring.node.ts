// Front door `annulus/ring` on Node: the slot ring, the executor, and threads that run it.

import { keepAlive } from "./platform/node/mod.ts";
import { type Ring, Tenants, Tickets } from "./ring/mod.ts";

export * from "./executor/mod.ts";
export {
  FAULT_CODES,
  IO_ENTRY,
  IO_STATUS,
  OBSERVABLE_BASE,
  OPCODE_CLASS,
  OPCODES,
  PRIORITY,
  SLOT_STATUS,
} from "./layout/mod.ts";
export {
  createRingLog,
  type ExecutorEnd,
  type ExecutorThread,
  type ExecutorThreadOptions,
  keepAlive,
  type LogEnd,
  type LogReader,
  openRingLog,
  startExecutor,
} from "./platform/node/mod.ts";
export * from "./ring/mod.ts";

/** Promises for held slots. They keep the process alive while any is pending, and no longer. */
export function ticketsOf(ring: Ring): Tickets {
  return new Tickets(ring, keepAlive);
}

/** The registry of a ring's tenants: one for each ring. */
export function tenantsOf(ring: Ring): Tenants {
  return new Tenants(ring, { now: () => performance.now(), keepAlive });
}
