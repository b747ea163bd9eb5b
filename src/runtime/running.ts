// Running: a launched kernel as its runtime knows it, and how its handle is put together.

import { type Fields, type HybridClock, type Message, message } from "../message/mod.ts";
import { Attention } from "./attention.ts";
import type { Blocks } from "./blocks.ts";
import { KernelBlock } from "./kernel-block.ts";
import { type HandleParts, KernelHandle } from "./kernel-handle.ts";
import type { KernelSpec, Launched, MessageDescription } from "./kernel-spec.ts";
import { Lifecycle, STATES } from "./lifecycle.ts";
import { MessageQueue, type QueueMemory } from "./message-queue.ts";
import type { Notify } from "./notices.ts";
import type { Launch } from "./options.ts";
import { Profile } from "./profile.ts";
import { Sender } from "./sender.ts";
import { Telemetry } from "./telemetry.ts";
import type { Served } from "./thread-pool.ts";

/** What the runtime says of a kernel that has started. */
export interface RunningFacts {
  readonly id: string;
  /** Its number among all that were launched: its source where it sends. */
  readonly number: number;
  readonly launch: Launch;
  readonly input: QueueMemory;
  readonly output: QueueMemory;
  /** The threads that serve it, and what each of them was told. */
  readonly served: readonly Served[];
  readonly specs: readonly KernelSpec[];
  readonly launched: readonly Launched[];
}

/** What all kernels of a runtime have in common. */
export type CommonParts = Pick<
  HandleParts,
  "keepAlive" | "pause" | "nowMs" | "wallMs" | "callSpins" | "terminationTimeoutMs"
> & {
  readonly pool: Blocks;
  readonly clock: HybridClock;
  readonly payloadBytesMax: number;
  readonly latencySampling: number;
  readonly notify: Notify;
};

/** What only the runtime can do. */
export type RuntimeVerbs = Pick<HandleParts, "leave" | "kill" | "gone">;

export class Running {
  readonly id: string;
  readonly launch: Launch;
  readonly input: QueueMemory;
  readonly served: readonly Served[];
  readonly specs: readonly KernelSpec[];
  readonly handle: KernelHandle;
  readonly #sender: Sender;
  readonly #pool: Blocks;
  #isShared = false;

  constructor(facts: RunningFacts, common: CommonParts, verbs: RuntimeVerbs) {
    const { id, number, launch, served, specs, launched } = facts;
    const { pool, clock, payloadBytesMax, latencySampling, nowMs, notify } = common;
    this.id = id;
    this.launch = launch;
    this.input = facts.input;
    this.served = served;
    this.specs = specs;
    this.#pool = pool;
    const blocks = specs.map(({ words }) => new KernelBlock(new Int32Array(words)));
    const lifecycle = new Lifecycle(id, blocks[0]!.stateWord, (from, to) => {
      for (const block of blocks) block.state = STATES.indexOf(to);
      notify("kernel:state", () => ({ kernel: id, number, from, to }));
    });
    const input = new MessageQueue(facts.input, pool, { onePublisher: true });
    const output = new MessageQueue(facts.output, pool, { oneExecutor: true });
    const attentions = served.map(({ thread }) => new Attention(thread.attention));
    const wake = (): void => {
      for (const [i, one] of attentions.entries()) one.raise(specs[i]!.index);
    };
    const { checksum } = launch;
    this.#sender = new Sender(input, { source: 0, clock, payloadBytesMax, checksum, wake });
    const replies = new Map(
      launched[0]!.gives.map((description) => [description.id, rebuilt(description)]),
    );
    const known = [...launched[0]!.takes, ...launched[0]!.gives];
    const nameOf = (type: number): string => {
      const description = known.find((one) => one.id === type);
      return description === undefined ? `type ${type}` : String(rebuilt(description));
    };
    const { debug } = launch;
    const telemetry = { kernel: id, debug, latencySampling, nowMs, notify, nameOf };
    lifecycle.move("launch");
    const poke = served[0]!.thread.poke?.bind(served[0]!.thread);
    this.handle = new KernelHandle({
      ...{ ...common, ...verbs, id, number, launch, lifecycle, input, output, replies, blocks },
      ...{ sender: this.#sender, owners: specs.map(({ owner }) => owner), poke },
      ...{ telemetry: new Telemetry(telemetry), nameOf },
      profiles: specs.flatMap(({ profile }) => (profile ? [new Profile(profile)] : [])),
    });
    void this.handle.wait().then((end) => {
      const { generation } = this.handle;
      notify("kernel:end", () => ({ kernel: id, number, generation, end }));
    });
  }

  /** Lets others than the host publish to it. */
  share(): void {
    if (this.#isShared) return;
    this.#isShared = true;
    this.#sender.share(new MessageQueue(this.input, this.#pool));
  }
}

/** A message as its kernel's thread declares it, so that the host can read it. */
function rebuilt({ id, name, fields }: MessageDescription): Message {
  const own: Fields = Object.fromEntries(
    fields.map(({ name: field, ...rest }) => [field, { ...rest, name: nameOf(rest) }]),
  );
  const named = name === undefined ? {} : { name };
  const made = message(own, named);
  return made.id === id ? made : message(own, { id, ...named });
}

function nameOf({
  kind,
  scalar,
  count,
}: Omit<MessageDescription["fields"][number], "name">): string {
  if (kind === "array") return `${scalar}[${count}]`;
  if (kind === "list") return `${scalar}[]`;
  return kind === "scalar" ? scalar : kind;
}
