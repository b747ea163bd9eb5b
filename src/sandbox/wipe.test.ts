import { expect, test } from "vitest";
import { wipe } from "./wipe.ts";

test("wipe() zeroes as many bytes as it is told, and no more", () => {
  const memory = new WebAssembly.Memory({ initial: 2, maximum: 4, shared: true });
  const bytes = new Uint8Array(memory.buffer);
  for (const count of [0, 1, 65_535, 65_536, 131_072]) {
    bytes.fill(7);
    wipe(memory, count);
    expect(bytes.findIndex((byte) => byte !== 0)).toBe(count < bytes.length ? count : -1);
    expect(bytes.subarray(count).every((byte) => byte === 7)).toBe(true);
  }
});
