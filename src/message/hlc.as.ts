// Hlc: a hybrid logical clock in one 64-bit word, 48 bits of Unix milliseconds above 16 of logical time.
//
// A word compares as the pair that it holds, so the usual cases are one line: the wall where it is ahead of
// everything seen, otherwise one after the latest. A logical overflow carries into the milliseconds, and
// the wall catches up. Both parts change in one compare-exchange, so no two threads get one stamp.
//
// JavaScript would need BigInts for the word, and allocate: here numbers come and go as halves of 32 bits.
// Addresses are bytes, a multiple of 8. Built by tools/generators/hlc.ts.

const LOGICAL_BITS: u64 = 16;

// Of the last call. They belong to this instance, so other threads do not touch them.
let stamp: u64 = 0;
let wasRefused: bool = false;

/** Gives the next stamp's low half; `high()` has the other. `now` is in milliseconds. */
export function tick(at: usize, nowHi: u32, nowLo: u32): u32 {
  return advance(at, join(nowHi, nowLo) << LOGICAL_BITS, 0, 1);
}

/** As `tick`, for `count` stamps that follow each other: the low half is the first one's. */
export function tickMany(at: usize, nowHi: u32, nowLo: u32, count: u32): u32 {
  return advance(at, join(nowHi, nowLo) << LOGICAL_BITS, 0, count);
}

/**
 * Makes sure that later stamps are after `remote`. Costs a load where they are anyway, as within a process.
 * `refused()` as of `update`. Gives the low half of what the clock then says; `high()` has the other.
 */
export function observe(
  at: usize,
  nowHi: u32,
  nowLo: u32,
  remoteHi: u32,
  remoteLo: u32,
  driftMs: u32,
): u32 {
  wasRefused = false;
  const found = atomic.load<u64>(at);
  if (join(remoteHi, remoteLo) > found) return update(at, nowHi, nowLo, remoteHi, remoteLo, driftMs);
  stamp = found;
  return <u32>stamp;
}

/**
 * As `tick`, and the stamp is after `remote` too. A remote more than `driftMs` ahead of `now` changes
 * nothing: the low half is the last stamp's, and `refused()` is true.
 */
export function update(
  at: usize,
  nowHi: u32,
  nowLo: u32,
  remoteHi: u32,
  remoteLo: u32,
  driftMs: u32,
): u32 {
  const now = join(nowHi, nowLo);
  const remote = join(remoteHi, remoteLo);
  wasRefused = remote >> LOGICAL_BITS > now + driftMs;
  if (wasRefused) return <u32>stamp;
  return advance(at, now << LOGICAL_BITS, remote, 1);
}

/** The high half of the stamp whose low half the last call gave. */
export function high(): u32 {
  return <u32>(stamp >> 32);
}

/** Whether the last update was. */
export function refused(): bool {
  return wasRefused;
}

function advance(at: usize, wall: u64, remote: u64, count: u32): u32 {
  let found = atomic.load<u64>(at);
  let stored: u64;
  do {
    stored = found; // Perhaps another thread's stamp by now: ours comes after it.
    const latest = max(stored, remote);
    stamp = wall > latest ? wall : latest + 1;
    found = atomic.cmpxchg<u64>(at, stored, stamp + (count - 1));
  } while (found != stored);
  return <u32>stamp;
}

// @ts-ignore: decorator
@inline
function join(hi: u32, lo: u32): u64 {
  return (<u64>hi << 32) | lo;
}
