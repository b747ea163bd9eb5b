// Chaos: kernels under load whose threads are killed at random, and what became of every call.

import { setTimeout as after } from "node:timers/promises";
import { Failure } from "../../src/base/mod.ts";
import type { KernelHandle } from "../../src/runtime/mod.ts";
import { IDLE } from "../../src/ring/mod.ts";
import { Chance } from "../../tools/fuzz/random.ts";
import { createRuntime } from "../../src/platform/node/mod.ts";
import { Add, ada, bob, cid, dan, Echo, Mark } from "./actors.fixture.ts";
import { within } from "./outcomes.ts";

const ACTORS = [ada, bob, cid, dan] as const;
const CALLERS = 2; // Of each kernel, each with some calls under way.
const AT_ONCE = 8;
const MARKS = 2 ** 22;

export interface ChaosOptions {
  readonly ms: number;
  readonly threads: number;
  /** Decides where the next blow falls, and when. */
  readonly seed: number;
}

export interface ChaosReport {
  calls: number;
  answered: number;
  kills: number;
  readonly failures: Map<string, number>;
  /** What must be empty: calls that did not settle, other errors, wrong answers. */
  readonly wrong: string[];
  /** Messages that were handled more than once, or answered and not handled once. */
  twice: number;
}

export async function chaos({ ms, threads, seed }: ChaosOptions): Promise<ChaosReport> {
  const chance = new Chance(seed);
  const runtime = createRuntime({
    threads,
    idle: IDLE.wait,
    payloadBytesMax: 4096,
    payloadBlocks: 4096,
  });
  const marks = new SharedArrayBuffer(4 * MARKS);
  const handled = new Int32Array(marks);
  const answered = new Uint8Array(MARKS);
  const report: ChaosReport = {
    ...{ calls: 0, answered: 0, kills: 0, twice: 0 },
    ...{ failures: new Map(), wrong: [] },
  };
  const kernels = new Map<string, KernelHandle<typeof ada>>();
  let until = Infinity;
  const isOver = (): boolean => performance.now() >= until;
  let next = 0;

  const start = async (): Promise<void> => {
    for (const actor of ACTORS) {
      if (kernels.get(actor.id)?.isTerminated === false) continue;
      const kernel = await within(runtime.launch(actor as typeof ada, { data: marks }), 20_000);
      if (kernel === "hung") throw new Error("A launch hangs.");
      kernels.set(actor.id, kernel);
    }
  };
  const one = async (kernel: KernelHandle<typeof ada>, number: number): Promise<void> => {
    const kind = number % 4;
    if (kind === 0) {
      const echo = await kernel.call(Echo, { data: new Float64Array(100).fill(number) });
      const data = "data" in echo ? echo.data : new Float64Array(0); // By its type it may be a total.
      if (data.length !== 100 || data.some((x) => x !== number))
        report.wrong.push(`echo ${number}: ${data[0]}`);
    } else if (kind === 1) {
      const { sum } = await kernel.call(Add, { a: number, b: 1 });
      if (sum !== number + 1) report.wrong.push(`add ${number}: ${sum}`);
    } else {
      const { sum } = await kernel.call(Mark, { number });
      if (sum !== 0) report.wrong.push(`mark ${number}: handled ${sum + 1} times`);
      answered[number]!++;
    }
  };
  const call = async (id: string): Promise<void> => {
    const number = next++;
    report.calls++;
    try {
      const settled = await within(one(kernels.get(id)!, number), 35_000);
      if (settled === "hung") report.wrong.push(`call ${number} hangs`);
      else report.answered++;
    } catch (error) {
      const code = error instanceof Failure ? error.code : undefined;
      if (code === undefined) report.wrong.push(`call ${number}: ${String(error)}`);
      else report.failures.set(code, (report.failures.get(code) ?? 0) + 1);
    }
  };
  const caller = async (id: string): Promise<void> => {
    // oxlint-disable-next-line no-unmodified-loop-condition -- `call` does.
    while (!isOver() && next < MARKS - 1000) {
      await Promise.all(Array.from({ length: AT_ONCE }, () => call(id)));
      if (kernels.get(id)!.isTerminated) await after(1); // Until somebody launches it again.
    }
  };
  const killer = async (): Promise<void> => {
    while (!isOver()) {
      await after(1 + chance.below(60));
      const victims = [...kernels.values()];
      const end = await within(chance.pick(victims).kill(), 20_000);
      if (end === "hung") throw new Error("A kill hangs.");
      report.kills++;
      await start();
    }
  };

  await start();
  until = performance.now() + ms;
  const callers = ACTORS.flatMap(({ id }) => Array.from({ length: CALLERS }, () => caller(id)));
  await Promise.all([killer(), ...callers]);
  for (let i = 0; i < Math.min(next, MARKS); i++)
    if (handled[i]! > 1 || answered[i]! > handled[i]!) report.twice++;
  const ends = await within(runtime.shutdown({ timeoutMs: 1000 }), 20_000);
  if (ends === "hung") report.wrong.push("the shutdown hangs");
  return report;
}
