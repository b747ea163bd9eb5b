import { expect, test } from "vitest";
import { packKiviKeys } from "./kv-q4-pack.ts";
import { unpackKiviKeys } from "./kv-q4-unpack.ts";
import { normals } from "../../kernels/testing.ts";
import { packedTokens } from "./kv-residual.ts";

const CHANNELS = 64;
const WINDOW = 40;

test("packedTokens() leaves at least the window, and less than a group more", () => {
  for (let tokens = 0; tokens < 300; tokens++) {
    const packed = packedTokens(tokens, WINDOW);
    expect(packed % 32).toBe(0);
    if (packed > 0) expect(tokens - packed).toBeGreaterThanOrEqual(WINDOW);
    expect(tokens - packed).toBeLessThan(WINDOW + 32);
  }
});

test("packedTokens() never lets a host pack a token twice, and packs all at last as one tensor", () => {
  const keys = normals(200 * CHANNELS, 1);
  const rows = (from: number, to: number) => keys.slice(from * CHANNELS, to * CHANNELS);
  const packed: number[] = [];
  let done = 0;
  for (let tokens = 1; tokens <= 200; tokens++) {
    const next = packedTokens(tokens, WINDOW);
    expect(next).toBeGreaterThanOrEqual(done);
    if (next > done) packed.push(...packKiviKeys(rows(done, next), CHANNELS)!);
    done = next;
  }
  const bytes = Uint8Array.from(packed);
  expect(bytes).toEqual(packKiviKeys(rows(0, done), CHANNELS));
  const back = unpackKiviKeys(bytes, CHANNELS)!;
  for (const [i, value] of rows(0, done).entries())
    expect(Math.abs(back[i]! - value)).toBeLessThan(0.3);
});
