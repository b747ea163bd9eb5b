// Presets: the device classes of ADR-005 section 6 as data, every number of theirs a field.
//
// A JavaScript engine does not let its caller choose an optimisation level or a guard size. Such a
// field still has the seed's value, so that a preset can be compared with the table, but says
// `advisory`: nothing here enforces it, and no one should believe otherwise.

import { Failure, type Feature, SANDBOX_RANGES } from "../base/mod.ts";

/** One setting: its value, and whether this runtime enforces it or only records it. */
export interface Setting<Value> {
  readonly value: Value;
  readonly force: "enforced" | "advisory";
  /** Why it is only advisory, or how it is enforced where that is not plain. */
  readonly note?: string;
}

export interface Preset {
  readonly optimizationLevel: Setting<"speed" | "size" | "none">;
  readonly nanCanonicalization: Setting<boolean>;
  readonly parallelCompilation: Setting<boolean>;
  readonly simd: Setting<boolean>;
  readonly bulkMemory: Setting<boolean>;
  readonly multiValue: Setting<boolean>;
  readonly threads: Setting<boolean>;
  readonly sharedMemory: Setting<boolean>;
  readonly asyncSupport: Setting<boolean>;
  readonly aheadOfTime: Setting<boolean>;
  readonly interpreter: Setting<"never" | "debug">;
  /** Upper bound of a kernel's memory. */
  readonly memoryBytesMax: Setting<number>;
  readonly memoryGuardBytes: Setting<number>;
  readonly stackBytes: Setting<number>;
  readonly runtimeFootprintBytesMax: Setting<number | undefined>;
  readonly epochInterruption: Setting<boolean>;
  readonly epochTickMs: Setting<number>;
  /** Budget of a call that asks for none, and the ceiling of those that do. */
  readonly budgetTicksDefault: Setting<number>;
  readonly budgetTicksMax: Setting<number>;
  readonly threadsMax: Setting<number>;
  /** Instances of one kernel that may live at once. */
  readonly poolInstancesMax: Setting<number>;
  /** Callers that may wait for an instance before the next is refused. */
  readonly poolQueueMax: Setting<number>;
  readonly tableElementsMax: Setting<number>;
}

export type PresetName = "server" | "embedded" | "threaded" | "browser";

const KIB = 1024;
const MIB = 1024 * KIB;

function enforced<Value>(value: Value, note?: string): Setting<Value> {
  return Object.freeze({ value, force: "enforced", ...(note === undefined ? {} : { note }) });
}

function advisory<Value>(value: Value, note: string): Setting<Value> {
  return Object.freeze({ value, force: "advisory", note });
}

const ENGINE_CHOOSES = "The engine chooses, and tells nobody.";
const ASYNC_HOST_SIDE = "Loading and acquiring are always asynchronous, calls never are.";
const ENGINE_GUARDS = "The engine places its own guard pages.";

const server: Preset = Object.freeze<Preset>({
  optimizationLevel: advisory("speed", ENGINE_CHOOSES),
  nanCanonicalization: enforced(false, "Off but for fuel mode, which always makes NaNs canonical."),
  parallelCompilation: advisory(true, ENGINE_CHOOSES),
  simd: enforced(true),
  bulkMemory: enforced(true),
  multiValue: enforced(true),
  threads: enforced(false),
  sharedMemory: enforced(true, "Every kernel's memory is shared and owned by the host."),
  asyncSupport: advisory(false, ASYNC_HOST_SIDE),
  aheadOfTime: advisory(false, ENGINE_CHOOSES),
  interpreter: advisory("never", ENGINE_CHOOSES),
  memoryBytesMax: enforced(2 ** 32),
  memoryGuardBytes: advisory(64 * KIB, ENGINE_GUARDS),
  stackBytes: enforced(512 * KIB, "Estimated per frame; the engine's own check stands behind it."),
  runtimeFootprintBytesMax: advisory(undefined, "The seed gives none."),
  epochInterruption: enforced(true),
  epochTickMs: enforced(10),
  budgetTicksDefault: enforced(1000),
  budgetTicksMax: enforced(6000),
  threadsMax: advisory(1, "A kernel runs on the thread that calls it."),
  poolInstancesMax: enforced(16),
  poolQueueMax: enforced(1024),
  tableElementsMax: enforced(65_536),
});

/** Frozen, so that no part of a program can widen the limits of the rest. */
export const PRESETS: Readonly<Record<PresetName, Preset>> = Object.freeze({
  server,
  embedded: Object.freeze<Preset>({
    ...server,
    optimizationLevel: advisory("size", ENGINE_CHOOSES),
    simd: enforced(false),
    aheadOfTime: advisory(true, ENGINE_CHOOSES),
    interpreter: advisory("debug", ENGINE_CHOOSES),
    memoryBytesMax: enforced(128 * KIB),
    memoryGuardBytes: advisory(0, ENGINE_GUARDS),
    stackBytes: enforced(32 * KIB, "Estimated per frame; the engine's own check stands behind it."),
    runtimeFootprintBytesMax: advisory(85 * KIB, "The engine alone is larger."),
    epochTickMs: enforced(1),
    budgetTicksDefault: enforced(100),
    budgetTicksMax: enforced(100, "100 ms, the seed's execution timeout."),
    poolInstancesMax: enforced(1),
    poolQueueMax: enforced(16),
    tableElementsMax: enforced(1024),
  }),
  threaded: Object.freeze<Preset>({
    ...server,
    threads: enforced(true),
    asyncSupport: advisory(true, ASYNC_HOST_SIDE),
    threadsMax: advisory(4, "A kernel runs on the thread that calls it; callers may have four."),
    poolInstancesMax: enforced(4),
  }),
  browser: Object.freeze<Preset>({
    ...server,
    asyncSupport: advisory(true, ASYNC_HOST_SIDE),
    memoryBytesMax: enforced(256 * MIB, "Browsers grant far less than 4 GiB for sure."),
    budgetTicksDefault: enforced(10, "100 ms: the page's own thread must stay alive."),
    budgetTicksMax: enforced(1000),
    poolInstancesMax: enforced(4),
    poolQueueMax: enforced(64),
  }),
});

/** What a host can change of a preset: more or less than it has, within SANDBOX_RANGES. */
export interface SandboxLimits {
  readonly memoryBytesMax: number;
  readonly stackBytes: number;
  readonly epochTickMs: number;
  readonly budgetTicksDefault: number;
  readonly budgetTicksMax: number;
  readonly poolInstancesMax: number;
  readonly poolQueueMax: number;
  readonly tableElementsMax: number;
}

/** The preset of a name. PARAM_INVALID for any other. */
export function presetOf(name: PresetName): Preset {
  if (Object.hasOwn(PRESETS, name)) return PRESETS[name];
  throw optionInvalid("preset", `"${name}"`, `one of ${Object.keys(PRESETS).join(", ")}`);
}

/** The limits of a preset, with the host's own choices over them. PARAM_INVALID out of range. */
export function resolveLimits(preset: Preset, chosen: Partial<SandboxLimits>): SandboxLimits {
  for (const name in chosen) {
    if (!Object.hasOwn(SANDBOX_RANGES, name))
      throw optionInvalid(`limits/${name}`, "no such limit", `one of ${LIMITS.join(", ")}`);
  }
  const limits = LIMITS.map((name) => [name, inRange(name, chosen[name] ?? preset[name].value)]);
  return Object.fromEntries(limits) as unknown as SandboxLimits;
}

const LIMITS = Object.keys(SANDBOX_RANGES) as readonly (keyof SandboxLimits)[];

function inRange(name: keyof SandboxLimits, value: number): number {
  const [min, max] = SANDBOX_RANGES[name];
  const parts = name === "epochTickMs"; // Every other limit counts something.
  const fits = parts ? typeof value === "number" : Number.isInteger(value);
  if (fits && value >= min && value <= max) return value;
  const what = parts ? "a number" : "a whole number";
  throw optionInvalid(`limits/${name}`, String(value), `${what} from ${min} to ${max}`);
}

function optionInvalid(at: string, found: string, expected: string): Failure {
  const fix = "Correct the option, or leave it out for the preset's own.";
  return new Failure("PARAM_INVALID", { at, found, expected, fix });
}

/** Features that a preset denies to every kernel, whatever its manifest declares. */
export function deniedFeatures(preset: Preset): ReadonlySet<Feature> {
  const denied = new Set<Feature>();
  if (!preset.simd.value) denied.add("simd").add("relaxed-simd");
  if (!preset.bulkMemory.value) denied.add("bulk-memory");
  if (!preset.multiValue.value) denied.add("multi-value");
  if (!preset.threads.value) denied.add("threads");
  return denied;
}
