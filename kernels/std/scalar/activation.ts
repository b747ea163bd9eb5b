// Activation: silu and both forms of gelu, and their slopes, of one value, for builds without SIMD. All
// is worked out in f64 and rounded once by whoever stores it, so nothing needs the care that f32 does.

import { GELU_ERF, SILU } from "../gate";

/** 2 sqrt(2/π), and that times 0.044715. */
const TANH: f64 = 1.5957691216057308;
const TANH_CUBED: f64 = 0.07135481627260025;

/** act(z). The whole line is handled as std/activation.ts says. */
export function activateOne(act: u32, z: f64): f64 {
  if (z == -Infinity) return -0.0;
  if (act == GELU_ERF) return z < 0 ? z * tail(-z) : z * (1 - tail(z));
  const v = act == SILU ? z : z * (TANH + TANH_CUBED * z * z);
  const e = exp(-abs(v));
  return z < 0 ? (z * e) / (1 + e) : z / (1 + e);
}

/** The slope of act at z. Beyond 200 it is 0 or 1 to the last bit. */
export function slopeOne(act: u32, z: f64): f64 {
  const near = z < -200 ? -200 : z > 200 ? 200 : z;
  if (act == GELU_ERF) {
    const area = near < 0 ? tail(-near) : 1 - tail(near);
    return area + near * 0.3989422804014327 * exp(-0.5 * near * near);
  }
  const isSilu = act == SILU;
  const v = isSilu ? near : near * (TANH + TANH_CUBED * near * near);
  const rise = isSilu ? 1 : TANH + 3 * TANH_CUBED * near * near;
  const e = exp(-abs(v));
  const s = v < 0 ? e / (1 + e) : 1 / (1 + e);
  return s + near * rise * (s * (1 - s));
}

/** e^x for x that are not positive. From -300 on it is that of -300. NaN stays NaN. */
function exp(x: f64): f64 {
  if (x != x) return x;
  const near = max<f64>(x, -300);
  const k = nearest(near * 1.4426950408889634);
  const r = near - k * 0.6931471805599453;
  let sum: f64 = 1.0 / 40320;
  sum = 1.0 / 5040 + r * sum;
  sum = 1.0 / 720 + r * sum;
  sum = 1.0 / 120 + r * sum;
  sum = 1.0 / 24 + r * sum;
  sum = 1.0 / 6 + r * sum;
  sum = 0.5 + r * sum;
  sum = 1 + r * (1 + r * sum);
  return sum * reinterpret<f64>((<i64>k + 1023) << 52);
}

/** erfc(x / sqrt(2)) / 2 for x that are not negative, as std/activation.ts has it. */
function tail(x: f64): f64 {
  const t = 1 / (1 + x * 0.3535533905932738);
  let sum: f64 = -0.05919323623;
  sum = 0.2851823793 + t * sum;
  sum = -0.4884599973 + t * sum;
  sum = 0.279511658 + t * sum;
  sum = -0.02762285417 + t * sum;
  sum = 0.2031097115 + t * sum;
  sum = 0.2429966579 + t * sum;
  sum = 0.2823900626 + t * sum;
  sum = 0.282085575 + t * sum;
  return 0.5 * t * sum * exp(-0.5 * x * x);
}
