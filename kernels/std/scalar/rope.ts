// Rope: turning one head's pairs, for builds without SIMD. Tables and bytes are those of std/rope.ts.

import { turnOf } from "./turn";

export function fillTablePlainly(angles: usize, bytes: usize, inverse: bool, table: usize): void {
  for (let at: usize = 0; at != bytes; at += sizeof<f32>()) {
    turnOf(load<f32>(angles + at), inverse, table + at, table + bytes + at);
  }
}

/** Turns pairs whose two values lie `apart` bytes from each other, and the pairs `step` bytes. */
export function turnPairs(
  x: usize,
  y: usize,
  cos: usize,
  half: usize,
  apart: usize,
  step: usize,
): void {
  const end = cos + half;
  while (cos != end) {
    const c = load<f32>(cos);
    const s = load<f32>(cos + half);
    const first = load<f32>(x);
    const second = load<f32>(x + apart);
    store<f32>(y, first * c - second * s);
    store<f32>(y + apart, first * s + second * c);
    x += step;
    y += step;
    cos += sizeof<f32>();
  }
}

export function copyPlainly(x: usize, y: usize, from: usize, end: usize): void {
  for (let at = from; at != end; at += 2) store<u16>(y + at, load<u16>(x + at));
}
