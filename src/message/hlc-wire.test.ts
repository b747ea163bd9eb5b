// The clock's wire form: its bytes, and what it makes of stamps that other programs wrote.

import { expect, test } from "vitest";

import { createClockMemory, HybridClock, STAMP_BYTES } from "./hlc.ts";

const AT = 8; // Somewhere in a message.

function written(hi: number, lo: number, nodeHi = 0, nodeLo = 1): DataView {
  const view = new DataView(new ArrayBuffer(AT + STAMP_BYTES));
  HybridClock.write(view, AT, { hi, lo, nodeHi, nodeLo });
  return view;
}

/** A stamp of any program. */
function foreign(microseconds: bigint, logical: bigint): DataView {
  const view = new DataView(new ArrayBuffer(AT + STAMP_BYTES));
  view.setBigUint64(AT, microseconds, true);
  view.setBigUint64(AT + 8, logical, true);
  return view;
}

function read(view: DataView) {
  const { hi, lo } = HybridClock.read(view, AT);
  return HybridClock.partsOf(hi, lo);
}

test("HybridClock.write() writes microseconds, logical time and node, little-endian", () => {
  const ms = 0x0123_4567_89ab;
  const view = written(0x0123_4567, 0x89ab_cdef, 0x0a0b_0c0d, 0x8090_a0b0);
  expect(view.getBigUint64(AT, true)).toBe(BigInt(ms) * 1000n);
  expect(Buffer.from(view.buffer, AT).toString("hex")).toBe(
    "f8c3711cc7710400efcd000000000000b0a090800d0c0b0a",
  );
});

test("HybridClock.read() gives back what write() wrote, whole halves included", () => {
  for (const half of [0, 1, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff])
    for (const other of [0, 1, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) {
      const stamp = { hi: half, lo: other, nodeHi: other, nodeLo: half };
      expect(HybridClock.read(written(half, other, other, half), AT)).toEqual(stamp);
    }
});

test("HybridClock.read() rounds up what no stamp holds, so that an update is after it", () => {
  expect(read(foreign(1_234_000n, 5n))).toEqual({ physicalMs: 1234, logical: 5 });
  expect(read(foreign(1_234_001n, 5n))).toEqual({ physicalMs: 1235, logical: 0 });
  expect(read(foreign(1_234_999n, 5n))).toEqual({ physicalMs: 1235, logical: 0 });
  expect(read(foreign(1_234_000n, 0xffffn))).toEqual({ physicalMs: 1234, logical: 0xffff });
  expect(read(foreign(1_234_000n, 0x1_0000n))).toEqual({ physicalMs: 1235, logical: 0 });
  expect(read(foreign(1_234_000n, 1n << 32n))).toEqual({ physicalMs: 1235, logical: 0 });
});

test("HybridClock.read() gives the last stamp of all beyond 48 bits, which update() refuses", () => {
  const last = { physicalMs: 2 ** 48 - 1, logical: 0xffff };
  const end = 1000n << 48n;
  expect(read(foreign(end - 1000n, 3n))).toEqual({ ...last, logical: 3 });
  for (const at of [end - 999n, end, 2n ** 64n - 1n]) expect(read(foreign(at, 0n))).toEqual(last);
  const clock = new HybridClock(createClockMemory(), { now: () => 1000 });
  const { hi, lo } = HybridClock.read(foreign(end, 0n), AT);
  expect(clock.update(hi, lo)).toBe(false);
});
