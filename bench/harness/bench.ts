// Bench: what every benchmark file exports: a name to ask for it by, its question, and its rows.
//
// Each file runs in a process of its own, so that no other one has made the engine forget what it
// optimised, filled the heap or left threads behind.

import type { Effort } from "./measure.ts";
import type { Row } from "./row.ts";

export interface Bench {
  readonly name: string;
  readonly question: string;
  /** Whether each block of its contests has a fresh process: five in all, two in a quick run. Default: no. */
  readonly isFresh?: boolean;
  readonly rows: (effort: Effort) => AsyncIterable<Row>;
}

/** How many processes run it, where nobody said so: as many as its contests have blocks, or one. */
export function processesOf({ isFresh = false }: Bench, { contestBlocks }: Effort): number {
  return isFresh ? contestBlocks : 1;
}

/** Every benchmark by the name that its file exports, in the order in which they run. */
export const BENCHES: Readonly<Record<string, string>> = {
  prepared: "sandbox/prepared.latency.bench.ts",
  unprepared: "sandbox/unprepared.latency.bench.ts",
  batch: "sandbox/batch.latency.bench.ts",
  "epoch-checks": "kernels/epoch-checks.bench.ts",
  rmsnorm: "kernels/rmsnorm.bench.ts",
  rope: "kernels/rope.bench.ts",
  swiglu: "kernels/swiglu.bench.ts",
  kv: "kernels/kv.bench.ts",
  lora: "kernels/lora.bench.ts",
  "one-to-one": "ring/one-to-one.throughput.bench.ts",
  executor: "ring/executor.throughput.bench.ts",
  "round-trip": "ring/round-trip.latency.bench.ts",
  call: "runtime/call.latency.bench.ts",
  throughput: "runtime/throughput.bench.ts",
  k2k: "runtime/k2k.latency.bench.ts",
  sustained: "runtime/sustained.throughput.bench.ts",
  bridge: "runtime/bridge.throughput.bench.ts",
  skew: "runtime/skew.throughput.bench.ts",
  launch: "runtime/launch.latency.bench.ts",
  "pack-actor": "runtime/pack-actor.latency.bench.ts",
  generate: "model/generate.bench.ts",
  pool: "sandbox/pool.latency.bench.ts",
  overhead: "sandbox/overhead.latency.bench.ts",
  instrument: "sandbox/instrument.throughput.bench.ts",
  load: "pack/load.latency.bench.ts",
};

export async function importBench(name: string): Promise<Bench> {
  const { bench } = (await import(`../${BENCHES[name]!}`)) as { readonly bench: Bench };
  return bench;
}

/** The names that `words` ask for: all without words, else those that begin with one of them. */
export function chosenBenches(words: readonly string[]): string[] {
  const names = Object.keys(BENCHES);
  if (words.length === 0) return names;
  for (const word of words) {
    if (!names.some((name) => name.startsWith(word)))
      throw new Error(`no benchmark begins with "${word}"; there are ${names.join(", ")}`);
  }
  return names.filter((name) => words.some((word) => name.startsWith(word)));
}
