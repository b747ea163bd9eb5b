// Pack launch: how a kernel of a pack becomes an actor. The host gives what was signed and a clock; the
// actor's thread gives the tensors.

import { extname } from "node:path";
import { Failure } from "../../base/mod.ts";
import { isVerifiedPack, type VerifiedPack } from "../../pack/mod.ts";
import type { KernelHandle, LaunchOptions } from "../../runtime/mod.ts";
import {
  type CallSetup,
  type CallShapes,
  Sandbox,
  type SandboxOptions,
} from "../../sandbox/mod.ts";
import { carried } from "./carried-failure.ts";
import {
  type Opened,
  packActor,
  type PackActorData,
  type PackSandboxOptions,
  type PackTensors,
} from "./pack-actor.ts";
import { PackEpoch, STOPPABLE_TICKS_MAX } from "./pack-epoch.ts";
import { type PackClock, type PackDefinition, PackKernel } from "./pack-kernel.ts";
import { sharedTicker } from "./shared-ticker.ts";
import { newEpoch, type Ticker } from "./ticker.ts";

/**
 * What means nothing here: one instance on one thread, whose only messages are invocations. Another start would
 * have tensors that nobody holds.
 */
const NOT_HERE = [
  "module",
  "data",
  "gridSize",
  "blockSize",
  "cooperative",
  "restart",
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
    const setup = { inputs: shapes, params, dims, checkInputs, budgetMs, budgetTicks, fuel };
    const data: PackActorData = {
      ...{ kernel: id, evidence: pack.copyEvidence(), setup },
      ...{ sandbox: clock.stoppable(sandbox), epoch: clock.memory },
    };
    const queues = { inputQueueCapacity, outputQueueCapacity: 2, cellBytes: CELL_BYTES };
    const definition = packActor(actor, moduleOf(actor), () => clock.epoch.interrupt());
    const handle = await launch(definition, { ...more, ...queues, data });
    const tensors = await tensorsOf(handle);
    void handle.wait().then(() => clock.stop());
    return new PackKernel(handle, tensors as PackTensors<Inputs>, clock);
  } catch (error) {
    await clock.stop();
    throw error;
  }
}

/** The actor's tensors. One that could not open them is ended, and its failure thrown. */
async function tensorsOf(actor: KernelHandle<PackDefinition>) {
  const opened = actor.shares[0] as Opened;
  if (opened.opened) return opened.tensors;
  await actor[Symbol.asyncDispose]();
  throw carried(opened.failure);
}

/**
 * The clock by which the actor's budgets are kept: a page of its own, moved by this process's ticker, which is
 * held until the actor has ended.
 */
class Clock implements PackClock {
  failure: Failure | undefined;
  readonly stops: boolean;
  readonly memory = newEpoch();
  readonly epoch = new PackEpoch(this.memory);
  readonly #holder: Sandbox;
  readonly #unfollow: () => void;

  private constructor(holder: Sandbox, ticker: Ticker, mode: SandboxOptions["interrupt"]) {
    const { epochInterruption } = holder.preset;
    this.#holder = holder;
    this.#unfollow = ticker.follow(this.memory);
    this.stops = mode === undefined ? epochInterruption.value : mode === "epoch";
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
    return (told.clock = new Clock(holder, told.ticker!, options.interrupt));
  }

  /** The options with no budget that a stop would not pass. */
  stoppable(options: PackSandboxOptions): PackSandboxOptions {
    const { budgetTicksMax } = this.#holder.limits;
    const ticks = Math.min(budgetTicksMax, STOPPABLE_TICKS_MAX);
    return { ...options, limits: { ...options.limits, budgetTicksMax: ticks } };
  }

  async stop(): Promise<void> {
    this.#unfollow();
    await this.#holder[Symbol.asyncDispose]();
  }
}

/** The thread's own source: `.ts` in the repository, `.js` where the package is built. */
function moduleOf(actor: string): string {
  const url = new URL(`./pack-actor-thread${extname(import.meta.url)}`, import.meta.url);
  url.searchParams.set("id", actor);
  return url.href;
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
