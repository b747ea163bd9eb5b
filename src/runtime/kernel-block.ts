// Kernel block: the words that a kernel's thread and its host share, as each of them uses it.

import { KERNEL_BLOCK } from "../layout/mod.ts";
import { mayHandle } from "./lifecycle.ts";

type Word = keyof typeof KERNEL_BLOCK.fields;

const AT = Object.fromEntries(
  Object.entries(KERNEL_BLOCK.fields).map(([name, { at }]) => [name, at / 4]),
) as Readonly<Record<Word, number>>;

/** What the thread counts, as 32 bits that wrap. */
export type Counter = Exclude<
  Word,
  "state" | "interrupt" | "closed" | "generation" | "host_pad" | "busy" | "reserved"
>;

/** Where each counter lies: a name that is looked up at every message costs as much as its handler. */
export const COUNTER: Readonly<Record<Counter, number>> = AT;

export class KernelBlock {
  static readonly words = KERNEL_BLOCK.bytes / 4;
  readonly #words: Int32Array;

  /** `words` are the block's own. */
  constructor(words: Int32Array) {
    this.#words = words;
  }

  get bytes(): number {
    return this.#words.byteLength;
  }

  /** The word that holds the lifecycle's state. */
  get stateWord(): Int32Array {
    return this.#words.subarray(AT.state, AT.state + 1);
  }

  get state(): number {
    return Atomics.load(this.#words, AT.state);
  }

  /** The host sets it. */
  set state(state: number) {
    Atomics.store(this.#words, AT.state, state);
  }

  /**
   * Whether its threads may start messages. They ask before each: plain loads do, since a thread that sees a
   * change late has seen it after its turn, in which it looks at its commands atomically.
   */
  get mayHandle(): boolean {
    return mayHandle(this.#words[AT.state]!) && this.#words[AT.closed] === 0;
  }

  /** Lets no message start any more. */
  close(): void {
    Atomics.store(this.#words, AT.closed, 1);
  }

  /** Whether the running message shall stop. */
  get interrupted(): boolean {
    return this.#words[AT.interrupt] !== 0;
  }

  set interrupted(value: boolean) {
    Atomics.store(this.#words, AT.interrupt, value ? 1 : 0);
  }

  get busy(): number {
    return this.#words[AT.busy]!;
  }

  set busy(value: number) {
    this.#words[AT.busy] = value;
  }

  /** Adds to a COUNTER. Only the kernel's thread does. */
  count(counter: number, by = 1): void {
    this.#words[counter]! += by;
  }

  /** Without a sign, so right until it wraps at 2^32. */
  read(counter: Counter): number {
    return Atomics.load(this.#words, AT[counter]) >>> 0;
  }

  /** Messages that its thread has claimed and not ended. */
  get inHand(): number {
    const ended = this.read("processed") + this.read("failed"); // Before `claimed`, which so is no less.
    return (this.read("claimed") - ended) >>> 0;
  }

  get generation(): number {
    return this.#words[AT.generation]!;
  }

  set generation(value: number) {
    Atomics.store(this.#words, AT.generation, value);
  }
}

/** A counter of all threads that serve a kernel. */
export function sumOf(blocks: readonly KernelBlock[], counter: Counter): number {
  return blocks.reduce((sum, block) => sum + block.read(counter), 0);
}
