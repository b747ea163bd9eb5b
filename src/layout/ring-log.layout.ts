// Ring log, version 1: what a log of a ring's slots holds, little-endian.
//
//   header | control words before the first slot | record | record | ...
//
// Records are of one size and numbered from 1, so that a torn or damaged one is found by itself.

import { layout } from "./layout.ts";

/** "ANRL" as bytes in a file. */
export const RING_LOG_MAGIC = 0x4c52_4e41;
export const RING_LOG_VERSION = 1;

export const RING_LOG_HEADER = layout("RingLogHeader", {
  magic: ["u32", "the bytes ANRL"],
  version: ["u32", "1"],
  slots: ["u32", "shape of the ring: slots of all lanes together"],
  lanes: ["u32", "1 or 5"],
  observables: ["u32", "observable words"],
  tenants: ["u32", "tenants"],
  debug_records: ["u32", "records of the debug log"],
  io_slots: ["u32", "entries of the IO queue"],
  control_words: ["u32", "control words that follow this header, observable words included"],
  reserved: ["u32", "0", 6],
  checksum: ["u32", "of this header up to here, then of the control words"],
});

/** Stores to control words that a record names; of the others it has their number and their hash. */
export const RING_LOG_WRITES = 2;

export const RING_LOG_RECORD = layout("RingLogRecord", {
  number: ["u32", "from 1; wraps"],
  slot: ["u32", "slot of the ring"],
  ticket: ["u32", "of the publication"],
  owner: ["u32", "executor that ran it"],
  batch: ["u32", "batch that it counts in; 0 is none"],
  mask: ["u32", "mask of its tenant when it was claimed; 0 for an id that is no tenant's"],
  published: ["u32", "the slot's sixteen words as published", 16],
  status: ["u32", "DONE or FAULT"],
  code: ["u32", "of the fault, or 0"],
  detail: ["u32", "of the fault, or 0"],
  writes: ["u32", "control words that it stored, one after the other"],
  writes_hash: ["u32", "of index and value of each store, in order"],
  first_writes: ["u32", "index and value of the first two stores; 0 where there are fewer", 4],
  checksum: ["u32", "of this record up to here"],
});
