// Does a runtime keep its pace for a minute: how many messages of 64 bytes does a kernel take and check in each second,
// how many calls does it answer, how much do seconds differ, and does the process grow meanwhile?

import { setImmediate as turn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { Runtime } from "../../src/runtime.node.ts";
import type { Bench } from "../harness/bench.ts";
import type { Effort } from "../harness/measure.ts";
import { shortNumber } from "../harness/print.ts";
import { atMost, type Row } from "../harness/row.ts";
import { median, p99 } from "../harness/statistics.ts";
import { checkSum } from "../ring/trips.ts";
import { resident } from "./bare-thread.ts";
import { Add, adder, Numbers, sink } from "./kernels.ts";
import { eightFrom, mustHave } from "./streams.ts";

const GOAL_CV_PERCENT = 5;
/** One byte left behind by each message would be hundreds of times that. */
const GOAL_MB = 0.5;
const SECONDS = { full: 60, quick: 6 };
/** Seconds before the first that counts: the engine compiles, and the young generation grows. */
const WARM_SECONDS = { full: 5, quick: 2 };
/** Messages that are sent in one turn of the event loop. */
const TURN = 1 << 14;
/** Calls under way at once. */
const WINDOW = 512;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

export const bench: Bench = {
  name: "sustained",
  question: "does a runtime keep its pace for a minute, and does it grow meanwhile?",
  async *rows(effort) {
    yield await sustained("sends", "64 bytes to a kernel that checks them", sends, effort);
    yield await sustained("calls", `a sum, ${WINDOW} calls at a time`, calls, effort);
  },
};

type Run = (pace: Pace) => Promise<void>;

async function sustained(name: string, what: string, run: Run, { quick }: Effort): Promise<Row> {
  const pace = new Pace(
    quick ? SECONDS.quick : SECONDS.full,
    quick ? WARM_SECONDS.quick : WARM_SECONDS.full,
  );
  await run(pace);
  const { times, live } = pace;
  const entry = {
    ...({ kind: "measured", name: `annulus, ${name}`, samples: times.length } as const),
    ...{ medianNs: median(times), p99Ns: p99(times), leastNs: Math.min(...times) },
    callsPerSample: Math.round(1e9 / median(times)),
  };
  const [most, least] = [Math.min(...times), Math.max(...times)].map((ns) => shortNumber(1e3 / ns));
  const everyTenth = pace.resident.filter((_, i) => i % 10 === 0);
  return {
    id: `runtime sustained ${name}`,
    what: `${what}, for ${times.length} s`,
    entries: [entry],
    goals: [
      atMost(`CV <= ${GOAL_CV_PERCENT} % between seconds`, GOAL_CV_PERCENT, variation(times)),
      atMost(`live memory grows <= ${GOAL_MB} MB`, GOAL_MB, grownBy(live)),
    ],
    notes: [
      `${least} to ${most} M in a second`,
      `${everyTenth.map((one) => shortNumber(one)).join(", ")} MB resident, ten seconds apart`,
    ],
  };
}

/** The standard deviation of the seconds' rates, in percent of their mean. */
function variation(times: readonly number[]): number {
  const rates = times.map((ns) => 1 / ns);
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  const squares = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0);
  return (100 * Math.sqrt(squares / (rates.length - 1))) / mean;
}

/** The median of the last quarter over that of the first. */
function grownBy(megabytes: readonly number[]): number {
  const quarter = Math.ceil(megabytes.length / 4);
  return median(megabytes.slice(-quarter)) - median(megabytes.slice(0, quarter));
}

/**
 * Resident memory is no measure of growth: V8 makes its young generation larger when it likes. It has the threads'
 * heaps in it, though, and is noted.
 */
function liveMegabytes(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 1e6;
}

/** What happened in each second. */
class Pace {
  /** Nanoseconds of one message, for each second that counts. */
  readonly times: number[] = [];
  /** What the host's thread holds after a full collection, and what the process holds at all. */
  readonly live: number[] = [];
  readonly resident: number[] = [];
  readonly #seconds: number;
  #warm: number;
  #start = performance.now();
  #before = 0;

  constructor(seconds: number, warm: number) {
    this.#seconds = seconds;
    this.#warm = warm;
  }

  get isOver(): boolean {
    return this.times.length >= this.#seconds;
  }

  /** Whether a second is over. */
  get isDue(): boolean {
    return performance.now() - this.#start >= 1000;
  }

  /** Says that `count` messages were handled by now. */
  at(count: number): void {
    const ms = performance.now() - this.#start;
    if (this.#warm-- <= 0) {
      this.times.push((ms * 1e6) / (count - this.#before));
      this.resident.push(resident());
      this.live.push(liveMegabytes());
    }
    this.#start = performance.now(); // To collect is not part of the next second.
    this.#before = count;
  }
}

/** What counts is what the kernel has handled, as its counter says. It checks every one. */
async function sends(pace: Pace): Promise<void> {
  await using runtime = await Runtime.create({ threads: 1 });
  const kernel = await runtime.launch(sink, { whenFull: "drop-newest" });
  let count = 0;
  while (!pace.isOver) {
    if (pace.isDue) pace.at(kernel.metrics.messagesProcessed);
    await turn(); // As a host that also has other things to do.
    for (const end = count + TURN; count < end; count++) {
      const value = eightFrom(count);
      while (!kernel.send(Numbers, value));
    }
  }
  await mustHave(kernel, count);
}

async function calls(pace: Pace): Promise<void> {
  await using runtime = await Runtime.create({ threads: 1 });
  const kernel = await runtime.launch(adder);
  let [next, done] = [0, 0];
  const caller = async (): Promise<void> => {
    while (!pace.isOver) {
      const a = next++ & 0xffff; // Which a 32-bit float holds exactly.
      checkSum(await kernel.call(Add, { a, b: 1 }), a);
      if (++done % 1024 === 0 && pace.isDue) pace.at(done);
    }
  };
  await Promise.all(Array.from({ length: WINDOW }, caller));
}
