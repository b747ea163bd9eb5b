// Bridge: a queue in a device's memory, which a bridge fills or empties by copies.
//
// One structure for both directions. Each word has one writer, and a line of its own, so that nobody copies
// back what another has written. Slots follow the words; each starts with its own words, its payload behind.

import { layout } from "./layout.ts";

export const BRIDGE_QUEUE = layout("BridgeQueue", {
  tail: ["u32", "messages published since the start, modulo 2^32; written by the producer"],
  tail_pad: ["u32", "0", 31],
  head: ["u32", "messages taken since the start, modulo 2^32; written by the consumer"],
  head_pad: ["u32", "0", 31],
});

export const BRIDGE_SLOT = layout("BridgeSlot", {
  turn: [
    "u32",
    "the message's position plus 1, modulo 2^32: a slot that says another is not its own",
  ],
  bytes: ["u32", "bytes of the payload, which follows"],
  reserved: ["u32", "0", 2],
});

/** Slots start on multiples of it, and so does what is copied. */
export const BRIDGE_SLOT_ALIGN = 64;
