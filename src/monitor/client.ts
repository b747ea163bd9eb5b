// Client: a watched process, as the watcher sees it. The process is not trusted either: it may be another one
// than was meant, so that what it says is parsed as strictly.

import { Failure, MONITOR_LIMITS } from "../base/mod.ts";
import { broken, LineReader } from "./lines.ts";
import type { MonitorLink } from "./link.ts";
import {
  type Done,
  MONITOR_VERSION,
  type MonitorProcess,
  parseReply,
  type Reply,
  type Snapshot,
  type Told,
  type Verb,
} from "./protocol.ts";

export interface MonitorClientParts {
  readonly key: string;
  readonly link: MonitorLink;
}

export class MonitorClient {
  readonly #link: MonitorLink;
  readonly #lines = new LineReader(MONITOR_LIMITS.replyBytesMax);
  readonly #welcome = Promise.withResolvers<MonitorProcess>();
  readonly #ended = Promise.withResolvers<Failure | undefined>();
  readonly #commands = new Map<number, PromiseWithResolvers<Done>>();
  readonly #snapshots: PromiseWithResolvers<Snapshot>[] = [];
  #onSnapshot: (snapshot: Snapshot) => void = () => {};
  #requests = 0;
  #isOver = false;

  constructor({ key, link }: MonitorClientParts) {
    this.#link = link;
    this.#welcome.promise.catch(() => {}); // Whoever waits for it is told; it may be nobody.
    this.#write({ annulus: "monitor", version: MONITOR_VERSION, key });
  }

  /** Who is watched. Fails with MONITOR_PROTOCOL or MONITOR_REFUSED where nobody is. */
  get welcome(): Promise<MonitorProcess> {
    return this.#welcome.promise;
  }

  /** Settles once and never rejects: with a failure unless this side closed it, or the process ended. */
  get ended(): Promise<Failure | undefined> {
    return this.#ended.promise;
  }

  /** One snapshot. */
  snapshot(): Promise<Snapshot> {
    const waiter = Promise.withResolvers<Snapshot>();
    if (this.#isOver) return Promise.reject(gone());
    this.#snapshots.push(waiter);
    this.#write({ do: "snapshot" });
    return waiter.promise;
  }

  /** One snapshot now and then every `everyMs`, less those for which this side is too slow. */
  watch(everyMs: number, onSnapshot: (snapshot: Snapshot) => void): void {
    this.#onSnapshot = onSnapshot;
    this.#write({ do: "watch", everyMs });
  }

  /** Fails as the kernel's handle does, and with KERNEL_NOT_FOUND. */
  command(verb: Verb, id: string): Promise<Done> {
    if (this.#isOver) return Promise.reject(gone());
    const request = ++this.#requests;
    const waiter = Promise.withResolvers<Done>();
    this.#commands.set(request, waiter);
    this.#write({ do: verb, request, id });
    return waiter.promise;
  }

  /** Bytes from the process. Never throws: what cannot be taken ends the connection. */
  receive(chunk: Uint8Array): void {
    try {
      for (const line of this.#lines.push(chunk)) {
        if (this.#isOver) return;
        this.#take(parseReply(line));
      }
    } catch (error) {
      this.end(error instanceof Failure ? error : broken(String(error), "a reply", error));
    }
  }

  /** The link has ended, or shall. */
  end(failure?: Failure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const why = failure ?? gone();
    this.#welcome.reject(failure ?? unanswered());
    for (const waiter of [...this.#commands.values(), ...this.#snapshots]) waiter.reject(why);
    this.#commands.clear();
    this.#snapshots.length = 0;
    this.#link.close("now");
    this.#ended.resolve(failure);
  }

  #take(reply: Reply): void {
    if (reply.kind === "refused") return this.end(failureOf(reply.failure));
    if (reply.kind === "welcome") return this.#welcomed(reply.version, reply.process);
    if (reply.kind === "snapshot") {
      const { kind: _, ...snapshot } = reply;
      for (const waiter of this.#snapshots.splice(0)) waiter.resolve(snapshot);
      return this.#onSnapshot(snapshot);
    }
    const waiter = this.#commands.get(reply.request);
    if (waiter === undefined)
      throw broken(`an answer to ${reply.request}`, "one that was asked for");
    this.#commands.delete(reply.request);
    if (reply.kind === "failed") return waiter.reject(failureOf(reply.failure));
    waiter.resolve(reply.how === undefined ? {} : { how: reply.how });
  }

  #welcomed(version: number, process: MonitorProcess): void {
    if (version !== MONITOR_VERSION)
      throw broken(`version ${version}`, `version ${MONITOR_VERSION}`);
    this.#welcome.resolve(process);
  }

  #write(order: object): void {
    this.#link.write(`${JSON.stringify(order)}\n`);
  }
}

function failureOf({ code, at, ...facts }: Told): Failure {
  return new Failure(code, at === "" ? facts : { at, ...facts });
}

function gone(): Failure {
  return new Failure("MONITOR_NOT_FOUND", {
    ...{ at: "monitor", found: "a process that has ended, or offers its monitor no longer" },
    expected: "one that answers",
    fix: "Look at what there is with `annulus top`.",
  });
}

/** Whoever holds another key is not told so. */
function unanswered(): Failure {
  return new Failure("MONITOR_REFUSED", {
    ...{ at: "monitor", found: "a process that ended the connection", expected: "a welcome" },
    fix: "Try again: it may have been about to end, or be watched by too many.",
  });
}
