// Measure: runs a prepared call again and again and says how long it took. Nothing is warmed up in
// secret: the first run is told apart, since the engine optimises a kernel while it runs.

export interface Timing {
  readonly runs: number;
  readonly firstMs: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  /** The most ticks of the epoch that passed during one run. */
  readonly ticks: number;
}

export interface Clock {
  /** Milliseconds since some moment, with fractions. */
  readonly nowMs: () => number;
  /** The sandbox's epoch; it wraps at 32 bits. */
  readonly ticks: () => number;
}

/** Calls `run` as often as `runs` says; what it throws ends the measurement. */
export function measure(
  run: () => void,
  runs: number,
  { nowMs, ticks }: Clock,
  onRun: (done: number) => void,
): Timing {
  const times = new Float64Array(runs);
  let mostTicks = 0;
  for (let i = 0; i < runs; i++) {
    const ticksBefore = ticks();
    const before = nowMs();
    run();
    times[i] = nowMs() - before;
    mostTicks = Math.max(mostTicks, (ticks() - ticksBefore) | 0);
    onRun(i + 1);
  }
  const firstMs = times[0]!;
  times.sort();
  return {
    runs,
    firstMs,
    medianMs: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
    ticks: mostTicks,
  };
}

/** The smallest of the sorted `values` that at least this share of them does not exceed. */
export function quantile(values: Float64Array, share: number): number {
  return values[Math.max(Math.ceil(values.length * share) - 1, 0)]!;
}
