import { resolve } from "node:path";

import { expect, test } from "vitest";

import { bansIn, bansOf, PACKAGES } from "./bans.ts";
import { LAYERS } from "./layers.ts";

const names = (file: string, text: string): string[] => bansOf(file, text).map(({ name }) => name);

test("bansIn() finds none in this repository", () => {
  expect(bansIn(resolve(import.meta.dirname, "../src"))).toEqual([]);
});

test.each([
  ["Date.now", "const t = Date.now();"],
  ["Date.now", "const clock = Date\n  .now;"],
  ["new Date()", "const d = new Date();"],
  ["new Date()", "const d = new Date;"],
  ["performance.now", "const t = performance.now();"],
  ["performance.now", "const t = globalThis.performance.now();"],
  ["Math.random", "const r = Math.random();"],
  ["getRandomValues", "crypto.getRandomValues(bytes);"],
  ["randomUUID", "crypto.randomUUID();"],
  ["process", "const e = process.env.HOME;"],
  ["process", 'const e = process["env"];'],
  ["process", "const e = globalThis.process?.env;"],
  [`import of "node:fs"`, `import { readFileSync } from "node:fs";`],
  [`import of "node:os"`, `const os = await import("node:os");`],
  [`import of "zod"`, `import { z } from "zod";`],
])("bansOf() finds %s in %j", (name, text) => {
  expect(names("sandbox/x.ts", text)).toEqual([name]);
});

test("bansOf() names the line of each use", () => {
  const text = "// Math.random\n/* Math.random\n*/ Math.random();\nMath.random();\n";
  expect(bansOf("base/x.ts", text).map(({ at }) => at)).toEqual(["base/x.ts:3", "base/x.ts:4"]);
});

test.each([
  ["a date that is given", "new Date(milliseconds)"],
  ["prose", "// Never Date.now(): the clock is passed in.\n/** process.env */"],
  ["a longer name", "subprocess.start(); preprocess[0]; myMath.random2();"],
  ["a file of the room", `import { x } from "./x.ts";`],
])("bansOf() lets %s be", (_, text) => {
  expect(names("base/x.ts", text)).toEqual([]);
});

test("bansOf() lets platform, cli and front-door files do what they are for", () => {
  const text = `import { env } from "node:process";\nMath.random(Date.now());`;
  for (const file of ["platform/node/clock.ts", "cli/main.ts", "index.node.ts"]) {
    expect(names(file, text)).toEqual([]);
  }
});

test("bansOf() lets pack use its two packages and no other", () => {
  expect(names("pack/x.ts", `import { z } from "zod";\nimport { gt } from "semver";`)).toEqual([]);
  expect(names("pack/x.ts", `import { z } from "commander";`)).toEqual([`import of "commander"`]);
});

test("PACKAGES lists every room of the layers but those that hand things in", () => {
  const free = ["platform", "cli", "."];
  const inner = Object.keys(LAYERS).filter((room) => !free.includes(room));
  expect(Object.keys(PACKAGES).toSorted()).toEqual(inner.toSorted());
});
