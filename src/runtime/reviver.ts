// Reviver: carries out what supervision decides. Kernels that failed are launched again, as they were
// launched the first time, and others end or start with them.

import type { Failure } from "../base/mod.ts";
import type { KernelEnd } from "./kernel-facts.ts";
import type { KernelHandle } from "./kernel-handle.ts";
import type { SupervisionEvent } from "./options.ts";
import type { Restart, Supervision } from "./supervision.ts";

export interface ReviverOptions {
  readonly supervision: Supervision;
  readonly kernel: (id: string) => KernelHandle | undefined;
  /** Is told of restarts and of escalations. */
  readonly onEvent: (event: SupervisionEvent) => void;
  /** The runtime ends: nobody is launched again. */
  readonly isClosed: () => boolean;
}

export class Reviver {
  readonly #options: ReviverOptions;
  /** How each kernel was launched, for the next time. */
  readonly #launches = new Map<string, () => Promise<KernelHandle>>();
  /** Kernels that end because another one failed, and that may be launched again. */
  readonly #stopping = new Set<string>();

  constructor(options: ReviverOptions) {
    this.#options = options;
  }

  /** Takes a kernel that was launched, though not by itself. `again` launches it once more. */
  add(handle: KernelHandle, restart: Restart, again: () => Promise<KernelHandle>): void {
    this.#options.supervision.add(handle.id, { restart });
    this.#launches.set(handle.id, again);
    this.#watch(handle);
  }

  #watch(handle: KernelHandle): void {
    const { id } = handle;
    handle.setGeneration(this.#options.supervision.generation(id));
    void handle.wait().then((end) => this.#onEnd(id, end));
  }

  async #onEnd(id: string, end: KernelEnd): Promise<void> {
    const { supervision, onEvent, isClosed } = this.#options;
    if (isClosed()) return;
    if (this.#stopping.delete(id)) return; // Supervision knows.
    if (end.how !== "killed" || end.failure === undefined) return this.#forget(id);
    const decision = supervision.ended(id, end.exitCode === 0 ? "stopped" : "failed");
    if (decision.kind === "forget") this.#launches.delete(id);
    if (decision.kind === "none" || decision.kind === "forget") return;
    await Promise.all(decision.stop.map((other) => this.#stop(other)));
    if (decision.kind === "escalate") {
      this.#launches.clear();
      return onEvent({ kind: "escalated", id, restarts: decision.restarts });
    }
    for (const one of decision.start) await this.#restart(one);
  }

  #forget(id: string): void {
    this.#options.supervision.remove(id);
    this.#launches.delete(id);
  }

  async #stop(id: string): Promise<void> {
    const handle = this.#options.kernel(id);
    if (handle === undefined || handle.state === "terminating") return;
    this.#stopping.add(id);
    await handle.terminate();
  }

  async #restart(id: string): Promise<void> {
    const { onEvent } = this.#options;
    try {
      const handle = await this.#launches.get(id)?.();
      if (handle === undefined) return; // It was ended for good meanwhile.
      this.#watch(handle);
      onEvent({ kind: "restarted", id, generation: handle.generation });
    } catch (error) {
      this.#forget(id);
      onEvent({ kind: "not-restarted", id, failure: error as Failure }); // Launches throw nothing else.
    }
  }
}
