// Lease: one instance, held by one caller, with any number of prepared calls in its arena.
//
// Calls of one lease share memory, so what one wrote another can read in place. They may be disposed
// in any order; their memory returns when those above them are gone, and all of it with the lease.

import type { ArenaMark } from "./arena.ts";
import { type BatchSetup, PreparedBatch } from "./batch.ts";
import { type CallOptions, type CallSetup, type CallShapes, PreparedCall } from "./call.ts";
import { disposed, type KernelContext, requireHealth } from "./context.ts";
import { type KernelInfo, readInfo } from "./info.ts";
import type { KernelInstance } from "./instance.ts";

/** One prepared call's hold on the arena. */
interface Hold {
  readonly mark: ArenaMark;
  /** Undefined once the call is disposed. */
  call: Disposable | undefined;
}

export interface LeaseOptions {
  readonly giveBack: (instance: KernelInstance) => void;
  /** Ends the lease with the last of its calls: for a call with an instance of its own. */
  readonly endsWithCalls: boolean;
}

export class Lease implements Disposable {
  readonly #instance: KernelInstance;
  readonly #context: KernelContext;
  readonly #options: LeaseOptions;
  readonly #holds: Hold[] = [];
  #open = true;

  constructor(context: KernelContext, instance: KernelInstance, options: LeaseOptions) {
    this.#context = context;
    this.#instance = instance;
    this.#options = options;
  }

  /** Fixes shapes, offsets and params of a call in this lease's memory. */
  prepare<const Inputs extends CallShapes>(setup: CallSetup<Inputs>): PreparedCall<Inputs> {
    return this.#hold((onDispose) => this.#prepared(setup, { pass: "forward", onDispose }));
  }

  /**
   * The same for the kernel's gradients: inputs are the outputs' gradients, such as `dy`, and the inputs
   * as they were; outputs are gradients of inputs, such as `dx`. Fails with NO_GRADIENTS.
   */
  prepareBackward<const Inputs extends CallShapes>(setup: CallSetup<Inputs>): PreparedCall<Inputs> {
    return this.#hold((onDispose) => this.#prepared(setup, { pass: "backward", onDispose }));
  }

  /** Fixes the same of many requests, to be run by one call. Fails with PARAM_INVALID for too many. */
  prepareBatch<const Inputs extends CallShapes>(setup: BatchSetup<Inputs>): PreparedBatch<Inputs> {
    return this.#hold((onDispose) => {
      return new PreparedBatch(this.#context, this.#instance, setup, onDispose);
    });
  }

  #prepared<Inputs extends CallShapes>(
    setup: CallSetup<Inputs>,
    options: CallOptions,
  ): PreparedCall<Inputs> {
    return new PreparedCall(this.#context, this.#instance, setup, options);
  }

  /** Keeps what `make` makes until it tells that it is disposed. Takes nothing where it fails. */
  #hold<Call extends Disposable>(make: (onDispose: () => void) => Call): Call {
    this.#checkOpen();
    const { arena } = this.#instance;
    const hold: Hold = { mark: arena.mark(), call: undefined };
    try {
      const call = make(() => this.#drop(hold));
      hold.call = call;
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
    this.#options.giveBack(this.#instance);
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
    if (this.#options.endsWithCalls && this.#holds.length === 0) this[Symbol.dispose]();
  }
}
