import { expect, test } from "vitest";
import { wipe } from "./wipe.ts";

test("wipe() reaches beyond the range of a signed 32-bit length", () => {
  const pages = 2 ** 15 + 1; // 2 GiB and a page: zeroing it takes as much memory.
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const bytes = new Uint8Array(memory.buffer);
  bytes[2 ** 31 + 5] = 7;
  bytes[2 ** 31 + 65_535] = 9;
  wipe(memory, 2 ** 31 + 65_535);
  expect(bytes[2 ** 31 + 5]).toBe(0);
  expect(bytes[2 ** 31 + 65_535]).toBe(9);
});
