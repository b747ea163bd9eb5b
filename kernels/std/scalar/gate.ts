// Gate: y = act(gate) * up, one value at a time, for builds without SIMD. Neighbouring gates lie `step`
// bytes apart, and so do ups: the size of a value, or twice it where they come in pairs.

import { activateOne, slopeOne } from "./activation";
import { loadHalf, storeHalf } from "./half";

export function gatePlainly(
  act: u32,
  gate: usize,
  up: usize,
  y: usize,
  bytes: usize,
  step: usize,
): void {
  const end = y + bytes;
  while (y != end) {
    store<f32>(y, <f32>activateOne(act, load<f32>(gate)) * load<f32>(up));
    gate += step;
    up += step;
    y += sizeof<f32>();
  }
}

export function gateHalvesPlainly(
  act: u32,
  gate: usize,
  up: usize,
  y: usize,
  bytes: usize,
  step: usize,
): void {
  const end = y + bytes;
  while (y != end) {
    storeHalf(y, <f32>activateOne(act, loadHalf(gate)) * loadHalf(up));
    gate += step;
    up += step;
    y += 2;
  }
}

/** dup = dy * act(gate) and dgate = dy * up * act'(gate). */
export function gateBackwardPlainly(
  act: u32,
  dgate: usize,
  dup: usize,
  dy: usize,
  gate: usize,
  up: usize,
  bytes: usize,
): void {
  for (let at: usize = 0; at != bytes; at += sizeof<f32>()) {
    const gradient = load<f32>(dy + at);
    const z = <f64>load<f32>(gate + at);
    store<f32>(dup + at, gradient * <f32>activateOne(act, z));
    store<f32>(dgate + at, gradient * load<f32>(up + at) * <f32>slopeOne(act, z));
  }
}
