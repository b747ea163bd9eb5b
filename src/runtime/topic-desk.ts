// Topic desk: the topics that are open, one for each tenant, and what the runtime tells them.

import { Failure } from "../base/mod.ts";
import { broker, type BrokerStart } from "./broker-kernel.ts";
import type { KernelDefinition } from "./define-kernel.ts";
import type { LaunchOptions, SupervisionEvent } from "./options.ts";
import type { Running } from "./running.ts";
import { type BrokerLimits, resolveBroker } from "./topic-options.ts";
import { brokerOf, RESERVED } from "./topic-wire.ts";
import { Topics } from "./topics-handle.ts";

/** Holds a publication or an order of usual size. */
const CELL_BYTES = 512;

export interface DeskParts {
  readonly launch: (source: typeof broker, options: LaunchOptions) => Promise<AsyncDisposable>;
  readonly connect: (from: string, to: string, by: string) => Promise<void>;
  /** The kernels that run. */
  readonly running: () => readonly Running[];
  readonly pause: () => Promise<void>;
  /** Whether there are threads beside the caller's. */
  readonly isThreaded: boolean;
}

export class TopicDesk {
  readonly #parts: DeskParts;
  readonly #open = new Map<number, Topics>();

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
    if (this.#open.has(tenant)) throw openAlready(tenant);
    const topics: Topics = new Topics({ options, connect, pause, gone });
    this.#open.set(tenant, topics);
    const data: BrokerStart = {
      options,
      get known() {
        return topics.starts(); // Each time that a thread is given it: a broker launched again knows all as well.
      },
    };
    let launched: AsyncDisposable | undefined;
    try {
      for (const one of running()) await this.launched(one);
      launched = await launch(broker, {
        ...{ id, tenant, restart: "permanent", routes: [id], whenFull: "wait" },
        ...{ inputQueueCapacity: queueCapacity, outputQueueCapacity: queueCapacity },
        ...{ cellBytes: CELL_BYTES, data, ownThread: ownThread && this.#parts.isThreaded },
        blockSize: 2, // One lane looks after what is under way, the other takes publications.
      });
      await topics.begun();
      return topics;
    } catch (error) {
      topics.end();
      await launched?.[Symbol.asyncDispose]();
      throw error;
    }
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
    else void topics.begin(handle); // Not awaited: it waits until the broker is active.
  }

  /** What supervision did. */
  supervised(event: SupervisionEvent): void {
    for (const topics of this.#open.values())
      if (event.kind === "escalated" || (event.kind === "not-restarted" && event.id === topics.id))
        topics.end();
  }
}

function openAlready(tenant: number): Failure {
  return new Failure("KERNEL_ALREADY_ACTIVE", {
    ...{ at: `topics of tenant ${tenant}`, found: "topics that are open", expected: "none" },
    fix: "Use those, or dispose of them first.",
  });
}
