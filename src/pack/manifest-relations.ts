// Manifest relations: the rules between parts of a manifest that each look right by themselves.
//
// The manifest's own relations are also checked when an entry is at fault, so that one reading tells
// the author everything. They therefore trust no type, and look only at what has the expected form.

import { compare, parse } from "semver";
import type { z } from "zod";
import type { RuleCode } from "./rules.ts";

type Context = z.core.$RefinementCtx;

interface TensorNames {
  readonly name: string;
  readonly shape: readonly (string | number)[];
}

interface KernelNames {
  readonly inputs: readonly TensorNames[];
  readonly outputs: readonly TensorNames[];
  readonly scratch?: readonly TensorNames[] | undefined;
  readonly gradients?: readonly string[] | undefined;
  readonly variants?: readonly { readonly id: string }[] | undefined;
}

/** Names and ids are unique within each list, and scratch memory has a size that the call's shapes decide. */
export function relationsOfKernel(kernel: KernelNames, context: Context): void {
  const { inputs, outputs, scratch = [] } = kernel;
  for (const [list, tensors] of Object.entries({ inputs, outputs, scratch })) {
    const seen = new Set<string>();
    tensors.forEach(({ name }, index) => {
      if (seen.has(name)) refuse(context, "NAME_DUPLICATE", [list, index, "name"], name);
      seen.add(name);
    });
  }
  gradientsOf(kernel, context);
  const ids = new Set<string>();
  kernel.variants?.forEach(({ id }, index) => {
    if (ids.has(id)) refuse(context, "VARIANT_ID_DUPLICATE", ["variants", index, "id"], id);
    ids.add(id);
  });
  const dims = new Set([...inputs, ...outputs].flatMap(({ shape }) => shape));
  scratch.forEach(({ shape }, index) => {
    shape.forEach((dim, axis) => {
      if (typeof dim === "number" || dims.has(dim)) return;
      refuse(context, "SCRATCH_DIM_UNKNOWN", ["scratch", index, "shape", axis], dim);
    });
  });
}

/** Ids are unique, one path has one hash, the runtime window is not empty, and fallbacks end. */
export function relationsOfManifest(manifest: unknown, context: Context): void {
  const kernels = listOf(field(manifest, "kernels"));
  uniqueIds(kernels, context);
  onePathOneHash(kernels, context);
  runtimeWindow(manifest, context);
  const ids = new Set(kernels.map((kernel) => field(kernel, "id")));
  const fallbacks = Object.entries(field(manifest, "fallbacks") ?? {});
  for (const [from] of fallbacks) {
    if (!ids.has(from)) refuse(context, "FALLBACK_FROM_UNKNOWN", ["fallbacks", from], from);
  }
  cycles(new Map(fallbacks), context);
}

function uniqueIds(kernels: readonly unknown[], context: Context): void {
  const seen = new Set<unknown>();
  kernels.forEach((kernel, index) => {
    const id = field(kernel, "id");
    if (typeof id !== "string") return;
    if (seen.has(id)) refuse(context, "KERNEL_ID_DUPLICATE", ["kernels", index, "id"], id);
    seen.add(id);
  });
}

/** Gradients are of inputs, each once, and the tensors of the backward call have names of their own. */
function gradientsOf({ inputs, outputs, gradients = [] }: KernelNames, context: Context): void {
  const names = new Set(inputs.map(({ name }) => name));
  const seen = new Set<string>();
  gradients.forEach((name, index) => {
    if (!names.has(name)) refuse(context, "GRADIENT_UNKNOWN", ["gradients", index], name);
    if (seen.has(name)) refuse(context, "NAME_DUPLICATE", ["gradients", index], name);
    seen.add(name);
  });
  if (gradients.length === 0) return;
  const taken = outputs.find(({ name }) => names.has(`d${name}`));
  if (taken !== undefined) refuse(context, "GRADIENT_NAME_TAKEN", ["gradients"], `d${taken.name}`);
}

/** Two kernels, or two variants, may share a module, but then they name the same bytes. */
function onePathOneHash(kernels: readonly unknown[], context: Context): void {
  const hashes = new Map<unknown, unknown>();
  const compareHash = (module: unknown, at: (string | number)[]): void => {
    const [path, hash] = [field(module, "path"), field(module, "hash")];
    if (typeof path !== "string" || typeof hash !== "string") return;
    const known = hashes.get(path) ?? hash;
    if (known !== hash) refuse(context, "PATH_CONFLICT", [...at, "path"], path);
    hashes.set(path, known);
  };
  kernels.forEach((kernel, index) => {
    compareHash(kernel, ["kernels", index]);
    listOf(field(kernel, "variants")).forEach((variant, at) =>
      compareHash(variant, ["kernels", index, "variants", at]),
    );
  });
}

function runtimeWindow(manifest: unknown, context: Context): void {
  const lowest = versionOf(field(manifest, "min_runtime_version"));
  const highest = versionOf(field(manifest, "max_runtime_version"));
  if (lowest === null || highest === null || compare(lowest, highest) <= 0) return;
  refuse(context, "RUNTIME_WINDOW_EMPTY", ["max_runtime_version"], highest.version);
}

/** Each kernel has at most one fallback, so a walk that meets itself has found a cycle. */
function cycles(fallbacks: ReadonlyMap<string, unknown>, context: Context): void {
  const walkOf = new Map<unknown, number>();
  let walk = 0;
  for (const start of fallbacks.keys()) {
    walk++;
    let at: unknown = start;
    while (typeof at === "string" && fallbacks.has(at) && !walkOf.has(at)) {
      walkOf.set(at, walk);
      at = fallbacks.get(at);
    }
    if (typeof at === "string" && walkOf.get(at) === walk) {
      refuse(context, "FALLBACK_CYCLE", ["fallbacks", at], fallbacks.get(at));
    }
  }
}

function refuse(
  context: Context,
  message: RuleCode,
  path: (string | number)[],
  input: unknown,
): void {
  context.addIssue({ code: "custom", message, path, input });
}

function field(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string, unknown>)[key];
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function versionOf(value: unknown) {
  return typeof value === "string" ? parse(value) : null;
}
