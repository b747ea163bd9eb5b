import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

import { Replay, REPLAY_TARGETS } from "../../executor/mod.ts";
import { OBSERVABLE_BASE as O, OPCODES, SLOT_STATUS } from "../../layout/mod.ts";
import { createRing, diffLogs, Opcodes, Ring, slotMessage } from "../../ring/mod.ts";
import { startExecutor } from "./executor.ts";
import { openRingLog, writeLog } from "./ring-log.ts";

let folder = "";
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "annulus-replay-"))));
afterAll(() => rm(folder, { recursive: true }));

const SLOTS = 4000;
/** Gives up only where nothing moves at all. */
const PATIENT = { spins: 0, sleepMs: 20_000 };
const { ATOMIC_ADD, COMPARE_SWAP, LOAD_U32, MEMCPY, NOP, PACKED_SLOT, STORE_U32 } = OPCODES;
const KINDS = [NOP, STORE_U32, ATOMIC_ADD, LOAD_U32, COMPARE_SWAP, MEMCPY, PACKED_SLOT];

/** Publishes slots of all kinds, right and wrong. Some touch what executors count, none the ring's shape. */
function publish(ring: Ring): void {
  let seed = 7;
  const below = (end: number): number =>
    (seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0) % end;
  const index = (): number => [0xffff_fff0, O, O + 3, 300, 65, 98, 136][below(7)]! + below(3);
  for (let published = 0; published < SLOTS; published++) {
    const args = Array.from({ length: 8 }, () => (below(4) > 0 ? index() : O + below(310)));
    args[2] = below(4);
    const opcode = [...KINDS.map(({ code }) => code), 99][below(KINDS.length + 1)]!;
    const words = slotMessage(opcode, args, below(4), below(5));
    expect(ring.done.wait({ holds: () => ring.offer(words) >= 0 }, PATIENT)).toBe(true);
  }
}

test.each(REPLAY_TARGETS)("What a thread recorded ends the same on the %s", async (on) => {
  const memory = createRing({ slots: 1024, lanes: 5, tenants: 3, observables: 300 });
  const ring = new Ring(memory);
  const [path, again] = [join(folder, `${on}.log`), join(folder, `${on}-again.log`)];
  const thread = await startExecutor(memory, { owner: 1, log: path });
  publish(ring);
  const slots = Array.from({ length: ring.geometry.slots }, (_, slot) => slot);
  const idle = { holds: () => slots.every((slot) => !ring.isOut(slot)) };
  expect(ring.done.wait(idle, PATIENT)).toBe(true);
  expect(await thread.stop()).toMatchObject({ log: { records: SLOTS, lost: 0 } });

  using log = openRingLog(path);
  const out = writeLog(again, log.head, { owner: 1 });
  const replay = new Replay(log.head, { on, opcodes: new Opcodes(), recorder: out.recorder });
  for (const record of log.records()) expect(replay.run(record)).toBe(true);
  expect(out.close()).toEqual({ records: SLOTS, lost: 0, failure: undefined });
  using replayed = openRingLog(again);
  expect(diffLogs(log.records(), replayed.records())).toBeUndefined();
  const faults = [...log.records()].filter(({ status }) => status === SLOT_STATUS.FAULT).length;
  expect(Math.min(faults, SLOTS - faults)).toBeGreaterThan(SLOTS / 10); // Both kinds, not one.
});
