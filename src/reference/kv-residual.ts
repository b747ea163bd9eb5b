// Residual: which tokens of a KIVI cache a host packs, and when.
//
//   | packed groups of 32 tokens | residual: up to window + 31 tokens, as they are |
//                                ^ packedTokens(tokens, window)
//
// A group of keys runs along 32 tokens, so keys can be packed only once 32 of them are there; and the
// most recent tokens, which attention looks at most, stay exact. After it has appended a token, the host
// asks how many should be packed. When that is more than it has packed, it packs the rows between as
// kivi_k or kivi_k2 (values as kivi_v or kivi_v2), appends the blocks to those it has, and drops the rows. Groups follow each
// other in the packed tensor, so nothing that was packed is touched again. Keys are stored as attention
// uses them, after their rotation.

const GROUP = 32; // Tokens of a block of keys.

/** How many of `tokens` tokens are to be packed, so that at least the last `window` are not. */
export function packedTokens(tokens: number, window: number): number {
  return GROUP * Math.max(0, Math.floor((tokens - window) / GROUP));
}
