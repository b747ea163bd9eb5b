// Scripts in the format of WebAssembly's own test suite, run with modules as they are and rewritten.
//
// Those in `wast` are the project's. The official suite is not part of this repository; where a copy
// is at hand, its scripts run too:
//
//   ANNULUS_TESTSUITE=../testsuite npx vitest run test/rewriter/spec.test.ts

import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";

import { Failure } from "../../src/base/mod.ts";
import { decode } from "../../src/sandbox/decode.ts";
import { instrument } from "../../src/sandbox/instrument.ts";
import { isValidToWabt } from "../../src/sandbox/wasm.fixture.ts";
import { OPTIONS } from "./random.ts";
import { canRewrite, type Notes, runScript, withoutNanBits } from "./run-script.ts";
import { bytesOf, readScript, type Script } from "./wast.ts";

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

test("Modules that wabt takes for valid it takes for valid when they are rewritten", () => {
  let judged = 0;
  for (const bytes of scriptsIn(OWN).flatMap(([, path]) => modulesOf(path))) {
    if (!knownToWabt(bytes)) continue;
    for (const options of OPTIONS) {
      // What it validates may have neither shared nor several memories, as the other ways do.
      if (options.interrupt === "epoch" || options.memory === "host") continue;
      try {
        expect(isValidToWabt(instrument(bytes, options).bytes)).toBe(true);
        judged++;
      } catch (error) {
        if (!(error instanceof Failure) || error.code !== "MODULE_UNSUPPORTED") throw error;
      }
    }
  }
  expect(judged).toBeGreaterThan(40);
});

describe.runIf(OFFICIAL !== undefined)("The official test suite", () => {
  test.each(OFFICIAL === undefined ? [] : scriptsIn(OFFICIAL))("%s", (_, path) => {
    const script = readScript(readFileSync(path, "utf8"));
    expectSame(script, runScript(script, undefined));
  });
});

function modulesOf(path: string): Uint8Array<ArrayBuffer>[] {
  const script = readScript(readFileSync(path, "utf8"));
  return script.commands.flatMap((command) => {
    const bytes = command.do === "module" ? bytesOf(script, command.form) : undefined;
    return bytes !== undefined && WebAssembly.validate(bytes) ? [bytes] : [];
  });
}

/** wabt reads neither garbage collection nor typed references: there it is no judge. */
function knownToWabt(bytes: Uint8Array): boolean {
  const { features } = decode(bytes);
  return !features.has("gc") && !features.has("function-references") && isValidToWabt(bytes);
}

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
