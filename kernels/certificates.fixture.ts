// Certificates fixture: the kernels of the committed pack, each with its judge, ready to be tested.

import { fileURLToPath } from "node:url";
import type { Reference } from "../src/base/mod.ts";
import { loadPack } from "../src/pack.node.ts";
import { PRESETS, Sandbox } from "../src/sandbox.node.ts";
import {
  CORE_HINTS,
  type CorpusHints,
  referenceOf,
  REFERENCES,
  type TestKernel,
} from "../src/testing.node.ts";

const PACKED = fileURLToPath(new URL("../packs/core", import.meta.url));

const pack = await loadPack(PACKED, {
  trust: { keys: [] },
  allowUnsigned: true,
  references: new Set(REFERENCES.keys()),
});
/** What the modules for small devices compute is judged with a server's memory and time. */
const { memoryBytesMax, epochTickMs, budgetTicksDefault, budgetTicksMax } = PRESETS.server;
const SERVERS_MEANS = {
  memoryBytesMax: memoryBytesMax.value,
  epochTickMs: epochTickMs.value,
  budgetTicksDefault: budgetTicksDefault.value,
  budgetTicksMax: budgetTicksMax.value,
};
/** Between them they run every variant that this engine can. */
const sandboxes = [
  await Sandbox.create({ variant: "baseline" }),
  await Sandbox.create(),
  await Sandbox.create({ preset: "embedded", limits: SERVERS_MEANS }),
];

export async function endCore(): Promise<void> {
  for (const sandbox of sandboxes) await sandbox[Symbol.asyncDispose]();
}

export const CORE_KERNELS = pack.kernels.map(({ entry }) => entry.id);

interface Subject {
  readonly tested: TestKernel;
  readonly reference: Reference;
  readonly hints: CorpusHints | undefined;
}

/** A kernel in each of its variants, the baseline first. */
export async function subjectOf(id: string): Promise<readonly Subject[]> {
  const verified = pack.kernel(id);
  const { name, reference } = referenceOf(pack, id, REFERENCES)!;
  const subjects = new Map<string, Subject>();
  const hasSmall = verified.modules.some(({ features }) => !features.includes("simd"));
  for (const sandbox of hasSmall ? sandboxes : sandboxes.slice(0, 2)) {
    const kernel = await sandbox.load(verified);
    if (subjects.has(kernel.variant)) continue;
    const tested = { verified, kernel, sandbox: Sandbox.create };
    subjects.set(kernel.variant, { tested, reference, hints: CORE_HINTS.get(name) });
  }
  return [...subjects.values()];
}

/** Those that can be fuzzed: nobody meters relaxed SIMD, and the baseline has the same source. */
export function metered(subjects: readonly Subject[]): readonly Subject[] {
  return subjects.filter(({ tested: { verified, kernel } }) => {
    const { features } = verified.modules.find(({ variant }) => variant === kernel.variant)!;
    return !features.includes("relaxed-simd");
  });
}
