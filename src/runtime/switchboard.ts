// Switchboard: which kernel may send to which. Routes are asked for by id and outlive the kernels: whoever is
// launched again is connected again.

import { Failure } from "../base/mod.ts";
import { unsupported } from "./unsupported.ts";
import type { RouteSpec } from "./routes.ts";
import type { Running } from "./running.ts";

export class Switchboard {
  readonly #running = new Map<string, Running>();
  /** As `from` and `to` on two lines. */
  readonly #pairs = new Set<string>();

  get all(): readonly Running[] {
    return [...this.#running.values()];
  }

  get(id: string): Running | undefined {
    return this.#running.get(id);
  }

  /**
   * Lets `from` send to `to`, from now on or from when both are there. Fails with TENANT_MISMATCH where both
   * are there and have different tenants, with OPTION_UNSUPPORTED where one has no routes.
   */
  async connect(from: string, to: string): Promise<void> {
    const [source, target] = [this.#running.get(from), this.#running.get(to)];
    for (const one of [source, target])
      if (one?.launch.enableK2k === false) throw closedTo(from, to, one.id);
    if (source === undefined || target === undefined) return void this.#pairs.add(pairOf(from, to));
    if (source.launch.tenant !== target.launch.tenant) throw mismatch(source, target);
    this.#pairs.add(pairOf(from, to));
    await route(source, target);
  }

  /** A kernel has started: makes the routes from it and to it. */
  async add(running: Running): Promise<void> {
    this.#running.set(running.id, running);
    for (const to of running.launch.routes) this.#pairs.add(pairOf(running.id, to));
    for (const [source, target] of this.#routes()) {
      if (source === running) await route(source, target);
      else if (target === running) await route(source, target).catch(() => {}); // Its sender has died.
    }
  }

  /** A kernel is about to serve elsewhere: makes the routes from it, there. */
  async from(running: Running): Promise<void> {
    for (const [source, target] of this.#routes())
      if (source === running) await route(source, target);
  }

  /**
   * A kernel serves elsewhere: tells those that send to it, and lets it look for what each of them published
   * before it knew. A sender whose thread has died needs no route.
   */
  async to(running: Running): Promise<void> {
    const senders = [...this.#routes()].filter(([, target]) => target === running);
    const told = senders.map(([source, target]) =>
      route(source, target).finally(() => running.wake()),
    );
    await Promise.allSettled(told);
  }

  remove(id: string): void {
    this.#running.delete(id);
  }

  /** Pairs of which both are there. */
  *#routes(): Generator<readonly [source: Running, target: Running]> {
    for (const pair of this.#pairs) {
      const [from, to] = pair.split("\n") as [string, string];
      const [source, target] = [this.#running.get(from), this.#running.get(to)];
      if (source?.launch.enableK2k !== true || target?.launch.enableK2k !== true) continue;
      yield [source, target];
    }
  }
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

function pairOf(from: string, to: string): string {
  return `${from}\n${to}`;
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
