// Checkpoint, version 1: a kernel at rest as bytes, little-endian.
//
//   header | id | types | state | messages
//
// The sections follow each other without padding and fill the rest to the last byte. Each has a CRC-32C of
// its own, so that a reader can say which one is damaged.

import { layout } from "./layout.ts";

/** "ANCK" as bytes in a file. */
export const CHECKPOINT_MAGIC = 0x4b43_4e41;
export const CHECKPOINT_VERSION = 1;

export const CHECKPOINT_HEADER = layout("CheckpointHeader", {
  magic: ["u32", "the bytes ANCK"],
  version: ["u32", "1"],
  stamp_low: ["u32", "hybrid logical clock when it was made, the lower half"],
  stamp_high: ["u32", "the upper half"],
  messages: ["u32", "messages in the last section"],
  calls: ["u32", "calls that waited too, and were left out"],
  id_bytes: ["u32", "bytes of the id: of the kernel's definition, in UTF-8"],
  id_checksum: ["u32", "CRC-32C of the id"],
  types_bytes: [
    "u32",
    "bytes of the types: a u32 for each message that the kernel took, ascending",
  ],
  types_checksum: ["u32", "CRC-32C of the types"],
  state_bytes: ["u32", "bytes of the state: one value"],
  state_checksum: ["u32", "CRC-32C of the state"],
  queue_bytes: ["u32", "bytes of the messages: each a MessageHeader with its payload behind it"],
  queue_checksum: ["u32", "CRC-32C of the messages"],
  reserved: ["u32", "0"],
  checksum: ["u32", "CRC-32C of this header up to here"],
});
