// Measure: times contenders in turn, on a machine that others use too.
//
//   block 1                     block 2                     ...
//   A B C | B C A | C A B ...   A B C | B C A | ...               one letter: one sample
//                        X                          X             one outsider: a program of its own
//
// A busy machine slows all contenders of a block alike, so a ratio is taken within each block, and the
// median of the blocks' ratios is what a row quotes. A sample is a batch of calls long enough that
// reading the clock costs nothing. An untimed call comes before each sample, so that each contender
// finds the caches as its own last call left them, as it would without the others.

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
}

export const QUICK: Effort = { quick: true, blocks: 5, blockMs: 40, warmMs: 100 };
export const FULL: Effort = { quick: false, blocks: 15, blockMs: 150, warmMs: 300 };

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
  /** Whether to make an untimed call before each sample. Default: yes. */
  readonly warmCall?: boolean;
  /** Whether to count what a call allocates. Default: yes. */
  readonly allocation?: boolean;
}

/** Shorter samples would be made of clock reading; longer ones would catch more interruptions. */
const SAMPLE_NS = 50_000;

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
  { warmCall = true, allocation = true }: MeasureOptions = {},
): Promise<Measured[]> {
  const lanes: Lane[] = [];
  for (const contender of contenders) lanes.push(await warmUp(contender, effort));
  const guests = outsiders.map((outsider) => ({ outsider, times: [] as Timed[] }));
  for (let block = 0; block < effort.blocks; block++) {
    await runBlock(lanes, effort, warmCall);
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

async function runBlock(
  lanes: readonly Lane[],
  { blockMs }: Effort,
  warmCall: boolean,
): Promise<void> {
  const starts = lanes.map(({ samples }) => samples.length);
  const end = now() + blockMs * 1e6 * lanes.length;
  let first = 0; // Who begins changes, so that no contender always follows the same one.
  do {
    for (let i = 0; i < lanes.length; i++) {
      const { contender, calls, samples } = lanes[(first + i) % lanes.length]!;
      if (warmCall) await contender.loop(1);
      samples.push((await timed(contender.loop, calls)) / calls);
    }
    first++;
  } while (now() < end);
  lanes.forEach(({ samples, blocks }, i) => blocks.push(median(samples.slice(starts[i]))));
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
