import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

import { afterEach, expect, test } from "vitest";

import { breaches, LAYERS } from "./layers.ts";

const folders: string[] = [];
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })));

/** What is wrong with a `src` of these files, each as "file: why". */
function verdicts(files: Readonly<Record<string, string>>): string[] {
  const root = mkdtempSync(join(tmpdir(), "annulus-layers-"));
  folders.push(root);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return breaches(root).map(({ file, why }) => `${file}: ${why}`);
}

test("breaches() finds none in this repository", () => {
  expect(breaches(resolve(import.meta.dirname, "../src"))).toEqual([]);
});

test("breaches() accepts arrows of the table, through doors, and any file of one's own room", () => {
  expect(
    verdicts({
      "base/mod.ts": `export { a } from "./a.ts";`,
      "base/a.ts": `export const a = 1;`,
      "pack/mod.ts": `import { a } from "../base/mod.ts";\nexport const pack = a;`,
      "platform/node/mod.ts": `import { pack } from "../../pack/mod.ts";\nexport const node = pack;`,
      "index.node.ts": `import { node } from "./platform/node/mod.ts";\nexport { node };`,
      "pack/pack.test.ts": `import "../sandbox/deep.ts";`,
      "ring/core.ts": "export const ring = 1;",
      "runtime/mod.ts": `import { ring } from "../ring/core.ts";\nexport const runtime = ring;`,
    }),
  ).toEqual([]);
});

test.each([
  ["import", `import { x } from "../sandbox/mod.ts";`],
  ["type import", `import type { X } from "../sandbox/mod.ts";`],
  ["import of several lines", `import {\n  x,\n  y,\n} from "../sandbox/mod.ts";`],
  ["import for its effect", `import "../sandbox/mod.ts";`],
  ["re-export", `export * from "../sandbox/mod.ts";`],
  ["import in single quotes", `import { x } from '../sandbox/mod.ts';`],
  ["call of import()", `const late = await import("../sandbox/mod.ts");`],
  ["type of import()", `type X = import("../sandbox/mod.ts").X;`],
])("breaches() finds a forbidden arrow made by an %s", (_, line) => {
  const files = { "pack/mod.ts": line, "sandbox/mod.ts": "export const x = 1;" };
  expect(verdicts(files)).toEqual(["pack/mod.ts: pack may not open sandbox"]);
});

test("breaches() finds an arrow from a room that is not in the table", () => {
  const files = { "attic/mod.ts": `import "../base/mod.ts";`, "base/mod.ts": "" };
  expect(verdicts(files)).toEqual(["attic/mod.ts: attic may not open base"]);
});

test("breaches() finds a door gone round", () => {
  const files = {
    "base/mod.ts": "",
    "base/deep.ts": "",
    "pack/mod.ts": `import "../base/deep.ts";`,
    "platform/node/mod.ts": "",
    "platform/node/thread.ts": "",
    "cli/main.ts": `import "../platform/node/thread.ts";`,
  };
  expect(verdicts(files)).toEqual([
    "cli/main.ts: goes round the door of platform",
    "pack/mod.ts: goes round the door of base",
  ]);
});

test("breaches() finds an import that leaves src", () => {
  expect(verdicts({ "base/mod.ts": `import "../../tools/x.ts";` })).toEqual([
    "base/mod.ts: leaves src",
  ]);
});

test("breaches() finds a cycle among the files of one room, but not among types", () => {
  const files = {
    "base/a.ts": `import { b } from "./b.ts";\nexport const a = b;`,
    "base/b.ts": `import { c } from "./c.ts";\nexport const b = c;`,
    "base/c.ts": `import { a } from "./a.ts";\nexport const c = a;`,
  };
  expect(verdicts(files)).toEqual(["base/c.ts: closes a cycle"]);
  const typed = { ...files, "base/c.ts": `import type { A } from "./a.ts";\nexport const c = 1;` };
  expect(verdicts(typed)).toEqual([]);
});

test("breaches() reads no arrow from a comment", () => {
  const prose = `// import { x } from "../sandbox/mod.ts";\n/*\nimport "../sandbox/mod.ts";\n*/`;
  expect(verdicts({ "pack/mod.ts": prose, "sandbox/mod.ts": "" })).toEqual([]);
});

test("LAYERS points down only: no room can reach itself", () => {
  const reach = (room: string, seen: Set<string>): Set<string> => {
    for (const next of LAYERS[room] ?? []) if (!seen.has(next)) reach(next, seen.add(next));
    return seen;
  };
  for (const room of Object.keys(LAYERS)) expect(reach(room, new Set()).has(room)).toBe(false);
});
