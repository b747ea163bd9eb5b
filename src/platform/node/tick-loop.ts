// Tick loop: the ticker thread's work, with its clock and its sleep passed in.
//
// It sleeps on its own stop word, so that stopping wakes it at once. Ticks are counted from the clock,
// not from wake-ups: a late wake-up adds every tick that is due in one step, and a long run does not
// drift.

export interface TickLoop {
  /** Word 0 is the epoch. Nobody else writes it. */
  readonly epoch: Int32Array;
  /** Epochs that go along with it from when they are there; others may move them too. Asked for at each tick. */
  readonly followers?: () => Iterable<Int32Array>;
  /** Word 0 is 0 while the loop shall run. */
  readonly stop: Int32Array;
  readonly intervalMs: number;
  /** A monotonic clock. */
  readonly nowMs: () => number;
  /** Sleeps at most `ms`, less when word 0 of `stop` is no longer 0. */
  readonly sleep: (stop: Int32Array, ms: number) => void;
  /** Called once, after the first tick. */
  readonly ticking: () => void;
}

/** Ticks until the stop word is set. */
export function runTicks(loop: TickLoop): void {
  const { epoch, followers, stop, intervalMs, nowMs, sleep, ticking } = loop;
  const startMs = nowMs();
  let ticks = 0;
  while (Atomics.load(stop, 0) === 0) {
    const due = Math.floor((nowMs() - startMs) / intervalMs);
    if (due > ticks) {
      Atomics.add(epoch, 0, due - ticks); // Wraps at 2^32, as deadlines do.
      for (const follower of followers?.() ?? []) Atomics.add(follower, 0, due - ticks);
      if (ticks === 0) ticking();
      ticks = due;
    }
    sleep(stop, Math.max(0, startMs + (ticks + 1) * intervalMs - nowMs()));
  }
}
