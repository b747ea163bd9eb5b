// Fallback chain: a kernel, the kernels of its pack that stand in for it, then perhaps a reference of the
// host's, tried in this order until one answers. Every answer says who gave it and why not the others.
//
// Each call tries the kernel first, however often it failed, unless the host says `restAfter`. Each
// kernel has a budget of its own, so a call may take as long as all of them together; a reference is the
// host's code and has none.

import { Failure, type References } from "../base/mod.ts";
import type { KernelEntry, VerifiedPack } from "../pack/mod.ts";
import type { CallSetup, CallShapes } from "./call.ts";
import type { SandboxEvent } from "./context.ts";
import {
  type Answer,
  type ChainCounts,
  type LinkName,
  Links,
  type Tensors,
} from "./fallback-links.ts";
import { PreparedChain } from "./fallback-prepared.ts";
import { resolveChain } from "./fallback-resolve.ts";
import type { CallRequest, Kernel, TenantChoice } from "./kernel.ts";

export interface ChainOptions {
  /** The host's own implementations by name. Default: those of the sandbox. */
  readonly references?: References | undefined;
  /**
   * After so many failures in a row a link is passed over, as if it had failed again, until `reset()`.
   * At least 1. Default: never. A kernel that runs to its deadline every time costs that every time.
   */
  readonly restAfter?: number | undefined;
}

/** The outputs of a call by value, and how they came to be. */
export interface ChainResult extends Answer {
  readonly outputs: Tensors;
}

/** What the chain needs of its sandbox. */
export interface ChainHost {
  readonly references: References;
  readonly load: (kernel: VerifiedPack["kernels"][number]) => Promise<Kernel>;
  readonly emit: (event: SandboxEvent) => void;
}

export class FallbackChain {
  /** The kernel's entry in its pack's manifest: what every link takes and gives. */
  readonly entry: KernelEntry;
  /** The links in the order in which they are tried. */
  readonly links: readonly LinkName[];
  readonly #links: Links;
  readonly #first: Kernel | Failure;

  private constructor(entry: KernelEntry, links: Links, first: Kernel | Failure) {
    this.entry = entry;
    this.links = links.names;
    this.#links = links;
    this.#first = first;
  }

  /** See `Sandbox.chain`. */
  static async open(
    pack: VerifiedPack,
    id: string,
    { references, restAfter = Infinity }: ChainOptions,
    host: ChainHost,
  ): Promise<FallbackChain> {
    const { load, emit } = host;
    if (!(restAfter >= 1)) throw restInvalid(restAfter);
    const options = { references: references ?? host.references, load };
    const { entry, links, first } = await resolveChain(pack, id, options);
    return new FallbackChain(entry, new Links(links, { emit, restAfter }), first);
  }

  /**
   * Runs the first link that can, on tensors by value. Throws what is the caller's own fault, as
   * `Kernel.call` does; FALLBACKS_EXHAUSTED, with every error, when no link answers.
   */
  call(request: CallRequest): ChainResult {
    const [outputs, { degraded, by, failures }] = this.#links.run(request);
    return { outputs, degraded, by, failures };
  }

  /** Fixes shapes and params; see `PreparedChain` for what it costs over a kernel's own. */
  prepare<const Inputs extends CallShapes>(
    setup: CallSetup<Inputs> & TenantChoice,
  ): PreparedChain<Inputs> {
    return new PreparedChain(this.#links, this.entry, this.#first, setup);
  }

  counts(): ChainCounts {
    return this.#links.counts();
  }

  /** Lets links that rest be tried again. */
  reset(): void {
    this.#links.reset();
  }
}

function restInvalid(found: number): Failure {
  return new Failure("PARAM_INVALID", {
    at: "restAfter",
    found: String(found),
    expected: "a number of failures from 1 up",
    fix: "Pass at least 1, or nothing for a link that never rests.",
  });
}
