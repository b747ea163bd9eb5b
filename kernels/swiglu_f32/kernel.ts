// swiglu_f32: y = silu(gate) * up, where silu(z) = z / (1 + e^-z).
// In gate, up f32[tokens, ffn]; out y like them. Judge: reference.ts, relative 2e-6.
//
// e^-z is 2^k * e^r with k whole and |r| <= ln(2)/2. e^r is a polynomial of degree 5 fitted for the
// smallest relative error, 7.5e-8 before rounding; ln(2) is split in two so that k * ln(2) loses nothing.
//
// The whole line is handled. +infinity gives +infinity, -infinity gives -0, -0 stays -0, NaN stays NaN.
// Below -86 the quotient's e^-z would leave f32's range, so there silu(z) = z * e^z is used, scaled so
// that a result below 2^-126 is rounded once. Such a result keeps fewer digits, as f32 has no more, and
// is 0 from about -108 on. `up` is multiplied in last, with the usual rules of f32.
//
// Speed. Gates below -86 are rare in trained models, so a turn of the wide loop, 32 values, asks once
// whether it has any. Constants are loaded: see std/turn.ts.
// Versions: 1 eight vectors per turn (this one). Times: bench/results.

import {
  inputAOffset,
  inputASize,
  inputBOffset,
  inputBSize,
  INVALID_INPUT,
  INVALID_OUTPUT,
  INVALID_PARAMS,
  OK,
  outputOffset,
  outputSize,
  paramsOffset,
  paramsSize,
} from "../../generated/abi.as";
import { dimFfn, dimTokens, PARAMS_BYTES } from "../../generated/kernels/swiglu_f32.as";
import { f32Bytes2 } from "../std/region";
import { expNegative } from "../std/exp";

export { kernel_info } from "../../generated/kernels/swiglu_f32.as";
export { kernel_backward, kernel_cleanup, kernel_init } from "../std/stateless";
export { forward as kernel_forward, forward as swiglu_forward };

const WIDE: usize = 128; // Bytes that one turn of the wide loop takes: 32 values.
const VECTOR: usize = 16; // Bytes of one v128: 4 values.

/** Below it silu(z) is z * e^z to the last bit, and 1 + e^-z is about to overflow. */
const DEEP = memory.data<f32>([-86]);
const HIGH = memory.data<f32>([86]);
const ZERO = memory.data<f32>([0]);
const ONE = memory.data<f32>([1]);

function forward(desc: usize): i32 {
  if (paramsSize(desc) != PARAMS_BYTES) return INVALID_PARAMS;
  const params: usize = paramsOffset(desc);
  const size = f32Bytes2(dimTokens(params), dimFfn(params));
  if (<u64>inputASize(desc) != size || <u64>inputBSize(desc) != size) return INVALID_INPUT;
  if (<u64>outputSize(desc) != size) return INVALID_OUTPUT;
  const bytes: usize = inputASize(desc);
  gateAll(inputAOffset(desc), inputBOffset(desc), outputOffset(desc), bytes);
  return OK;
}

// @ts-ignore: decorator
@inline
function gateAll(gate: usize, up: usize, y: usize, bytes: usize): void {
  const wide = gate + (bytes & ~(WIDE - 1));
  const vectors = gate + (bytes & ~(VECTOR - 1));
  const end = gate + bytes;
  if (gate != wide) {
    do {
      if (anyDeep(gate)) {
        deepEight(gate, up, y);
      } else {
        gateOne(gate, up, y);
        gateOne(gate + 16, up + 16, y + 16);
        gateOne(gate + 32, up + 32, y + 32);
        gateOne(gate + 48, up + 48, y + 48);
        gateOne(gate + 64, up + 64, y + 64);
        gateOne(gate + 80, up + 80, y + 80);
        gateOne(gate + 96, up + 96, y + 96);
        gateOne(gate + 112, up + 112, y + 112);
      }
      gate += WIDE;
      up += WIDE;
      y += WIDE;
    } while (gate != wide);
  }
  if (gate != vectors) {
    do {
      v128.store(y, f32x4.mul(siluAny(v128.load(gate)), v128.load(up)));
      gate += VECTOR;
      up += VECTOR;
      y += VECTOR;
    } while (gate != vectors);
  }
  if (gate != end) {
    do {
      const product = f32x4.mul(siluAny(v128.load32_zero(gate)), v128.load32_zero(up));
      v128.store32_lane(y, product, 0);
      gate += sizeof<f32>();
      up += sizeof<f32>();
      y += sizeof<f32>();
    } while (gate != end);
  }
}

/** Whether one of 32 gates is below -86. A NaN is not, and hides none: it never enters `least`. */
// @ts-ignore: decorator
@inline
function anyDeep(gate: usize): bool {
  let least = v128.load32_splat(ZERO);
  least = f32x4.pmin(least, v128.load(gate));
  least = f32x4.pmin(least, v128.load(gate, 16));
  least = f32x4.pmin(least, v128.load(gate, 32));
  least = f32x4.pmin(least, v128.load(gate, 48));
  least = f32x4.pmin(least, v128.load(gate, 64));
  least = f32x4.pmin(least, v128.load(gate, 80));
  least = f32x4.pmin(least, v128.load(gate, 96));
  least = f32x4.pmin(least, v128.load(gate, 112));
  return v128.any_true(f32x4.lt(least, v128.load32_splat(DEEP)));
}

// @ts-ignore: decorator
@inline
function gateOne(gate: usize, up: usize, y: usize): void {
  v128.store(y, f32x4.mul(silu(v128.load(gate)), v128.load(up)));
}

/** For eight vectors of which one is deep. */
function deepEight(gate: usize, up: usize, y: usize): void {
  const end = gate + WIDE;
  do {
    v128.store(y, f32x4.mul(siluAny(v128.load(gate)), v128.load(up)));
    gate += VECTOR;
    up += VECTOR;
    y += VECTOR;
  } while (gate != end);
}

/** silu of four values, of which none is below -86. Above 86, e^-z no longer changes the sum. */
// @ts-ignore: decorator
@inline
function silu(z: v128): v128 {
  const e = expNegative(f32x4.pmin(z, v128.load32_splat(HIGH))); // pmin keeps a NaN that comes first.
  return f32x4.div(z, f32x4.add(v128.load32_splat(ONE), e));
}

/** silu of any four values. */
// @ts-ignore: decorator
@inline
function siluAny(z: v128): v128 {
  const deep = f32x4.lt(z, v128.load32_splat(DEEP));
  return v128.bitselect(siluDeep(z), silu(z), deep);
}

/** z * e^z of four values below -86, of which f32 can no longer tell silu. From -120 on it is -0. */
// @ts-ignore: decorator
@inline
function siluDeep(z: v128): v128 {
  const near = f32x4.pmax(z, f32x4.splat(-120));
  const e = i32x4.add(expNegative(f32x4.neg(near)), i32x4.splat(96 << 23)); // e^z * 2^96.
  return f32x4.mul(f32x4.mul(near, e), f32x4.splat(1.262177448353619e-29)); // 2^-96.
}
