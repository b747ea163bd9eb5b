// Random modules: what the rewriter makes of them is valid to every judge and runs the same.
// `npm run test:long` runs many more.

import binaryen from "binaryen";
import { beforeAll, describe, expect, test } from "vitest";

import { Failure } from "../../src/base/mod.ts";
import { decode } from "../../src/sandbox/decode.ts";
import { instrument, type InstrumentOptions } from "../../src/sandbox/instrument.ts";
import { random } from "../../tools/fuzz/random.ts";
import { expectSameBoundaries, expectTransparent, moduleOfSeed, OPTIONS } from "./random.ts";

const SEED = 20_260_000;
const MODULES = 40;

describe("Of random modules", () => {
  const modules: Uint8Array<ArrayBuffer>[] = [];
  beforeAll(async () => {
    for (let i = 0; i < MODULES; i++) modules.push(await moduleOfSeed(SEED + i));
  }, 120_000);

  test("every one is valid, and together they use what the rewriter must know", () => {
    expect(modules.every((bytes) => WebAssembly.validate(bytes))).toBe(true);
    const used = new Set(modules.flatMap((bytes) => [...decode(bytes).features.keys()]));
    for (const feature of ["simd", "threads", "exceptions", "legacy-exceptions", "gc", "memory64"])
      expect([...used]).toContain(feature);
  });

  test("decode() reads the instructions that V8 reads", () => {
    const checked = modules.map((bytes, i) => expectSameBoundaries(bytes, SEED + i));
    expect(checked.reduce((sum, count) => sum + count)).toBeGreaterThan(MODULES);
  });

  test("instrument() keeps results, traps and their places, memories, globals and tables", () => {
    const compared = modules.map((bytes, i) =>
      expectTransparent(
        bytes,
        `seed ${SEED + i}`,
        OPTIONS.filter((_, way) => way % 3 === i % 3),
      ),
    );
    expect(compared.reduce((sum, count) => sum + count)).toBeGreaterThan(MODULES * 2);
  });

  test("instrument() makes modules that binaryen takes for valid", () => {
    for (const [i, bytes] of modules.entries()) {
      if (i % 5 !== 0) continue;
      for (const options of OPTIONS)
        for (const rewritten of rewrittenBy(bytes, options))
          expect(binaryenTakes(rewritten)).toBe(true);
    }
  });

  test("instrument() of a module that V8 refuses fails or is refused by V8", () => {
    const next = random(SEED);
    let refused = 0;
    for (const bytes of modules)
      for (let turn = 0; turn < 20; turn++) {
        const broken = bytes.slice();
        const at = 8 + (next() % (bytes.length - 8));
        broken[at] = next() % 3 === 0 ? broken[at]! ^ 1 : next() & 0xff;
        if (WebAssembly.validate(broken)) continue;
        refused++;
        for (const rewritten of rewrittenBy(broken, OPTIONS[next() % OPTIONS.length]!))
          expect({ at, valid: WebAssembly.validate(rewritten) }).toEqual({ at, valid: false });
      }
    expect(refused).toBeGreaterThan(MODULES);
  });
});

/** What `instrument` makes of `bytes`: nothing where it fails. */
function rewrittenBy(bytes: Uint8Array, options: InstrumentOptions): Uint8Array<ArrayBuffer>[] {
  try {
    return [instrument(bytes, options).bytes];
  } catch (error) {
    if (error instanceof Failure) return [];
    throw error;
  }
}

/** Its types lack the second parameter; without it only what WebAssembly began with is read. */
const read = binaryen.readBinary as (bytes: Uint8Array, features: number) => binaryen.Module;

function binaryenTakes(bytes: Uint8Array): boolean {
  const module = read(bytes, binaryen.Features.All);
  try {
    return module.validate() === 1;
  } finally {
    module.dispose();
  }
}
