// Bans: what the rooms may not reach for. `npm run check` fails on any use.
//
// Time, randomness and environment come from outside, so that a seed replays a whole run; and the
// inner rooms load in a browser, so they import nothing of Node's and few packages. Free of both bans
// are `platform`, `cli` and the front-door files of `src`, which hand these things in, tests, and AssemblyScript,
// which sees nothing but its memory.

import { readdirSync, readFileSync } from "node:fs";
import { join, resolve, sep } from "node:path";

import { importsOf, withoutComments } from "./imports.ts";

/** The packages each inner room may import. A room that stands here is under both bans. */
export const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  base: [],
  layout: [],
  tensor: [],
  rope: [],
  reference: [],
  ring: [],
  executor: [],
  message: [],
  bridge: [],
  runtime: [],
  monitor: [],
  sandbox: [],
  bypass: [],
  model: [],
  testing: [],
  pack: ["semver", "zod"],
};

const BANNED: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/\bDate\s*\.\s*now\b/g, "Date.now"],
  [/\bnew\s+Date\s*(?:\(\s*\)|(?=[;,)\s]))/g, "new Date()"],
  [/\bperformance\s*\.\s*now\b/g, "performance.now"],
  [/\bMath\s*\.\s*random\b/g, "Math.random"],
  [/\bgetRandomValues\b/g, "getRandomValues"],
  [/\brandomUUID\b/g, "randomUUID"],
  [/\bprocess\b\s*[.[?]/g, "process"],
];

export interface Ban {
  /** Relative to `src`, with the line of the use: "pack/keys.ts:12". */
  readonly at: string;
  readonly name: string;
}

/** Every banned use in the rooms under `source`. */
export function bansIn(source: string): Ban[] {
  return readdirSync(source, { recursive: true, encoding: "utf8" })
    .map((file) => file.split(sep).join("/"))
    .filter((file) => file.endsWith(".ts") && !/\.(?:test|fixture|as)\.ts$/.test(file))
    .toSorted()
    .flatMap((file) => bansOf(file, readFileSync(join(source, file), "utf8")));
}

/** The banned uses of one file, named relative to `src`. */
export function bansOf(file: string, text: string): Ban[] {
  const [room, ...rest] = file.split("/");
  const packages = rest.length === 0 ? undefined : PACKAGES[room!];
  if (packages === undefined) return [];
  const code = withoutComments(text);
  const uses = BANNED.flatMap(([pattern, name]) =>
    [...code.matchAll(pattern)].map((match) => ({ at: `${file}:${lineOf(code, match)}`, name })),
  );
  const imports = importsOf(code)
    .filter((specifier) => !specifier.startsWith(".") && !packages.includes(specifier))
    .map((specifier) => ({ at: file, name: `import of "${specifier}"` }));
  return [...uses, ...imports];
}

function lineOf(text: string, match: RegExpExecArray): number {
  return text.slice(0, match.index).split("\n").length;
}

if (import.meta.main) {
  const bans = bansIn(resolve(import.meta.dirname, "../src"));
  for (const { at, name } of bans) console.error(`src/${at}: ${name} is not for this room`);
  console.log(`bans: ${bans.length} uses`);
  process.exitCode = bans.length === 0 ? 0 : 1;
}
