// Chance: numbers that look random and are the same in every run and every engine. So it takes no
// logarithm and no cosine, whose last bits engines may round as they like.

/** A stream of numbers made from a seed: the generator sfc32, which passes the usual tests. */
export class Chance {
  #a: number;
  #b: number;
  #c = 0x9e37_79b9;
  #count = 1;

  /** Streams of neighbouring `seed`s and `stream`s have nothing in common. */
  constructor(seed: number, stream = 0) {
    this.#a = seed | 0;
    this.#b = stream | 0;
    for (let i = 0; i < 12; i++) this.u32(); // Moves the seed's few bits to all of the state's.
  }

  /** Any u32. */
  u32(): number {
    const sum = (this.#a + this.#b + this.#count) | 0;
    this.#count = (this.#count + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    this.#c |= 0;
    return sum >>> 0;
  }

  /** A whole number from 0 up to but not including `limit`, which is at most 2^32. */
  below(limit: number): number {
    return Math.floor(this.unit() * limit);
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** From 0 up to but not including 1. */
  unit(): number {
    return this.u32() / 2 ** 32;
  }

  /** One time in `times`. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<Value>(values: readonly Value[]): Value {
    return values[this.below(values.length)]!;
  }

  /** A value of a bell curve around 0 with deviation 1: the sum of four, which ends at 3.5. */
  bell(): number {
    const sum = this.unit() + this.unit() + this.unit() + this.unit();
    return (sum - 2) * SQRT_3;
  }
}

/** Four values from 0 to 1 vary by 4/12 together. */
const SQRT_3 = 1.7320508075688772;
