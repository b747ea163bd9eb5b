// Moving: how a kernel is saved, and how it changes threads while others send to it.
//
//   1. rest     the old thread starts no more messages, waits for running ones, saves the state
//   2. launch   the new thread restores it. Its queues are the same memory, and so are its name as an owner of
//               slots and its counters, so that nothing in a queue moves
//   3. settle   the host's wake-ups go to the new thread; routes from the kernel are made there
//   4. resume   the new thread goes on: first with what the old one had claimed
//   5. tell     other kernels' wake-ups go there, and it looks once more for each that may have gone astray
//   6. leave    the old thread forgets it
//
// Until 3 whatever fails lets the old thread go on. At no time do both threads take messages.

import { CHECKPOINT_LIMITS, Failure } from "../base/mod.ts";
import type { CheckpointOptions, Moved, MoveOptions } from "./kernel-facts.ts";
import type { KernelSpec, Left } from "./kernel-spec.ts";
import { unsupported } from "./unsupported.ts";
import { restless, type StateAnswer, type StateOrder } from "./resting.ts";
import type { Running } from "./running.ts";
import type { Switchboard } from "./switchboard.ts";
import type { Served, ThreadPool } from "./thread-pool.ts";
import type { Watchdog } from "./watchdog.ts";

const TIMEOUT_MS = 5000;
/** After a kernel's own deadline, for a thread that is busy with something else. */
const GRACE_MS = 200;

export interface MovingParts {
  readonly threads: ThreadPool;
  readonly switchboard: Switchboard;
  /** Notices when a thread that serves the kernel dies. */
  readonly watch: (running: Running, served: Served) => void;
  /** Looks for threads that hang. */
  readonly watchdog: Pick<Watchdog, "add" | "remove">;
  readonly pause: () => Promise<void>;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
}

export class Moving {
  readonly #parts: MovingParts;

  constructor(parts: MovingParts) {
    this.#parts = parts;
  }

  /** See `KernelHandle.checkpoint`. */
  checkpoint(running: Running, options: CheckpointOptions): Promise<Uint8Array> {
    const { timeoutMs = TIMEOUT_MS, bytesMax = CHECKPOINT_LIMITS.bytesDefault } = options;
    return this.#inTurn(running, timeoutMs, async (inTime) => {
      mustLive(running);
      if (running.specs.length > 1)
        throw unsupported(
          "gridSize",
          `${running.specs.length}`,
          "1: each thread has its own state",
        );
      if (running.inputs.length > 1)
        throw unsupported("scheduler", running.launch.scheduler.strategy, "one of one queue");
      const order: StateOrder = { order: "checkpoint", timeoutMs, bytesMax };
      return (await inTime(running, order)) as Uint8Array;
    });
  }

  /** See `KernelHandle.move`. */
  move(running: Running, { timeoutMs = TIMEOUT_MS }: MoveOptions): Promise<Moved> {
    return this.#inTurn(running, timeoutMs, async (inTime) => {
      mustLive(running);
      mustMove(running);
      const [from, old] = [running.served[0]!, running.specs[0]!];
      const to = await this.#destination(running, from);
      const index = to.take(); // At once: it may be another kernel's own thread otherwise.
      let left: Left;
      try {
        left = (await inTime(running, { order: "rest", timeoutMs })) as Left;
      } catch (error) {
        to.leave(index);
        throw error;
      }
      return this.#unwatched(running, async () => {
        const spec = await this.#takeOver(running, { to, index }, left);
        return this.#settle(running, { from, to, old, spec });
      });
    });
  }

  /** No thread's heart beats for a kernel that rests while another thread restores it. */
  async #unwatched<Value>(running: Running, work: () => Promise<Value>): Promise<Value> {
    const { watchdog } = this.#parts;
    watchdog.remove(running);
    try {
      return await work();
    } finally {
      if (!running.handle.isTerminated) watchdog.add(running);
    }
  }

  async #destination(running: Running, from: Served): Promise<Served> {
    const { threads } = this.#parts;
    if (running.launch.ownThread) return threads.alone();
    const to = await threads.other(from);
    if (to === undefined) throw refused(running.id, "no other thread", "another thread");
    return to;
  }

  /** Starts the kernel on its new thread, where it rests, or lets it go on where it was. */
  async #takeOver(running: Running, { to, index }: Place, left: Left): Promise<KernelSpec> {
    const [from, old] = [running.served[0]!, running.specs[0]!];
    const { state, ...moved } = left;
    try {
      const spec: KernelSpec = { ...old, index, restored: { state, types: [], moved } };
      await to.thread.launch(spec, undefined);
      if (!running.handle.isTerminated) return spec;
      await to.thread.order(index, { order: "leave" }); // Its old thread died meanwhile.
      throw over(running.id);
    } catch (error) {
      to.leave(index);
      await from.thread.order(old.index, { order: "resume" }).catch(() => {}); // A dead thread says so itself.
      throw error;
    }
  }

  async #settle(running: Running, { from, to, old, spec }: Step): Promise<Moved> {
    const { switchboard, watch } = this.#parts;
    running.settle(to, spec);
    watch(running, to);
    try {
      await switchboard.from(running);
      await to.thread.order(spec.index, { order: "resume" });
      await switchboard.to(running);
    } catch (error) {
      await forget(from, old); // The new thread has died, and the kernel with it.
      throw error;
    }
    return forget(from, old);
  }

  /**
   * Runs `work` in the kernel's turn. The thread may be busy with something else: then the caller is told in
   * time, while the turn lasts until the thread has answered, and the kernel goes on then.
   */
  #inTurn<Value>(
    running: Running,
    timeoutMs: number,
    work: (inTime: InTime) => Promise<Value>,
  ): Promise<Value> {
    const told = Promise.withResolvers<Value>();
    const inTime: InTime = async (kernel, order) => {
      const { thread } = kernel.served[0]!;
      const { index } = kernel.specs[0]!;
      const answer = thread.order(index, order);
      const isLate = await this.#isLate(answer, timeoutMs + GRACE_MS);
      if (isLate) told.reject(late(running.id, timeoutMs));
      const found = await answer;
      if (isLate) {
        await thread.order(index, { order: "resume" });
        throw late(running.id, timeoutMs);
      }
      if (found === undefined) throw over(running.id);
      return found;
    };
    const turn = running.inTurn(() => work(inTime));
    turn.then(told.resolve, told.reject);
    return told.promise;
  }

  async #isLate(answer: Promise<unknown>, ms: number): Promise<boolean> {
    const { pause, nowMs } = this.#parts;
    const until = nowMs() + ms;
    const answers: unknown[] = [];
    const over = (): void => void answers.push(true);
    answer.then(over, over);
    while (answers.length === 0 && nowMs() < until) await pause();
    return answers.length === 0;
  }
}

/** Takes a kernel off the thread that it has left. */
async function forget(from: Served, { index }: KernelSpec): Promise<Moved> {
  try {
    await from.thread.order(index, { order: "leave" });
    return {};
  } catch (error) {
    return { failure: error as Failure };
  } finally {
    from.leave(index);
  }
}

/** Gives an order, and fails where it is not carried out in time. */
type InTime = (running: Running, order: StateOrder) => Promise<NonNullable<StateAnswer>>;

interface Place {
  readonly to: Served;
  readonly index: number;
}

interface Step {
  readonly from: Served;
  readonly to: Served;
  readonly old: KernelSpec;
  readonly spec: KernelSpec;
}

function mustLive({ id, handle }: Running): void {
  if (handle.isTerminated || handle.state === "terminating") throw over(id);
}

function mustMove({ id, launch, specs, inputs }: Running): void {
  if (launch.mode !== "persistent")
    throw refused(id, "an event-driven kernel", "one on a thread of its runtime");
  if (specs.length > 1)
    throw refused(id, `a kernel on ${specs.length} threads`, "one on one thread");
  if (inputs.length > 1)
    throw refused(id, `a kernel of ${inputs.length} queues`, "one of one queue");
}

function refused(id: string, found: string, expected: string): Failure {
  return new Failure("MOVE_REFUSED", {
    ...{ at: `kernel ${id}`, found, expected },
    fix: "Create the runtime with two `threads` or more, and launch the kernel on one of them.",
  });
}

function late(id: string, timeoutMs: number): Failure {
  return restless(id, `a thread that was busy for ${timeoutMs} ms`);
}

function over(id: string): Failure {
  return new Failure("KERNEL_TERMINATED", {
    ...{ at: `kernel ${id}`, found: "a kernel that has ended", expected: "one that has not" },
    fix: "Launch it again: its id is free.",
  });
}
