// Build: makes the files of a pack from its source. The same source gives the same bytes, wherever it
// lies and whenever it is built: nothing here looks at a clock, a folder's name or an environment.

import { Failure, PACK_LIMITS } from "../base/mod.ts";
import { kernelHash } from "./digest.ts";
import { fileTooLarge } from "./files.ts";
import { type Json, parseJson, printJson } from "./json.ts";
import { checked, parseManifest, printManifest } from "./manifest.ts";
import { type KernelSource, type PackSource, packSourceSchema } from "./manifest-schema.ts";
import { MANIFEST_PATH } from "./path.ts";

export interface BuildSeams {
  /** Reads a prebuilt module by its path in the source folder. */
  readonly read: (path: string) => Promise<Uint8Array>;
  /** Compiles a kernel, or a variant of one, that names a `source`. */
  readonly compile: (module: ModuleSource & { readonly source: string }) => Promise<Uint8Array>;
  /** The features that a module uses; without it, none are filled in. */
  readonly features?: ((module: Uint8Array) => readonly string[]) | undefined;
  /** The public key of whoever will sign; it replaces the author's in the source. */
  readonly signingKey?: string | undefined;
}

/** A module before it is built. */
export interface ModuleSource {
  /** The kernel's. */
  readonly id: string;
  readonly path: string;
  readonly source?: string | undefined;
  /** What it may use: as a variant declares it, undefined for a kernel's baseline. */
  readonly features?: readonly string[] | undefined;
}

/** The oldest Node that this runtime supports: what a kernel needs whose source names no platform. */
const NODE_MIN_VERSION = "24.0.0";

/** The files of the pack by their paths, `kernels.json` first. Fails with PACK_SOURCE_INVALID. */
export async function buildPack(
  source: PackSource,
  seams: BuildSeams,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const draft = checkedSource(source);
  const modules = await builtModules(draft.kernels, seams);
  const kernels = [];
  for (const { source: _source, ...kernel } of draft.kernels) {
    const module = modules.get(kernel.path)!;
    const platforms = platformsOf(kernel.platforms, module, seams);
    const variants = await variantsOf(kernel.variants, modules, seams);
    kernels.push({ ...kernel, ...variants, hash: await kernelHash(module), platforms });
  }
  const signing_key = seams.signingKey ?? draft.author.signing_key ?? "";
  const manifest = { ...draft, author: { ...draft.author, signing_key }, kernels };
  const printed = new TextEncoder().encode(printManifest(asManifest(manifest)));
  return new Map([[MANIFEST_PATH, printed], ...[...modules].toSorted(byPath)]);
}

/**
 * The source as `buildPack` reads it: a copy, as if read from JSON, so that one with functions or cycles
 * fails. Fails with PACK_SOURCE_INVALID.
 */
export function checkedSource(source: PackSource) {
  return retold(() => checked(packSourceSchema, roundTrip(source)));
}

type DraftKernel = ReturnType<typeof checkedSource>["kernels"][number];

function asManifest(manifest: object) {
  return retold(() => parseManifest(printJson(manifest)));
}

function roundTrip(value: unknown): Json {
  return parseJson(printJson(value));
}

/** Whoever builds a pack wrote a source, so a fault of the manifest is told as one of the source. */
function retold<Value>(check: () => Value): Value {
  try {
    return check();
  } catch (cause) {
    if (!(cause instanceof Failure)) throw cause;
    const { at = "the source", found, expected, fix, issues } = cause;
    throw new Failure("PACK_SOURCE_INVALID", { at, found, expected, fix }, { cause, issues });
  }
}

/** Every module by its path, each built once. Two that share a path must be built from the same. */
async function builtModules(
  kernels: readonly DraftKernel[],
  seams: BuildSeams,
): Promise<Map<string, Uint8Array>> {
  const modules = new Map<string, Uint8Array>();
  const origins = new Map<string, string>();
  for (const { id, path, source, variants = [] } of kernels) {
    const drafts: ModuleSource[] = [{ path, source }, ...variants].map((draft) => ({
      ...draft,
      id,
    }));
    for (const module of drafts) {
      const origin = JSON.stringify([module.source, module.features]);
      if ((origins.get(module.path) ?? origin) !== origin) throw contested(id, module.path);
      origins.set(module.path, origin);
      if (!modules.has(module.path)) modules.set(module.path, await moduleOf(module, seams));
    }
  }
  return modules;
}

async function moduleOf(draft: ModuleSource, seams: BuildSeams): Promise<Uint8Array> {
  const { id, path, source, features } = draft;
  const module =
    source === undefined
      ? await seams.read(path)
      : await seams.compile({ id, path, source, features });
  if (module.length > PACK_LIMITS.kernelBytesMax) {
    throw fileTooLarge(path, module.length, PACK_LIMITS.kernelBytesMax);
  }
  return new Uint8Array(module);
}

/** The variants with their hashes, and the features that each uses where the source names none. */
async function variantsOf(
  drafts: DraftKernel["variants"],
  modules: ReadonlyMap<string, Uint8Array>,
  { features: featuresOf = () => [] }: BuildSeams,
) {
  if (drafts === undefined) return {};
  const variants = [];
  for (const { source: _source, ...variant } of drafts) {
    const module = modules.get(variant.path)!;
    const features = variant.features ?? [...featuresOf(module)].toSorted();
    variants.push({ ...variant, hash: await kernelHash(module), features });
  }
  return { variants };
}

type Platforms = NonNullable<KernelSource["platforms"]>;

/** What the source says, with the features that the module uses where it names none for Node. */
function platformsOf(
  platforms: Platforms,
  module: Uint8Array,
  { features }: BuildSeams,
): Platforms {
  const { node } = platforms;
  if (features === undefined || (node?.features ?? []).length > 0) return platforms;
  const min_version = node?.min_version ?? NODE_MIN_VERSION;
  return {
    ...platforms,
    node: { ...node, min_version, features: [...features(module)].toSorted() },
  };
}

function byPath([one]: readonly [string, unknown], [two]: readonly [string, unknown]): number {
  return one < two ? -1 : 1;
}

function contested(kernel: string, path: string): Failure {
  return new Failure("PACK_SOURCE_INVALID", {
    at: `kernel ${kernel}`,
    found: `the path ${path}, which another module builds from another source`,
    expected: "one source for one path",
    fix: "Give one of the modules another path.",
  });
}
