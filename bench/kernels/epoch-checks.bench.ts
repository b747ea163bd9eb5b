// What do the checks cost that stop a kernel in time? Each core kernel at both sizes, through the same
// sandbox, with epoch checks, with fuel, and with none.
//
// Each kernel is set up anew several times, since where its memory happens to lie changes times by more
// than the checks do; the ratio of a row is the median over all set-ups.

import type { VerifiedPack } from "../../src/pack.node.ts";
import type { Bench } from "../harness/bench.ts";
import { type Effort, FULL as PATIENT, measure, QUICK as HASTY } from "../harness/measure.ts";
import { loadCorePack } from "../harness/packs.ts";
import { atMost, type Measured, type Row } from "../harness/row.ts";
import { geometricMean, median } from "../harness/statistics.ts";
import { type Case, idOf, prepareCase } from "./case.ts";
import { CASES } from "./cases.ts";

const GOAL_MEAN = 1.05;
const GOAL_EACH = 1.12;

/** What one set-up may take. The engine knows the kernel after the first. */
const FULL: Effort = { ...PATIENT, blocks: 3, blockMs: 20, warmMs: 60 };
const QUICK: Effort = { ...HASTY, blocks: 1, blockMs: 10, warmMs: 25 };
const SETUPS = { full: 5, quick: 1 } as const;

export const bench: Bench = {
  name: "epoch-checks",
  question: "what do the checks cost that stop a kernel in time?",
  async *rows({ quick }) {
    const pack = await loadCorePack();
    const ratios: number[] = [];
    for (const each of CASES) {
      const row = await rowOf(pack, each, quick);
      ratios.push(row.goals[0]!.value!);
      yield row;
    }
    yield {
      id: "epoch-checks mean",
      what: "geometric mean over the rows above, epoch over none",
      entries: [],
      goals: [
        atMost(`<= ${GOAL_MEAN}`, GOAL_MEAN, geometricMean(ratios)),
        atMost(`<= ${GOAL_EACH} for each`, GOAL_EACH, Math.max(...ratios)),
      ],
      table: TABLE,
    };
  },
};

const TABLE = "epoch checks";

async function rowOf(pack: VerifiedPack, each: Case, quick: boolean): Promise<Row> {
  const runs: Measured[][] = [];
  for (let i = 0; i < SETUPS[quick ? "quick" : "full"]; i++)
    runs.push(await compareModes(pack, each, quick ? QUICK : FULL));
  const entries = runs[0]!.map((_, i) => merged(runs.map((run) => run[i]!)));
  const ratio = median(runs.map(([, none]) => none!.firstOverThis!));
  return {
    id: `epoch-checks ${idOf(each)}`,
    what: "epoch checks over none",
    entries,
    goals: [atMost(`<= ${GOAL_EACH}`, GOAL_EACH, ratio)],
    table: TABLE,
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
