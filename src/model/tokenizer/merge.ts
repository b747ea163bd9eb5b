// Merge: byte-pair encoding. Of all neighbours that may merge the pair of lowest rank merges, the
// leftmost first, until none may.
//
// Symbols are a linked list, candidates a heap, so n symbols take n log n steps: a prompt without
// spaces, which is one word of a million symbols, costs no more than the same length of prose.

import { MODEL_LIMITS } from "../../base/mod.ts";

export interface Merge {
  readonly rank: number;
  /** The token that the pair becomes. */
  readonly id: number;
}

/** Merges by pair of tokens. */
export class MergeTable {
  readonly #merges = new Map<number, Merge>();

  /** False where the pair has a merge already: the first counts. */
  add(left: number, right: number, merge: Merge): boolean {
    const key = keyOf(left, right);
    if (this.#merges.has(key)) return false;
    this.#merges.set(key, merge);
    return true;
  }

  get(left: number, right: number): Merge | undefined {
    return this.#merges.get(keyOf(left, right));
  }
}

/** Applies `table` to `symbols`. */
export function mergeSymbols(symbols: readonly number[], table: MergeTable): readonly number[] {
  if (symbols.length < 2) return symbols;
  const word = new Word(symbols, table);
  word.merge();
  return word.tokens();
}

const IDS = MODEL_LIMITS.vocabularyMax;
const NONE = -1;
const POSITIONS = 2 ** 27; // More than a text has bytes, so that rank and position fit one number.

/** A pair as one number, exact below 2^53. */
function keyOf(left: number, right: number): number {
  return left * IDS + right;
}

class Word {
  readonly #table: MergeTable;
  readonly #ids: Int32Array;
  /** Neighbours of each symbol; what merged into its left neighbour has none. */
  readonly #before: Int32Array;
  readonly #after: Int32Array;
  readonly #heap = new Heap();

  constructor(symbols: readonly number[], table: MergeTable) {
    const { length } = symbols;
    this.#table = table;
    this.#ids = Int32Array.from(symbols);
    this.#before = Int32Array.from(symbols, (_, i) => i - 1);
    this.#after = Int32Array.from(symbols, (_, i) => (i + 1 < length ? i + 1 : NONE));
    for (let i = 0; i + 1 < length; i++) this.#offer(i);
  }

  merge(): void {
    for (let next = this.#heap.take(); next !== undefined; next = this.#heap.take()) {
      const at = next % POSITIONS;
      const merge = this.#mergeAt(at);
      // A pair that changed since it was offered was offered anew.
      if (merge !== undefined && merge.rank === Math.floor(next / POSITIONS))
        this.#join(at, merge.id);
    }
  }

  tokens(): readonly number[] {
    const tokens: number[] = [];
    for (let at = 0; at !== NONE; at = this.#after[at]!) tokens.push(this.#ids[at]!);
    return tokens;
  }

  #mergeAt(at: number): Merge | undefined {
    const right = this.#after[at]!;
    if (right === NONE || this.#ids[at] === NONE) return undefined;
    return this.#table.get(this.#ids[at]!, this.#ids[right]!);
  }

  #join(at: number, id: number): void {
    const right = this.#after[at]!;
    const beyond = this.#after[right]!;
    this.#ids[at] = id;
    this.#ids[right] = NONE;
    this.#after[at] = beyond;
    if (beyond !== NONE) this.#before[beyond] = at;
    this.#offer(at);
    const before = this.#before[at]!;
    if (before !== NONE) this.#offer(before);
  }

  #offer(at: number): void {
    const merge = this.#mergeAt(at);
    if (merge !== undefined) this.#heap.add(merge.rank * POSITIONS + at);
  }
}

/** Numbers, the smallest first. */
class Heap {
  readonly #items: number[] = [];

  add(item: number): void {
    const items = this.#items;
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (items[parent]! <= item) break;
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = item;
  }

  take(): number | undefined {
    const items = this.#items;
    const least = items[0];
    const last = items.pop();
    if (last !== undefined && items.length > 0) this.#sink(last);
    return least;
  }

  #sink(item: number): void {
    const items = this.#items;
    let at = 0;
    for (let child = 1; child < items.length; child = 2 * at + 1) {
      if (child + 1 < items.length && items[child + 1]! < items[child]!) child++;
      if (items[child]! >= item) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = item;
  }
}
