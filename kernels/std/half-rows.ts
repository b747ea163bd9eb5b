// Half rows: a row of f16 widened into scratch, and narrowed from it. `bytes` are those of the f32.

import {
  firstFour,
  lastFour,
  loadHalf1,
  loadHalf4,
  lowerBits,
  storeHalf1,
  storeHalf8,
  upperBits,
} from "./half";

const VECTOR: usize = 16; // Bytes of one v128: 4 widened values.
const WIDE: usize = 64; // Bytes that one turn of a wide loop takes: 16 widened values.

/** Widens values to `to`, as many as fill `bytes` bytes there. */
export function widenTo(to: usize, from: usize, bytes: usize): void {
  const wide = to + (bytes & ~(WIDE - 1));
  const vectors = to + (bytes & ~(VECTOR - 1));
  const end = to + bytes;
  while (to != wide) {
    widenEight(to, from);
    widenEight(to + 32, from + 16);
    to += WIDE;
    from += WIDE / 2;
  }
  while (to != vectors) {
    v128.store(to, loadHalf4(from));
    to += VECTOR;
    from += VECTOR / 2;
  }
  while (to != end) {
    v128.store32_lane(to, loadHalf1(from), 0);
    to += sizeof<f32>();
    from += 2;
  }
}

// @ts-ignore: decorator
@inline
function widenEight(to: usize, from: usize): void {
  const halves = v128.load(from);
  const lower = lowerBits(halves);
  const upper = upperBits(halves);
  v128.store(to, firstFour(lower, upper));
  v128.store(to, lastFour(lower, upper), 16);
}

/** Narrows the `bytes` bytes at `from` and stores them at `to`. */
export function narrowTo(to: usize, from: usize, bytes: usize): void {
  const vectors = from + (bytes & ~(2 * VECTOR - 1));
  const end = from + bytes;
  while (from != vectors) {
    storeHalf8(to, v128.load(from), v128.load(from, 16));
    to += VECTOR;
    from += 2 * VECTOR;
  }
  while (from != end) {
    storeHalf1(to, v128.load32_zero(from));
    to += 2;
    from += sizeof<f32>();
  }
}
