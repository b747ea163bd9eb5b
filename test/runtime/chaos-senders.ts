// Chaos among senders: kernels that send and call without end are killed at random, wherever they just are, and
// whoever calls the same kernel notices nothing.

import { setTimeout as after } from "node:timers/promises";
import { createRuntime } from "../../src/platform/node/mod.ts";
import { Chance } from "../../tools/fuzz/random.ts";
import { Add, Echo, Rage, sender, target } from "./actors.fixture.ts";
import { codeOf, until as untilHolds, within } from "./outcomes.ts";

/** Too large for a cell: payloads of so many numbers lie in blocks. */
const ELEMENTS = 400;
const SENDERS = 2; // At once, each on a thread of its own.
const SLOTS = 64;
const BLOCKS = 64;

export interface SendersReport {
  calls: number;
  kills: number;
  /** What must be empty: how calls ended that were not answered, and what was missing at the end. */
  readonly wrong: string[];
}

export async function killSenders({
  rounds,
  seed,
}: {
  readonly rounds: number;
  /** Decides when the next blow falls. */
  readonly seed: number;
}): Promise<SendersReport> {
  const chance = new Chance(seed);
  await using runtime = createRuntime({ threads: 1, payloadBytesMax: 4096, payloadBlocks: BLOCKS });
  const kernel = await runtime.launch(target, { inputQueueCapacity: SLOTS });
  const report: SendersReport = { calls: 0, kills: 0, wrong: [] };

  const caller = async (): Promise<void> => {
    while (report.kills < SENDERS * rounds && report.wrong.length === 0) {
      const number = report.calls++;
      const code = await codeOf(kernel.call(Add, { a: number, b: 1 }, { timeoutMs: 10_000 }));
      if (code !== "ok" && code !== "QUEUE_FULL") report.wrong.push(`call ${number}: ${code}`);
      await after(1);
    }
  };
  const killer = async (id: string): Promise<void> => {
    for (let round = 0; round < rounds && report.wrong.length === 0; round++) {
      const victim = await runtime.launch(sender, { id, ownThread: true, routes: ["target"] });
      victim.send(Rage, { size: ELEMENTS });
      await after(1 + chance.below(30));
      if ((await within(victim.kill(), 20_000)) === "hung") report.wrong.push("a kill hangs");
      report.kills++;
    }
  };
  const killers = Array.from({ length: SENDERS }, (_, i) => killer(`sender ${i}`));
  await Promise.all([caller(), ...killers]);
  // Every slot and every block is there again: the last ones for a request and its answer.
  if (report.wrong.length === 0) await untilHolds(() => kernel.metrics.inputQueueDepth === 0);
  const small = Array.from({ length: SLOTS }, (_, a) => kernel.call(Add, { a, b: 1 }));
  const data = new Float64Array(ELEMENTS);
  report.wrong.push(...(await notOk(small)));
  const large = Array.from({ length: BLOCKS / 2 }, () => kernel.call(Echo, { data }));
  report.wrong.push(...(await notOk(large)));
  return report;
}

async function notOk(calls: readonly Promise<unknown>[]): Promise<string[]> {
  return (await Promise.all(calls.map(codeOf))).filter((code) => code !== "ok");
}
