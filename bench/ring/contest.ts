// Contest: contenders that need threads of their own, each run once in every block, in turn.
//
// The thread that is asked for times takes them itself and sends nanoseconds of one slot or one trip. Two
// threads of a contender are busy at a time at most, while the main thread waits for them.

import { Worker } from "node:worker_threads";

import type { Effort } from "../harness/measure.ts";
import type { Entry, Measured } from "../harness/row.ts";
import { spreadOf } from "../harness/spread.ts";
import { median, p99, pairedRatio } from "../harness/statistics.ts";
import type { SideData } from "./side.ts";

export interface ThreadContender {
  readonly name: string;
  /** Nanoseconds of one call for each sample, and the calls in a sample. */
  readonly time: (effort: Effort) => Promise<Timing>;
}

export interface Timing {
  readonly samples: readonly number[];
  readonly callsPerSample: number;
}

/** The entries of all contenders, in the order given; ratios divide the first one's times. */
export async function contest(
  contenders: readonly ThreadContender[],
  effort: Effort,
): Promise<Measured[]> {
  const lanes = contenders.map(({ name }) => ({
    ...{ name, samples: [] as number[], blocks: [] as number[], callsPerSample: 1 },
  }));
  for (let block = 0; block < effort.contestBlocks; block++) {
    for (const [i, contender] of contenders.entries()) {
      const { samples, callsPerSample } = await contender.time(effort);
      const lane = lanes[i]!;
      for (const sample of samples) lane.samples.push(sample); // More than a call's arguments may be.
      lane.blocks.push(median(samples));
      lane.callsPerSample = callsPerSample;
    }
  }
  return lanes.map(({ name, samples, blocks: own, callsPerSample }, i) => ({
    kind: "measured",
    name,
    medianNs: median(samples),
    p99Ns: p99(samples),
    leastNs: samples.reduce((least, sample) => Math.min(least, sample), Infinity),
    samples: samples.length,
    callsPerSample,
    spread: spreadOf(samples),
    ...(i === 0 ? {} : { firstOverThis: pairedRatio(lanes[0]!.blocks, own) }),
  }));
}

/** Runs these threads and returns the times of the one that took any. Fails with what any of them threw. */
export async function runSides(sides: readonly SideData[]): Promise<Timing> {
  const timings = await Promise.all(sides.map(runSide));
  const timing = timings.find((one) => one.samples.length > 0);
  if (timing === undefined) throw new Error("no thread took a time");
  return timing;
}

function runSide(workerData: SideData): Promise<Timing> {
  const { promise, resolve, reject } = Promise.withResolvers<Timing>();
  const transferList = "port" in workerData ? [workerData.port] : [];
  const worker = new Worker(new URL("./side.ts", import.meta.url), { workerData, transferList });
  worker.once("message", resolve).once("error", reject);
  worker.once("exit", (code) => reject(new Error(`a thread ended with code ${code}`)));
  return promise;
}

/** Million calls a second, from the median. */
export function millions(entries: readonly Entry[], name: string, perCall = 1): number | undefined {
  const found = entries.find((entry) => entry.name === name);
  return found?.kind === "measured" ? (perCall * 1000) / found.medianNs : undefined;
}
