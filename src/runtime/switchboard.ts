// Switchboard: makes the routes by which kernels send to each other. What the host asks for outlives the kernels:
// whoever is launched again is connected again.

import { Failure } from "../base/mod.ts";
import { HOST, Pairs, type Wanting } from "./pairs.ts";
import { unsupported } from "./unsupported.ts";
import type { RouteSpec } from "./routes.ts";
import type { Running } from "./running.ts";

export class Switchboard {
  readonly #running = new Map<string, Running>();
  readonly #pairs = new Pairs();

  get all(): readonly Running[] {
    return [...this.#running.values()];
  }

  get(id: string): Running | undefined {
    return this.#running.get(id);
  }

  /**
   * Lets `from` send to `to`, from now on or from when both are there. Fails with TENANT_MISMATCH where both
   * are there and have different tenants, with OPTION_UNSUPPORTED where one has no routes. `by`: the kernel whose
   * launch asks for it, or else the host.
   */
  async connect(from: string, to: string, by: Wanting = HOST): Promise<void> {
    const [source, target] = [this.#running.get(from), this.#running.get(to)];
    for (const one of [source, target])
      if (one?.launch.enableK2k === false) throw closedTo(from, to, one.id);
    const areThere = source !== undefined && target !== undefined;
    if (areThere && source.launch.tenant !== target.launch.tenant) throw mismatch(source, target);
    this.#pairs.add(from, to, by);
    if (areThere) await route(source, target);
  }

  /** A kernel has started: makes the routes from it and to it. */
  async add(running: Running): Promise<void> {
    this.#running.set(running.id, running);
    for (const to of running.launch.routes) this.#pairs.add(running.id, to, running.id);
    await this.from(running);
    for (const source of this.#sendersTo(running))
      if (source !== running) await route(source, running).catch(() => {}); // It has died.
  }

  /** A kernel is about to serve elsewhere: makes the routes from it, there. */
  async from(running: Running): Promise<void> {
    for (const id of this.#pairs.targetsOf(running.id)) {
      const target = this.#running.get(id);
      if (target !== undefined && isOpen(running, target)) await route(running, target);
    }
  }

  /**
   * A kernel serves elsewhere: tells those that send to it, and lets it look for what each of them published
   * before it knew. A sender whose thread has died needs no route.
   */
  async to(running: Running): Promise<void> {
    const senders = this.#sendersTo(running);
    const told = senders.map((source) => route(source, running).finally(() => running.wake()));
    await Promise.allSettled(told);
  }

  /** A kernel has ended. Who sent to it only because it wanted that holds its queues no longer. */
  remove(id: string): void {
    this.#running.delete(id);
    for (const [from, to] of this.#pairs.drop(id)) {
      const source = this.#running.get(from);
      const serving = source?.served.map(({ thread }, i) =>
        thread.unroute(source.specs[i]!.index, to),
      );
      void Promise.allSettled(serving ?? []); // Where a thread has died there is nothing to hold.
    }
  }

  #sendersTo(running: Running): readonly Running[] {
    const senders = this.#pairs.sendersTo(running.id).flatMap((id) => this.#running.get(id) ?? []);
    return senders.filter((source) => isOpen(source, running));
  }
}

/** Whether there may be a route from one to the other. */
function isOpen(source: Running, target: Running): boolean {
  return source.launch.enableK2k && target.launch.enableK2k;
}

async function route(source: Running, target: Running): Promise<void> {
  const { id, launch, inputs, specs, served } = target;
  const attentions = served.map(({ thread }, i) => ({
    memory: thread.attention,
    index: specs[i]!.index,
  }));
  const { tenant, checksum, scheduler } = launch;
  const { words, number } = specs[0]!;
  const spec: RouteSpec = {
    ...{ id, number, tenant, inputs, scheduler, words, checksum, attentions },
  };
  target.share(); // From now on the host is not the only one that publishes there.
  await Promise.all(
    source.served.map(({ thread }, i) => thread.route(source.specs[i]!.index, spec)),
  );
}

function closedTo(from: string, to: string, id: string): Failure {
  return unsupported(
    `route from kernel ${from} to ${to}`,
    `kernel ${id}, launched with \`enableK2k: false\``,
    "kernels that may send to each other",
  );
}

function mismatch(source: Running, target: Running): Failure {
  return new Failure("TENANT_MISMATCH", {
    at: `route from kernel ${source.id} to ${target.id}`,
    found: `tenants ${source.launch.tenant} and ${target.launch.tenant}`,
    expected: "one tenant",
    fix: "Launch both for the same tenant, or let the host pass messages on.",
  });
}
