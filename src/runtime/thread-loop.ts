// Thread loop: serves many kernels on one thread, and sleeps when none has anything to do.
//
// The loop blocks its thread while all handlers are synchronous. While one goes on by itself, or a command
// was posted, it waits without blocking, so that the thread's event loop runs.

import type { IdlePolicy } from "../ring/mod.ts";
import type { Attention } from "./attention.ts";
import type { Servant } from "./crew.ts";

export interface ThreadLoopOptions {
  readonly attention: Attention;
  readonly idle: IdlePolicy;
  /** Lets the thread's event loop have a turn. */
  readonly pause: () => Promise<void>;
  /** The same, for about a millisecond. */
  readonly nap: () => Promise<void>;
  /** Called before a turn after a wait, and before every sixteenth: reads the thread's clock. */
  readonly tick: () => void;
}

/** Kernels that are looked at in every turn, though they are idle. */
const WATCHED_MAX = 8;
/** Turns of the event loop before a thread whose handlers go on by themselves naps between looks. */
const LOOKS_AWAKE = 100;
/** Turns after which the event loop has one, however busy the kernels are. */
const TURNS_PER_PAUSE = 4096;
/** Turns for which the clock is good: reading it costs as much as a message does. */
const TURNS_PER_TICK = 16;

export class ThreadLoop {
  readonly #options: ThreadLoopOptions;
  readonly #kernels: (Servant | undefined)[] = [];
  /** Kernels that every turn looks at: their bits are set. */
  readonly #watched: number[] = [];
  readonly #isWatched: boolean[] = [];
  #handled = 0;
  #lanesTaken = 0;
  #untilTick = 0;
  #stopped = false;
  readonly #watch = (index: number): void => {
    if (this.#isWatched[index] === true) return;
    if (this.#kernels[index] === undefined) return this.#options.attention.clear(index);
    this.#isWatched[index] = true;
    this.#watched.push(index);
  };
  readonly #work = { holds: () => this.#hasWork() };

  constructor(options: ThreadLoopOptions) {
    this.#options = options;
  }

  add(index: number, kernel: Servant): void {
    this.#kernels[index] = kernel;
    this.#watch(index); // It may have messages already.
  }

  /** Looks at a kernel again, which may have messages. */
  look(index: number): void {
    this.#options.attention.raise(index);
  }

  kernel(index: number): Servant | undefined {
    return this.#kernels[index];
  }

  remove(index: number): void {
    this.#kernels[index] = undefined;
    const at = this.#watched.indexOf(index);
    if (at >= 0) this.#unwatch(at);
  }

  /** A command was handled: as many were posted as `Attention.commands` says. */
  handled(): void {
    this.#handled = (this.#handled + 1) | 0;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Time has passed: the next turn reads the clock. */
  freshen(): void {
    this.#untilTick = 0;
  }

  /** Lets every kernel that may have messages handle a batch; says how many messages that were. */
  turn(): number {
    if (this.#untilTick-- <= 0) this.#tick();
    this.#options.attention.beat();
    this.#options.attention.take(this.#kernels.length, this.#watch);
    const watched = this.#watched;
    const isCrowded = watched.length > WATCHED_MAX;
    let moved = 0;
    for (let at = watched.length - 1; at >= 0; at--) {
      const count = this.#turnOf(watched[at]!);
      moved += count > 0 || !isCrowded ? count : this.#leave(at);
    }
    return moved;
  }

  /** Whether a handler goes on by itself. */
  get isBusy(): boolean {
    return this.#lanesTaken > 0;
  }

  /** A kernel has one lane less, or again one more. */
  lanesTaken(index: number, by: 1 | -1): void {
    this.#lanesTaken += by;
    if (by < 0) this.#options.attention.raise(index); // Messages may wait for that lane.
  }

  /** Resolves once there is something to do. It keeps no process alive. */
  async untilWork(): Promise<void> {
    if (this.leaveAll() > 0) return;
    await this.#options.attention.waitAsync(this.#work, Infinity);
    this.#untilTick = 0; // It may have slept.
  }

  /** Serves until `stop`. */
  async run(): Promise<void> {
    const { pause, idle } = this.#options;
    for (let turns = 1, still = 0; !this.#stopped; turns++) {
      still = this.turn() > 0 ? 0 : still + 1;
      if (this.#hasCommand() || turns % TURNS_PER_PAUSE === 0) await pause();
      else if (still > 0 && this.isBusy) await this.#doze();
      else if (still > idle.spins && idle.sleepMs > 0) {
        this.#sleep();
        still = 0;
      }
    }
  }

  /**
   * Lets the event loop run until there is something to do. It asks again and again: V8 may crash the process
   * when a thread is killed while it waits by `Atomics.waitAsync`.
   */
  async #doze(): Promise<void> {
    const { attention, pause, nap } = this.#options;
    if (this.leaveAll() > 0) return;
    for (let looks = 0; !this.#hasWork(); looks++) {
      attention.beat(); // Whoever awaits does not hang.
      await (looks < LOOKS_AWAKE ? pause() : nap());
    }
    this.#untilTick = 0;
  }

  /** Blocks the thread until there is something to do. */
  #sleep(): void {
    const { attention, idle } = this.#options;
    if (this.leaveAll() > 0) return;
    attention.wait(this.#work, { spins: 0, sleepMs: idle.sleepMs });
    this.#untilTick = 0;
  }

  /**
   * Stops looking at every kernel, after one more look; says how many messages those found. Who does not
   * serve in a loop calls it after its turns, so that whatever comes raises the attention again.
   */
  leaveAll(): number {
    let moved = 0;
    for (let at = this.#watched.length - 1; at >= 0; at--) moved += this.#leave(at);
    return moved;
  }

  /** Stops looking at a kernel, unless one more look finds messages; says how many. */
  #leave(at: number): number {
    const index = this.#watched[at]!;
    this.#unwatch(at);
    const moved = this.#turnOf(index);
    if (moved > 0) this.#options.attention.raise(index);
    return moved;
  }

  #unwatch(at: number): void {
    const index = this.#watched[at]!;
    const last = this.#watched.pop()!;
    if (last !== index) this.#watched[at] = last;
    this.#isWatched[index] = false;
    this.#options.attention.clear(index);
  }

  #tick(): void {
    this.#untilTick = TURNS_PER_TICK;
    this.#options.tick();
  }

  #turnOf(index: number): number {
    const { attention } = this.#options;
    attention.serving = index;
    const moved = this.#kernels[index]?.turn() ?? 0;
    attention.serving = -1;
    return moved;
  }

  #hasWork(): boolean {
    return this.#options.attention.any(this.#kernels.length) || this.#hasCommand();
  }

  #hasCommand(): boolean {
    return this.#options.attention.commands !== this.#handled;
  }
}
