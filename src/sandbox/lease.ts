// Lease: one instance, held by one caller, with any number of prepared calls in its arena.
//
// Calls of one lease share memory, so what one wrote another can read in place. They may be disposed
// in any order; their memory returns when those above them are gone, and all of it with the lease.

import type { ArenaMark } from "./arena.ts";
import { type CallSetup, type CallShapes, PreparedCall } from "./call.ts";
import { disposed, type KernelContext, requireHealth } from "./context.ts";
import { type KernelInfo, readInfo } from "./info.ts";
import type { KernelInstance } from "./instance.ts";

/** One prepared call's hold on the arena. */
interface Hold {
  readonly mark: ArenaMark;
  /** Undefined once the call is disposed. */
  call: PreparedCall | undefined;
}

export class Lease implements Disposable {
  readonly #instance: KernelInstance;
  readonly #context: KernelContext;
  readonly #giveBack: (instance: KernelInstance) => void;
  readonly #holds: Hold[] = [];
  #open = true;

  constructor(
    context: KernelContext,
    instance: KernelInstance,
    giveBack: (instance: KernelInstance) => void,
  ) {
    this.#context = context;
    this.#instance = instance;
    this.#giveBack = giveBack;
  }

  /** Fixes shapes, offsets and params of a call in this lease's memory. */
  prepare<const Inputs extends CallShapes>(setup: CallSetup<Inputs>): PreparedCall<Inputs> {
    this.#checkOpen();
    const { arena } = this.#instance;
    const hold: Hold = { mark: arena.mark(), call: undefined };
    try {
      const call = new PreparedCall(this.#context, this.#instance, setup, () => this.#drop(hold));
      hold.call = call as unknown as PreparedCall;
      this.#holds.push(hold);
      return call;
    } catch (error) {
      arena.release(hold.mark);
      throw error;
    }
  }

  /** Calls kernel_info and reads what it says. */
  info(): KernelInfo {
    this.#checkOpen();
    return readInfo(this.#instance);
  }

  /** Ends every call of the lease and gives the instance back. */
  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    for (const { call } of [...this.#holds]) call?.[Symbol.dispose]();
    this.#giveBack(this.#instance);
  }

  #checkOpen(): void {
    if (!this.#open) throw disposed("lease");
    requireHealth(this.#context.health);
  }

  #drop(hold: Hold): void {
    hold.call = undefined;
    while (this.#holds.length > 0 && this.#holds.at(-1)!.call === undefined) {
      this.#instance.arena.release(this.#holds.pop()!.mark);
    }
  }
}
