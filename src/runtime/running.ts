// Running: a launched kernel as its runtime knows it, and how its handle is put together.

import type { HybridClock } from "../message/mod.ts";
import { Admission } from "./admission.ts";
import type { Blocks } from "./blocks.ts";
import { DeadLetterBox } from "./dead-letter-box.ts";
import type { DeadLetters } from "./dead-letters.ts";
import { Deduplication } from "./deduplication.ts";
import { KernelBlock, sumOf } from "./kernel-block.ts";
import { type HandleParts, KernelHandle } from "./kernel-handle.ts";
import type { KernelSpec, Launched } from "./kernel-spec.ts";
import { Lifecycle, STATES } from "./lifecycle.ts";
import { MessageQueue, type QueueMemory } from "./message-queue.ts";
import type { Notify } from "./notices.ts";
import type { Launch } from "./options.ts";
import { Profile } from "./profile.ts";
import { Credits, RateLimit } from "./rate-limit.ts";
import { isOwned } from "./scheduling.ts";
import { Sender } from "./sender.ts";
import { Telemetry } from "./telemetry.ts";
import type { Served } from "./thread-pool.ts";
import { vocabularyOf } from "./vocabulary.ts";

/** What the runtime says of a kernel that has started. */
export interface RunningFacts {
  readonly id: string;
  /** Its number among all that were launched: its source where it sends. */
  readonly number: number;
  readonly launch: Launch;
  readonly inputs: readonly QueueMemory[];
  readonly output: QueueMemory;
  /** The threads that serve it, and what each of them was told. */
  readonly served: readonly Served[];
  readonly specs: readonly KernelSpec[];
  readonly launched: readonly Launched[];
  /** The definition's. */
  readonly onInterrupt: (() => void) | undefined;
}

/** What all kernels of a runtime have in common. */
export type CommonParts = Pick<
  HandleParts,
  | "keepAlive"
  | "pause"
  | "nowMs"
  | "wallMs"
  | "callSpins"
  | "terminationTimeoutMs"
  | "payloadBytesMax"
> & {
  readonly pool: Blocks;
  readonly clock: HybridClock;
  readonly letters: DeadLetters;
  /** What limits all kernels of a tenant together. */
  readonly rateOf: (tenant: number) => RateLimit | undefined;
  readonly latencySampling: number;
  readonly notify: Notify;
};

/** What only the runtime can do. */
export type RuntimeVerbs = Pick<HandleParts, "leave" | "kill" | "gone" | "checkpoint" | "move">;

export class Running {
  readonly id: string;
  readonly launch: Launch;
  readonly inputs: readonly QueueMemory[];
  readonly handle: KernelHandle;
  /** Threads whose death is noticed. */
  readonly watched = new Set<Served>();
  readonly #senders: readonly Sender[];
  readonly #pool: Blocks;
  #served: readonly Served[];
  #specs: readonly KernelSpec[];
  #isShared = false;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(facts: RunningFacts, common: CommonParts, verbs: RuntimeVerbs) {
    const { id, number, launch, served, specs, launched } = facts;
    const { pool, clock, payloadBytesMax, latencySampling, nowMs, notify } = common;
    this.id = id;
    this.launch = launch;
    this.inputs = facts.inputs;
    this.#served = served;
    this.#specs = specs;
    this.#pool = pool;
    const blocks = specs.map(({ words }) => new KernelBlock(new Int32Array(words)));
    const lifecycle = new Lifecycle(id, blocks[0]!.stateWord, (from, to) => {
      for (const block of blocks) block.state = STATES.indexOf(to);
      notify("kernel:state", () => ({ kernel: id, number, from, to }));
    });
    const output = new MessageQueue(facts.output, pool, { oneExecutor: true });
    const { checksum, scheduler } = launch;
    this.#senders = facts.inputs.map((memory, queue) => {
      const input = new MessageQueue(memory, pool, { onePublisher: true });
      const wake = isOwned(scheduler) ? () => this.#raise(queue) : () => this.wake();
      return new Sender(input, { source: 0, clock, payloadBytesMax, checksum, wake });
    });
    const { gives: replies, nameOf: known } = vocabularyOf(launched[0]!);
    const ended = (): number => sumOf(blocks, "processed") + sumOf(blocks, "failed");
    const admission = admissionOf(launch, common, ended);
    const box = boxOf(facts, common, known);
    const nameOf = (type: number): string => known(type) ?? `type ${type}`;
    const { debug } = launch;
    const telemetry = { kernel: id, debug, latencySampling, nowMs, notify, nameOf };
    lifecycle.move("launch");
    const poke = served[0]!.thread.poke?.bind(served[0]!.thread);
    this.handle = new KernelHandle({
      ...{
        ...common,
        ...verbs,
        id,
        number,
        launch,
        lifecycle,
        output,
        replies,
        blocks,
        admission,
        box,
      },
      ...{ shares: launched.map(({ shares }) => shares), onInterrupt: facts.onInterrupt },
      ...{ senders: this.#senders, owners: specs.map(({ owner }) => owner), poke },
      ...{ telemetry: new Telemetry(telemetry), nameOf },
      profiles: specs.flatMap(({ profile }) => (profile ? [new Profile(profile)] : [])),
    });
    void this.handle.wait().then((end) => {
      const { generation } = this.handle;
      notify("kernel:end", () => ({ kernel: id, number, generation, end }));
    });
  }

  /** The threads that serve it. */
  get served(): readonly Served[] {
    return this.#served;
  }

  /** What each of them was told. */
  get specs(): readonly KernelSpec[] {
    return this.#specs;
  }

  /** From now on this thread serves it: the host's wake-ups go there. */
  settle(served: Served, spec: KernelSpec): void {
    this.#served = [served];
    this.#specs = [spec];
  }

  /** Tells its threads to look for messages. */
  wake(): void {
    for (const thread of this.#served.keys()) this.#raise(thread);
  }

  /** Saves, moves and ends the kernel one after the other: `work` begins when those before it are over. */
  inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {}); // Whoever waits for it gets the failure.
    return turn;
  }

  /** Lets others than the host publish to it. */
  share(): void {
    if (this.#isShared) return;
    this.#isShared = true;
    for (const [i, sender] of this.#senders.entries())
      sender.share(new MessageQueue(this.inputs[i]!, this.#pool));
  }

  #raise(thread: number): void {
    this.#served[thread]!.attention.raise(this.#specs[thread]!.index);
  }
}

/** What its launch asks that messages pass; undefined: nothing. */
function admissionOf(
  { deduplicate, rateLimit, credits, tenant }: Launch,
  { nowMs, rateOf }: CommonParts,
  ended: () => number,
): Admission | undefined {
  const now = nowMs;
  const rates = [rateOf(tenant)].filter((rate) => rate !== undefined);
  if (rateLimit !== undefined) rates.push(new RateLimit({ ...rateLimit, now }));
  if (deduplicate === undefined && credits === undefined && rates.length === 0) return undefined;
  const deduplication = deduplicate && new Deduplication({ ...deduplicate, now });
  return new Admission({ deduplication, rates, credits: windowOf(credits), ended });
}

function windowOf(credits: number | undefined): Credits | undefined {
  if (credits === undefined) return undefined;
  return new Credits({ initial: credits, high: credits, refill: credits, low: 0 });
}

function boxOf(
  { id, specs }: RunningFacts,
  { letters, pool }: CommonParts,
  nameOf: (type: number) => string | undefined,
): DeadLetterBox | undefined {
  const { dead } = specs[0]!;
  if (dead === undefined) return undefined;
  const queue = new MessageQueue(dead, pool, { oneExecutor: true });
  return new DeadLetterBox(queue, id, letters, nameOf);
}
