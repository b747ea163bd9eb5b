// Pack epoch: the page by which the host stops one run of a pack actor, while the actor's thread is inside
// the kernel and hears nothing else.
//
//   word 0       epoch    which the kernel compares with its deadline: the ticker adds 1 a tick, and a stop
//                         adds more ticks than any budget has
//   word 1       run      the number of the run that goes on and how far its stop is; 0 between runs
//   word 16...   unwanted numbers of runs whose callers gave up, each in a place of its own
//
// Why a stop ends the run that it is meant for, and no other:
//   1. Only who changes word 1 from `going` to `stopping` moves the epoch, so that a run is stopped once, and one
//      that has ended not at all.
//   2. A run that ends while it is being stopped waits until the epoch has been moved. The next run reads the
//      epoch after that, so that its own deadline lies behind the move.
//   3. A run reads the epoch before it says that it goes on, so that every stop of it moves the epoch past its
//      deadline.
//   4. Afterwards it looks whether it is unwanted. Who gives up says so first and then tries to stop: one of the
//      two sees the other.
//
// The page belongs to one actor and is the epoch of its sandbox, which kernels cannot name.

/** More ticks than any budget of an actor, and few enough that the comparison's sign stays right. */
const JUMP_TICKS = 2 ** 30;

/** The largest budget that a stop passes: at 10 ms a tick, 124 days. */
export const STOPPABLE_TICKS_MAX = JUMP_TICKS - 1;

const [EPOCH, RUN, UNWANTED] = [0, 1, 16];
const UNWANTED_PLACES = 1024; // Far more than there are queue slots between two runs of one place.
const RUN_MAX = 2 ** 29 - 1; // With the two bits of its stage, a positive word.
const STAGE = { going: 0, stopping: 1, stopped: 2 } as const;
/** How long a run waits that ended between two instructions of its stop, before it looks again. */
const LOOK_MS = 1;

export class PackEpoch {
  readonly memory: WebAssembly.Memory;
  /**
   * The epoch as the last run found it when it began. A deadline is counted from here: from the page itself it
   * might be read after a stop that was meant for this run.
   */
  readonly seen = new Int32Array(1);
  readonly #words: Int32Array;
  #last = 0;

  /** Attaches to a page; the host makes a fresh one. */
  constructor(memory: WebAssembly.Memory) {
    this.memory = memory;
    this.#words = new Int32Array(memory.buffer);
    this.look();
  }

  // What the host does.

  /** A number for the next run. */
  next(): number {
    this.#last = this.#last === RUN_MAX ? 1 : this.#last + 1;
    return this.#last;
  }

  /** Stops whatever runs. */
  interrupt(): void {
    const word = Atomics.load(this.#words, RUN);
    if (word !== 0 && stageOf(word) === STAGE.going) this.#stop(runOf(word));
  }

  /** Nobody wants this run any more: it is stopped, or does not begin. */
  giveUp(run: number): void {
    Atomics.store(this.#words, placeOf(run), run);
    this.#stop(run);
  }

  /** Whether this run goes on, so that its tensors may change. */
  isGoing(run: number): boolean {
    return runOf(Atomics.load(this.#words, RUN)) === run;
  }

  #stop(run: number): void {
    const going = wordOf(run, STAGE.going);
    const stopping = wordOf(run, STAGE.stopping);
    if (Atomics.compareExchange(this.#words, RUN, going, stopping) !== going) return;
    Atomics.add(this.#words, EPOCH, JUMP_TICKS);
    Atomics.store(this.#words, RUN, wordOf(run, STAGE.stopped));
    Atomics.notify(this.#words, RUN);
  }

  // What the actor's thread does.

  /** Deadlines are counted from now on. */
  look(): void {
    this.seen[0] = Atomics.load(this.#words, EPOCH);
  }

  /** A run goes on until `end`. False: its caller has given up, and it need not. */
  begin(run: number): boolean {
    this.look(); // Before anybody can stop this run.
    Atomics.store(this.#words, RUN, wordOf(run, STAGE.going));
    return Atomics.load(this.#words, placeOf(run)) !== run;
  }

  /** The run has ended. True: it was stopped, or would have been. */
  end(run: number): boolean {
    const going = wordOf(run, STAGE.going);
    if (Atomics.compareExchange(this.#words, RUN, going, 0) === going) return false;
    const stopping = wordOf(run, STAGE.stopping);
    while (Atomics.load(this.#words, RUN) === stopping)
      Atomics.wait(this.#words, RUN, stopping, LOOK_MS);
    Atomics.store(this.#words, RUN, 0);
    return true;
  }
}

function wordOf(run: number, stage: number): number {
  return run * 4 + stage;
}

function runOf(word: number): number {
  return word >> 2;
}

function stageOf(word: number): number {
  return word & 3;
}

function placeOf(run: number): number {
  return UNWANTED + (run % UNWANTED_PLACES);
}
