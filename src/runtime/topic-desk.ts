// Topic desk: the topics that are open, one for each tenant, and what the runtime tells them.

import { Failure } from "../base/mod.ts";
import { broker } from "./broker-kernel.ts";
import type { KernelDefinition } from "./define-kernel.ts";
import type { KernelHandle } from "./kernel-handle.ts";
import type { LaunchOptions, SupervisionEvent } from "./options.ts";
import type { Running } from "./running.ts";
import { type BrokerLimits, resolveBroker } from "./topic-options.ts";
import { brokerOf, RESERVED } from "./topic-wire.ts";
import { Topics } from "./topics-handle.ts";

/** Holds a publication or an order of usual size. */
const CELL_BYTES = 512;

export interface DeskParts {
  readonly launch: (source: typeof broker, options: LaunchOptions) => Promise<unknown>;
  readonly connect: (from: string, to: string) => Promise<void>;
  /** The kernels that run. */
  readonly running: () => readonly Running[];
  readonly pause: () => Promise<void>;
  /** Whether there are threads beside the caller's. */
  readonly isThreaded: boolean;
}

export class TopicDesk {
  readonly #parts: DeskParts;
  readonly #open = new Map<number, Topics>();
  readonly #begun = new WeakSet<KernelHandle>();

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  /** See `Runtime.topics`. */
  async open(limits: BrokerLimits): Promise<Topics> {
    const { launch, connect, pause, running } = this.#parts;
    const options = resolveBroker(limits);
    const { tenant, queueCapacity, ownThread } = options;
    const id = brokerOf(tenant);
    const gone = (): void => {
      if (this.#open.get(tenant) === topics) this.#open.delete(tenant);
    };
    const topics: Topics = new Topics({ options, connect, pause, gone });
    const before = this.#open.get(tenant);
    if (before === undefined) this.#open.set(tenant, topics);
    try {
      await launch(broker, {
        ...{ id, tenant, restart: "permanent", routes: [id], whenFull: "wait" },
        ...{ inputQueueCapacity: queueCapacity, outputQueueCapacity: queueCapacity },
        ...{ cellBytes: CELL_BYTES, data: options, ownThread: ownThread && this.#parts.isThreaded },
        blockSize: 2, // One lane looks after what is under way, the other takes publications.
      });
    } catch (error) {
      gone();
      throw error;
    }
    for (const one of running()) await this.launched(one);
    return topics;
  }

  /** Fails with OPTION_UNSUPPORTED for an id that is the runtime's own. */
  checkId(id: string, definition: KernelDefinition | undefined): void {
    if (!id.startsWith(RESERVED) || (definition as unknown) === broker) return;
    throw new Failure("OPTION_UNSUPPORTED", {
      ...{ at: `kernel ${id}`, found: `an id that begins with "${RESERVED}"` },
      ...{ expected: "another one: those are the runtime's own", fix: "Choose another id." },
    });
  }

  /** A kernel has started, and is not active yet. */
  async launched({ id, handle, launch }: Running): Promise<void> {
    const topics = this.#open.get(launch.tenant);
    if (topics === undefined) return;
    if (id !== topics.id) await topics.join(id, handle.number, launch);
    else if (!this.#begun.has(handle)) {
      this.#begun.add(handle);
      void topics.begin(handle); // Not awaited: it waits until the broker is active.
    }
  }

  /** What supervision did. */
  supervised(event: SupervisionEvent): void {
    for (const topics of this.#open.values())
      if (event.kind === "escalated" || (event.kind === "not-restarted" && event.id === topics.id))
        topics.end();
  }
}
