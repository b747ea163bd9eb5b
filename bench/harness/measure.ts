// Measure: times contenders in turn, on a machine that others use too.
//
//   block 1                              block 2                              ...
//   AAA BBB CCC | BBB CCC AAA | ... X    AAA BBB CCC | BBB CCC AAA | ... X
//
// A busy machine slows all contenders of a block alike, so a ratio is taken within each block, and the
// median of the blocks' ratios is what a row quotes. Each letter is a sample: a batch of calls long
// enough that reading the clock costs nothing. A contender takes several in a turn, after calls that
// are not timed, so that it finds the caches as its own calls leave them. X is an outsider: a program
// of its own, run once per block.

import type { Measured } from "./row.ts";
import { median, p99, pairedRatio } from "./statistics.ts";
import { allocatedBytes } from "./allocation.ts";

/** How much time a run may take. */
export interface Effort {
  readonly quick: boolean;
  readonly blocks: number;
  /** Time of one contender in one block. */
  readonly blockMs: number;
  readonly warmMs: number;
  /** How often every contender of a contest is run. */
  readonly contestBlocks: number;
}

export const QUICK: Effort = {
  ...{ quick: true, blocks: 5, blockMs: 30, warmMs: 80, contestBlocks: 2 },
};
export const FULL: Effort = {
  ...{ quick: false, blocks: 15, blockMs: 150, warmMs: 300, contestBlocks: 5 },
};

/**
 * Makes `calls` calls. Each contender brings its own loop, since a loop that all of them share would
 * make the engine slow every one of them down.
 */
export type Loop = (calls: number) => void | Promise<void>;

export interface Contender {
  readonly name: string;
  readonly loop: Loop;
}

/** A contender that takes its own times, in a process of its own. */
export interface Outsider {
  readonly name: string;
  readonly time: (effort: Effort) => Promise<Omit<Measured, "kind" | "name">>;
}

export interface MeasureOptions {
  /** Whether calls are so long that a turn is one sample, with no untimed call before. Default: no. */
  readonly long?: boolean;
  /** Whether to count what a call allocates. Default: yes. */
  readonly allocation?: boolean;
}

/** Shorter samples would be made of clock reading; longer ones would catch more interruptions. */
const SAMPLE_NS = 50_000;
const TURN_NS = 10e6;
const TURN_SAMPLES_MIN = 3;
const TURN_WARM_NS = 2e6; // Enough for two calls on tensors of the size of a cache.

interface Lane {
  readonly contender: Contender;
  readonly calls: number;
  readonly samples: number[];
  /** The median of each block. */
  readonly blocks: number[];
}

/** Times contenders and outsiders. Entries come in the order given; the first is what ratios divide. */
export async function measure(
  contenders: readonly Contender[],
  outsiders: readonly Outsider[],
  effort: Effort,
  { long = false, allocation = true }: MeasureOptions = {},
): Promise<Measured[]> {
  const lanes: Lane[] = [];
  for (const contender of contenders) lanes.push(await warmUp(contender, effort));
  const guests = outsiders.map((outsider) => ({ outsider, times: [] as Timed[] }));
  for (let block = 0; block < effort.blocks; block++) {
    await runBlock(lanes, effort, long);
    for (const { outsider, times } of guests) times.push(await outsider.time(effort));
  }
  const ours = lanes[0]!.blocks;
  const entries: Measured[] = [];
  for (const lane of lanes) {
    const bytes = allocation ? await allocatedBytes(lane.contender.loop, lane.calls) : undefined;
    entries.push({ ...entryOf(lane), allocatedBytes: bytes, ...ratioTo(ours, lane.blocks) });
  }
  for (const { outsider, times } of guests) {
    const medians = times.map(({ medianNs }) => medianNs);
    entries.push({ ...guestEntry(outsider.name, times), ...ratioTo(ours, medians) });
  }
  return entries;
}

type Timed = Awaited<ReturnType<Outsider["time"]>>;

/** Lets the engine optimise, and finds how many calls fill a sample. */
async function warmUp(contender: Contender, { warmMs }: Effort): Promise<Lane> {
  const { loop } = contender;
  const end = now() + warmMs * 1e6;
  let calls = 1;
  let perCall = Infinity; // The least that was seen: most of the others were not optimised yet.
  do {
    const time = await timed(loop, calls);
    perCall = Math.min(perCall, time / calls);
    if (time < SAMPLE_NS) calls *= 2;
  } while (now() < end);
  calls = Math.max(1, Math.ceil(SAMPLE_NS / perCall));
  return { contender, calls, samples: [], blocks: [] };
}

async function runBlock(lanes: readonly Lane[], { blockMs }: Effort, long: boolean): Promise<void> {
  const starts = lanes.map(({ samples }) => samples.length);
  const end = now() + blockMs * 1e6 * lanes.length;
  let first = 0; // Who begins changes, so that no contender always follows the same one.
  do {
    for (let i = 0; i < lanes.length; i++) {
      const lane = lanes[(first + i) % lanes.length]!;
      if (long) await takeSample(lane);
      else await takeTurn(lane);
    }
    first++;
  } while (now() < end);
  lanes.forEach(({ samples, blocks }, i) => blocks.push(median(samples.slice(starts[i]))));
}

async function takeTurn(lane: Lane): Promise<void> {
  const start = now();
  do await lane.contender.loop(1);
  while (now() < start + TURN_WARM_NS);
  let taken = 0;
  do await takeSample(lane);
  while (++taken < TURN_SAMPLES_MIN || now() < start + TURN_NS);
}

async function takeSample({ contender, calls, samples }: Lane): Promise<void> {
  samples.push((await timed(contender.loop, calls)) / calls);
}

/** Nanoseconds of `calls` calls. A synchronous loop waits for no promise while it is timed. */
async function timed(loop: Loop, calls: number): Promise<number> {
  const start = process.hrtime.bigint();
  const pending = loop(calls);
  if (pending !== undefined) await pending;
  return Number(process.hrtime.bigint() - start);
}

function entryOf({ contender, calls, samples }: Lane): Measured {
  return {
    kind: "measured",
    name: contender.name,
    medianNs: median(samples),
    p99Ns: p99(samples),
    leastNs: Math.min(...samples),
    samples: samples.length,
    callsPerSample: calls,
  };
}

/** An outsider keeps its samples: what is known are the medians of its runs. */
function guestEntry(name: string, times: readonly Timed[]): Measured {
  return {
    kind: "measured",
    name,
    medianNs: median(times.map(({ medianNs }) => medianNs)),
    p99Ns: median(times.map(({ p99Ns }) => p99Ns)),
    leastNs: Math.min(...times.map(({ leastNs }) => leastNs)),
    samples: times.reduce((sum, { samples }) => sum + samples, 0),
    callsPerSample: times[0]!.callsPerSample,
  };
}

function ratioTo(
  ours: readonly number[],
  theirs: readonly number[],
): { readonly firstOverThis?: number } {
  return ours === theirs ? {} : { firstOverThis: pairedRatio(ours, theirs) };
}

function now(): number {
  return Number(process.hrtime.bigint());
}
