// Meter: where the time of a model goes, kernel by kernel. The clock is passed in; without one nothing
// is measured and nothing is lost.

/** Who did the work: a kernel in the sandbox, a native product, or this host between the two. */
export type Worker = "sandbox" | "native" | "host";

export interface Share {
  readonly name: string;
  readonly worker: Worker;
  readonly ms: number;
  readonly calls: number;
}

export class Meter {
  readonly #nowMs: (() => number) | undefined;
  readonly #shares = new Map<string, { worker: Worker; ms: number; calls: number }>();
  #since = 0;

  constructor(nowMs?: () => number) {
    this.#nowMs = nowMs;
  }

  /** What passed since the last lap was nobody's. */
  begin(): void {
    if (this.#nowMs !== undefined) this.#since = this.#nowMs();
  }

  /** What passed since `begin` or the last lap was `name`'s. */
  lap(worker: Worker, name: string): void {
    if (this.#nowMs === undefined) return;
    const now = this.#nowMs();
    let share = this.#shares.get(name);
    if (share === undefined) this.#shares.set(name, (share = { worker, ms: 0, calls: 0 }));
    share.ms += now - this.#since;
    share.calls++;
    this.#since = now;
  }

  /** As `lap` for a kernel of a pack. What stood in for a failed one is the host's own time. */
  ran(kernel: string, degraded: boolean): void {
    if (degraded) this.lap("host", `instead of ${kernel}`);
    else this.lap("sandbox", kernel);
  }

  /** Every name's time, the largest first. */
  shares(): readonly Share[] {
    const shares = [...this.#shares].map(([name, share]) => ({ name, ...share }));
    return shares.toSorted((a, b) => b.ms - a.ms);
  }
}
