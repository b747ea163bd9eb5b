// What a scheduler does for work of uneven size: every second message takes a hundred times as long as the
// others, and those that are long all go to the first of two threads, unless something moves them.

import { Runtime } from "../../src/runtime.node.ts";
import type { Bench } from "../harness/bench.ts";
import type { Effort } from "../harness/measure.ts";
import { contest, type ThreadContender, type Timing } from "../ring/contest.ts";
import { uneven, Work } from "./uneven.ts";

const LONG_US = 2000;
const SHORT_US = 20;
const MESSAGES = 64;

/** Strategies, in the order of their rows: the first is compared with the others. */
const STRATEGIES = ["work-stealing", "work-sharing", "hybrid", "shared", "round-robin"] as const;

export const bench: Bench = {
  name: "skew",
  question: "which scheduler keeps both threads busy when every second message is a long one?",
  async *rows(effort) {
    const entries = await contest(STRATEGIES.map(contender), effort);
    yield {
      id: "runtime skew",
      what: `${MESSAGES} messages on two threads, every second one of ${LONG_US} µs, the others of ${SHORT_US} µs; time of one`,
      entries,
      goals: [],
      notes: [
        `both threads busy all the time would take ${(LONG_US + SHORT_US) / 4} µs a message, one alone twice that;`,
        "the caller's thread waits, and its own look at answers takes a core's time where there are two cores",
      ],
    };
  },
};

function contender(strategy: (typeof STRATEGIES)[number]): ThreadContender {
  return {
    name: strategy,
    async time(effort: Effort): Promise<Timing> {
      await using runtime = await Runtime.create({ threads: 2, prestart: 2 });
      const scheduler = { strategy, stealThreshold: 1, shareThreshold: 2 } as const;
      await using kernel = await runtime.launch(uneven, { gridSize: 2, scheduler });
      const samples: number[] = [];
      for (let round = 0; round < (effort.quick ? 3 : 12); round++) {
        const start = performance.now();
        const calls = Array.from({ length: MESSAGES }, (_, i) => {
          const us = i % 2 === 0 ? SHORT_US : LONG_US; // Turns begin at the second queue.
          return kernel.call(Work, { number: i, us });
        });
        const done = await Promise.all(calls);
        samples.push(((performance.now() - start) * 1e6) / MESSAGES);
        for (const [i, { number }] of done.entries())
          if (number !== i) throw new Error(`message ${i} was answered as ${number}`);
      }
      return { samples, callsPerSample: MESSAGES };
    },
  };
}
