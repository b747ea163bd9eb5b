// CRC-32C: the checksum of payloads, with Castagnoli's polynomial, as in iSCSI and ext4.
//
// A CRC is linear, so eight bytes are folded at once ("slicing by 8"): table k has what a byte becomes
// after k more bytes of zeros, and the eight are XORed. It finds accidents; it proves nothing of origin.

import { assert } from "../base/mod.ts";

const POLYNOMIAL = 0x82f6_3b78; // Bits reversed: the lowest bit stands for the highest power.
const SLICES = 8;
const BYTE = 256; // Entries of one table.

const TABLE = makeTables();

/**
 * CRC-32C of `bytes` from `start` up to `end`, unsigned. With the checksum of what comes before as `seed`,
 * that of the whole. Allocates nothing.
 */
export function crc32c(bytes: Uint8Array, start: number, end: number, seed = 0): number {
  assert(start >= 0 && start <= end && end <= bytes.length, "a checksum's range lies in its bytes");
  let crc = ~seed;
  let at = start;
  for (; at + SLICES <= end; at += SLICES) {
    const low =
      crc ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
    crc =
      TABLE[7 * BYTE + (low & 0xff)]! ^
      TABLE[6 * BYTE + ((low >>> 8) & 0xff)]! ^
      TABLE[5 * BYTE + ((low >>> 16) & 0xff)]! ^
      TABLE[4 * BYTE + (low >>> 24)]! ^
      TABLE[3 * BYTE + bytes[at + 4]!]! ^
      TABLE[2 * BYTE + bytes[at + 5]!]! ^
      TABLE[BYTE + bytes[at + 6]!]! ^
      TABLE[bytes[at + 7]!]!;
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[at]!) & 0xff]!;
  return ~crc >>> 0;
}

/** Eight tables, one after the other. Signed, since values above 2^31 would not be small integers. */
function makeTables(): Int32Array {
  const tables = new Int32Array(SLICES * BYTE);
  for (let byte = 0; byte < BYTE; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
    tables[byte] = crc;
  }
  for (let at = BYTE; at < tables.length; at++) {
    const before = tables[at - BYTE]!;
    tables[at] = (before >>> 8) ^ tables[before & 0xff]!;
  }
  return tables;
}
