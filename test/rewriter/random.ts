// Random modules, each told by its seed, and what must hold of each.

import { expect } from "vitest";

import { Failure } from "../../src/base/mod.ts";
import { decode } from "../../src/sandbox/decode.ts";
import { Instructions } from "../../src/sandbox/instructions.ts";
import type { InstrumentOptions } from "../../src/sandbox/instrument.ts";
import type { Module } from "../../src/sandbox/module.ts";
import { random } from "../../tools/fuzz/random.ts";
import { randomModule, seededBytes } from "./binaryen-tool.ts";
import { compare } from "./compare.ts";

/** Every way to rewrite a module that has a result to compare. */
export const OPTIONS: readonly InstrumentOptions[] = (["epoch", "fuel", "none"] as const).flatMap(
  (interrupt) =>
    (["keep", "host"] as const).flatMap((memory) =>
      [{}, { stackBytes: 1 << 20 }].map((stack) => ({
        interrupt,
        memory,
        memoryPagesMax: 1000,
        ...stack,
      })),
    ),
);

/** The module of `seed`. Every other one has but one memory, of 32 bits, so that it can be hoisted. */
export async function moduleOfSeed(seed: number): Promise<Uint8Array<ArrayBuffer>> {
  const input = seededBytes(seed, 300 + (random(seed)() % 4000));
  return randomModule(input, seed % 2 === 0 ? [] : ["memory64", "multimemory"]);
}

/** True where the rewriter says that it cannot: other memories to hoist, relaxed SIMD under fuel. */
function mayRefuse(module: Module, { interrupt, memory }: InstrumentOptions): boolean {
  const hoists = memory === "host";
  const { memories, features, waitAt } = module;
  const waits = waitAt !== undefined && !memories.every(({ shared }) => shared);
  if (hoists && (memories.length > 1 || memories.some(({ wide }) => wide) || waits)) return true;
  return interrupt === "fuel" && features.has("relaxed-simd");
}

/** Rewrites in each way and runs both. Returns how many runs could be compared. */
export function expectTransparent(
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
  ways: readonly InstrumentOptions[] = OPTIONS,
): number {
  const module = decode(bytes);
  let compared = 0;
  for (const options of ways) {
    try {
      const { author, rewritten } = compare(bytes, options);
      if (author.overflowed || rewritten.overflowed) continue; // Where, is the engine's choice.
      expect({ name, options, lines: rewritten.lines }).toEqual({
        name,
        options,
        lines: author.lines,
      });
      compared++;
    } catch (error) {
      const refused = error instanceof Failure && error.code === "MODULE_UNSUPPORTED";
      if (!refused || !mayRefuse(module, options)) throw error;
    }
  }
  return compared;
}

/**
 * Writes a byte that is no opcode over the first byte of some instructions, one at a time: V8 must
 * stumble there, so it reads the same instructions as we do.
 */
export function expectSameBoundaries(bytes: Uint8Array<ArrayBuffer>, seed: number): number {
  const module = decode(bytes);
  const code = new Instructions(bytes, () => {});
  const next = random(seed);
  let checked = 0;
  for (const { codeAt, end } of module.bodies) {
    code.end = end;
    for (code.at = codeAt; code.at < end;) {
      code.next();
      if (next() % 16 !== 0) continue;
      const broken = bytes.slice();
      broken[code.start] = 0xff;
      expect(engineMessage(broken).toLowerCase()).toContain(`invalid opcode 0xff @+${code.start}`);
      checked++;
    }
  }
  return checked;
}

function engineMessage(bytes: Uint8Array<ArrayBuffer>): string {
  try {
    return `accepted: ${String(new WebAssembly.Module(bytes))}`;
  } catch (error) {
    return (error as Error).message;
  }
}
