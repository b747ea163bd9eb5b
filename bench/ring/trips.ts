// Trips: one after the other, each timed by itself; and the least that waking a thread for one can take.

import { MessageChannel } from "node:worker_threads";

import { type ThreadContender, runSides, type Timing } from "./contest.ts";

export interface Trips<Answer> {
  readonly count: number;
  /** Sleeps before each trip, without turns of the event loop. Default: 0. */
  readonly pauseMs?: number;
  readonly go: (i: number) => Promise<Answer> | Answer;
  /** Throws where it is not the answer to trip `i`. */
  readonly check: (answer: Answer, i: number) => void;
}

/** Trips of which the first are not timed: a tenth of `count`, with negative numbers, and 200 at least. */
const WARM_MIN = 200;

export async function timeTrips<Answer>(trips: Trips<Answer>): Promise<Timing> {
  const { count, pauseMs = 0, go, check } = trips;
  const never = new Int32Array(new SharedArrayBuffer(4));
  const samples: number[] = [];
  for (let i = -Math.max(Math.ceil(count / 10), WARM_MIN); i < count; i++) {
    if (pauseMs > 0) Atomics.wait(never, 0, 0, pauseMs);
    const start = performance.now();
    const going = go(i);
    const answer = going instanceof Promise ? await going : going;
    if (i >= 0) samples.push((performance.now() - start) * 1e6);
    check(answer, i);
  }
  return { samples, callsPerSample: 1 };
}

/** The sum of `i` and 1 is what adders are asked for. */
export function checkSum({ value }: { readonly value: number }, i: number): void {
  if (value !== i + 1) throw new Error(`${i} and 1 are ${value}`);
}

/** One word, one notification, one word back. */
export function bareWake(pauseMs: number): ThreadContender {
  return {
    name: "Atomics.notify and one word back",
    time: ({ quick }) => {
      const buffer = new SharedArrayBuffer(64);
      const side = { buffer, trips: quick ? 500 : 3000, pauseMs };
      return runSides([
        { part: "wake", ...side },
        { part: "woken", ...side },
      ]);
    },
  };
}

/** A message to another thread and back, by way of two event loops. */
export function postTrips(name: string): ThreadContender {
  return {
    name,
    time: ({ quick }) => {
      const { port1, port2 } = new MessageChannel();
      return runSides([
        { part: "post-trips", port: port1, trips: quick ? 2000 : 20_000 },
        { part: "echo", port: port2 },
      ]);
    },
  };
}
