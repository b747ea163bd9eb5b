// Sandbox: loads verified kernels and owns what they share: the ticker, the module cache, the limits.

import { Failure, SANDBOX_LIMITS } from "../base/mod.ts";
import {
  hasFeature,
  isVerifiedKernel,
  isVerifiedPack,
  type VerifiedKernel,
  type VerifiedPack,
} from "../pack/mod.ts";
import type { Health, KernelContext, SandboxEvent } from "./context.ts";
import { disposed, KernelInstance } from "./instance.ts";
import { Kernel } from "./kernel.ts";
import type { Budget } from "./link.ts";
import { InstancePool } from "./pool.ts";
import {
  deniedFeatures,
  type Preset,
  type PresetName,
  PRESETS,
  resolveLimits,
  type SandboxLimits,
} from "./presets.ts";
import {
  type Compiled,
  compileKernel,
  type Grant,
  type InterruptMode,
  type Program,
  programOf,
} from "./program.ts";
import { clampBudget, type Ticker, type TickerSource } from "./ticker.ts";

export interface SandboxOptions {
  /** Device class. Default: "server". */
  readonly preset?: PresetName | undefined;
  /** Changes to the preset's limits. */
  readonly limits?: Partial<SandboxLimits> | undefined;
  /** How calls are stopped. Default: "epoch". "none" trusts every kernel not to run for ever. */
  readonly interrupt?: InterruptMode | undefined;
  /** Fuel of a call that asks for none, and the ceiling of those that do. Default: 10^10. */
  readonly fuel?: bigint | undefined;
  /** Told of traps and of what went wrong where no caller waits. */
  readonly onEvent?: ((event: SandboxEvent) => void) | undefined;
}

export interface SandboxCounts {
  /** Modules compiled, and loads that found theirs compiled already. */
  readonly compiles: number;
  readonly cacheHits: number;
  readonly kernels: number;
}

const FUEL_DEFAULT = 10_000_000_000n;

export class Sandbox implements AsyncDisposable {
  /** The preset's fields, with what this engine can only take as advice. */
  readonly preset: Preset;
  readonly limits: SandboxLimits;
  readonly #options: SandboxOptions;
  readonly #ticker: Ticker;
  readonly #health: Health;
  readonly #emit: (event: SandboxEvent) => void;
  readonly #compiled = new Map<string, Promise<Compiled>>();
  readonly #pools = new Map<InstancePool, KernelContext>();
  #compiles = 0;
  #cacheHits = 0;

  private constructor(
    options: SandboxOptions,
    preset: Preset,
    limits: SandboxLimits,
    ticker: Ticker,
    health: Health,
  ) {
    this.#options = options;
    this.preset = preset;
    this.limits = limits;
    this.#ticker = ticker;
    this.#health = health;
    this.#emit = options.onEvent ?? ((): void => {});
  }

  /** Starts a sandbox on the ticker that `tickers` supplies. ENGINE_UNSUPPORTED says what is missing. */
  static async create(options: SandboxOptions, tickers: TickerSource): Promise<Sandbox> {
    requireEngine();
    const preset = PRESETS[options.preset ?? "server"];
    const limits = resolveLimits(preset, options.limits ?? {});
    const health: Health = { failure: undefined };
    const onError = (error: Failure): void => {
      health.failure = error; // Without a ticker no deadline would ever pass: no call may begin.
      options.onEvent?.({ type: "ticker-died", error });
    };
    const ticker = await tickers({ intervalMs: limits.epochTickMs, onError });
    return new Sandbox(options, preset, limits, ticker, health);
  }

  /** The epoch now, in ticks of `limits.epochTickMs`; it wraps. */
  get ticks(): number {
    return Atomics.load(this.#ticker.epoch, 0);
  }

  /**
   * Loads a kernel: admits, rewrites and compiles it, unless this sandbox has it compiled. Fails with
   * NOT_VERIFIED for anything that `verifyPack` did not make, MODULE_REFUSED where the module breaks
   * the sandbox's rules, MODULE_INVALID where the engine refuses it.
   */
  async load(from: VerifiedPack | VerifiedKernel, id?: string): Promise<Kernel> {
    this.#checkHealth();
    const verified = verifiedKernel(from, id);
    const grant = this.#grantOf(verified);
    const program = programOf(verified, await this.#compile(verified, grant), grant);
    this.#checkHealth(); // Compiling took a while.
    return this.#kernelOf(program);
  }

  counts(): SandboxCounts {
    return { compiles: this.#compiles, cacheHits: this.#cacheHits, kernels: this.#pools.size };
  }

  /** Cleans up idle instances and lets go of the ticker. Calls still held can no longer run. */
  async [Symbol.asyncDispose](): Promise<void> {
    const wasDisposed = this.#health.failure?.code === "DISPOSED";
    if (wasDisposed) return;
    const reason = disposed("sandbox");
    for (const [pool, context] of this.#pools)
      pool.close((instance) => this.#retire(instance, context), reason);
    this.#pools.clear();
    this.#health.failure = reason;
    await this.#ticker[Symbol.asyncDispose]();
  }

  /** Compiles once per bytes and grant. A failure is not kept: the next load tries again. */
  async #compile(kernel: VerifiedKernel, grant: Grant): Promise<Compiled> {
    const key = cacheKey(kernel, grant);
    const known = this.#compiled.get(key);
    if (known !== undefined) {
      this.#cacheHits++;
      return known;
    }
    this.#compiles++;
    const compiling = compileKernel(kernel, grant);
    this.#compiled.set(key, compiling);
    compiling.catch(() => this.#compiled.delete(key));
    return compiling;
  }

  /** The smaller of what the manifest asks for and what the host's limits allow. */
  #grantOf({ entry }: VerifiedKernel): Grant {
    const { resource_limits: asked } = entry;
    const { memoryBytesMax, stackBytes, tableElementsMax } = this.limits;
    return {
      memoryPagesMax: Math.min(
        asked.max_memory_pages,
        Math.floor(memoryBytesMax / SANDBOX_LIMITS.pageBytes),
      ),
      tableElementsMax: Math.min(asked.max_table_elements, tableElementsMax),
      globalsMax: asked.max_globals ?? undefined,
      stackBytes: Math.min(asked.max_stack_size ?? stackBytes, stackBytes),
      interrupt:
        this.#options.interrupt ?? (this.preset.epochInterruption.value ? "epoch" : "none"),
      features: new Set(Object.values(entry.platforms).flatMap(({ features }) => features)),
      denied: deniedFeatures(this.preset),
    };
  }

  #kernelOf(program: Program): Kernel {
    const { budgetTicksDefault, budgetTicksMax, poolInstancesMax, poolQueueMax } = this.limits;
    const fuel = this.#options.fuel ?? FUEL_DEFAULT;
    const asked = Math.min(
      Number(program.entry.resource_limits.max_epoch_ticks),
      SANDBOX_LIMITS.budgetTicksMax,
    );
    const granted: Budget = { ticks: clampBudget(asked, budgetTicksMax), fuel };
    const budget: Budget = { ticks: clampBudget(budgetTicksDefault, granted.ticks), fuel };
    const ticker = this.#ticker;
    const context: KernelContext = {
      program,
      ticker,
      health: this.#health,
      emit: this.#emit,
      budget,
      granted,
    };
    const pool = new InstancePool({
      kernel: program.kernel,
      instancesMax: poolInstancesMax,
      queueMax: poolQueueMax,
      create: () => new KernelInstance(program, ticker, budget),
      reset: (instance) => instance.reset(budget),
    });
    this.#pools.set(pool, context);
    return new Kernel(context, pool);
  }

  #retire(instance: KernelInstance, { budget, program }: KernelContext): void {
    try {
      instance.cleanUp(budget);
    } catch (error) {
      this.#emit({ type: "cleanup-failed", kernel: program.kernel, error });
    }
  }

  #checkHealth(): void {
    if (this.#health.failure !== undefined) throw this.#health.failure;
  }
}

/** What must be the same for two kernels to share one compiled module. */
function cacheKey({ entry, hash }: VerifiedKernel, grant: Grant): string {
  const features = [...grant.features].toSorted();
  const denied = [...grant.denied].toSorted();
  return JSON.stringify([hash, entry.id, entry.entry_point, { ...grant, features, denied }]);
}

function verifiedKernel(
  from: VerifiedPack | VerifiedKernel,
  id: string | undefined,
): VerifiedKernel {
  const kernel = isVerifiedPack(from) && id !== undefined ? from.kernel(id) : from;
  if (isVerifiedKernel(kernel)) return kernel;
  throw new Failure("NOT_VERIFIED", {
    at: id === undefined ? "kernel" : `kernel "${id}"`,
    found: isVerifiedPack(from)
      ? "a pack without the id of a kernel"
      : "an object that verification did not make",
    expected: "a pack from loadPack() and the id of one of its kernels",
    fix: "Call loadPack(source, { trust }) and pass what it returns.",
  });
}

function requireEngine(): void {
  const missing = [
    ...(typeof SharedArrayBuffer === "undefined"
      ? ["SharedArrayBuffer (in browsers: cross-origin isolation)"]
      : []),
    ...(hasFeature("multi-memory") ? [] : ["WebAssembly multi-memory"]),
    ...(hasFeature("threads") ? [] : ["WebAssembly shared memory"]),
  ];
  if (missing.length === 0) return;
  throw new Failure("ENGINE_UNSUPPORTED", {
    found: `an engine without ${missing.join(", ")}`,
    expected: "Node 24 or later, or a current browser",
    fix: "Use a newer engine; docs/INTERRUPTION.md says what runs on older ones.",
  });
}
