// What do the checks cost that stop a kernel in time? Each core kernel at both sizes, through the same
// sandbox, with epoch checks, with fuel, and with none.
//
// Each kernel is set up anew several times, since where its memory happens to lie changes times by more
// than the checks do; the ratio of a row is the median over all set-ups.

import type { VerifiedPack } from "../../src/pack.node.ts";
import type { Bench } from "../harness/bench.ts";
import { type Effort, measure } from "../harness/measure.ts";
import { loadCorePack } from "../harness/packs.ts";
import { atMost, type Measured, type Row } from "../harness/row.ts";
import { geometricMean, median } from "../harness/statistics.ts";
import { type Case, CASES, prepareCase } from "./cases.ts";

const GOAL_MEAN = 1.05;
const GOAL_EACH = 1.12;
const SETUPS = 5;
const WARM_MS_MAX = 100; // The engine knows the kernel after the first set-up.

export const bench: Bench = {
  name: "epoch-checks",
  question: "what do the checks cost that stop a kernel in time?",
  async *rows(effort) {
    const pack = await loadCorePack();
    const ratios: number[] = [];
    for (const each of CASES) {
      const row = await rowOf(pack, each, effort);
      ratios.push(row.goals[0]!.value!);
      yield row;
    }
    yield {
      id: "epoch-checks mean",
      what: "geometric mean over the rows above, epoch over none",
      entries: [],
      goals: [atMost(`<= ${GOAL_MEAN}`, GOAL_MEAN, geometricMean(ratios))],
    };
  },
};

async function rowOf(pack: VerifiedPack, each: Case, effort: Effort): Promise<Row> {
  const { blocks, warmMs } = effort;
  const part = {
    ...effort,
    blocks: Math.ceil(blocks / SETUPS),
    warmMs: Math.min(warmMs, WARM_MS_MAX),
  };
  const runs: Measured[][] = [];
  for (let i = 0; i < SETUPS; i++) runs.push(await compareModes(pack, each, part));
  const entries = runs[0]!.map((_, i) => merged(runs.map((run) => run[i]!)));
  const ratio = median(runs.map(([, none]) => none!.firstOverThis!));
  return {
    id: `epoch-checks ${each.kernel} ${each.shape}`,
    what: "epoch checks over none",
    entries,
    bytes: each.bytes,
    goals: [atMost(`<= ${GOAL_EACH}`, GOAL_EACH, ratio)],
  };
}

async function compareModes(pack: VerifiedPack, each: Case, effort: Effort): Promise<Measured[]> {
  await using epoch = await prepareCase(pack, each, "epoch");
  await using none = await prepareCase(pack, each, "none");
  await using fuel = await prepareCase(pack, each, "fuel");
  const contenders = [
    { name: "epoch checks", loop: epoch.loop },
    { name: "no checks", loop: none.loop },
    { name: "fuel", loop: fuel.loop },
  ];
  return await measure(contenders, [], effort, { allocation: false }); // While they are held.
}

/** One entry of several runs of the same contender. */
function merged(runs: readonly Measured[]): Measured {
  const of = (key: "medianNs" | "p99Ns" | "firstOverThis"): number =>
    median(runs.map((run) => run[key] ?? 1));
  return {
    ...runs[0]!,
    medianNs: of("medianNs"),
    p99Ns: of("p99Ns"),
    leastNs: Math.min(...runs.map(({ leastNs }) => leastNs)),
    samples: runs.reduce((sum, { samples }) => sum + samples, 0),
    ...(runs[0]!.firstOverThis === undefined ? {} : { firstOverThis: of("firstOverThis") }),
  };
}
