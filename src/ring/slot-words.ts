// Slot words: a run of slots as 32-bit words, which is how every publisher and executor touches them.

import { Failure } from "../base/mod.ts";
import { SLOT, SLOT_WORDS } from "../layout/mod.ts";

/**
 * The slots that lie in `bytes`, without copying. Fails with RING_INVALID for a length that is no whole
 * number of slots, for an unaligned start, and on a big-endian processor, where words would be reversed.
 */
export function slotWords(bytes: Uint8Array): Int32Array {
  if (new Uint8Array(new Uint32Array([1]).buffer)[0] !== 1)
    throw invalid("a big-endian processor", "a little-endian one", "Run on another processor.");
  if (bytes.byteLength % SLOT.bytes !== 0)
    throw invalid(
      `${bytes.byteLength} bytes`,
      "a multiple of 64",
      "Make it with encodeEmptyRing().",
    );
  if (bytes.byteOffset % 4 !== 0)
    throw invalid(`a start at byte ${bytes.byteOffset}`, "a multiple of 4", "Align the slots.");
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

/** Fails with RING_INVALID unless `words` is a whole number of slots. */
export function checkSlotWords(words: Int32Array): void {
  if (words.length % SLOT_WORDS === 0) return;
  throw invalid(`${words.length} words`, "a multiple of 16", "Make it with encodeEmptyRing().");
}

function invalid(found: string, expected: string, fix: string): Failure {
  return new Failure("RING_INVALID", { at: "the slots", found, expected, fix });
}
