// lora_apply_f32: y = base + scale * B (A x) for each token, with the adapter that the token names.
// In x f32[tokens, in], a f32[adapters, rank, in], b f32[adapters, out, rank], scales f32[adapters],
// base f32[tokens, out], adapter i32[tokens]; out y like base. Judge: src/reference, 1e-5 of the sum of
// the terms' magnitudes.
//
// A and B are as PEFT stores them. The host works out the scales: alpha / rank, or alpha / sqrt(rank)
// for rsLoRA. Adapters of lower rank are filled up with zeros. A token whose adapter is -1 gets its base
// row bit for bit; so does every token when the rank is 0. An index beyond is INVALID_INPUT, found
// before anything is written. A B of zeros adds 0, which changes nothing but a base of -0.
//
// Order. t = A x is added up as std/dot.ts says and multiplied by the scale; a value of y is its base
// plus the sum over t, four ranks at a time. All that depends on nothing but the token's own row.
//
// Speed. Four ranks share the loads of x, four values of y those of t; ranks up to 19 need no loop.
// Versions: 1 four values of y per turn; 2 eight, and longer turns over x, so that the sandbox's checks
// cost little (this one).

import {
  inputAOffset,
  inputASize,
  inputBOffset,
  inputBSize,
  INVALID_INPUT,
  INVALID_OUTPUT,
  INVALID_PARAMS,
  OK,
  OUT_OF_MEMORY,
  outputOffset,
  outputSize,
  paramsOffset,
  paramsSize,
  scratchOffset,
  scratchSize,
} from "../../generated/abi.as";
import {
  dimAdapters,
  dimIn,
  dimOut,
  dimRank,
  dimTokens,
  PARAMS_BYTES,
} from "../../generated/kernels/lora_apply_f32.as";
import { addProduct, dotFour, dotOne, loadRagged, sumsOf } from "../std/dot";
import { sumLanes } from "../std/lanes";
import { aligned, f32Bytes2, f32Bytes4 } from "../std/region";

export { kernel_info } from "../../generated/kernels/lora_apply_f32.as";
export { kernel_backward, kernel_cleanup, kernel_init } from "../std/stateless";
export { forward as kernel_forward, forward as lora_apply_forward };

const F32: usize = 4; // Bytes of one value.
const VECTOR: usize = 16; // Bytes of one v128: 4 values.
const LONG: usize = 80; // Bytes of a row of B, 20 ranks, from which on it needs a loop.
const NO_ADAPTER: i32 = -1;

function forward(desc: usize): i32 {
  if (paramsSize(desc) != PARAMS_BYTES) return INVALID_PARAMS;
  const params: usize = paramsOffset(desc);
  const adapters = dimAdapters(params);
  const tokens = dimTokens(params);
  const aSize = aligned(f32Bytes4(adapters, dimRank(params), dimIn(params), 1));
  const bSize = aligned(f32Bytes4(adapters, dimOut(params), dimRank(params), 1));
  const scalesSize = aligned(f32Bytes2(adapters, 1));
  const ySize = f32Bytes2(tokens, dimOut(params));
  const before = aSize + bSize + scalesSize + aligned(ySize);
  if (<u64>inputASize(desc) != f32Bytes2(tokens, dimIn(params))) return INVALID_INPUT;
  if (<u64>inputBSize(desc) != before + f32Bytes2(tokens, 1)) return INVALID_INPUT;
  if (<u64>outputSize(desc) != ySize) return INVALID_OUTPUT;
  if (<u64>scratchSize(desc) < f32Bytes2(dimRank(params), 1)) return OUT_OF_MEMORY;
  if (tokens == 0) return OK;

  const a: usize = inputBOffset(desc);
  const b = a + <usize>aSize;
  const scales = b + <usize>bSize;
  const base = scales + <usize>scalesSize;
  const adapter = base + <usize>aligned(ySize);
  if (!areKnown(adapter, tokens, adapters)) return INVALID_INPUT;
  applyAll(desc, params, a, b, scales, base, adapter);
  return OK;
}

/** Whether every token names an adapter or none. */
// @ts-ignore: decorator
@inline
function areKnown(adapter: usize, tokens: u32, adapters: u32): bool {
  const end = adapter + (<usize>tokens) * sizeof<i32>();
  do {
    const index = load<i32>(adapter);
    if (index != NO_ADAPTER && (index < 0 || <u32>index >= adapters)) return false;
    adapter += sizeof<i32>();
  } while (adapter != end);
  return true;
}

// @ts-ignore: decorator
@inline
function applyAll(
  desc: usize,
  params: usize,
  a: usize,
  b: usize,
  scales: usize,
  base: usize,
  adapter: usize,
): void {
  const rankBytes = (<usize>dimRank(params)) * F32;
  const inBytes = (<usize>dimIn(params)) * F32;
  const outBytes = (<usize>dimOut(params)) * F32;
  const t: usize = scratchOffset(desc);
  let x: usize = inputAOffset(desc);
  let y: usize = outputOffset(desc);
  let left = dimTokens(params);
  do {
    const index = load<i32>(adapter);
    if (index == NO_ADAPTER || rankBytes == 0) {
      copy(base, y, outBytes);
    } else {
      const scale = load<f32>(scales + (<usize>index) * F32);
      project(x, inBytes, a + (<usize>index) * dimRank(params) * inBytes, t, rankBytes, scale);
      expand(base, b + (<usize>index) * dimOut(params) * rankBytes, t, rankBytes, y, outBytes);
    }
    adapter += sizeof<i32>();
    x += inBytes;
    base += outBytes;
    y += outBytes;
  } while (--left != 0);
}

/** Copies a row of `bytes` bytes. */
function copy(from: usize, to: usize, bytes: usize): void {
  const end = from + (bytes & ~(VECTOR - 1));
  while (from != end) {
    v128.store(to, v128.load(from));
    from += VECTOR;
    to += VECTOR;
  }
  for (let left = bytes & (VECTOR - 1); left != 0; left -= F32) {
    store<f32>(to, load<f32>(from));
    from += F32;
    to += F32;
  }
}

/** t = scale * A x, for the `rankBytes` / 4 rows of A. */
function project(
  x: usize,
  bytes: usize,
  a: usize,
  t: usize,
  rankBytes: usize,
  scale: f32,
): void {
  const scaled = f32x4.splat(scale);
  const fours = t + (rankBytes & ~(VECTOR - 1));
  const end = t + rankBytes;
  while (t != fours) {
    v128.store(t, f32x4.mul(dotFour(x, bytes, a, bytes), scaled));
    a += 4 * bytes;
    t += VECTOR;
  }
  while (t != end) {
    store<f32>(t, dotOne(x, bytes, a) * scale);
    a += bytes;
    t += F32;
  }
}

/** y = base + B t, for rows of B that are `rankBytes` long, of which there is at least one value. */
function expand(
  base: usize,
  b: usize,
  t: usize,
  rankBytes: usize,
  y: usize,
  outBytes: usize,
): void {
  const eights = base + (outBytes & ~(2 * VECTOR - 1));
  const end = base + outBytes;
  if (rankBytes < LONG && base != eights) {
    const whole = rankBytes & ~(VECTOR - 1);
    const none = f32x4.splat(0);
    const ragged = rankBytes & 12 ? loadRagged(t + whole, rankBytes) : none;
    const first = whole >= 16 ? v128.load(t) : none;
    const second = whole >= 32 ? v128.load(t, 16) : none;
    const third = whole >= 48 ? v128.load(t, 32) : none;
    const fourth = whole >= 64 ? v128.load(t, 48) : none;
    do {
      const low = fourOf(b, rankBytes, ragged, first, second, third, fourth);
      v128.store(y, f32x4.add(v128.load(base), low));
      b += 4 * rankBytes;
      const high = fourOf(b, rankBytes, ragged, first, second, third, fourth);
      v128.store(y, f32x4.add(v128.load(base, 16), high), 16);
      b += 4 * rankBytes;
      base += 2 * VECTOR;
      y += 2 * VECTOR;
    } while (base != eights);
  }
  while (end - base >= VECTOR) {
    v128.store(y, f32x4.add(v128.load(base), fourOfAny(b, t, rankBytes)));
    b += 4 * rankBytes;
    base += VECTOR;
    y += VECTOR;
  }
  while (base != end) {
    store<f32>(y, load<f32>(base) + oneOf(b, t, rankBytes));
    b += rankBytes;
    base += F32;
    y += F32;
  }
}

/** The products with t of four rows of B, of fewer than `LONG` bytes. */
// @ts-ignore: decorator
@inline
function fourOf(
  p: usize,
  rankBytes: usize,
  ragged: v128,
  first: v128,
  second: v128,
  third: v128,
  fourth: v128,
): v128 {
  const q = p + rankBytes;
  const r = q + rankBytes;
  const s = r + rankBytes;
  const whole = rankBytes & ~(VECTOR - 1);
  let a = f32x4.splat(0);
  let b = f32x4.splat(0);
  let c = f32x4.splat(0);
  let d = f32x4.splat(0);
  if (rankBytes & 12) {
    a = f32x4.mul(ragged, loadRagged(p + whole, rankBytes));
    b = f32x4.mul(ragged, loadRagged(q + whole, rankBytes));
    c = f32x4.mul(ragged, loadRagged(r + whole, rankBytes));
    d = f32x4.mul(ragged, loadRagged(s + whole, rankBytes));
  }
  if (whole >= 16) {
    a = addProduct(a, first, p);
    b = addProduct(b, first, q);
    c = addProduct(c, first, r);
    d = addProduct(d, first, s);
  }
  if (whole >= 32) {
    a = addProduct(a, second, p + 16);
    b = addProduct(b, second, q + 16);
    c = addProduct(c, second, r + 16);
    d = addProduct(d, second, s + 16);
  }
  if (whole >= 48) {
    a = addProduct(a, third, p + 32);
    b = addProduct(b, third, q + 32);
    c = addProduct(c, third, r + 32);
    d = addProduct(d, third, s + 32);
  }
  if (whole >= 64) {
    a = addProduct(a, fourth, p + 48);
    b = addProduct(b, fourth, q + 48);
    c = addProduct(c, fourth, r + 48);
    d = addProduct(d, fourth, s + 48);
  }
  return sumsOf(a, b, c, d);
}

/** The products with t of four rows of B of any length, added up as `fourOf` does. */
function fourOfAny(p: usize, t: usize, rankBytes: usize): v128 {
  const q = p + rankBytes;
  const r = q + rankBytes;
  const s = r + rankBytes;
  const whole = rankBytes & ~(VECTOR - 1);
  let a = f32x4.splat(0);
  let b = f32x4.splat(0);
  let c = f32x4.splat(0);
  let d = f32x4.splat(0);
  if (rankBytes & 12) {
    const ragged = loadRagged(t + whole, rankBytes);
    a = f32x4.mul(ragged, loadRagged(p + whole, rankBytes));
    b = f32x4.mul(ragged, loadRagged(q + whole, rankBytes));
    c = f32x4.mul(ragged, loadRagged(r + whole, rankBytes));
    d = f32x4.mul(ragged, loadRagged(s + whole, rankBytes));
  }
  for (let at: usize = 0; at < whole; at += VECTOR) {
    const next = v128.load(t + at);
    a = addProduct(a, next, p + at);
    b = addProduct(b, next, q + at);
    c = addProduct(c, next, r + at);
    d = addProduct(d, next, s + at);
  }
  return sumsOf(a, b, c, d);
}

/** The product of one row of B with t, added up as among four. */
// @ts-ignore: decorator
@inline
function oneOf(p: usize, t: usize, rankBytes: usize): f32 {
  const whole = rankBytes & ~(VECTOR - 1);
  let a = f32x4.splat(0);
  if (rankBytes & 12)
    a = f32x4.mul(loadRagged(t + whole, rankBytes), loadRagged(p + whole, rankBytes));
  for (let at: usize = 0; at < whole; at += VECTOR) a = addProduct(a, v128.load(t + at), p + at);
  return sumLanes(a);
}
