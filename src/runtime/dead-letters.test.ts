import * as fc from "fast-check";
import { expect, test } from "vitest";

import { failureOf } from "../pack/failure-of.fixture.ts";
import {
  type DeadLetter,
  DEAD_REASONS,
  DeadLetters,
  type DeadReason,
  type DyingLetter,
} from "./dead-letters.ts";

const BASE = { kernel: "sum", reason: "deadline", type: 7, typeName: "Add" } as const;

/** Letters of a clock that the test sets; `add` names a letter by its first byte. */
function start(options: { max?: number; ttlMs?: number } = {}) {
  const clock = { now: 1000 };
  const letters = new DeadLetters({ ...options, now: () => clock.now });
  const add = (byte: number, letter: Partial<DyingLetter> = {}) =>
    letters.add({ ...BASE, payload: Uint8Array.of(byte), ...letter });
  const bytes = () => letters.browse().map(byteOf);
  return { clock, letters, add, bytes };
}

const byteOf = ({ payload }: DeadLetter) => payload[0]!;

function counts(letters: DeadLetters, reason: DeadReason): number[] {
  const { added, dropped, expired, taken } = letters.metrics;
  return [added[reason], dropped[reason], expired[reason], taken[reason]];
}

test("DeadLetters.add() keeps what it is told, with an id, the time and no attempts", () => {
  const { letters, add } = start();
  expect([add(5), add(6, { at: 900, attempts: 3, reason: "retries" })]).toEqual([1, 2]);
  const [first, second] = letters.browse();
  expect(first).toEqual({ ...BASE, id: 1, payload: Uint8Array.of(5), at: 1000, attempts: 0 });
  expect(second).toMatchObject({ id: 2, at: 900, attempts: 3, reason: "retries" });
});

test("DeadLetters.add() copies the payload, also out of shared memory and Node's buffers", () => {
  const { letters } = start();
  const shared = new Uint8Array(new SharedArrayBuffer(8), 4, 2);
  const buffer = Buffer.from([1, 2]);
  for (const payload of [shared, buffer]) letters.add({ ...BASE, payload });
  shared.fill(9);
  buffer.fill(9);
  const kept = letters.browse().map(({ payload }) => payload);
  expect(kept).toEqual([Uint8Array.of(0, 0), Uint8Array.of(1, 2)]);
  expect(kept[0]!.buffer).toBeInstanceOf(ArrayBuffer);
});

test("DeadLetters.add() keeps max letters, and of one more drops the oldest", () => {
  const { letters, add, bytes } = start({ max: 3 });
  for (const byte of [1, 2, 3]) add(byte);
  expect([bytes(), counts(letters, "deadline")]).toEqual([
    [1, 2, 3],
    [3, 0, 0, 0],
  ]);
  add(4, { reason: "worker-lost" });
  expect([bytes(), letters.size]).toEqual([[2, 3, 4], 3]);
  expect(counts(letters, "deadline")).toEqual([3, 1, 0, 0]);
  expect(counts(letters, "worker-lost")).toEqual([1, 0, 0, 0]);
});

test("DeadLetters.add() counts an oldest letter that had expired as expired, not as dropped", () => {
  const { clock, letters, add } = start({ max: 1, ttlMs: 10 });
  add(1);
  clock.now += 10;
  add(2);
  expect(counts(letters, "deadline")).toEqual([2, 0, 1, 0]);
});

test("DeadLetters.expire() keeps a letter until its age is ttlMs", () => {
  const { clock, letters, add } = start({ ttlMs: 10 });
  add(1);
  clock.now += 9.5;
  expect([letters.expire(), letters.size]).toEqual([0, 1]);
  clock.now += 0.5;
  expect([letters.size, letters.expire(), letters.size]).toEqual([1, 1, 0]);
  expect(counts(letters, "deadline")).toEqual([1, 0, 1, 0]);
});

test("DeadLetters.expire() goes by when a letter died, not by when it came", () => {
  const { clock, letters, add, bytes } = start({ ttlMs: 10 });
  add(1);
  add(2, { at: 995 });
  clock.now += 5;
  expect([letters.expire(), bytes()]).toEqual([1, [1]]);
});

test("DeadLetters.browse() and take() pass over what has expired", () => {
  const { clock, letters, add } = start({ ttlMs: 10 });
  add(1);
  clock.now += 10;
  expect(letters.browse()).toEqual([]);
  add(2);
  clock.now += 10;
  expect(letters.take()).toEqual([]);
});

test.for([
  [{}, [1, 2, 3, 4]],
  [{ kernel: "max" }, [2]],
  [{ reason: "malformed" }, [3]],
  [{ type: 8 }, [4]],
  [{ id: 1 }, [1]],
  [{ kernel: "sum", reason: "deadline" }, [1, 4]],
  [{ kernel: "max", reason: "malformed" }, []],
] as const)("DeadLetters.take() removes what fits %j, and leaves the rest", ([filter, fitting]) => {
  const { letters, add } = start({ max: 4 });
  for (const byte of [8, 9]) add(byte); // So that the circle has turned.
  letters.take({ id: 1 });
  letters.take({ id: 2 });
  const ids = [
    ...[add(1), add(2, { kernel: "max" })],
    ...[add(3, { reason: "malformed" }), add(4, { type: 8 })],
  ];
  const search = "id" in filter ? { id: ids[0]! } : filter;
  expect(letters.browse(search).map(byteOf)).toEqual(fitting);
  expect(letters.take(search).map(byteOf)).toEqual(fitting);
  const rest = [1, 2, 3, 4].filter((byte) => !(fitting as readonly number[]).includes(byte));
  expect(letters.browse().map(byteOf)).toEqual(rest);
});

test("DeadLetters.metrics is a copy", () => {
  const { letters, add } = start();
  const before = letters.metrics;
  add(1);
  expect([before.added.deadline, letters.metrics.added.deadline]).toEqual([0, 1]);
});

test.for([{ max: 0 }, { max: 1.5 }, { max: NaN }, { ttlMs: 0 }, { ttlMs: NaN }])(
  "DeadLetters refuses %j",
  (options) => {
    const failure = failureOf(() => start(options));
    expect([failure.code, failure.at]).toEqual(["OPTION_UNSUPPORTED", Object.keys(options)[0]]);
  },
);

test("DeadLetters keeps the newest of those in time, and accounts for every letter", () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ add: fc.constantFrom(...DEAD_REASONS) }) },
    { weight: 2, arbitrary: fc.record({ pass: fc.nat(20) }) },
    { weight: 1, arbitrary: fc.record({ take: fc.constantFrom(...DEAD_REASONS) }) },
  );
  const law = fc.property(fc.integer({ min: 1, max: 6 }), fc.array(step), (max, steps) => {
    const { clock, letters, add } = start({ max, ttlMs: 30 });
    let model: { id: number; at: number; reason: DeadReason }[] = [];
    for (const each of steps) {
      if ("pass" in each) clock.now += each.pass;
      else if ("take" in each) {
        letters.take({ reason: each.take });
        model = model.filter(({ reason }) => reason !== each.take);
      } else {
        const id = add(1, { reason: each.add });
        model = [...model, { id, at: clock.now, reason: each.add }].slice(-max);
      }
      expect(letters.size).toBeLessThanOrEqual(max);
    }
    model = model.filter(({ at }) => clock.now - at < 30);
    expect(letters.browse().map(({ id }) => id)).toEqual(model.map(({ id }) => id));
    for (const reason of DEAD_REASONS) {
      const [added, ...gone] = counts(letters, reason);
      const kept = letters.browse({ reason }).length;
      expect(added).toBe(gone.reduce((sum, count) => sum + count, kept));
    }
  });
  fc.assert(law);
});
