// Turn: cosine and sine of one f32 angle, for builds without SIMD. What std/turn.ts says of four holds
// here, but that the polynomials are worked out in f64 as well.

const ANGLE_MAX: f32 = 16777216;

/** Writes the cosine of `angle` to `cos` and its sine, negated by `inverse`, to `sin`. */
export function turnOf(angle: f32, inverse: bool, cos: usize, sin: usize): void {
  if (!(abs(angle) <= ANGLE_MAX)) {
    store<f32>(cos, NaN);
    store<f32>(sin, NaN);
    return;
  }
  const k = nearest(<f64>angle * 0.6366197723675814);
  const r = <f64>angle - k * 1.570796325802803 - k * 9.920935796805404e-10;
  const z = r * r;
  const quarter = <i32>k;
  const odd = (quarter & 1) != 0;
  const first = odd ? sine(r, z) : cosine(z);
  const second = odd ? cosine(z) : sine(r, z);
  store<f32>(cos, <f32>((quarter + 1) & 2 ? -first : first));
  store<f32>(sin, <f32>(((quarter & 2) != 0) != inverse ? -second : second));
}

function sine(r: f64, z: f64): f64 {
  const sum = -1.0 / 6 + z * (1.0 / 120 + z * (-1.0 / 5040 + z * (1.0 / 362880)));
  return r + r * z * sum;
}

function cosine(z: f64): f64 {
  const sum = 1.0 / 24 + z * (-1.0 / 720 + z * (1.0 / 40320 + z * (-1.0 / 3628800)));
  return 1 + z * (-0.5 + z * sum);
}
