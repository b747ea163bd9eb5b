// Patience: for how long a lone caller looks for its answer before it yields to the event loop.
//
// Looking is the fastest way to get an answer, and wasted where that takes longer. So each time that it was in
// vain halves the patience for the next call, down to a sixteenth, and each time that it was not restores it.

const LEAST_SHIFT = 4;

export class Patience {
  /** Looks that the next caller may take. */
  looks: number;
  readonly #most: number;

  constructor(most: number) {
    this.looks = this.#most = most;
  }

  /** Says whether an answer came while a caller looked. */
  heard(isAnswered: boolean): void {
    this.looks = isAnswered
      ? this.#most
      : Math.max(Math.floor(this.looks / 2), this.#most >> LEAST_SHIFT);
  }
}
