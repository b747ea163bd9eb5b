// Products: matrix times vectors, and causal attention, in SIMD. The model's native kernels: they are
// part of this runtime and come in no pack, so they run unchecked, beside the sandbox.
//
// Judge: ../reference.ts. Built by tools/generators/model-native.ts, once with fused multiply-add
// (relaxed SIMD) and once without. Every pointer is a byte offset into the memory that the host gave,
// every count is of elements, and the host vouches for all of them.

const F32: usize = 4; // Bytes of one element.
const HALF: usize = 2;
const TURN: usize = 8; // Elements that one turn of a dot product takes: the host pads rows to that.
const TILE: usize = 4; // Outputs that are computed together.
const DEPTH: usize = 1024; // Inputs of one pass over many rows: a tile of them stays in first-level cache.

// ---- lanes ----

// @ts-ignore: decorator
@inline
function madd(a: v128, b: v128, sum: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, sum);
  return f32x4.add(sum, f32x4.mul(a, b));
}

/** The sums of four vectors' lanes, as the lanes of one. */
// @ts-ignore: decorator
@inline
function sums(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(i32x4.shuffle(a, b, 0, 4, 1, 5), i32x4.shuffle(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(i32x4.shuffle(c, d, 0, 4, 1, 5), i32x4.shuffle(c, d, 2, 6, 3, 7));
  return f32x4.add(i32x4.shuffle(ab, cd, 0, 1, 4, 5), i32x4.shuffle(ab, cd, 2, 3, 6, 7));
}

// ---- weights: each format gives four or eight f32 from memory ----

/** 0 f32, 1 f16, 2 bf16. The host's table of formats has the same numbers. */
type Format = i32;
const IS_F32: Format = 0;
const IS_F16: Format = 1;

/**
 * Where f32 has its sign, exponent and fraction lie those of an f16 that is shifted by 13, sign
 * extended, without the three copies of the sign. The value is then 2^112 too small, exactly, also if
 * subnormal; DUE makes up for it. Infinities and NaNs become large numbers: the host refuses weights
 * that hold any.
 */
const F16_SHIFT: i32 = 13;
const F16_MASK: i32 = 0x8fffffff;
const DUE: f32 = 5192296858534828e18; // 2^112.

/** The first four of eight weights; f16 are 2^112 too small. `mask` is F16_MASK in each lane. */
// @ts-ignore: decorator
@inline
function lowHalf(at: usize, format: Format, mask: v128): v128 {
  if (format == IS_F32) return v128.load(at);
  const bits = v128.load16x4_s(at);
  return format == IS_F16 ? v128.and(i32x4.shl(bits, F16_SHIFT), mask) : i32x4.shl(bits, 16);
}

/** The other four. */
// @ts-ignore: decorator
@inline
function highHalf(at: usize, format: Format, mask: v128): v128 {
  if (format == IS_F32) return v128.load(at, 16);
  const bits = v128.load16x4_s(at, 8);
  return format == IS_F16 ? v128.and(i32x4.shl(bits, F16_SHIFT), mask) : i32x4.shl(bits, 16);
}

// @ts-ignore: decorator
@inline
function bytesOf(elements: usize, format: Format): usize {
  return elements * (format == IS_F32 ? F32 : HALF);
}

// ---- one row of inputs ----

/** Four dot products of `x` with the rows that begin at `w`, `stride` bytes apart. */
// @ts-ignore: decorator
@inline
function dot4(x: usize, w: usize, stride: usize, count: usize, format: Format, mask: v128): v128 {
  let a0 = f32x4.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
  const turn = bytesOf(TURN, format);
  const w1 = w + stride, w2 = w1 + stride, w3 = w2 + stride;
  let at: usize = 0;
  for (const end = x + count * F32; x < end; x += TURN * F32) {
    const low = v128.load(x), high = v128.load(x, 16);
    a0 = madd(low, lowHalf(w + at, format, mask), a0);
    a1 = madd(high, highHalf(w + at, format, mask), a1);
    b0 = madd(low, lowHalf(w1 + at, format, mask), b0);
    b1 = madd(high, highHalf(w1 + at, format, mask), b1);
    c0 = madd(low, lowHalf(w2 + at, format, mask), c0);
    c1 = madd(high, highHalf(w2 + at, format, mask), c1);
    d0 = madd(low, lowHalf(w3 + at, format, mask), d0);
    d1 = madd(high, highHalf(w3 + at, format, mask), d1);
    at += turn;
  }
  return sums(f32x4.add(a0, a1), f32x4.add(b0, b1), f32x4.add(c0, c1), f32x4.add(d0, d1));
}

/** One dot product: for the outputs that fill no tile. */
// @ts-ignore: decorator
@inline
function dot1(x: usize, w: usize, count: usize, format: Format, mask: v128): f32 {
  let low = f32x4.splat(0), high = low;
  for (const end = x + count * F32; x < end; x += TURN * F32) {
    low = madd(v128.load(x), lowHalf(w, format, mask), low);
    high = madd(v128.load(x, 16), highHalf(w, format, mask), high);
    w += bytesOf(TURN, format);
  }
  const sum = f32x4.add(low, high);
  return f32x4.extract_lane(sums(sum, sum, sum, sum), 0);
}

/**
 * Copies `x` to `target`, times the power of two that brings its largest value near 2^90, so that no
 * product with a weight that is 2^112 too small loses bits. Returns what undoes the power.
 */
function lift(x: usize, count: usize, target: usize): f32 {
  let most = f32x4.splat(0);
  for (let at: usize = 0; at < count * F32; at += 16)
    most = f32x4.pmax(most, f32x4.abs(v128.load(x + at)));
  const two = f32x4.pmax(most, i32x4.shuffle(most, most, 2, 3, 0, 1));
  const largest = max(f32x4.extract_lane(two, 0), f32x4.extract_lane(two, 1));
  const power = min(344 - <i32>(reinterpret<u32>(largest) >> 23), 253); // As an exponent's bits.
  const factor = i32x4.splat(power << 23);
  for (let at: usize = 0; at < count * F32; at += 16)
    v128.store(target + at, f32x4.mul(v128.load(x + at), factor));
  return reinterpret<f32>((254 - power) << 23);
}

/** Sums of lifted inputs with f16 weights, as they would be without either power of two. */
// @ts-ignore: decorator
@inline
function settled(sum: v128, undo: f32, format: Format): v128 {
  if (format != IS_F16) return sum;
  return f32x4.mul(f32x4.mul(sum, f32x4.splat(DUE)), f32x4.splat(undo));
}

/**
 * y[o] = w[o] · x for the rows of the matrix at `w` from `first` on. `scratch` has room for the inputs
 * and 16 bytes more, where the mask lies: engines keep in a register what was loaded, but make a
 * constant anew in each turn.
 */
// @ts-ignore: decorator
@inline
function vector(x: usize, w: usize, y: usize, inputs: usize, first: usize, outputs: usize, scratch: usize, format: Format): void {
  const stride = bytesOf(inputs, format);
  let undo: f32 = 1;
  if (format == IS_F16) {
    undo = lift(x, inputs, scratch + 16);
    x = scratch + 16;
  }
  store<i32>(scratch, F16_MASK);
  const mask = v128.load32_splat(scratch);
  let output = first;
  for (; output + TILE <= outputs; output += TILE) {
    const sums = dot4(x, w + output * stride, stride, inputs, format, mask);
    v128.store(y + output * F32, settled(sums, undo, format));
  }
  for (; output < outputs; output++) {
    const sum = f32x4.splat(dot1(x, w + output * stride, inputs, format, mask));
    store<f32>(y + output * F32, f32x4.extract_lane(settled(sum, undo, format), 0));
  }
}

// ---- many rows of inputs ----

/** Adds the products of two rows of inputs with four rows of weights, all f32, to `y` and `z`. */
// @ts-ignore: decorator
@inline
function tile2(x: usize, xStride: usize, w: usize, wStride: usize, y: usize, z: usize, count: usize): void {
  let a = f32x4.splat(0), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
  const u = x + xStride;
  const w1 = w + wStride, w2 = w1 + wStride, w3 = w2 + wStride;
  const bytes = count * F32;
  for (let at: usize = 0; at < bytes; at += 16) {
    const xs = v128.load(x + at), us = v128.load(u + at);
    let ws = v128.load(w + at);
    a = madd(xs, ws, a);
    e = madd(us, ws, e);
    ws = v128.load(w1 + at);
    b = madd(xs, ws, b);
    f = madd(us, ws, f);
    ws = v128.load(w2 + at);
    c = madd(xs, ws, c);
    g = madd(us, ws, g);
    ws = v128.load(w3 + at);
    d = madd(xs, ws, d);
    h = madd(us, ws, h);
  }
  v128.store(y, f32x4.add(v128.load(y), sums(a, b, c, d)));
  v128.store(z, f32x4.add(v128.load(z), sums(e, f, g, h)));
}

// @ts-ignore: decorator
@inline
function widened(values: v128, format: Format): v128 {
  return format == IS_F16 ? f32x4.mul(values, f32x4.splat(DUE)) : values;
}

/** The f32 values of four rows of `count` weights, end to end, at `scratch`. */
// @ts-ignore: decorator
@inline
function widenTile(w: usize, stride: usize, count: usize, scratch: usize, format: Format): void {
  const mask = i32x4.splat(F16_MASK);
  for (let row: usize = 0; row < TILE; row++) {
    for (let at: usize = 0; at < count; at += TURN) {
      const from = w + row * stride + bytesOf(at, format);
      const to = scratch + (row * count + at) * F32;
      v128.store(to, widened(lowHalf(from, format, mask), format));
      v128.store(to, widened(highHalf(from, format, mask), format), 16);
    }
  }
}

/**
 * Every row of `x` with every row of `w`. The inputs are taken in passes of DEPTH, so that four rows of
 * weights stay in first-level cache, widened once, while all rows of `x` go by.
 */
// @ts-ignore: decorator
@inline
function matrix(x: usize, w: usize, y: usize, rows: usize, inputs: usize, outputs: usize, scratch: usize, format: Format): void {
  const stride = bytesOf(inputs, format);
  const tiles = outputs / TILE;
  memory.fill(y, 0, rows * outputs * F32);
  for (let from: usize = 0; from < inputs; from += DEPTH) {
    const count = min(DEPTH, inputs - from);
    for (let tile: usize = 0; tile < tiles; tile++) {
      let weights = w + tile * TILE * stride + bytesOf(from, format);
      let weightStride = stride;
      if (format != IS_F32) {
        widenTile(weights, stride, count, scratch, format);
        weights = scratch;
        weightStride = count * F32;
      }
      const to = y + tile * TILE * F32;
      let row: usize = 0;
      for (; row + 2 <= rows; row += 2) {
        const at = to + row * outputs * F32;
        const input = x + (row * inputs + from) * F32;
        tile2(input, inputs * F32, weights, weightStride, at, at + outputs * F32, count);
      }
      if (row < rows) {
        const at = to + row * outputs * F32;
        const product = dot4(x + (row * inputs + from) * F32, weights, weightStride, count, IS_F32, i32x4.splat(0));
        v128.store(at, f32x4.add(v128.load(at), product));
      }
    }
  }
  if (tiles * TILE == outputs) return;
  for (let row: usize = 0; row < rows; row++) {
    const input = x + row * inputs * F32;
    vector(input, w, y + row * outputs * F32, inputs, tiles * TILE, outputs, scratch, format);
  }
}

// @ts-ignore: decorator
@inline
function multiply(x: usize, w: usize, y: usize, rows: usize, inputs: usize, outputs: usize, scratch: usize, format: Format): void {
  if (rows == 1) vector(x, w, y, inputs, 0, outputs, scratch, format);
  else matrix(x, w, y, rows, inputs, outputs, scratch, format);
}

/** y f32[rows, outputs] = x f32[rows, inputs] · wᵀ, with w f32[outputs, inputs]. */
export function multiply_f32(x: usize, w: usize, y: usize, rows: usize, inputs: usize, outputs: usize, scratch: usize): void {
  multiply(x, w, y, rows, inputs, outputs, scratch, 0);
}

/** The same for w f16. `scratch` has room for TILE * DEPTH f32, and for one row of x and 16 bytes. */
export function multiply_f16(x: usize, w: usize, y: usize, rows: usize, inputs: usize, outputs: usize, scratch: usize): void {
  multiply(x, w, y, rows, inputs, outputs, scratch, 1);
}

/** The same for w bf16. */
export function multiply_bf16(x: usize, w: usize, y: usize, rows: usize, inputs: usize, outputs: usize, scratch: usize): void {
  multiply(x, w, y, rows, inputs, outputs, scratch, 2);
}

/** f32 from f16, `count` of them, a multiple of TURN. */
export function widen_f16(source: usize, target: usize, count: usize): void {
  const mask = i32x4.splat(F16_MASK);
  for (let at: usize = 0; at < count; at += TURN) {
    const from = source + at * HALF;
    v128.store(target + at * F32, widened(lowHalf(from, IS_F16, mask), IS_F16));
    v128.store(target + at * F32, widened(highHalf(from, IS_F16, mask), IS_F16), 16);
  }
}

// ---- attention ----

const BLOCK: usize = 32; // Keys whose scores are held together; the host gives room for as many.

/** e^x for x <= 0, relative error below 3e-7; 0 below -87. */
// @ts-ignore: decorator
@inline
function expOf(x: v128): v128 {
  const bounded = f32x4.max(x, f32x4.splat(-87));
  const k = f32x4.nearest(f32x4.mul(bounded, f32x4.splat(1.4426950408889634)));
  const near = f32x4.sub(bounded, f32x4.mul(k, f32x4.splat(0.693145751953125)));
  const r = f32x4.sub(near, f32x4.mul(k, f32x4.splat(1.4286068202862268e-6)));
  let sum = f32x4.splat(0.008297655198);
  sum = madd(r, sum, f32x4.splat(0.04191538198));
  sum = madd(r, sum, f32x4.splat(0.1666757473));
  sum = madd(r, sum, f32x4.splat(0.4999889485));
  sum = madd(r, sum, f32x4.splat(0.999999692));
  sum = madd(r, sum, f32x4.splat(1.000000072));
  const scaled = i32x4.add(sum, i32x4.shl(i32x4.trunc_sat_f32x4_s(k), 23));
  return v128.and(scaled, f32x4.ge(x, f32x4.splat(-87)));
}

/** scores[j] = query · key j * scale for `count` keys; the last tile may compute keys beyond them. */
// @ts-ignore: decorator
@inline
function scoresOf(query: usize, keys: usize, count: usize, dim: usize, scale: f32, scores: usize): void {
  for (let j: usize = 0; j < count; j += TILE) {
    const dots = dot4(query, keys + j * dim * F32, dim * F32, dim, IS_F32, i32x4.splat(0));
    v128.store(scores + j * F32, f32x4.mul(dots, f32x4.splat(scale)));
  }
}

/** out = out * keep + Σ weights[j] * value j. */
// @ts-ignore: decorator
@inline
function blend(out: usize, keep: f32, weights: usize, values: usize, count: usize, dim: usize): void {
  for (let at: usize = 0; at < dim; at += TURN) {
    const to = out + at * F32;
    let low = f32x4.mul(v128.load(to), f32x4.splat(keep));
    let high = f32x4.mul(v128.load(to, 16), f32x4.splat(keep));
    for (let j: usize = 0; j < count; j++) {
      const weight = v128.load32_splat(weights + j * F32);
      const value = values + (j * dim + at) * F32;
      low = madd(weight, v128.load(value), low);
      high = madd(weight, v128.load(value, 16), high);
    }
    v128.store(to, low);
    v128.store(to, high, 16);
  }
}

/** Turns scores into weights relative to `top`, and returns their sum. */
// @ts-ignore: decorator
@inline
function weigh(scores: usize, count: usize, top: f32): f32 {
  let total: f32 = 0;
  for (let j: usize = 0; j < count; j += TILE) {
    v128.store(scores + j * F32, expOf(f32x4.sub(v128.load(scores + j * F32), f32x4.splat(top))));
  }
  for (let j: usize = 0; j < count; j++) total += load<f32>(scores + j * F32);
  return total;
}

/**
 * One query against `count` keys and their values, added to what it has seen before. `state` holds the
 * largest score so far and the sum of weights relative to it; `out` their weighted values. When a
 * larger score appears both are scaled down, so no exponential ever overflows.
 */
// @ts-ignore: decorator
@inline
function attendOne(query: usize, keys: usize, values: usize, count: usize, dim: usize, scale: f32, state: usize, out: usize, scores: usize): void {
  for (let from: usize = 0; from < count; from += BLOCK) {
    const block = min(BLOCK, count - from);
    scoresOf(query, keys + from * dim * F32, block, dim, scale, scores);
    let top = load<f32>(state);
    for (let j: usize = 0; j < block; j++) top = max(top, load<f32>(scores + j * F32));
    const keep = f32x4.extract_lane(expOf(f32x4.splat(load<f32>(state) - top)), 0);
    const total = weigh(scores, block, top);
    blend(out, keep, scores, values + from * dim * F32, block, dim);
    store<f32>(state, top);
    store<f32>(state, load<f32>(state, 4) * keep + total, 4);
  }
}

let heads: usize = 0;
let kvHeads: usize = 0;
let dim: usize = 0;
let scale: f32 = 0;

/** Fixes the shape of every attention that follows. `dim` is a multiple of TURN. */
export function attention_shape(queryHeads: usize, keyHeads: usize, headDim: usize): void {
  heads = queryHeads;
  kvHeads = keyHeads;
  dim = headDim;
  scale = <f32>(1.0 / Math.sqrt(<f64>headDim));
}

/** Begins `rows` rows: nothing seen. `state` has 2 f32 and `out` dim for each row and head. */
export function attention_begin(out: usize, state: usize, rows: usize): void {
  const lines = rows * heads;
  memory.fill(out, 0, lines * dim * F32);
  for (let line: usize = 0; line < lines; line++) {
    store<f32>(state + line * 2 * F32, -Infinity);
    store<f32>(state + line * 2 * F32, 0, F32);
  }
}

/**
 * Shows `count` keys and values to `rows` queries. Row r of `query` f32[rows, heads, dim] may see the
 * first `seen` + r of them, or none where that is negative. Keys and values are f32[kvHeads, capacity, dim]; reading may run over the
 * last key by up to three, so a capacity is a multiple of TILE.
 */
export function attention_block(query: usize, keys: usize, values: usize, capacity: usize, count: i32, rows: usize, seen: i32, state: usize, out: usize, scores: usize): void {
  const group = heads / kvHeads;
  for (let row: usize = 0; row < rows; row++) {
    const visible = <usize>max(0, min(count, seen + <i32>row));
    for (let head: usize = 0; head < heads; head++) {
      const line = row * heads + head;
      const first = (head / group) * capacity * dim * F32;
      attendOne(query + line * dim * F32, keys + first, values + first, visible, dim, scale, state + line * 2 * F32, out + line * dim * F32, scores);
    }
  }
}

/** Divides by the sums of weights: `out` is the attention's result. */
export function attention_end(out: usize, state: usize, rows: usize): void {
  const lines = rows * heads;
  for (let line: usize = 0; line < lines; line++) {
    const share = f32x4.splat(1 / load<f32>(state + line * 2 * F32, F32));
    for (let at: usize = 0; at < dim; at += 4) {
      const to = out + (line * dim + at) * F32;
      v128.store(to, f32x4.mul(v128.load(to), share));
    }
  }
}
