// Scripts in the format of WebAssembly's own test suite, run with modules as they are and rewritten.
//
// Those in `wast` are the project's. The official suite is not part of this repository; where a copy
// is at hand, its scripts run too:
//
//   ANNULUS_TESTSUITE=../testsuite npx vitest run test/rewriter/spec.test.ts

import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";

import { OPTIONS } from "./random.ts";
import { canRewrite, type Notes, runScript, withoutNanBits } from "./run-script.ts";
import { readScript, type Script } from "./wast.ts";

const OWN = join(import.meta.dirname, "wast");
const OFFICIAL = process.env["ANNULUS_TESTSUITE"];

describe.each(scriptsIn(OWN))("%s", (_, path) => {
  const script = readScript(readFileSync(path, "utf8"));
  const plain = runScript(script, undefined);

  test("holds as it is written", () => {
    expect(plain.broken).toEqual([]);
    expect(plain.held).toBeGreaterThan(5);
    expect(plain.skipped).toBe(0);
  });

  test("comes to the same when its modules are rewritten, in every way that they can be", () => {
    expectSame(script, plain);
  });
});

describe.runIf(OFFICIAL !== undefined)("The official test suite", () => {
  test.each(OFFICIAL === undefined ? [] : scriptsIn(OFFICIAL))("%s", (_, path) => {
    const script = readScript(readFileSync(path, "utf8"));
    expectSame(script, runScript(script, undefined));
  });
});

function scriptsIn(folder: string): [name: string, path: string][] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".wast"))
    .toSorted()
    .map((file) => [basename(file, ".wast"), join(folder, file)]);
}

function expectSame(script: Script, plain: Notes): void {
  let ways = 0;
  for (const options of OPTIONS) {
    if (!canRewrite(script, options)) continue;
    ways++;
    const { lines } = runScript(script, { ...options, memoryPagesMax: 65_536 });
    const seen = options.interrupt === "fuel" ? withoutNanBits : String; // Fuel makes NaNs the same.
    expect({ options, lines: lines.map(seen) }).toEqual({ options, lines: plain.lines.map(seen) });
  }
  expect(ways).toBeGreaterThan(0);
}
