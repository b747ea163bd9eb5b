// How long until a kernel is launched, with its thread and on one that is warm, and until others' first
// answer; and what ten thousand actors on two threads take of memory.

import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import type { KernelHandle } from "../../src/runtime.node.ts";
import type { Bench } from "../harness/bench.ts";
import type { Effort } from "../harness/measure.ts";
import { shortNumber } from "../harness/print.ts";
import { atMost, type Entry, measuredIn, type NotMeasured, type Row } from "../harness/row.ts";
import { contest, type ThreadContender, type Timing } from "../ring/contest.ts";
import { checkSum } from "../ring/trips.ts";
import { type Actors, BUILT, loadActors, SOURCE } from "./actors-module.ts";
import { type Adder, peerAdders } from "./adders.ts";
import { BARE_THREAD, megabytesOfThread, repeated, resident } from "./bare-thread.ts";

const GOAL_COLD_MS = 20;
const GOAL_WARM_MS = 1;
const ACTORS = 10_000;
const GOAL_MB = 400;
/** Kernels in a module. To find one, a thread looks at all of them. */
const EACH = 100;

export const bench: Bench = {
  name: "launch",
  question: "how long until a kernel is launched, cold and warm, and what do 10,000 actors take?",
  isFresh: true,
  async *rows(effort) {
    yield await actors(effort); // First, while the process has taken nothing else.
    yield await cold(effort);
    yield await first(effort);
    yield await warm(effort);
  },
};

/** Where the package is built, that counts: its threads have no types to strip. */
function runtimes(): {
  readonly found: readonly (readonly [string, URL])[];
  readonly missing: Entry[];
} {
  const source = ["annulus from source", SOURCE] as const;
  if (existsSync(BUILT)) return { found: [["annulus, built", BUILT], source], missing: [] };
  const missing: NotMeasured = {
    kind: "not-measured",
    name: "annulus, built",
    why: "npm run build",
  };
  return { found: [source], missing: [missing] };
}

async function cold(effort: Effort): Promise<Row> {
  const { found, missing } = runtimes();
  const own = found.flatMap(([name, url]) => [
    launches(`${name}, launch`, url, { from: "create", to: "launched" }),
    launches(`${name}, launch and first answer`, url, { from: "create", to: "answered" }),
  ]);
  const peers = peerAdders();
  const others = peers.adders.map((one) => firstAnswer(one));
  const entries = await contest([...own, BARE_THREAD, ...others], effort);
  return {
    id: "runtime launch cold",
    what: "from no thread to a kernel on a thread; others: to the first answer",
    entries: [...entries, ...missing, ...peers.missing],
    goals: [milliseconds(GOAL_COLD_MS, entries, own[0]!.name)],
  };
}

/** A runtime starts a thread before it is asked for, so that this is what a program waits for. */
async function first(effort: Effort): Promise<Row> {
  const { found, missing } = runtimes();
  const own = found.map(([name, url]) => launches(name, url, { from: "launch", to: "launched" }));
  const entries = await contest(own, effort);
  return {
    id: "runtime launch first",
    what: "the first kernel of a runtime that was just created; its module is loaded",
    entries: [...entries, ...missing],
    goals: [milliseconds(GOAL_COLD_MS, entries, own[0]!.name)],
  };
}

function milliseconds(most: number, entries: readonly Entry[], name: string): Row["goals"][number] {
  const median = measuredIn(entries, name)?.medianNs;
  return atMost(`<= ${most} ms`, most, median === undefined ? undefined : median / 1e6);
}

/** Which part of a runtime's beginning is timed. */
interface Part {
  readonly from: "create" | "launch";
  readonly to: "launched" | "answered";
}

function launches(name: string, url: URL, { from, to }: Part): ThreadContender {
  return {
    name,
    time: async (effort) => {
      await using loaded = await loadActors(url, { count: 1, each: 1 });
      // From source a launch takes long: its thread strips types. Beside what is built that is aside.
      const count = effort.quick || (url === SOURCE && existsSync(BUILT)) ? 5 : 20;
      return await repeated(count, async () => {
        const create = performance.now();
        const runtime = await loaded.Runtime.create({ threads: 1 });
        const launch = performance.now();
        const kernel = await runtime.launch(loaded.kernels[0]!);
        const launched = performance.now();
        await mustAdd(loaded, kernel, 1);
        const answered = performance.now();
        await runtime.shutdown();
        return { launched, answered }[to] - { create, launch }[from];
      });
    },
  };
}

function firstAnswer({ name, open }: Adder): ThreadContender {
  const time: ThreadContender["time"] = ({ quick }) =>
    repeated(quick ? 5 : 20, async () => {
      const start = performance.now();
      const { add, close } = await open();
      const sum = await add(2, 1);
      const took = performance.now() - start;
      await close();
      checkSum(sum, 2);
      return took;
    });
  return { name: `${name}, first answer`, time };
}

async function warm(effort: Effort): Promise<Row> {
  const { found, missing } = runtimes();
  const own = found.flatMap(([name, url]) => [
    relaunches(name, url, 0),
    relaunches(`${name}, worker asleep`, url, 2),
  ]);
  const { adders } = peerAdders();
  const others = adders.map((one) => warmAnswer(one));
  const entries = await contest([...own, ...others], effort);
  return {
    id: "runtime launch warm",
    what: "a kernel onto a thread that has its module; others: one answer of a warm thread",
    entries: [...entries, ...missing],
    goals: [milliseconds(GOAL_WARM_MS, entries, own[0]!.name)],
  };
}

function relaunches(name: string, url: URL, pauseMs: number): ThreadContender {
  return {
    name,
    time: async ({ quick }) => {
      await using loaded = await loadActors(url, { count: 1, each: 1 });
      await using runtime = await loaded.Runtime.create({ threads: 1 });
      const once = async (): Promise<number> => {
        if (pauseMs > 0) await sleep(pauseMs);
        const start = performance.now();
        const kernel = await runtime.launch(loaded.kernels[0]!);
        const took = performance.now() - start;
        await mustAdd(loaded, kernel, 1);
        await kernel.terminate();
        return took;
      };
      await repeated(20, once);
      return await repeated(quick ? 100 : 500, once); // The module is there until then.
    },
  };
}

function warmAnswer({ name, open }: Adder): ThreadContender {
  return {
    name: `${name}, an answer`,
    time: async ({ quick }) => {
      const { add, close } = await open();
      const once = async (): Promise<number> => {
        const start = performance.now();
        await add(2, 1);
        return performance.now() - start;
      };
      await repeated(20, once);
      const timing = await repeated(quick ? 100 : 500, once);
      await close();
      return timing;
    },
  };
}

/** The resident memory of all that is launched, with queues of 16 slots, each having answered once. */
async function actors(effort: Effort): Promise<Row> {
  const [name, url] = runtimes().found[0]!;
  const ours = `${name}, a launch`;
  const thread = await megabytesOfThread();
  await using loaded = await loadActors(url, { count: ACTORS, each: EACH });
  let megabytes = 0;
  const launch: ThreadContender = {
    name: ours,
    time: async () => {
      const before = resident();
      const runtime = await loaded.Runtime.create({ threads: 2 });
      const timing = await launchAll(loaded, runtime, () => {
        megabytes = Math.max(megabytes, resident() - before);
      });
      await runtime.shutdown();
      return timing;
    },
  };
  const entries = await contest([launch, BARE_THREAD], effort);
  return {
    id: "runtime actors",
    what: `${ACTORS} kernels on two threads, which have all answered`,
    entries,
    goals: [atMost(`<= ${GOAL_MB} MB`, GOAL_MB, megabytes)],
    notes: [`A thread that loads nothing takes ${shortNumber(thread)} MB.`],
  };
}

async function launchAll(
  loaded: Actors,
  runtime: Awaited<ReturnType<Actors["Runtime"]["create"]>>,
  measured: () => void,
): Promise<Timing> {
  const options = { inputQueueCapacity: 16, outputQueueCapacity: 2, cellBytes: 64 };
  const handles: KernelHandle[] = [];
  const samples: number[] = [];
  for (const kernel of loaded.kernels) {
    const start = performance.now();
    handles.push(await runtime.launch(kernel, options));
    samples.push((performance.now() - start) * 1e6);
  }
  for (const [i, handle] of handles.entries()) await mustAdd(loaded, handle, i);
  measured();
  // One after the other: all at once take longer than they may. A thread that is late is killed with all.
  for (const handle of handles) if (!handle.isTerminated) await handle.terminate();
  return { samples, callsPerSample: 1 };
}

async function mustAdd({ Add }: Actors, kernel: KernelHandle, a: number): Promise<void> {
  checkSum((await kernel.call(Add, { a, b: 1 })) as { readonly value: number }, a);
}
