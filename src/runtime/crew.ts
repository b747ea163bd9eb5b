// Crew: one kernel on one thread of a grid, where the kernel has several queues. A host for each queue, of which
// one after the other has its turn, as the scheduler says; together they are one kernel with one state.

import { assert } from "../base/mod.ts";
import type { KernelHost } from "./kernel-host.ts";
import type { Routes } from "./routes.ts";
import type { Taking } from "./scheduling.ts";

/** What a thread serves: a kernel's host, or a crew of them. */
export type Servant = Pick<
  KernelHost,
  "id" | "busy" | "routes" | "state" | "isResting" | "unstarted" | "adopt"
> &
  Pick<KernelHost, "turn" | "interrupt" | "interrupted" | "emit" | "refuseRest">;

export class Crew implements Servant {
  readonly #hosts: readonly KernelHost[];
  readonly #taking: Taking;
  /** The thread's own, which has the kernel's words. */
  readonly #first: KernelHost;

  constructor(hosts: readonly KernelHost[], taking: Taking, own: number) {
    this.#hosts = hosts;
    this.#taking = taking;
    this.#first = hosts[own % hosts.length]!;
  }

  get id(): string {
    return this.#first.id;
  }

  get state(): unknown {
    return this.#first.state;
  }

  set state(state: unknown) {
    this.#first.state = state; // They share it.
  }

  get busy(): number {
    return this.#first.busy; // They share what runs.
  }

  get routes(): Routes {
    return this.#first.routes;
  }

  get interrupted(): boolean {
    return this.#first.interrupted;
  }

  get isResting(): boolean {
    return this.#first.isResting;
  }

  set isResting(isResting: boolean) {
    for (const host of this.#hosts) host.isResting = isResting;
  }

  /** A kernel of several queues is neither saved nor moved. */
  get unstarted(): Int32Array {
    return new Int32Array(0);
  }

  adopt(unstarted: Int32Array): void {
    assert(unstarted.length === 0, "a crew takes over from nobody");
  }

  /** Goes on with what waits for a lane, and then takes from one queue; says how many messages were started. */
  turn(): number {
    let started = 0;
    for (const host of this.#hosts) if (host.isBehind) started += host.turn(0);
    const queue = this.#taking.next();
    if (queue < 0) return started + this.#first.turn(0); // Its heart beats, and it may be interrupted.
    return started + this.#hosts[queue]!.turn(this.#taking.most);
  }

  interrupt(): void {
    this.#first.interrupt();
  }

  emit: KernelHost["emit"] = (message, value) => this.#first.emit(message, value);

  refuseRest(): void {
    for (const host of this.#hosts) host.refuseRest();
  }
}
