// Mutated files: whatever the bytes hold, a reader answers with tensors or with a Failure. Seeded, so
// that a fault found once is found again.

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { readNpy } from "./npy.ts";
import { openSafetensors } from "./safetensors.ts";
import { randomFrom, succeeds } from "./tensors.fixture.ts";

const MUTANTS = 10_000; // Per file; there are five.
const SPICE = [..."{}[](),:'\"\\0189-.eE LTNONE\n\0\u00ff<>|=f4u1i1O"].map((c) => c.charCodeAt(0));

const fixture = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(join(import.meta.dirname, "fixtures", name)));

/** One to four edits: a byte set, a run removed, doubled or moved, a length stretched. */
function mutant(original: Uint8Array, random: (bound: number) => number): Uint8Array {
  let bytes = [...original];
  for (let edits = 1 + random(4); edits > 0; edits--) {
    const at = random(Math.min(bytes.length, random(3) === 0 ? 16 : bytes.length));
    const run = bytes.slice(at, at + 1 + random(8));
    const kind = random(6);
    if (kind === 0) bytes[at] = random(256);
    else if (kind === 1) bytes[at] = SPICE[random(SPICE.length)]!;
    else if (kind === 2) bytes[at]! ^= 1 << random(8);
    else if (kind === 3) bytes.splice(at, run.length);
    else if (kind === 4) bytes.splice(at, 0, ...run);
    else bytes = [...bytes.slice(0, at), ...bytes.slice(at + run.length), ...run];
    if (bytes.length === 0) bytes = [0];
  }
  return Uint8Array.from(bytes);
}

/** Reads everything a file holds, as a caller would that trusts it. */
function readAll(bytes: Uint8Array): void {
  const file = openSafetensors(bytes);
  for (const { name, shape } of file.entries.values()) {
    succeeds(() => expectWhole(file.get(name).data.length, shape));
  }
}

function expectWhole(elements: number, shape: readonly number[]): void {
  if (elements !== shape.reduce((product, dimension) => product * dimension, 1)) {
    throw new Error(`${elements} elements for a shape of [${shape.join(", ")}]`);
  }
}

test.each(["f32.npy", "column-major.npy", "version-3.npy"])(
  "readNpy() answers every mutant of %s with a tensor or a Failure",
  (name) => {
    const random = randomFrom(0x0a11);
    const original = fixture(name);
    let read = 0;
    for (let i = 0; i < MUTANTS; i++) {
      const bytes = mutant(original, random);
      const wide = () => {
        const { data, shape } = readNpy(bytes, { rawPairs: "bf16" });
        expectWhole(data.length, shape);
      };
      if (succeeds(wide)) read++;
    }
    expect(read).toBeGreaterThan(0); // Else the mutants never came past the first check.
    expect(read).toBeLessThan(MUTANTS / 2);
  },
);

test.each(["plain.safetensors", "with-i64.safetensors"])(
  "openSafetensors() answers every mutant of %s with a file or a Failure",
  (name) => {
    const random = randomFrom(0x0a11);
    const original = fixture(name);
    let read = 0;
    for (let i = 0; i < MUTANTS; i++) {
      if (succeeds(() => readAll(mutant(original, random)))) read++;
    }
    expect(read).toBeGreaterThan(0);
    expect(read).toBeLessThan(MUTANTS / 2);
  },
);
