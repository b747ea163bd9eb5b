// Latency: how long calls took as their host saw it, from before they were sent until their answer was read.
//
// Reading a clock twice costs a tenth of what a pipelined call does, so one call in so many is measured: the
// first, and then every sixteenth unless the runtime's `latencySampling` says otherwise. A histogram takes 5 KB,
// so a kernel gets one once it was called often; until then its few times are kept as they are.

import { Histogram } from "./histogram.ts";

/** In microseconds, to within 1.6 %. Of no calls every number is 0. */
export interface LatencyFacts {
  /** Calls that were measured. */
  readonly count: number;
  readonly p50Us: number;
  readonly p90Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
}

/** The histograms of several threads or kernels in one; undefined ones have counted nothing. */
export function latencyFacts(histograms: readonly (Histogram | undefined)[]): LatencyFacts {
  const made = histograms.filter((one) => one !== undefined);
  if (made.length === 0) return NONE;
  const all = new Histogram(new Int32Array(Histogram.wordsNeeded));
  for (const one of made) all.mergeFrom(one);
  const { count, p50Ns, p90Ns, p99Ns, p999Ns, maxNs } = all.snapshot();
  const [p50Us, p90Us, p99Us, p999Us, maxUs] = [p50Ns, p90Ns, p99Ns, p999Ns, maxNs].map(
    (ns) => ns / 1000,
  ) as [number, number, number, number, number];
  return { count, p50Us, p90Us, p99Us, p999Us, maxUs };
}

const NONE: LatencyFacts = { count: 0, p50Us: 0, p90Us: 0, p99Us: 0, p999Us: 0, maxUs: 0 };

export class Latency {
  readonly #every: number;
  #left = 0;
  /** In nanoseconds, as long as they are few. */
  #first: number[] = [];
  #histogram: Histogram | undefined;

  /** Measures one call in `every`. */
  constructor(every: number) {
    this.#every = every;
  }

  /** What was counted so far. */
  get histogram(): Histogram | undefined {
    return this.#histogram ?? (this.#first.length === 0 ? undefined : histogramOf(this.#first));
  }

  /** Bytes that the counts take. */
  get bytes(): number {
    return this.#histogram === undefined ? 8 * this.#first.length : 4 * Histogram.wordsNeeded;
  }

  /** Counts one call; says whether it is to be measured. */
  passes(): boolean {
    if (this.#left-- > 0) return false;
    this.#left = this.#every - 1;
    return true;
  }

  record(ms: number): void {
    const ns = ms * 1e6;
    if (this.#histogram !== undefined) return this.#histogram.record(ns);
    this.#first.push(ns);
    if (this.#first.length < FEW) return;
    this.#histogram = histogramOf(this.#first);
    this.#first = [];
  }
}

/** Times after which a kernel gets a histogram. */
const FEW = 16;

function histogramOf(times: readonly number[]): Histogram {
  const histogram = new Histogram(new Int32Array(Histogram.wordsNeeded));
  for (const ns of times) histogram.record(ns);
  return histogram;
}
