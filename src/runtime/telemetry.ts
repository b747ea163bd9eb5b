// Telemetry: what a host sees of its messages to one kernel, and tells others. Most calls pass with one branch:
// they are neither measured nor logged.

import type { Failure } from "../base/mod.ts";
import { Latency } from "./latency.ts";
import type { MessageNotice, Notify } from "./notices.ts";

export interface TelemetryOptions {
  readonly kernel: string;
  /** Tells of every message. */
  readonly debug: boolean;
  readonly latencySampling: number;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  readonly notify: Notify;
  /** What a message's type is called. */
  readonly nameOf: (type: number) => string;
}

/** A message's type. */
interface Typed {
  readonly id: number;
}

export class Telemetry {
  readonly latency: Latency;
  readonly isDebug: boolean;
  readonly #options: TelemetryOptions;

  constructor(options: TelemetryOptions) {
    this.#options = options;
    this.isDebug = options.debug;
    this.latency = new Latency(options.latencySampling);
  }

  /** A call begins: what it must tell of its ways, if anything. */
  watch({ id }: Typed): CallWatch | undefined {
    const isMeasured = this.latency.passes();
    return isMeasured || this.isDebug ? new CallWatch(this, id, isMeasured) : undefined;
  }

  /** A message was published that nobody waits for. Ask `isDebug` before: the path is fast. */
  sent({ id: type }: Typed, id: number): void {
    this.tell("sent", type, id);
  }

  dropped({ id }: Typed): void {
    const { notify, kernel, nameOf } = this.#options;
    notify("message:dropped", () => ({ kernel, message: nameOf(id) }));
    if (this.isDebug) this.tell("dropped", id, 0);
  }

  /** The kernel emitted it. Ask `isDebug` before. */
  received({ id: type }: Typed, id: number): void {
    this.tell("received", type, id);
  }

  /** A call failed, watched or not. */
  failed(type: number, failure: Failure): void {
    const { notify, kernel, nameOf } = this.#options;
    notify("message:failed", () => ({ kernel, message: nameOf(type), failure }));
  }

  /** Tells of one message. */
  tell(
    kind: MessageNotice["kind"],
    type: number,
    id: number,
    more: Pick<MessageNotice, "latencyUs" | "code"> = {},
  ): void {
    const { notify, kernel, nameOf } = this.#options;
    notify("message", () => ({ kind, kernel, message: nameOf(type), id, ...more }));
  }

  nowMs(): number {
    return this.#options.nowMs();
  }
}

/** One call that is measured, or told of, or both. */
export class CallWatch {
  readonly #telemetry: Telemetry;
  readonly #type: number;
  readonly #isMeasured: boolean;
  readonly #startedMs: number;
  #id = 0;
  #hasFailed = false;

  constructor(telemetry: Telemetry, type: number, isMeasured: boolean) {
    this.#telemetry = telemetry;
    this.#type = type;
    this.#isMeasured = isMeasured;
    this.#startedMs = telemetry.nowMs();
  }

  /** It was published, as the host's message of this number. */
  sent(id: number): void {
    this.#id = id;
    if (this.#telemetry.isDebug) this.#telemetry.tell("sent", this.#type, id);
  }

  /** Its answer was read, or its fault, in time or not. */
  ended(failure: Failure | undefined): void {
    const ms = this.#telemetry.nowMs() - this.#startedMs;
    if (this.#isMeasured) this.#telemetry.latency.record(ms);
    this.#tell(
      this.#hasFailed ? "late" : failure === undefined ? "answered" : "failed",
      ms,
      failure,
    );
  }

  /** Its caller waits no more. */
  gaveUp(failure: Failure): void {
    this.#hasFailed = true;
    this.#tell("failed", this.#telemetry.nowMs() - this.#startedMs, failure);
  }

  #tell(kind: MessageNotice["kind"], ms: number, failure: Failure | undefined): void {
    if (!this.#telemetry.isDebug) return;
    const code = failure === undefined ? {} : { code: failure.code };
    this.#telemetry.tell(kind, this.#type, this.#id, { latencyUs: ms * 1000, ...code });
  }
}
