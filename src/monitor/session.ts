// Session: one watcher, as the process sees it.
//
// The watcher may be anybody who found the way here: it is told nothing before it has said the key, and
// costs no more than a bounded line and a bounded queue whatever it sends, or leaves unread. A snapshot that
// finds the last one still unread is dropped: the next one is newer.

import { Failure, MONITOR_LIMITS } from "../base/mod.ts";
import { broken, LineReader } from "./lines.ts";
import type { MonitorLink } from "./link.ts";
import {
  MONITOR_VERSION,
  type MonitorProcess,
  type Order,
  parseOpening,
  parseOrder,
  type Reply,
  type Told,
} from "./protocol.ts";
import { type Monitored, snapshotOf } from "./snapshot.ts";

export interface MonitorSessionParts {
  readonly runtime: Monitored;
  readonly process: MonitorProcess;
  readonly key: string;
  readonly link: MonitorLink;
  readonly nowMs: () => number;
  /** Does something every so many milliseconds, until what it returned is called. */
  readonly every: (ms: number, act: () => void) => () => void;
}

export class MonitorSession {
  readonly #parts: MonitorSessionParts;
  readonly #lines = new LineReader(MONITOR_LIMITS.commandBytesMax);
  #isOpen = false;
  #isOver = false;
  #pending = 0;
  #stop: () => void = () => {};
  /** Snapshots that the watcher was too slow for. */
  dropped = 0;

  constructor(parts: MonitorSessionParts) {
    this.#parts = parts;
  }

  /** The watcher has said the key. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Bytes from the watcher. Never throws: what cannot be taken ends the session. */
  receive(chunk: Uint8Array): void {
    try {
      for (const line of this.#lines.push(chunk)) {
        if (this.#isOver) return;
        if (this.#isOpen) this.#run(parseOrder(line));
        else this.#open(line);
      }
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** The link has ended, or shall: once the watcher has what was written, or at once with `now`. */
  end(now?: "now"): void {
    this.#isOver = true;
    this.#stop();
    this.#parts.link.close(now);
  }

  #open(line: string): void {
    const { key, version } = parseOpening(line);
    if (!same(key, this.#parts.key)) return this.end("now");
    this.#isOpen = true;
    if (version !== MONITOR_VERSION)
      throw broken(`version ${version}`, `version ${MONITOR_VERSION}`);
    this.#say({ kind: "welcome", version: MONITOR_VERSION, process: this.#parts.process });
  }

  #run(order: Order): void {
    if (order.do === "snapshot") return this.#tell();
    if (order.do === "watch") {
      this.#stop();
      this.#stop = this.#parts.every(order.everyMs, () => {
        if (this.#parts.link.waiting > 0) this.dropped++;
        else this.#tell();
      });
      return this.#tell();
    }
    if (this.#pending === MONITOR_LIMITS.commandsMax)
      throw broken(
        `${this.#pending + 1} commands at once`,
        `${MONITOR_LIMITS.commandsMax} at most`,
      );
    this.#pending++;
    void this.#command(order);
  }

  async #command({ do: verb, request, id }: Extract<Order, { request: number }>): Promise<void> {
    try {
      const kernel = this.#parts.runtime.getKernel(id);
      if (kernel === undefined) throw unknown(id);
      if (verb === "pause") kernel.suspend();
      else if (verb === "resume") kernel.resume();
      const how = verb === "terminate" ? { how: (await kernel.terminate()).how } : {};
      this.#say({ kind: "done", request, ...how });
    } catch (error) {
      this.#say({ kind: "failed", request, failure: told(error) });
    } finally {
      this.#pending--;
    }
  }

  #tell(): void {
    const { runtime, nowMs } = this.#parts;
    this.#say({ kind: "snapshot", ...snapshotOf(runtime, nowMs) });
  }

  /** What was asked for is never dropped, so a watcher that does not read it is let go. */
  #say(reply: Reply): void {
    if (this.#isOver) return;
    const { link } = this.#parts;
    if (link.waiting > MONITOR_LIMITS.replyBytesMax) return this.end("now");
    link.write(`${JSON.stringify(reply)}\n`);
  }

  /** Says why to those who know the key, and ends. */
  #refuse(error: unknown): void {
    if (!this.#isOpen) return this.end("now");
    this.#say({ kind: "refused", failure: told(error) });
    this.end();
  }
}

/** Takes as long wherever the first difference is. */
function same(said: string, key: string): boolean {
  let difference = said.length ^ key.length;
  for (let i = 0; i < key.length; i++) difference |= said.charCodeAt(i) ^ key.charCodeAt(i);
  return difference === 0;
}

function told(error: unknown): Told {
  const failure = error instanceof Failure ? error : unexpected(error);
  const { code, at = "", found, expected, fix } = failure;
  return { code, at: cut(at), found: cut(found), expected: cut(expected), fix: cut(fix) };
}

function cut(text: string): string {
  return text.slice(0, MONITOR_LIMITS.textCharactersMax);
}

function unexpected(cause: unknown): Failure {
  const found = cause instanceof Error ? cause.message : String(cause);
  return broken(found, "a command that ends with a failure of ours, if it fails", cause);
}

function unknown(id: string): Failure {
  return new Failure("KERNEL_NOT_FOUND", {
    ...{ at: `kernel ${id}`, found: "no kernel of that id", expected: "one that has not ended" },
    fix: "Take one that the monitor shows.",
  });
}
