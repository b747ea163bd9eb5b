// Pack launch: how a kernel of a pack becomes an actor. The host gives what was signed and a clock; the
// actor's thread gives the tensors.

import { randomUUID } from "node:crypto";
import { extname } from "node:path";
import { BroadcastChannel } from "node:worker_threads";
import { Failure } from "../../base/mod.ts";
import { isVerifiedPack, type VerifiedPack } from "../../pack/mod.ts";
import type { KernelHandle, LaunchOptions } from "../../runtime/mod.ts";
import { type CallSetup, type CallShapes, Sandbox, type Ticker } from "../../sandbox/mod.ts";
import { carried } from "./carried-failure.ts";
import {
  type Opened,
  packActor,
  type PackActorData,
  type PackSandboxOptions,
} from "./pack-actor.ts";
import { type PackDefinition, PackKernel, type PackTensors } from "./pack-kernel.ts";
import { sharedTicker } from "./shared-ticker.ts";

/** What means nothing here: one instance on one thread, whose only messages are invocations. */
const NOT_HERE = [
  "module",
  "data",
  "gridSize",
  "blockSize",
  "cooperative",
  "routes",
  "publishes",
  "subscribes",
  "outputQueueCapacity",
  "cellBytes",
] as const;

/** Holds the failure of an invocation as text, with all that is known of a trap. */
const CELL_BYTES = 2048;

export interface PackLaunchOptions<Inputs extends CallShapes = CallShapes>
  extends Omit<CallSetup<Inputs>, "inputs">, Omit<LaunchOptions, (typeof NOT_HERE)[number]> {
  readonly pack: VerifiedPack;
  /** The shape of every input, by name. */
  readonly shapes: Inputs;
  /** The actor's id: the kernel's, unless several actors run one kernel. */
  readonly id?: string;
  /** The sandbox on the actor's thread: its own. */
  readonly sandbox?: PackSandboxOptions;
  /** Invocations that wait: 64. All use the same tensors. */
  readonly inputQueueCapacity?: number;
}

/** Launches an ordinary kernel of the runtime. */
type Launcher = (
  source: PackDefinition,
  options: LaunchOptions,
) => Promise<KernelHandle<PackDefinition>>;

/**
 * Launches kernel `id` of a pack. Fails with NOT_VERIFIED, KERNEL_NOT_FOUND, OPTION_UNSUPPORTED, as the
 * sandbox does where it cannot load or prepare the kernel, or as any launch.
 */
export async function launchPackKernel<const Inputs extends CallShapes>(
  launch: Launcher,
  id: string,
  options: PackLaunchOptions<Inputs>,
): Promise<PackKernel<Inputs>> {
  const { pack, shapes, params, dims, checkInputs, budgetMs, budgetTicks, fuel, ...rest } = options;
  const { id: actor = id, sandbox = {}, inputQueueCapacity = 64, ...more } = rest;
  if (!isVerifiedPack(pack)) throw notVerified(id);
  pack.kernel(id);
  for (const name of NOT_HERE) if (Object.hasOwn(options, name)) throw unsupported(id, name);
  const clock = await Clock.start(sandbox);
  try {
    const answer = new Answer();
    const setup = { inputs: shapes, params, dims, checkInputs, budgetMs, budgetTicks, fuel };
    const data: PackActorData = {
      ...{ kernel: id, evidence: pack.copyEvidence(), setup, sandbox },
      ...{ epoch: clock.memory, channel: answer.channel },
    };
    const queues = { inputQueueCapacity, outputQueueCapacity: 2, cellBytes: CELL_BYTES };
    const handle = await launch(packActor(actor, moduleOf(actor)), { ...more, ...queues, data })
      .then((launched) => answer.of(launched))
      .finally(() => answer.close());
    void handle.actor.wait().then(() => clock.stop());
    return new PackKernel(handle.actor, handle.tensors as PackTensors<Inputs>, clock);
  } catch (error) {
    await clock.stop();
    throw error;
  }
}

/** The one message by which the actor's thread hands its memory over. */
class Answer {
  readonly channel = `annulus-pack-actor-${randomUUID()}`;
  readonly #channel = new BroadcastChannel(this.channel);
  readonly #opened = Promise.withResolvers<Opened>();

  constructor() {
    this.#channel.addEventListener("message", (event: unknown) =>
      this.#opened.resolve((event as { readonly data: Opened }).data),
    );
  }

  /** The actor's tensors. One that could not open them is ended, and its failure thrown. */
  async of(actor: KernelHandle<PackDefinition>) {
    const opened = await Promise.race([this.#opened.promise, actor.wait().then(lost)]);
    if (opened.opened) return { actor, tensors: opened.tensors };
    await actor[Symbol.asyncDispose]();
    throw carried(opened.failure);
  }

  close(): void {
    this.#channel.close();
  }
}

/** The ticker by which the actor's budgets are kept: this process's own, held until the actor has ended. */
class Clock {
  failure: Failure | undefined;
  readonly memory: WebAssembly.Memory;
  readonly #holder: Sandbox;

  private constructor(holder: Sandbox, { memory }: Ticker) {
    this.#holder = holder;
    this.memory = memory;
  }

  /** A sandbox that runs nothing judges the options and holds the ticker. PARAM_INVALID as it says. */
  static async start(options: PackSandboxOptions): Promise<Clock> {
    const told: { clock?: Clock; ticker?: Ticker } = {};
    const holder = await Sandbox.create(options, async ({ intervalMs, onError }) => {
      const died = (failure: Failure): void => {
        if (told.clock !== undefined) told.clock.failure = failure;
        onError(failure);
      };
      return (told.ticker = await sharedTicker({ intervalMs, onError: died }));
    });
    return (told.clock = new Clock(holder, told.ticker!));
  }

  async stop(): Promise<void> {
    await this.#holder[Symbol.asyncDispose]();
  }
}

/** The thread's own source: `.ts` in the repository, `.js` where the package is built. */
function moduleOf(actor: string): string {
  const url = new URL(`./pack-actor-thread${extname(import.meta.url)}`, import.meta.url);
  url.searchParams.set("id", actor);
  return url.href;
}

function lost(): never {
  throw new Failure("WORKER_LOST", {
    ...{ at: "a kernel's launch", found: "a thread that ended", expected: "one that serves it" },
    fix: "Launch the kernel again.",
  });
}

function notVerified(id: string): Failure {
  return new Failure("NOT_VERIFIED", {
    at: `kernel "${id}"`,
    found: "a pack that verification did not make",
    expected: "one from loadPack()",
    fix: "Call loadPack(source, { trust }) and pass what it returns.",
  });
}

function unsupported(id: string, name: string): Failure {
  return new Failure("OPTION_UNSUPPORTED", {
    at: `kernel "${id}", ${name}`,
    found: "an option that a kernel of a pack does not have",
    expected: "one instance, on one thread",
    fix: "Leave it out; for more threads launch more actors, each with an id of its own.",
  });
}
