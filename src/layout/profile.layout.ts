// Profile: what a thread records of the messages that it handles, for whoever looks at it later. The head, then
// the words of a histogram of handling times, then the records as a ring: the oldest is written over.

import { layout } from "./layout.ts";

export const PROFILE_HEAD = layout("ProfileHead", {
  recorded_low: ["u32", "messages recorded so far, the lower half; written after its record"],
  recorded_high: ["u32", "the upper half; written before the lower one"],
  capacity: ["u32", "records that there is room for"],
  reserved: ["u32", "0", 13],
});

/** One message's handling. Nanoseconds are of the process's monotonic clock. */
export const PROFILE_RECORD = layout("ProfileRecord", {
  turn: ["u32", "number of the record, from 1, modulo 2^32; 0 while it is written"],
  type: ["u32", "which message: the id of its declaration"],
  source: ["u32", "the kernel that sent it; 0 is the host"],
  lane: ["u32", "lane of the thread in the lower 16 bits, profile flags in the upper ones"],
  start_low: ["u32", "when its handler was called, in nanoseconds, the lower half"],
  start_high: ["u32", "the upper half"],
  duration_low: ["u32", "until it returned or its promise settled, in nanoseconds, the lower half"],
  duration_high: ["u32", "the upper half"],
});

/** The upper half of a record's `lane`. */
export const PROFILE_FLAGS = {
  /** The handler returned a promise. */
  LATE: 1,
  /** It threw. */
  FAILED: 2,
  /** Somebody waits for the answer. */
  CALL: 4,
} as const;
