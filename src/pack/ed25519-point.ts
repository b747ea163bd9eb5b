// Ed25519 points: what a strict verifier refuses before any curve arithmetic.
//
// A point is written as its y in 255 bits, little-endian, and the sign of its x in the top bit. Lenient
// verifiers take a y that is not below p, a "negative" zero x, and the eight points of small order; each
// lets somebody make a second valid signature, or one that fits many messages.

const P = 2n ** 255n - 19n;

/** The order of the group: the scalar of a signature must lie below it. */
const L = 2n ** 252n + 27742317777372353535851937790883648493n;

/** The y of a point of order 8; the other such points have this y or its negative. */
const EIGHTH = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n;

/** The y of every point whose order divides 8: of orders 4, 1, 2, and twice 8. */
const SMALL_ORDER_Y: ReadonlySet<bigint> = new Set([0n, 1n, P - 1n, EIGHTH, P - EIGHTH]);

/** Why 32 bytes are not a point that a strict verifier takes, or undefined when nothing is wrong. */
export function pointFault(bytes: Uint8Array): string | undefined {
  const y = littleEndian(bytes) & (2n ** 255n - 1n);
  if (y >= P) return "a point that is not in canonical form";
  if (SMALL_ORDER_Y.has(y)) return "a point of small order"; // Also covers x = 0 with either sign.
  return undefined;
}

/** Whether a scalar of 32 bytes is below the group's order, as RFC 8032 demands. */
export function isCanonicalScalar(bytes: Uint8Array): boolean {
  return littleEndian(bytes) < L;
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}
