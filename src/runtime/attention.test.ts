// Attention: no publisher's raise is missed, wherever the thread that serves is.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Attention, createAttention, KERNELS_PER_THREAD } from "./attention.ts";
import type { AttentionJob } from "./attention-thread.fixture.ts";

const open = (): Attention => new Attention(createAttention());
const taken = (attention: Attention, kernels = KERNELS_PER_THREAD): number[] => {
  const visited: number[] = [];
  attention.take(kernels, (kernel) => visited.push(kernel));
  return visited.toSorted((a, b) => a - b);
};

test("Attention.take() visits each raised kernel once, up to the last that a thread may have", () => {
  const attention = open();
  const kernels = [0, 31, 32, 63, 1023, 1024, 8191, KERNELS_PER_THREAD - 1];
  for (const kernel of kernels) attention.raise(kernel);
  expect(attention.any(KERNELS_PER_THREAD)).toBe(true);
  expect(taken(attention)).toEqual(kernels);
  expect([attention.any(KERNELS_PER_THREAD), taken(attention)]).toEqual([false, []]);
});

test("Attention.raise() of a kernel that the thread looks at shows no more until it is cleared", () => {
  const attention = open();
  attention.raise(40);
  taken(attention);
  attention.raise(40);
  expect(taken(attention)).toEqual([]);
  attention.clear(40);
  attention.raise(40);
  expect(taken(attention)).toEqual([40]);
});

test("Attention.take() and clear() in any order show what a set would", () => {
  const kernel = fc.integer({ min: 0, max: 2100 });
  const move = fc.oneof(
    fc.record({ raise: kernel }),
    fc.record({ clear: kernel }),
    fc.constant({ take: true }),
  );
  fc.assert(
    fc.property(fc.array(move, { maxLength: 100 }), (moves) => {
      const attention = open();
      const bits = new Set<number>();
      const fresh = new Set<number>(); // Words of bits in which one was set since the last take.
      for (const one of moves) {
        if ("raise" in one && !bits.has(one.raise)) {
          bits.add(one.raise);
          fresh.add(one.raise >> 5);
        } else if ("clear" in one) {
          bits.delete(one.clear);
          attention.clear(one.clear);
        }
        if ("raise" in one) attention.raise(one.raise);
        if (!("take" in one)) continue;
        expect(attention.any(2101)).toBe(fresh.size > 0);
        const expected = [...bits].filter((bit) => fresh.has(bit >> 5));
        expect(taken(attention, 2101)).toEqual(expected.toSorted((a, b) => a - b));
        fresh.clear();
      }
    }),
  );
});

test("Attention.commands counts what was posted, and wakes who waits", async () => {
  const attention = open();
  expect(attention.commands).toBe(0);
  const woken = attention.waitAsync({ holds: () => attention.commands === 2 }, 60_000);
  attention.command();
  attention.command();
  expect(await woken).toBe(true);
  expect(attention.wait({ holds: () => false }, { spins: 10, sleepMs: 1 })).toBe(false);
});

/** Serves as a thread's loop does: looks, stops looking with one more look, sleeps until there is more. */
async function serve(attention: Attention, messages: Int32Array, total: number): Promise<number> {
  const kernels = messages.length;
  let watched: number[] = [];
  let handled = 0;
  const look = (kernel: number): number => {
    const count = Atomics.exchange(messages, kernel, 0);
    handled += count;
    return count;
  };
  const work = { holds: () => attention.any(kernels) };
  // oxlint-disable-next-line no-unmodified-loop-condition -- `look` does.
  while (handled < total) {
    attention.take(kernels, (kernel) => watched.push(kernel));
    for (const kernel of watched) look(kernel);
    for (const kernel of watched) {
      attention.clear(kernel);
      if (look(kernel) > 0) attention.raise(kernel);
    }
    watched = [];
    if (handled < total && !(await attention.waitAsync(work, 10_000))) break; // Nobody woke us.
  }
  return handled;
}

test.each([1, 3, 50])(
  "Attention wakes a thread for every message of two others, which pause every %i",
  async (pauseEvery) => {
    const memory = createAttention();
    const left = new SharedArrayBuffer(4 * 1100);
    const rounds = pauseEvery < 10 ? 600 : 20_000;
    const threads = [
      [0, 1, 1099],
      [1, 1050],
    ].map((kernels) => {
      const workerData: AttentionJob = { memory, left, kernels, rounds, pauseEvery };
      return new Worker(new URL("./attention-thread.fixture.ts", import.meta.url), { workerData });
    });
    const ended = Promise.all(threads.map((thread) => once(thread, "exit")));
    expect(await serve(new Attention(memory), new Int32Array(left), 2 * rounds)).toBe(2 * rounds);
    await ended;
  },
);
