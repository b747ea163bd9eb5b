import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Failure } from "../base/mod.ts";
import { Arena } from "./arena.ts";

function failure(run: () => unknown): Failure {
  try {
    run();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

test("Arena.allocate() hands out multiples of 16 from the rounded start, in order", () => {
  const arena = new Arena({ start: 1000, end: 2000 });
  expect(arena.allocate(1)).toBe(1008);
  expect(arena.allocate(16)).toBe(1024);
  expect(arena.allocate(17)).toBe(1040);
  expect(arena.allocate(0)).toBe(1072);
  expect(arena.allocate(4)).toBe(1072); // Nothing was handed out before it.
  expect(arena.used).toBe(1088 - 1008);
});

test("Arena.allocate() never hands out offset 0, which means unused", () => {
  expect(new Arena({ start: 0, end: 64 }).allocate(4)).toBe(16);
  expect(new Arena({ start: 0, end: 64 }).allocate(0)).toBe(16);
});

test("Arena.allocate() fills the arena to its last byte, and refuses one more", () => {
  const arena = new Arena({ start: 16, end: 48 });
  expect(arena.free).toBe(32);
  expect(new Arena({ start: 16, end: 48 }).allocate(32)).toBe(16);
  const full = failure(() => arena.allocate(33));
  expect(full.code).toBe("OUT_OF_MEMORY");
  expect(full.detail).toEqual({ asked: 33, free: 32, used: 0, limit: 32 });
  expect(full.message).toContain("33 bytes asked for, 32 of 32 free");
  expect(arena.allocate(32)).toBe(16); // The refusal handed out nothing.
});

test("Arena.allocate() gives zero bytes even when nothing is left, within the arena", () => {
  const arena = new Arena({ start: 16, end: 47 });
  expect(arena.end).toBe(32);
  expect(arena.allocate(16)).toBe(16);
  expect(arena.allocate(0)).toBe(32);
  expect(failure(() => arena.allocate(1)).detail["free"]).toBe(0);
});

test("Arena without room for its first boundary is full, not broken", () => {
  const arena = new Arena({ start: 5, end: 10 });
  expect(arena.free).toBe(0);
  expect(failure(() => arena.allocate(0)).code).toBe("OUT_OF_MEMORY");
});

test("Arena.allocate() refuses sizes whose sum leaves 32 bits without wrapping", () => {
  const arena = new Arena({ start: 16, end: 2 ** 32 });
  expect(failure(() => arena.allocate(2 ** 32)).code).toBe("OUT_OF_MEMORY");
  expect(arena.allocate(2 ** 32 - 16)).toBe(16);
});

test("Arena.allocate() takes only whole sizes: the rest is a mistake of ours", () => {
  const arena = new Arena({ start: 16, end: 64 });
  for (const bytes of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
    expect(() => arena.allocate(bytes)).toThrow("whole number of bytes");
});

test("Arena.release() returns to a mark, and the same offsets are handed out again", () => {
  const arena = new Arena({ start: 16, end: 1024 });
  arena.allocate(100);
  const mark = arena.mark();
  const first = [arena.allocate(10), arena.allocate(20)];
  arena.release(mark);
  expect([arena.allocate(10), arena.allocate(20)]).toEqual(first);
});

test("Arena.release() refuses a mark that was already passed", () => {
  const arena = new Arena({ start: 16, end: 1024 });
  const outer = arena.mark();
  arena.allocate(10);
  const inner = arena.mark();
  arena.release(outer);
  expect(() => arena.release(inner)).toThrow("newest first");
  expect(() => arena.release(0)).toThrow("newest first");
});

test("Arena asks `grow` for what is missing, once, and believes only what extend() says", () => {
  const asked: number[] = [];
  const arena: Arena = new Arena({
    start: 16,
    end: 64,
    grow: (missing) => {
      asked.push(missing);
      if (missing > 100) return false;
      arena.extend(arena.end + missing);
      return true;
    },
  });
  expect(arena.allocate(80)).toBe(16);
  expect(asked).toEqual([32]);
  expect(failure(() => arena.allocate(1000)).detail["asked"]).toBe(1000);
  const liar = new Arena({ start: 16, end: 64, grow: () => true });
  expect(failure(() => liar.allocate(80)).code).toBe("OUT_OF_MEMORY");
});

test("Arena hands out disjoint, aligned, in-range regions whatever the order of calls", () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("allocate" as const), bytes: fc.nat(300) }),
    fc.record({ do: fc.constant("mark" as const) }),
    fc.record({ do: fc.constant("release" as const) }),
  );
  fc.assert(
    fc.property(
      fc.nat(99),
      fc.nat(2000),
      fc.array(step, { maxLength: 60 }),
      (start, size, steps) => {
        const arena = new Arena({ start, end: start + size });
        const held: [number, number][] = [];
        const marks: [number, number][] = [];
        for (const step of steps) {
          if (step.do === "mark") marks.push([arena.mark(), held.length]);
          else if (step.do === "release") {
            const [mark, count] = marks.pop() ?? [arena.mark(), held.length];
            arena.release(mark);
            held.length = count;
          } else if (step.bytes <= arena.end - arena.mark()) {
            const at = arena.allocate(step.bytes);
            expect(at % 16).toBe(0);
            expect(at).toBeGreaterThanOrEqual(Math.max(16, start));
            expect(at + step.bytes).toBeLessThanOrEqual(start + size);
            for (const [from, to] of held) expect(at >= to || at + step.bytes <= from).toBe(true);
            held.push([at, at + step.bytes]);
          }
        }
      },
    ),
  );
});
