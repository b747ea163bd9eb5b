import { expect, test } from "vitest";

import { failureOf } from "../pack/failure-of.fixture.ts";
import { BELLS, CONTROL, OPCODES } from "../layout/mod.ts";
import { createRing } from "./format.ts";
import { maskOf } from "./rights.ts";
import { Ring, slotMessage } from "./ring.ts";
import { Tenants, USER_CLASSES } from "./tenants.ts";

const host = { now: () => performance.now(), keepAlive: () => () => {} };
const NOP = slotMessage(OPCODES.NOP.code);

function stage(tenants = 3, slots = 16) {
  const ring = new Ring(createRing({ slots, tenants }));
  const control = ring.geometry.controlAt / 4;
  const into = new Int32Array(slots);
  return {
    ring,
    tenants: new Tenants(ring, host),
    mask: (id: number) => ring.words[control + CONTROL.fields.tenant_masks.at / 4 + id]! >>> 0,
    quota: (id: number) => ring.words[control + CONTROL.fields.quotas.at / 4 + id]! >>> 0,
    /** Completes up to `most` slots, and says of which tenants they were. */
    serve: (most = slots) => {
      const count = ring.claim(1, into, most);
      const served = [...into.subarray(0, count)].map((slot) => ring.words[ring.at(slot) + 2]);
      ring.completeAll(into, 0, count);
      return served;
    },
  };
}

test("Tenants gives ids in order, with the rights asked for, and none to anybody else", () => {
  const { tenants, mask, quota } = stage();
  expect([mask(0), mask(1), mask(2)]).toEqual([0, 0, 0]);
  const a = tenants.register({ label: "a" });
  const b = tenants.register({ label: "b", classes: ["DFA"], quota: 5 });
  expect([a.id, b.id]).toEqual([0, 1]);
  expect([mask(0), mask(1), mask(2)]).toEqual([maskOf(USER_CLASSES), maskOf(["DFA"]), 0]);
  expect(USER_CLASSES).not.toContain("SYSTEM");
  expect(USER_CLASSES).not.toContain("SHUTDOWN");
  expect([quota(0), quota(1)]).toEqual([0xffff_ffff, 5]);
  b.refill(9);
  expect(quota(1)).toBe(9);
  expect(tenants.list().map(({ label }) => label)).toEqual(["a", "b"]);
});

test("Tenants refuses one more than the ring has ids for, and numbers that are no words", () => {
  const { tenants } = stage(2);
  tenants.register({ label: "a" });
  tenants.register({ label: "b" });
  const failure = failureOf(() => tenants.register({ label: "c" }));
  expect([failure.code, failure.at]).toEqual(["TENANTS_FULL", "tenant c"]);
  for (const options of [{ quota: -1 }, { quota: 2 ** 32 }, { outstandingMax: 0 }])
    expect(failureOf(() => tenants.register({ label: "d", ...options })).code).toBe("RING_INVALID");
  expect([tenants.get(2), tenants.get(1024), tenants.get(-1)]).toEqual([
    ...[undefined, undefined, undefined],
  ]);
});

test("Tenant.offer() publishes in its own name, whatever the words say", () => {
  const { tenants, serve } = stage();
  const a = tenants.register({ label: "a" });
  const b = tenants.register({ label: "b" });
  b.offer(slotMessage(OPCODES.NOP.code, [], a.id));
  a.offer(slotMessage(OPCODES.NOP.code, [], 2));
  expect(serve()).toEqual([1, 0]);
});

test("Tenant.offer() holds its tenant to its cap, and executors' completions free it again", () => {
  const { tenants, serve } = stage();
  const a = tenants.register({ label: "a", outstandingMax: 2 });
  expect([a.offer(NOP), a.offer(NOP), a.offer(NOP)].map((slot) => slot >= 0)).toEqual(
    [true, true, false], // The third is over the cap.
  );
  expect(a.counters).toMatchObject({ published: 2, settled: 0, outstanding: 2, refused: 1 });
  expect(a.offer(new Int32Array(32), 2)).toBe(-1);
  serve(1);
  expect(a.offer(NOP)).toBeGreaterThanOrEqual(0);
  serve();
  expect(a.counters).toMatchObject({ published: 3, settled: 3, outstanding: 0, refused: 2 });
});

test("Tenant counters go on across the wrap of the ring's own", () => {
  const { ring, tenants, serve } = stage();
  const at = (ring.geometry.bellsAt + BELLS.fields.tenant_done.at) / 4;
  ring.words[at] = -2;
  const a = tenants.register({ label: "a" });
  for (let i = 0; i < 5; i++) a.offer(NOP);
  expect(a.counters.outstanding).toBe(5);
  serve(3);
  expect([ring.words[at], a.counters.settled, a.counters.outstanding]).toEqual([1, 3, 2]);
});

test("Tenant.revoke() takes its mask at once, and its id is free once nothing is in flight", () => {
  const { tenants, mask, serve } = stage(1);
  const a = tenants.register({ label: "a" });
  a.offer(NOP);
  a.revoke();
  a.revoke();
  expect([mask(0), a.revoked, tenants.list()]).toEqual([0, true, []]);
  expect(failureOf(() => a.offer(NOP)).code).toBe("TENANT_REVOKED");
  expect(failureOf(() => a.refill(1)).code).toBe("TENANT_REVOKED");
  expect(failureOf(() => tenants.register({ label: "b" })).code).toBe("TENANTS_FULL");
  serve();
  const b = tenants.register({ label: "b" });
  expect([b.id, b.counters.outstanding, tenants.get(0)]).toEqual([0, 0, b]);
});

test("Tenant.quiesce() waits for its slots alone, times out by saying how many, and obeys a signal", async () => {
  const { tenants, serve } = stage();
  const a = tenants.register({ label: "a" });
  const b = tenants.register({ label: "b" });
  a.offer(NOP);
  b.offer(NOP);
  const quiet = a.quiesce({ timeoutMs: 60_000 });
  serve(1);
  await quiet;
  const late = await b.quiesce({ timeoutMs: 5 }).catch((error: unknown) => error);
  expect(late).toMatchObject({ code: "QUIESCE_TIMEOUT", at: "tenant b" });
  expect((late as Error).message).toContain("1 slots in flight after 5 ms");
  const signal = AbortSignal.abort(new Error("no longer"));
  await expect(b.quiesce({ timeoutMs: 1000, signal })).rejects.toThrow("no longer");
  expect(b.counters).toMatchObject({ quiesces: 2, timeouts: 1, outstanding: 1 });
});

test("A tenant that offers ten times as much delays another by no more than its cap", () => {
  const { tenants, serve } = stage(2, 64);
  const loud = tenants.register({ label: "loud", outstandingMax: 8 });
  const quiet = tenants.register({ label: "quiet", outstandingMax: 8 });
  let longest = 0;
  for (let round = 0; round < 200; round++) {
    for (let i = 0; i < 10; i++) loud.offer(NOP);
    expect(quiet.offer(NOP)).toBeGreaterThanOrEqual(0);
    let waited = 0;
    while (serve(1)[0] !== quiet.id) waited++;
    longest = Math.max(longest, waited);
  }
  expect(longest).toBe(8);
  expect(loud.counters.refused).toBeGreaterThan(200);
});
