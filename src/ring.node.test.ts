import { expect, test } from "vitest";

import * as door from "./ring.node.ts";

test("annulus/ring has all that a host needs to publish, run, wait and watch", async () => {
  const memory = door.createRing({ slots: 64, tenants: 2 });
  const ring = new door.Ring(memory);
  const tenant = door.tenantsOf(ring).register({ label: "ada", outstandingMax: 4 });
  const tickets = door.ticketsOf(ring);
  await using executor = await door.startExecutor(memory, { owner: 1 });
  const { STORE_U32 } = door.OPCODES;
  const index = door.OBSERVABLE_BASE + 3;
  const slot = door.Slot.single({ tenant: 0, opcode: STORE_U32.code, args: [42, index] });
  const outcome = tickets.outcome(tenant.offer(slot.words(), 1, { held: true }));
  expect(await outcome).toMatchObject({ state: "done" });
  await tenant.quiesce({ timeoutMs: 10_000 });
  expect(door.controlSnapshot(ring).observables[3]).toBe(42);
  expect(door.occupancy(ring)).toMatchObject({ free: 64, active: 0 });
  expect(new door.Watchdog(ring, 1000).look(0)).toBeUndefined();
  expect(executor.owner).toBe(1);
});
