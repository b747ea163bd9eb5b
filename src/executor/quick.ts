// Quick: the executor's path in WebAssembly, over a ring whose memory is a WebAssembly.Memory.
//
// An engine's Atomics are calls, and WebAssembly's are instructions: what takes no other look runs three
// times faster there. See quick.as.ts for what that is.

import { Failure } from "../base/mod.ts";
import type { Ring } from "../ring/mod.ts";
import { QUICK } from "./quick.wasm.ts";

/** The last page: a word that counts executors, then a packed slot's words for each of them. */
const PAGE_BYTES = 65_536;
const SCRATCH_BYTES = 64;
const SCRATCHES = PAGE_BYTES / SCRATCH_BYTES - 1;

interface QuickExports {
  attach(scratchAt: number): void;
  run(slot: number, count: number): number;
}

let compiled: WebAssembly.Module | undefined;

/**
 * Runs up to `count` claimed slots from `slot` on, and says how many it ran. The one after those is
 * untouched, and needs the executor.
 */
export type Quick = (slot: number, count: number) => number;

/**
 * The quick path of one executor. Fails with RING_INVALID for a memory that createRingMemory() did not
 * make, and for the 1024th executor of a ring.
 */
export function quickOf(ring: Ring, memory: WebAssembly.Memory): Quick {
  const { buffer } = memory;
  const page = buffer.byteLength - PAGE_BYTES;
  if (buffer !== ring.words.buffer || page < ring.geometry.totalBytes)
    throw invalid("a memory that is not the ring's, or has no page for executors");
  const taken = Atomics.add(new Int32Array(buffer, page, 1), 0, 1);
  if (taken >= SCRATCHES) throw invalid(`${taken} executors`);
  compiled ??= new WebAssembly.Module(Uint8Array.from(atob(QUICK), (char) => char.charCodeAt(0)));
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
  const { attach, run } = exports as unknown as QuickExports;
  attach(page + (taken + 1) * SCRATCH_BYTES);
  return run;
}

function invalid(found: string): Failure {
  return new Failure("RING_INVALID", {
    at: "the executor's memory",
    found,
    expected: `a memory of createRingMemory(), whose ring this is, with less than ${SCRATCHES} executors`,
    fix: "Attach the ring to `memory.buffer`, or start the executor without its memory.",
  });
}
