// What it adds to a kernel of a pack that it is an actor: the same kernel on the same shapes, invoked on a
// thread that spins, and run here by its prepared call.

import { join } from "node:path";

import { loadPack, type VerifiedPack } from "../../src/pack.node.ts";
import { IDLE } from "../../src/ring/mod.ts";
import { Runtime } from "../../src/runtime.node.ts";
import { Sandbox } from "../../src/sandbox.node.ts";
import type { Bench } from "../harness/bench.ts";
import type { Effort } from "../harness/measure.ts";
import { atMost, type Measured, measuredIn, type Row } from "../harness/row.ts";
import { contest, type Timing } from "../ring/contest.ts";
import { timeTrips } from "../ring/trips.ts";
import { actor, tripsOf } from "./adders.ts";

const GOAL_NS = 2000;
const COUNTS = { full: 200_000, quick: 20_000 };
const DIM = 64;
const SETUP = { params: { eps: 1e-5 } } as const;
const SHAPES = { x: [1, DIM], weight: [DIM] } as const;

export const bench: Bench = {
  name: "pack-actor",
  question: "how much longer does a kernel of a pack take as an actor than where it is called?",
  isFresh: true,
  async *rows(effort) {
    const pack = await loadPack(join(import.meta.dirname, "../../packs/core"), {
      trust: { keys: [] },
      allowUnsigned: true,
    });
    yield await invoked(pack, effort);
  },
};

async function invoked(pack: VerifiedPack, effort: Effort): Promise<Row> {
  const [ours, direct] = ["annulus, pack actor, worker spins", "annulus, prepared call, no thread"];
  // What a message and its answer take, whatever the kernel does.
  const message = actor("annulus, actor that adds two numbers, worker spins", { idle: IDLE.spin });
  const entries = await contest(
    [
      { name: ours, time: (each) => timeActor(pack, each) },
      { name: direct, time: (each) => timeDirect(pack, each) },
      tripsOf(message, COUNTS),
    ],
    effort,
  );
  const [as, by] = [measuredIn(entries, ours), measuredIn(entries, direct)];
  return {
    id: "runtime pack actor",
    what: `rmsnorm of ${DIM} numbers, one call after the other, its result read each time`,
    entries,
    goals: [atMost(`adds <= ${GOAL_NS / 1000} µs`, GOAL_NS, added(as, by))],
  };
}

function added(as: Measured | undefined, by: Measured | undefined): number | undefined {
  return as === undefined || by === undefined ? undefined : as.medianNs - by.medianNs;
}

async function timeActor(pack: VerifiedPack, effort: Effort): Promise<Timing> {
  await using runtime = await Runtime.create({ threads: 1, idle: IDLE.spin });
  const kernel = await runtime.launch("rmsnorm_f32", { pack, shapes: SHAPES, ...SETUP });
  const run = (): Promise<void> => kernel.invoke();
  return await timeRuns({ ...kernel.inputs, y: kernel.outputs["y"]!, run }, effort);
}

async function timeDirect(pack: VerifiedPack, effort: Effort): Promise<Timing> {
  await using sandbox = await Sandbox.create();
  const kernel = await sandbox.load(pack, "rmsnorm_f32");
  using call = kernel.prepare({ inputs: SHAPES, ...SETUP });
  return await timeRuns({ ...call.inputs, y: call.outputs["y"]!, run: () => call.run() }, effort);
}

interface Prepared {
  readonly x: { fill(value: number): unknown };
  readonly weight: { [index: number]: number | bigint; fill(value: number): unknown };
  readonly y: { readonly [index: number]: number | bigint };
  readonly run: () => Promise<void> | void;
}

/** Of ones the root of the mean square is 1, so that each output is its weight. */
async function timeRuns({ x, weight, y, run }: Prepared, { quick }: Effort): Promise<Timing> {
  const count = quick ? COUNTS.quick : COUNTS.full;
  x.fill(1);
  weight.fill(1);
  return await timeTrips({
    count,
    go: (i) => {
      weight[(i & 63) % DIM] = (i & 1023) + 1;
      return run();
    },
    check: (_, i) => {
      const [value, found] = [(i & 1023) + 1, Number(y[(i & 63) % DIM])];
      if (Math.abs(found - value) > value * 1e-4) throw new Error(`${value} is ${found}`);
    },
  });
}
