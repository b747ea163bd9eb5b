// Speaker: something that continues a text greedily, and how several of them are timed in turn.

import type { Measured } from "../harness/row.ts";
import { median, p99, pairedRatio } from "../harness/statistics.ts";

/** What is to be said: the tokens that follow `ids`. */
export interface Continuation {
  readonly ids: readonly number[];
  readonly tokens: number;
}

export interface Spoken {
  readonly ids: readonly number[];
  /** Until the first token. */
  readonly promptNs: number;
  /** From there to the last. */
  readonly textNs: number;
}

export interface Speaker extends AsyncDisposable {
  readonly name: string;
  readonly speak: (what: Continuation) => Promise<Spoken>;
}

export interface Times {
  readonly name: string;
  /** Nanoseconds of a token, of one round after the other. */
  readonly prompt: number[];
  readonly text: number[];
}

/**
 * Lets each speaker say `what` in each of `rounds`, after one that is not timed. Who begins changes. Fails
 * where one says anything but `expected`: it would not be the same work.
 */
export async function inTurns(
  speakers: readonly Speaker[],
  what: Continuation,
  expected: readonly number[],
  rounds: number,
): Promise<Times[]> {
  const times = speakers.map(({ name }): Times => ({ name, prompt: [], text: [] }));
  for (let round = -1; round < rounds; round++) {
    for (let i = 0; i < speakers.length; i++) {
      const at = (i + round + 1) % speakers.length;
      const { name, speak } = speakers[at]!;
      const { ids, promptNs, textNs } = await speak(what);
      if (ids.join() !== expected.join()) throw new Error(`${name} says something else`);
      if (round < 0) continue;
      times[at]!.prompt.push(promptNs / what.ids.length);
      times[at]!.text.push(textNs / (what.tokens - 1));
    }
  }
  return times;
}

/** Entries of what each speaker takes for a token; the first is what ratios divide. */
export function entriesOf(times: readonly Times[], part: "prompt" | "text"): Measured[] {
  const ours = times[0]![part];
  return times.map(({ name, [part]: theirs }, i) => ({
    kind: "measured",
    name,
    medianNs: median(theirs),
    p99Ns: p99(theirs),
    leastNs: Math.min(...theirs),
    samples: theirs.length,
    callsPerSample: 1,
    ...(i === 0 ? {} : { firstOverThis: pairedRatio(ours, theirs) }),
  }));
}
