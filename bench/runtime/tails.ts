// Tails: the slowest of a thousand calls, which a row does not hold, as a note beside it.

import { duration } from "../harness/print.ts";
import { quantile } from "../harness/statistics.ts";
import type { ThreadContender } from "../ring/contest.ts";

export class Tails {
  readonly #samples = new Map<string, number[]>();

  /** The same contenders, overheard. */
  of(contenders: readonly ThreadContender[]): ThreadContender[] {
    return contenders.map(({ name, time }) => {
      const heard: number[] = [];
      this.#samples.set(name, heard);
      return {
        name,
        time: async (effort) => {
          const timing = await time(effort);
          for (const sample of timing.samples) heard.push(sample);
          return timing;
        },
      };
    });
  }

  get note(): string {
    const tails = [...this.#samples].map(
      ([name, samples]) => `${name} ${duration(quantile(samples, 0.999))}`,
    );
    return `p99.9: ${tails.join("; ")}.`;
  }
}
