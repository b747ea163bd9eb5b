// Resolve: from a kernel's id to the links of its chain, all of them checked and loaded before any call.

import { assert, Failure, type Issue, type References } from "../base/mod.ts";
import { type ParamField, paramsLayout } from "../layout/mod.ts";
import {
  isVerifiedPack,
  type KernelEntry,
  type VerifiedKernel,
  type VerifiedPack,
} from "../pack/mod.ts";
import type { Kernel } from "./kernel.ts";
import { exhausted, type Link, type LinkFailure } from "./fallback-links.ts";
import { mayFallBack } from "./fallback-policy.ts";
import { ReferenceLink } from "./fallback-reference.ts";

export interface ResolveOptions {
  readonly references: References;
  readonly load: (kernel: VerifiedKernel) => Promise<Kernel>;
}

export interface Resolved {
  readonly entry: KernelEntry;
  readonly links: readonly Link[];
  /** The first link's kernel, or why it does not load. */
  readonly first: Kernel | Failure;
}

/**
 * Resolves and loads the chain of kernel `id`. A kernel that does not load is a link that always fails;
 * FALLBACKS_EXHAUSTED when there is no other. FALLBACK_UNKNOWN names a reference that the host lacks,
 * FALLBACK_MISMATCH a kernel that takes or gives other tensors or params than the one it stands in for.
 */
export async function resolveChain(
  pack: VerifiedPack,
  id: string,
  { references, load }: ResolveOptions,
): Promise<Resolved> {
  if (!isVerifiedPack(pack)) throw notVerified();
  const { entry } = pack.kernel(id);
  const known = new Set(pack.kernels.map((kernel) => kernel.entry.id));
  const names = namesFrom(id, (name) => pack.fallback(name));
  const kernels = names.filter((name) => known.has(name)).map((name) => pack.kernel(name));
  for (const other of kernels) requireSameContract(entry, other.entry);
  const end = names.slice(kernels.length).map((name) => referenceLink(name, references, entry));
  const loads = await Promise.all(kernels.map((kernel) => loaded(kernel, load)));
  const failures = loads.flatMap(({ failure }) => failure ?? []);
  if (failures.length === loads.length && end.length === 0) throw exhausted(id, failures);
  return {
    entry,
    links: [...loads.map(({ link }) => link), ...end],
    first: loads[0]!.kernel ?? loads[0]!.failure!.error,
  };
}

/** The names from `id` on. No name comes twice, whoever made the map. */
export function namesFrom(
  id: string,
  fallback: (name: string) => string | undefined,
): readonly string[] {
  const names = [id];
  for (let next = fallback(id); next !== undefined; next = fallback(next)) {
    assert(!names.includes(next), "the fallbacks of a verified pack end");
    names.push(next);
  }
  return names;
}

interface LoadedLink {
  readonly link: Link;
  readonly kernel?: Kernel;
  readonly failure?: LinkFailure;
}

async function loaded(verified: VerifiedKernel, load: ResolveOptions["load"]): Promise<LoadedLink> {
  const { id } = verified.entry;
  const name = { kind: "kernel", id } as const;
  try {
    const kernel = await load(verified);
    return { kernel, link: { ...name, run: (request) => kernel.call(request) } };
  } catch (error) {
    if (!mayFallBack(error)) throw error;
    const run = (): never => {
      throw error;
    };
    return { link: { ...name, run }, failure: { link: name, error } };
  }
}

function referenceLink(name: string, references: References, entry: KernelEntry): ReferenceLink {
  const reference = references.get(name);
  if (reference !== undefined) return new ReferenceLink(name, reference, entry);
  const known = [...references.keys()];
  throw new Failure("FALLBACK_UNKNOWN", {
    at: `kernel "${entry.id}"`,
    found: `"${name}"`,
    expected:
      known.length === 0 ? "no reference: this host has none" : `one of ${known.join(", ")}`,
    fix: "Pass the reference in `references`, or take a pack without it.",
  });
}

/** Refuses a stand-in whose callers would have to know that it is one. */
function requireSameContract(kernel: KernelEntry, standIn: KernelEntry): void {
  const [expected, found] = [contractOf(kernel), contractOf(standIn)];
  const issues: Issue[] = [...new Set([...expected.keys(), ...found.keys()])]
    .filter((at) => expected.get(at) !== found.get(at))
    .map((at) => ({
      at,
      code: "CONTRACT_DIFFERS",
      found: found.get(at) ?? "none",
      expected: expected.get(at) ?? "none",
      fix: "Declare the same tensors and params.",
    }));
  if (issues.length === 0) return;
  throw new Failure(
    "FALLBACK_MISMATCH",
    {
      at: `kernel "${kernel.id}", fallback "${standIn.id}"`,
      found: issues.map(({ at, found: there }) => `${at}: ${there}`).join("; "),
      expected: issues.map(({ at, expected: here }) => `${at}: ${here}`).join("; "),
      fix: "Name a fallback that takes and gives what the kernel does.",
    },
    { issues, detail: { kernel: kernel.id, fallback: standIn.id } },
  );
}

/** What a caller must know of a kernel, part by part. Scratch and limits are the kernel's own. */
function contractOf(entry: KernelEntry): ReadonlyMap<string, string> {
  return new Map([
    ...entry.inputs.map((input) => [`input ${input.name}`, tensorText(input)] as const),
    ...entry.outputs.map((output) => [`output ${output.name}`, tensorText(output)] as const),
    ...paramsLayout(entry).params.map(
      (field) => [`param ${field.name}`, paramText(field)] as const,
    ),
  ]);
}

function tensorText({ dtype, shape }: KernelEntry["inputs"][number]): string {
  return `${dtype}[${shape.join(", ")}]`;
}

function paramText({ type, default: usual, min, max, values }: ParamField): string {
  const named = [...values].map(([name, value]) => `${name}=${value}`).toSorted();
  return [type, usual, min, max, ...named].map(String).join(" ");
}

function notVerified(): Failure {
  return new Failure("NOT_VERIFIED", {
    at: "chain",
    found: "an object that verification did not make",
    expected: "a pack from loadPack(), whose fallbacks are signed as its kernels are",
    fix: "Call loadPack(source, { trust }) and pass what it returns.",
  });
}
