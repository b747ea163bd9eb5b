// docs/reference/regressions.md names a test for every defect of upstream; here they are looked up.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const ROW = /^\| .+ \| `(.+)` \| `(.+)` \|$/;

const read = (path: string) => readFile(join(ROOT, path), "utf8");

const table = (await read("docs/reference/regressions.md")).split("\n");
const rows = table.flatMap((line) => {
  const [, name, file] = ROW.exec(line) ?? [];
  return name === undefined || file === undefined ? [] : [[name, file] as const];
});

test("every row of the regressions names a test and a file, and no test stands there twice", () => {
  const lines = table.filter((line) => line.startsWith("| ") && !line.startsWith("| upstream |"));
  expect(rows.length).toBe(lines.length);
  expect(rows.length).toBeGreaterThan(40);
  expect(new Set(rows.map(([name]) => name)).size).toBe(rows.length);
});

test.each(rows)("%s is a test of %s", async (name, file) => {
  expect(await read(file)).toContain(`${name}"`);
});
