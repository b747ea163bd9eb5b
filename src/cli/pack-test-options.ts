// Pack test options: what `annulus pack test` takes, and the references that an author brings.

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Command } from "commander";
import { Failure, type Reference, type References } from "../base/mod.ts";
import { REFERENCES } from "../reference/mod.ts";
import { CASES_DEFAULT, CORE_HINTS, type CorpusHints, SEED_DEFAULT } from "../testing/mod.ts";
import { wholeNumber } from "./assignments.ts";
import type { Io } from "./io.ts";
import { type TrustOptions, withTrustOptions } from "./pack-verify.ts";

export interface TestOptions extends TrustOptions {
  readonly kernel?: readonly string[];
  readonly seed: number;
  readonly cases: number;
  readonly certificates?: string;
  readonly references?: string;
}

/** A million cases of the largest kernel take some hours. */
const CASES_MAX = 1_000_000;
const U32_MAX = 2 ** 32 - 1;

export function withTestOptions(command: Command): Command {
  command
    .option("--kernel <id...>", "test these only; without it, every kernel of the pack")
    .option("--seed <n>", "draw another corpus", wholeNumber(0, U32_MAX), SEED_DEFAULT)
    .option("--cases <n>", "calls per kernel", wholeNumber(1, CASES_MAX), CASES_DEFAULT)
    .option("--certificates <folder>", "write what was found, one file per kernel and variant")
    .option("--references <file>", "a module that exports `references`, which is run");
  return withTrustOptions(command).addHelpText("after", HELP);
}

/** What judges the kernels of a pack, and what their inputs must be, by reference or kernel. */
export interface Judges {
  readonly references: References;
  readonly hints: ReadonlyMap<string, CorpusHints>;
}

/** This host's own references, and those of the author's module. Fails with INPUT_UNREADABLE. */
export async function judgesOf(io: Io, file: string | undefined): Promise<Judges> {
  if (file === undefined) return { references: REFERENCES, hints: CORE_HINTS };
  const url = pathToFileURL(resolve(io.cwd, file)).href;
  const module: unknown = await import(url).catch((cause: unknown) => {
    throw unusable(file, `a module that does not load: ${String(cause)}`, cause);
  });
  const { references, hints = {} } = module as { references?: unknown; hints?: unknown };
  if (references === undefined) throw unusable(file, "a module that exports no `references`");
  const own = entriesOf<Reference>(references);
  if (own.some(([, reference]) => typeof reference !== "function"))
    throw unusable(file, "a reference that is no function");
  return {
    references: new Map([...REFERENCES, ...own]),
    hints: new Map([...CORE_HINTS, ...entriesOf<CorpusHints>(hints)]),
  };
}

/** The entries of a Map or of an object. */
function entriesOf<Value>(listed: unknown): readonly (readonly [string, Value])[] {
  if (listed instanceof Map) return [...(listed as ReadonlyMap<string, Value>)];
  return Object.entries((listed ?? {}) as Readonly<Record<string, Value>>);
}

function unusable(at: string, found: string, cause?: unknown): Failure {
  const facts = {
    at,
    found,
    expected: "a module exporting `references`: a Map or an object of functions by name",
    fix: "Correct the file; docs/reference/certificates.md shows one.",
  };
  return new Failure("INPUT_UNREADABLE", facts, cause === undefined ? {} : { cause });
}

const HELP = `
Without a pack the core pack of this package is tested.

Each kernel runs on a corpus drawn from its manifest and the seed, and is compared with the reference
at the end of its fallbacks, or the one under its own id. A kernel that promises no accuracy, or has no
reference, is untested; that is not a pass. Every variant that this engine can run is tested.

Examples:
  annulus pack test --allow-unsigned
  annulus pack test my-pack --trust my-trust.json --references references.ts --certificates out
  annulus pack test my-pack --trust my-trust.json --kernel scale_f32 --seed 7 --cases 5000

Exit codes: 0 every kernel passed, 1 some are untested, 2 usage or unreadable input, 3 pack refused,
4 a kernel failed.
`;
