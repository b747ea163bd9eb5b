// Thread loop: serves many kernels on one thread, and sleeps when none has anything to do.
//
// The loop blocks its thread while all handlers are synchronous. While one goes on by itself, or a command
// was posted, it waits without blocking, so that the thread's event loop runs.

import type { IdlePolicy } from "../ring/mod.ts";
import type { Attention } from "./attention.ts";
import type { KernelHost } from "./kernel-host.ts";

export interface ThreadLoopOptions {
  readonly attention: Attention;
  readonly idle: IdlePolicy;
  /** Lets the thread's event loop have a turn. */
  readonly pause: () => Promise<void>;
  /** Called before each turn: the thread's clock, for example. */
  readonly tick: () => void;
}

/** Turns after which the event loop has one, however busy the kernels are. */
const TURNS_PER_PAUSE = 4096;

export class ThreadLoop {
  readonly #options: ThreadLoopOptions;
  readonly #kernels: (KernelHost | undefined)[] = [];
  /** Kernels that moved in this turn, and so may have more. */
  #again: number[] = [];
  #spare: number[] = [];
  #moved = 0;
  #handled = 0;
  #stopped = false;
  readonly #visit = (index: number): void => this.#turnOf(index);
  readonly #work = { holds: () => this.#hasWork() };

  constructor(options: ThreadLoopOptions) {
    this.#options = options;
  }

  add(index: number, kernel: KernelHost): void {
    this.#kernels[index] = kernel;
    this.#again.push(index);
  }

  kernel(index: number): KernelHost | undefined {
    return this.#kernels[index];
  }

  remove(index: number): void {
    this.#kernels[index] = undefined;
  }

  /** A command was handled: as many were posted as `Attention.commands` says. */
  handled(): void {
    this.#handled = (this.#handled + 1) | 0;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Lets every kernel that may have messages handle a batch; says how many messages that were. */
  turn(): number {
    this.#options.tick();
    this.#moved = 0;
    const again = this.#again;
    this.#again = this.#spare;
    this.#again.length = 0;
    this.#spare = again;
    for (let i = 0; i < again.length; i++) this.#turnOf(again[i]!);
    this.#options.attention.take(this.#kernels.length, this.#visit);
    return this.#moved;
  }

  /** Whether a handler goes on by itself. */
  get isBusy(): boolean {
    return this.#kernels.some((kernel) => kernel !== undefined && kernel.busy > 0);
  }

  /** Resolves once there is something to do. It keeps no process alive. */
  async untilWork(): Promise<void> {
    await this.#options.attention.waitAsync(this.#work, Infinity);
  }

  /** Serves until `stop`. */
  async run(): Promise<void> {
    const { attention, idle, pause } = this.#options;
    for (let turns = 1; !this.#stopped; turns++) {
      const isIdle = this.turn() === 0;
      if (this.#hasCommand() || turns % TURNS_PER_PAUSE === 0) await pause();
      else if (!isIdle) continue;
      else if (this.isBusy) await this.untilWork();
      else attention.wait(this.#work, idle);
    }
  }

  #turnOf(index: number): void {
    const moved = this.#kernels[index]?.turn() ?? 0;
    if (moved === 0) return;
    this.#moved += moved;
    this.#again.push(index);
  }

  #hasWork(): boolean {
    return (
      this.#again.length > 0 ||
      this.#options.attention.any(this.#kernels.length) ||
      this.#hasCommand()
    );
  }

  #hasCommand(): boolean {
    return this.#options.attention.commands !== this.#handled;
  }
}
