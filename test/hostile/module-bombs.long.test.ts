// Modules of the largest size, made of whatever costs most to remember. Each is decoded, named and
// rewritten in a process that is given 450 MB for all its objects.

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";

import { BOMBS } from "./module-bombs.fixture.ts";

test.each(Object.keys(BOMBS))("%s are taken or refused, and do not exhaust memory", (name) => {
  const script = join(import.meta.dirname, "module-bombs.fixture.ts");
  const args = ["--max-old-space-size=450", script, name];
  const printed = execFileSync(process.execPath, args, { encoding: "utf8" });
  expect(printed).toMatch(/^(?:done|MODULE_REFUSED)$/);
});
