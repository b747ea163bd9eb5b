// Sandbox: loads verified kernels and owns what they share: the ticker, the module cache, the limits.

import { Failure, type References, SANDBOX_LIMITS } from "../base/mod.ts";
import {
  hasFeature,
  isVerifiedKernel,
  isVerifiedPack,
  type KernelModule,
  type VerifiedKernel,
  type VerifiedPack,
} from "../pack/mod.ts";
import {
  disposed,
  type Health,
  type KernelContext,
  requireHealth,
  type SandboxEvent,
} from "./context.ts";
import { type ChainOptions, FallbackChain } from "./fallback.ts";
import { KernelInstance } from "./instance.ts";
import { Kernel } from "./kernel.ts";
import type { Budget } from "./link.ts";
import { InstancePool } from "./pool.ts";
import {
  type Preset,
  type PresetName,
  presetOf,
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
import { clampBudget, clampFuel, type Ticker, type TickerSource } from "./ticker.ts";
import { chooseModule, deniedTo, type VariantChoice } from "./variant.ts";

export interface SandboxOptions {
  /** Device class. Default: "server". */
  readonly preset?: PresetName | undefined;
  /** Changes to the preset's limits. */
  readonly limits?: Partial<SandboxLimits> | undefined;
  /** How calls are stopped. Default: "epoch". "none" trusts every kernel not to run for ever. */
  readonly interrupt?: InterruptMode | undefined;
  /**
   * Which module of a kernel runs that has several. Default: "auto", the first that this engine and
   * the preset take. "baseline": the kernel's own, so that machines agree to the last bit.
   */
  readonly variant?: VariantChoice | undefined;
  /** Fuel of a call that asks for none, and the ceiling of those that do. Default: 10^10. */
  readonly fuel?: bigint | undefined;
  /** Told of traps and of what went wrong where no caller waits. */
  readonly onEvent?: ((event: SandboxEvent) => void) | undefined;
  /** The host's own implementations, which may stand at the end of chains. Default: none. */
  readonly references?: References | undefined;
}

export interface SandboxCounts {
  /** Modules compiled, and loads that found theirs compiled already. */
  readonly compiles: number;
  readonly cacheHits: number;
  /** Kernels that are loaded now, and compiled modules that are kept for them. */
  readonly kernels: number;
  readonly modules: number;
}

interface Loaded {
  readonly kernel: Kernel;
  readonly pool: InstancePool;
  /** What its module is kept under. */
  readonly moduleKey: string;
}

const NO_REFERENCES: References = new Map();
const FUEL_DEFAULT = 10_000_000_000n;

export class Sandbox implements AsyncDisposable {
  /** The preset's fields, with what this engine can only take as advice. */
  readonly preset: Preset;
  readonly limits: SandboxLimits;
  readonly #options: SandboxOptions;
  readonly #ticker: Ticker;
  readonly #health: Health;
  readonly #emit: (event: SandboxEvent) => void;
  readonly #modules = new Map<string, Promise<Compiled>>();
  /** By all that tells two kernels apart, in the order in which they were loaded. */
  readonly #loaded = new Map<string, Loaded>();
  /** The newest of each id. */
  readonly #byId = new Map<string, Kernel>();
  #disposed = false;
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
    this.#emit = emitter(options.onEvent);
  }

  /**
   * Starts a sandbox on the ticker that `tickers` supplies. PARAM_INVALID names a limit that is out of
   * its range, ENGINE_UNSUPPORTED what the engine lacks.
   */
  static async create(options: SandboxOptions, tickers: TickerSource): Promise<Sandbox> {
    requireEngine();
    const preset = presetOf(options.preset ?? "server");
    const limits = resolveLimits(preset, options.limits ?? {});
    if (options.fuel !== undefined) clampFuel(options.fuel, options.fuel);
    const health: Health = { failure: undefined };
    const emit = emitter(options.onEvent);
    const onError = (error: Failure): void => {
      health.failure = error; // Without a ticker no deadline would ever pass: no call may begin.
      emit({ type: "ticker-died", error });
    };
    const ticker = await tickers({ intervalMs: limits.epochTickMs, onError });
    return new Sandbox(options, preset, limits, ticker, health);
  }

  /** The epoch now, in ticks of `limits.epochTickMs`; it wraps. */
  get ticks(): number {
    return Atomics.load(this.#ticker.epoch, 0);
  }

  /**
   * Loads a kernel: admits, rewrites and compiles it, unless this sandbox has it compiled. Loading the
   * same kernel of the same pack again gives the same Kernel. Fails with NOT_VERIFIED for anything that
   * `verifyPack` did not make, MODULE_REFUSED where the module breaks the sandbox's rules,
   * MODULE_INVALID where the engine refuses it.
   */
  async load(from: VerifiedPack | VerifiedKernel, id?: string): Promise<Kernel> {
    requireHealth(this.#health);
    const verified = verifiedKernel(from, id);
    const denied = deniedTo(this.preset, this.#interrupt);
    const module = chooseModule(verified, this.#options.variant ?? "auto", denied);
    const grant = this.#grantOf(verified, module, denied);
    const moduleKey = moduleKeyOf(verified, module, grant);
    const compiled = await this.#compile(moduleKey, verified, module, grant);
    requireHealth(this.#health); // Compiling took a while.
    const key = kernelKey(verified);
    const loaded = this.#loaded.get(key);
    if (loaded !== undefined) return loaded.kernel;
    const kernel = this.#add(key, moduleKey, programOf(verified, module.variant, compiled, grant));
    this.#byId.set(kernel.id, kernel);
    return kernel;
  }

  /**
   * Loads kernel `id` with all that stand in for it where it fails: the pack's fallbacks, and at the end
   * perhaps a reference of the host's. A kernel that does not load only fails its link. Fails with
   * FALLBACK_UNKNOWN for a reference that the host lacks, FALLBACK_MISMATCH for a kernel of the pack with
   * other tensors or params, FALLBACKS_EXHAUSTED where nothing loads.
   */
  async chain(pack: VerifiedPack, id: string, options: ChainOptions = {}): Promise<FallbackChain> {
    return FallbackChain.open(pack, id, options, {
      references: this.#options.references ?? NO_REFERENCES,
      load: (kernel) => this.load(kernel),
      emit: this.#emit,
    });
  }

  /** The kernel that was last loaded under `id` and is loaded still. Fails with KERNEL_NOT_FOUND. */
  kernel(id: string): Kernel {
    const kernel = this.#byId.get(id);
    if (kernel === undefined) throw notLoaded(id, [...this.#byId.keys()]);
    return kernel;
  }

  /**
   * Lends no more instances of `kernel`, and forgets it with its module. Leases and calls that are held
   * run on until they are disposed. Unloading what is not loaded does nothing.
   */
  unload(kernel: Kernel): void {
    const found = [...this.#loaded].find(([, loaded]) => loaded.kernel === kernel);
    if (found === undefined) return;
    const [key, { moduleKey, pool }] = found;
    this.#loaded.delete(key);
    const left = [...this.#loaded.values()];
    if (!left.some((other) => other.moduleKey === moduleKey)) this.#modules.delete(moduleKey);
    const before = left.findLast((other) => other.kernel.id === kernel.id);
    if (before === undefined) this.#byId.delete(kernel.id);
    else this.#byId.set(kernel.id, before.kernel);
    pool.close(disposed(`kernel "${kernel.id}"`));
  }

  counts(): SandboxCounts {
    const [compiles, cacheHits] = [this.#compiles, this.#cacheHits];
    return { compiles, cacheHits, kernels: this.#loaded.size, modules: this.#modules.size };
  }

  /** Cleans up idle instances and lets go of the ticker. Calls still held can no longer run. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    const reason = disposed("sandbox");
    for (const { pool } of this.#loaded.values()) pool.close(reason);
    this.#loaded.clear();
    this.#byId.clear();
    this.#modules.clear();
    this.#health.failure = reason;
    await this.#ticker[Symbol.asyncDispose]();
  }

  /** Compiles once per bytes and grant. A failure is not kept: the next load tries again. */
  async #compile(
    key: string,
    kernel: VerifiedKernel,
    { variant }: KernelModule,
    grant: Grant,
  ): Promise<Compiled> {
    const known = this.#modules.get(key);
    if (known !== undefined) {
      this.#cacheHits++;
      return known;
    }
    this.#compiles++;
    const compiling = compileKernel(kernel, variant, grant);
    this.#modules.set(key, compiling);
    compiling.catch(() => this.#modules.delete(key));
    return compiling;
  }

  /** The smaller of what the manifest asks for and what the host's limits allow. */
  #grantOf({ entry }: VerifiedKernel, { features }: KernelModule, denied: Grant["denied"]): Grant {
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
      interrupt: this.#interrupt,
      features: new Set(features),
      denied,
    };
  }

  get #interrupt(): InterruptMode {
    return this.#options.interrupt ?? (this.preset.epochInterruption.value ? "epoch" : "none");
  }

  #add(key: string, moduleKey: string, program: Program): Kernel {
    const context = this.#contextOf(program);
    const { poolInstancesMax: instancesMax, poolQueueMax: queueMax } = this.limits;
    const pool = new InstancePool({
      kernel: program.kernel,
      instancesMax,
      queueMax,
      create: () => new KernelInstance(context),
      reset: (instance) => instance.reset(),
      retire: (instance) => retire(instance, context),
    });
    const kernel = new Kernel(context, pool);
    this.#loaded.set(key, { kernel, pool, moduleKey });
    return kernel;
  }

  #contextOf(program: Program): KernelContext {
    const fuel = this.#options.fuel ?? FUEL_DEFAULT;
    const asked = Math.min(
      Number(program.entry.resource_limits.max_epoch_ticks),
      SANDBOX_LIMITS.budgetTicksMax,
    );
    const granted: Budget = { ticks: clampBudget(asked, this.limits.budgetTicksMax), fuel };
    const ticks = clampBudget(this.limits.budgetTicksDefault, granted.ticks);
    return {
      program,
      ticker: this.#ticker,
      health: this.#health,
      emit: this.#emit,
      budget: { ticks, fuel },
      granted,
    };
  }
}

/** Runs kernel_cleanup where kernels may still run. */
function retire(instance: KernelInstance, { emit, health, program }: KernelContext): void {
  if (health.failure !== undefined) return; // Nothing could stop it; its memory goes anyway.
  try {
    instance.cleanUp();
  } catch (error) {
    emit({ type: "cleanup-failed", kernel: program.kernel, error });
  }
}

/** Tells the host, and keeps what its listener throws out of what is being told about. */
function emitter(onEvent: SandboxOptions["onEvent"]): (event: SandboxEvent) => void {
  return (event) => {
    try {
      onEvent?.(event);
    } catch (error) {
      queueMicrotask(() => {
        throw error; // An uncaught error of the host's own, where its runtime reports those.
      });
    }
  };
}

/** What must be the same for two kernels to share one compiled module. */
function moduleKeyOf(
  { entry }: VerifiedKernel,
  { hash, variant }: KernelModule,
  grant: Grant,
): string {
  const features = [...grant.features].toSorted();
  const denied = [...grant.denied].toSorted();
  return JSON.stringify([
    hash,
    variant,
    entry.id,
    entry.entry_point,
    { ...grant, features, denied },
  ]);
}

/** What must be the same for two loads to give one Kernel: all that was verified. */
function kernelKey({ entry, hash, keyId, packName, packVersion }: VerifiedKernel): string {
  return JSON.stringify([packName, packVersion, keyId, hash, entry], (_, value: unknown) =>
    typeof value === "bigint" ? `${value}n` : value,
  );
}

function verifiedKernel(
  from: VerifiedPack | VerifiedKernel,
  id: string | undefined,
): VerifiedKernel {
  const kernel = isVerifiedPack(from) && id !== undefined ? from.kernel(id) : from;
  if (isVerifiedKernel(kernel) && (id === undefined || id === kernel.entry.id)) return kernel;
  if (isVerifiedKernel(kernel)) throw notLoaded(id!, [kernel.entry.id]);
  throw new Failure("NOT_VERIFIED", {
    at: id === undefined ? "kernel" : `kernel "${id}"`,
    found: isVerifiedPack(from)
      ? "a pack without the id of a kernel"
      : "an object that verification did not make",
    expected: "a pack from loadPack() and the id of one of its kernels",
    fix: "Call loadPack(source, { trust }) and pass what it returns.",
  });
}

function notLoaded(id: string, known: readonly string[]): Failure {
  return new Failure("KERNEL_NOT_FOUND", {
    found: `"${id}"`,
    expected: known.length === 0 ? "a kernel that is loaded" : `one of ${known.join(", ")}`,
    fix: "Load the kernel first: await sandbox.load(pack, id).",
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
