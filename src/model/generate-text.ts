// Generate text: continues a text piece by piece, with room between the pieces for everything else that
// a thread does: showing them, and stopping.

import { assert } from "../base/mod.ts";
import { CHUNK_ROWS, type Decoder } from "./decoder.ts";
import { type EndReason, generate } from "./generate.ts";
import type { Sampler } from "./sample.ts";
import type { Tokenizer } from "./tokenizer/tokenizer.ts";

/** What one token adds to a text. */
export interface Piece {
  /** Undefined for what ends a character that its tokens never finished. */
  readonly id: number | undefined;
  /** Empty while a character is not whole. */
  readonly text: string;
}

export interface TextOptions {
  readonly tokensMax: number;
  readonly sample: Sampler;
  /** Once aborted, the next piece is its reason, thrown. */
  readonly signal?: AbortSignal | undefined;
  /** Told how much of the prompt has been read, in tokens. */
  readonly onRead?: ((tokens: number) => void) | undefined;
  /** Waits until whoever shares this thread had a turn. */
  readonly breathe: () => Promise<void>;
}

/**
 * Reads `ids`, which are not empty, and yields what comes behind them. A token that ends the text is
 * not yielded. Fails with CONTEXT_FULL when `ids` do not fit, before any is read.
 */
export async function* generateText(
  decoder: Decoder,
  tokenizer: Tokenizer,
  ids: readonly number[],
  options: TextOptions,
): AsyncGenerator<Piece, EndReason> {
  const { tokensMax, sample, signal, breathe } = options;
  const last = await readAllButLast(decoder, ids, options);
  const stream = tokenizer.stream({ continues: true });
  const tokens = generate(decoder, last, { tokensMax, sample });
  let next = tokens.next();
  while (next.done !== true) {
    const id = next.value;
    yield { id, text: stream.push(id) };
    await breathe();
    signal?.throwIfAborted();
    next = tokens.next();
  }
  const rest = stream.end();
  if (rest !== "") yield { id: undefined, text: rest };
  return next.value;
}

/** Reads whole chunks of the prompt and gives back what is left, at least one token. */
async function readAllButLast(
  decoder: Decoder,
  ids: readonly number[],
  { signal, onRead, breathe }: TextOptions,
): Promise<readonly number[]> {
  assert(ids.length > 0, "a text continues at least one token");
  decoder.check(ids);
  let from = 0;
  for (; ids.length - from > CHUNK_ROWS; from += CHUNK_ROWS) {
    signal?.throwIfAborted();
    decoder.read(ids.slice(from, from + CHUNK_ROWS));
    onRead?.(from + CHUNK_ROWS);
    await breathe();
  }
  signal?.throwIfAborted();
  return ids.slice(from);
}
