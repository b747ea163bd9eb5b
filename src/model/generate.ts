// Generate: continues a text, token by token.

import type { Decoder } from "./decoder.ts";
import type { Sampler } from "./sample.ts";

export interface GenerateOptions {
  readonly tokensMax: number;
  readonly sample: Sampler;
}

/** Why a text ended: by itself, at as many tokens as were asked for, or where the context is full. */
export type EndReason = "end" | "tokens" | "context";

/**
 * Reads `ids`, then yields one token after another. A token that ends the text is not yielded. Fails
 * with CONTEXT_FULL when `ids` do not fit.
 */
export function* generate(
  decoder: Decoder,
  ids: readonly number[],
  { tokensMax, sample }: GenerateOptions,
): Generator<number, EndReason> {
  let logits = decoder.feed(ids);
  for (let made = 0; made < tokensMax; made++) {
    const id = sample(logits);
    if (decoder.config.endIds.includes(id)) return "end";
    yield id;
    if (made + 1 === tokensMax) break;
    if (decoder.length === decoder.positions) return "context";
    logits = decoder.feed([id]);
  }
  return "tokens";
}
