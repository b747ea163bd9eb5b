// Publishers that are killed between taking positions and showing them.

import { afterEach, expect, test } from "vitest";

import { OPCODES, SLOT } from "../layout/mod.ts";
import { createRing } from "./format.ts";
import { PUBLISHER_MAX } from "./queue.ts";
import { Ring, slotMessage } from "./ring.ts";

const ATOMICS = globalThis.Atomics;
const OPCODE = SLOT.fields.opcode.at / 4;
const ARGS = SLOT.fields.args.at / 4;
const NOP = OPCODES.NOP.code;
const NAMES = ["load", "store", "compareExchange", "add", "notify"] as const;
afterEach(() => void (globalThis.Atomics = ATOMICS));

/**
 * Runs `work` up to its step number `until`, counted from 0, and no further: before that, or behind it where that is
 * an atomic store, which ends a straight line. A step is an atomic operation, or a call of `step`. True: it came to
 * its own end.
 */
function killedAt(until: number, work: (step: () => void) => void): boolean {
  let done = 0;
  const step = (): void => {
    if (done++ === until) throw new Error("killed");
  };
  const counted = (name: (typeof NAMES)[number]) => {
    const run = ATOMICS[name] as (...args: unknown[]) => unknown;
    return (...args: unknown[]) => {
      if (name !== "store") step();
      const result = run(...args);
      if (name === "store") step();
      return result;
    };
  };
  const own = Object.fromEntries(NAMES.map((name) => [name, counted(name)]));
  globalThis.Atomics = Object.assign(Object.create(ATOMICS) as Atomics, own);
  try {
    work(step);
    return true;
  } catch (error) {
    expect(String(error)).toBe("Error: killed");
    return false;
  } finally {
    globalThis.Atomics = ATOMICS;
  }
}

/** Words that take a step whenever they are read. */
function slowly(words: Int32Array, step: () => void): Int32Array {
  const get = (_: Int32Array, name: string | symbol): unknown => {
    step();
    return Reflect.get(words, name) as unknown;
  };
  return new Proxy(words, { get });
}

function run(...args: readonly number[]): Int32Array {
  const words = new Int32Array(16 * args.length);
  for (const [i, arg] of args.entries()) words.set(slotMessage(8, [arg]), 16 * i);
  return words;
}

/** What an executor finds: the first argument of each slot, or -1 for nobody's. */
function drained(ring: Ring): number[] {
  const into = new Int32Array(16);
  const found: number[] = [];
  for (let count; (count = ring.claim(1, into)) > 0;)
    for (const slot of into.subarray(0, count)) {
      const at = ring.at(slot);
      found.push(ring.words[at + OPCODE] === NOP ? -1 : ring.words[at + ARGS]!);
      expect(ring.complete(slot)).toBe(true);
    }
  return found;
}

/** Publishes 1, 2 and 3 as a run, dies before its operation number `until`, and is mended once others went on. */
function crash(until: number, firstPosition: number, held: boolean) {
  const memory = createRing({ slots: 8 }, { firstPosition });
  const [victim, other] = [new Ring(memory, { publisher: 7 }), new Ring(memory, { publisher: 8 })];
  const host = new Ring(memory);
  const hasEnded = killedAt(until, (step) => {
    victim.offer(slowly(run(1, 2, 3), step), 3, { held });
  });
  expect(other.offer(run(4))).not.toBe(-1);
  expect(host.mend(8, () => expect.unreachable("nothing of 8 is missing"))).toBe(0);
  const fill = (slot: number): void => void (host.words[host.at(slot) + OPCODE] = NOP);
  const mended = host.mend(7, fill);
  expect(host.mend(7, fill)).toBe(0);
  return { host, mended, hasEnded };
}

test.each([
  [0, false],
  [-2, true],
])(
  "Ring.mend() shows a killed publisher's run as nobody's, wherever it dies, from position %i on",
  (firstPosition, held) => {
    const seen = new Set<string>();
    for (let until = 0; ; until++) {
      const { host, mended, hasEnded } = crash(until, firstPosition, held);
      const found = drained(host);
      // Whole, not at all, or in its place as nobody's.
      expect([
        [0, [4]],
        [3, [-1, -1, -1, 4]],
        [0, [1, 2, 3, 4]],
      ]).toContainEqual([mended, found]);
      seen.add(String(found));
      for (let lap = 0; lap < (mended === 3 ? 20 : 0); lap++) {
        expect(host.offer(run(lap))).not.toBe(-1); // Nobody holds what was mended.
        expect(drained(host)).toEqual([lap]);
      }
      if (hasEnded) break;
    }
    expect(seen.size).toBe(3);
  },
);

test("Ring.mend() finds a run in each lane, and several of one that goes on reserving", () => {
  const memory = createRing({ slots: 128, lanes: 5 });
  const [victim, host] = [new Ring(memory, { publisher: 9 }), new Ring(memory)];
  for (const lane of [0, 2, 2, 4]) expect(victim.reserve(lane)).not.toBe(-1);
  const slots: number[] = [];
  expect(host.mend(9, (slot) => slots.push(slot))).toBe(4);
  expect(new Set(slots).size).toBe(4);
  expect(host.waiting().toSorted()).toEqual(slots.toSorted());
});

test("Ring takes publishers' names up to their limit", () => {
  const memory = createRing({ slots: 2 });
  for (const publisher of [1, PUBLISHER_MAX]) {
    const victim = new Ring(memory, { publisher });
    expect(victim.reserve(2)).not.toBe(-1);
    expect(victim.mend(publisher === 1 ? 2 : 1, () => {})).toBe(0);
    expect(victim.mend(publisher, () => {})).toBe(1);
  }
  for (const publisher of [0, -1, 0.5, PUBLISHER_MAX + 1, Number.NaN])
    expect(() => new Ring(memory, { publisher })).toThrow(/publisher: found/);
});

test("Ring.releaseOwn() frees a slot as a whole, wherever its holder is killed", () => {
  for (let until = 0; ; until++) {
    const memory = createRing({ slots: 2 });
    const [holder, host] = [new Ring(memory), new Ring(memory)];
    const slot = holder.offer(run(1), 1, { held: true });
    expect(drained(host)).toEqual([1]);
    const hasEnded = killedAt(until, () => holder.releaseOwn(slot));
    if (!hasEnded && host.isOut(slot)) expect(host.release(slot)).toBe(true);
    expect(host.isOut(slot)).toBe(false);
    if (hasEnded) break;
  }
});
