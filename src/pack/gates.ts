// Gates: whether a pack that is genuine also fits this host. Each refusal has a code of its own and
// carries what was required and what is there.

import { compare } from "semver";
import { Failure, type FailureCode, type Feature, isFeature, type Issue } from "../base/mod.ts";
import type { KernelEntry, Manifest, PlatformSpec } from "./manifest-schema.ts";
import { issueOf } from "./rules.ts";
import { BASELINE, type KernelModule, modulesOf } from "./variants.ts";

/** What a pack may be refused for, as the host knows it. */
export interface Host {
  readonly runtimeVersion: string;
  readonly platform: Platform | undefined;
  readonly ceilings: Ceilings;
  readonly hasFeature: (feature: Feature) => boolean;
  /** Ids of the host's own implementations, which a fallback may name. */
  readonly references: Pick<ReadonlySet<string>, "has">;
}

export interface Platform {
  /** As manifests name it: `node`, `browser`, `embedded` or a name of the host's own. */
  readonly name: string;
  readonly version: string;
}

/** The most that this host grants. An absent ceiling grants what the manifest asks. */
export interface Ceilings {
  readonly max_memory_pages?: number | undefined;
  readonly max_table_elements?: number | undefined;
  readonly max_stack_size?: number | undefined;
  readonly max_globals?: number | undefined;
  /** Clamps a call's budget when it runs; asking for more is no reason to refuse. */
  readonly max_epoch_ticks?: number | undefined;
}

/** Lets `manifest` pass, or fails with the code of the first gate that it does not. */
export function passGates(manifest: Manifest, host: Host): void {
  passRuntime(manifest, host);
  for (const kernel of manifest.kernels) {
    passPlatform(kernel, host);
    passCeilings(kernel, host.ceilings);
  }
  passFallbacks(manifest, host);
}

/** What passes the gates and is still worth knowing. */
export function gateWarnings(manifest: Manifest, host: Host): Issue[] {
  return manifest.kernels.flatMap((kernel, index) => {
    const named = Object.keys(kernel.platforms);
    const unnamed = named.length > 0 && platformOf(kernel, host.platform) === undefined;
    const ticks = host.ceilings.max_epoch_ticks ?? Infinity;
    const { max_epoch_ticks: asked } = kernel.resource_limits;
    return [
      ...(unnamed
        ? [issueOf("PLATFORM_UNNAMED", ["kernels", index, "platforms"], named.join(", "))]
        : []),
      ...(asked > ticks
        ? [
            issueOf(
              "BUDGET_CLAMPED",
              limitPath(index, "max_epoch_ticks"),
              String(asked),
              `${ticks}`,
            ),
          ]
        : []),
    ];
  });
}

/** Both bounds are inclusive, compared as semver compares. */
function passRuntime(manifest: Manifest, { runtimeVersion: actual }: Host): void {
  const { min_runtime_version: required, max_runtime_version: max_supported } = manifest;
  if (compare(actual, required) < 0) {
    throw refused("RUNTIME_TOO_OLD", "/min_runtime_version", actual, `at least ${required}`, {
      fix: "Upgrade annulus, or use an older version of the pack.",
      detail: { required, actual },
    });
  }
  if (compare(actual, max_supported) > 0) {
    throw refused("RUNTIME_TOO_NEW", "/max_runtime_version", actual, `at most ${max_supported}`, {
      fix: "Use a newer version of the pack.",
      detail: { max_supported, actual },
    });
  }
}

function passPlatform(kernel: KernelEntry, { platform, hasFeature }: Host): void {
  const match = platformOf(kernel, platform);
  if (match === undefined) return;
  const { name, spec } = match;
  const at = `kernel ${kernel.id}, platform ${name}`;
  // An alias stands for another engine, whose versions say nothing about this one.
  if (name === platform?.name && compare(platform.version, spec.min_version) < 0) {
    const [required, actual] = [spec.min_version, platform.version];
    throw refused("PLATFORM_TOO_OLD", at, `${name} ${actual}`, `at least ${required}`, {
      fix: `Upgrade ${name}.`,
      detail: { kernel: kernel.id, platform: name, required, actual },
    });
  }
  const lacking = (feature: string): boolean => !(isFeature(feature) && hasFeature(feature));
  const missing = spec.features.find(lacking);
  if (missing === undefined) return;
  const fits = ({ variant, features }: KernelModule): boolean =>
    variant !== BASELINE && !features.some(lacking);
  if (modulesOf(kernel).some(fits)) return; // The sandbox runs that one here.
  throw refused(
    "MISSING_FEATURE",
    at,
    `no ${missing}`,
    `an engine with ${spec.features.join(", ")}`,
    {
      fix: "Use a newer engine, or a pack built without the feature.",
      detail: { kernel: kernel.id, feature: missing },
    },
  );
}

/** The entry that speaks of this host: its own name's first, else the engine it stands in for. */
function platformOf(
  { platforms }: KernelEntry,
  platform: Platform | undefined,
): { readonly name: string; readonly spec: PlatformSpec } | undefined {
  const own = platform === undefined ? [] : [platform.name];
  const aliases = platform?.name === "embedded" ? ["wamr", "wasmtime"] : ["wasmtime"];
  const name = [...own, ...aliases].find((candidate) => Object.hasOwn(platforms, candidate));
  return name === undefined ? undefined : { name, spec: platforms[name]! };
}

const CEILINGS = [
  "max_memory_pages",
  "max_table_elements",
  "max_stack_size",
  "max_globals",
] as const;

function passCeilings({ id, resource_limits: limits }: KernelEntry, ceilings: Ceilings): void {
  for (const limit of CEILINGS) {
    const [required, granted] = [limits[limit] ?? 0, ceilings[limit] ?? Infinity];
    if (required <= granted) continue;
    throw refused("LIMIT_EXCEEDED", `kernel ${id}, ${limit}`, `${required}`, `at most ${granted}`, {
      fix: "Raise the host's ceiling, or use a kernel that needs less.",
      detail: { kernel: id, limit, required, actual: granted },
    });
  }
}

function passFallbacks({ kernels, fallbacks }: Manifest, { references }: Host): void {
  const ids = new Set(kernels.map(({ id }) => id));
  for (const [kernel, fallback] of Object.entries(fallbacks)) {
    if (ids.has(fallback) || references.has(fallback)) continue;
    const expected = "a kernel of the pack or a reference that the host registered";
    throw refused("FALLBACK_UNKNOWN", `/fallbacks/${kernel}`, fallback, expected, {
      fix: "Pass the reference's id in `references`, or correct the manifest.",
      detail: { kernel, fallback },
    });
  }
}

function limitPath(index: number, limit: string): (string | number)[] {
  return ["kernels", index, "resource_limits", limit];
}

function refused(
  code: FailureCode,
  at: string,
  found: string,
  expected: string,
  { fix, detail }: { readonly fix: string; readonly detail: Readonly<Record<string, unknown>> },
): Failure {
  return new Failure(code, { at, found, expected, fix }, { detail });
}
