// Arena: hands out a kernel's linear memory, from the bottom up, and takes it back in one step.
//
//   |  0  | start: used by the module | top: handed out ... | free ... | end |
//
// Every offset is a multiple of 16, so that each region starts on one v128. Offset 0 is never handed
// out: in a descriptor it says that a region is unused. Memory returns only from the top, to a mark
// taken earlier, and is not cleared: who hands an arena to another tenant zeroes it first.

import { assert, Failure, SANDBOX_LIMITS } from "../base/mod.ts";

const ALIGN = SANDBOX_LIMITS.regionAlignBytes;

export interface ArenaOptions {
  /** First byte that the arena may hand out, rounded up to 16 and never 0. */
  readonly start: number;
  /** First byte that it may not, rounded down to 16: then a full arena still has room for 0 bytes. */
  readonly end: number;
  /**
   * Called when `missingBytes` more are needed. Returns true after it has called `extend` with enough,
   * false to refuse. Without it the arena stays as large as it is.
   */
  readonly grow?: (missingBytes: number) => boolean;
}

/** A state of the arena to return to. It is the top at that moment. */
export type ArenaMark = number;

export class Arena {
  readonly #start: number;
  readonly #grow: ((missingBytes: number) => boolean) | undefined;
  #end: number;
  #top: number;

  constructor({ start, end, grow }: ArenaOptions) {
    assert(start >= 0 && start <= end && end <= 2 ** 32, "an arena lies within a 32-bit memory");
    this.#start = Math.max(ALIGN, roundUp(start));
    this.#end = roundDown(end);
    this.#top = this.#start;
    this.#grow = grow;
  }

  /** Bytes that one `allocate` could still get without growing. */
  get free(): number {
    return Math.max(0, this.#end - this.#top);
  }

  /** Bytes handed out, with what alignment wasted between them. */
  get used(): number {
    return this.#top - this.#start;
  }

  /** First byte beyond the arena. */
  get end(): number {
    return this.#end;
  }

  /**
   * Hands out `bytes` at a multiple of 16. Its contents are whatever was there. Fails with
   * OUT_OF_MEMORY, handing out nothing, when they do not fit and the arena may not grow.
   */
  allocate(bytes: number): number {
    assert(Number.isSafeInteger(bytes) && bytes >= 0, "an allocation is a whole number of bytes");
    const at = this.#top;
    const end = at + bytes;
    if (end > this.#end && !this.#makeRoom(end)) throw this.#full(bytes);
    this.#top = roundUp(end);
    return at;
  }

  /** The state to hand to `release`. */
  mark(): ArenaMark {
    return this.#top;
  }

  /** Takes back everything handed out since `mark`, which must be older than any released before. */
  release(mark: ArenaMark): void {
    assert(mark >= this.#start && mark <= this.#top, "a mark is released once, newest first");
    assert(mark % ALIGN === 0, "a mark came from mark()");
    this.#top = mark;
  }

  /** Tells the arena that it now ends at `end`, rounded down to 16. It never shrinks. */
  extend(end: number): void {
    assert(end >= this.#end && end <= 2 ** 32, "an arena only grows, within a 32-bit memory");
    this.#end = roundDown(end);
  }

  #makeRoom(end: number): boolean {
    return this.#grow !== undefined && this.#grow(end - this.#end) && end <= this.#end;
  }

  #full(bytes: number): Failure {
    const { free, used } = this;
    const limit = this.#end - this.#start;
    return new Failure(
      "OUT_OF_MEMORY",
      {
        found: `${bytes} bytes asked for, ${free} of ${Math.max(0, limit)} free`,
        expected: "an allocation within the kernel's memory",
        fix: "Use smaller tensors, release earlier calls, or raise max_memory_pages.",
      },
      { detail: { asked: bytes, free, used, limit } },
    );
  }
}

function roundDown(offset: number): number {
  return Math.floor(offset / ALIGN) * ALIGN;
}

function roundUp(offset: number): number {
  return Math.ceil(offset / ALIGN) * ALIGN;
}
