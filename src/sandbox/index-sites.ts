// Index sites: places outside function bodies where an index is written that the rewriter moves.
//
// A hostile module has millions of them, so they are numbers in one array and no objects.

export interface IndexSite {
  /** "data-flags": the flags of an active data segment, and the memory's index if they say so. */
  readonly space: (typeof SPACES)[number];
  readonly at: number;
  readonly end: number;
  readonly index: number;
}

const SPACES = ["global", "memory", "data-flags"] as const;

export class IndexSites implements Iterable<IndexSite> {
  #numbers = new Int32Array(4 * 64);
  #length = 0;

  /** Adds a site; each stands behind the one before. Its index is one of the module's own. */
  add(space: IndexSite["space"], at: number, end: number, index: number): void {
    if (this.#length === this.#numbers.length) {
      const grown = new Int32Array(this.#numbers.length * 2);
      grown.set(this.#numbers);
      this.#numbers = grown;
    }
    this.#numbers.set([SPACES.indexOf(space), at, end, index], this.#length);
    this.#length += 4;
  }

  *[Symbol.iterator](): Generator<IndexSite> {
    for (let i = 0; i < this.#length; i += 4) {
      const [space, at, end, index] = this.#numbers.subarray(i, i + 4) as Iterable<number>;
      yield { space: SPACES[space!]!, at: at!, end: end!, index: index! };
    }
  }
}
