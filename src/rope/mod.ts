// Rope: the angles that the rope kernels take, from a model's theta, its scaling rule and positions.
//
// Kernels turn by angles and know no rule, so that each rule is written once, here, in f64. A table has
// one row per token: positions may begin anywhere, repeat and skip. Tokens of several sequences with
// positions of their own are one batch of all their tokens. A rule may also ask for a factor on cosines
// and sines: pass it as the kernel's param `scale`.

export { type AngleProfile, ropeAngles } from "./angles.ts";
export {
  ropeFrequencies,
  type RopeFrequencies,
  type RopeFrequencyOptions,
  type RopeScaling,
} from "./frequencies.ts";
