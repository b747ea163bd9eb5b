// Instance: one kernel, instantiated over memory that the host owns, and the only way to call it.
//
//   memory   | the module's own: data, stack | arena: params, descriptor, tensors, scratch | may grow |
//            0                               start                                     size     limit
//
// A call arms its deadline and enters the kernel in one crossing. A trap ends the instance: its
// globals, tables and own part of memory may be in any state. `revive` replaces it over the same
// arena for the same tenant; `reset` leaves nothing behind for the next one.

import {
  assert,
  type DType,
  Failure,
  SANDBOX_LIMITS,
  type TensorView,
  viewOf,
} from "../base/mod.ts";
import { Arena } from "./arena.ts";
import type { DescriptorRanges } from "./descriptor.ts";
import { type Budget, link, type Linked, newMemory, trapOf } from "./link.ts";
import type { Program } from "./program.ts";
import type { Ticker, Ticks } from "./ticker.ts";
import { codeError } from "./trap.ts";

const PAGE = SANDBOX_LIMITS.pageBytes;

export class KernelInstance {
  readonly program: Program;
  /** Whose data the memory may hold; undefined while it holds nobody's. */
  tenant: string | undefined;
  readonly #ticker: Ticker;
  #memory: WebAssembly.Memory;
  #linked: Linked;
  #arena: Arena;
  /** End of the memory that the module claims for itself. */
  #arenaStart: number;
  #initialised = false;
  #trapped = false;
  #life = 0;
  #words!: Uint32Array;
  #view!: DataView;

  /** Instantiates, which runs the start function within `budget`. */
  constructor(program: Program, ticker: Ticker, budget: Budget) {
    this.program = program;
    this.#ticker = ticker;
    this.#memory = newMemory(program);
    this.#linked = link(program, this.#memory, ticker, budget);
    this.#arenaStart = this.#moduleEnd();
    this.#arena = this.#newArena();
    this.#refreshViews();
  }

  get arena(): Arena {
    return this.#arena;
  }

  /** True once a call has trapped: the instance may be revived for its tenant, never pooled. */
  get trapped(): boolean {
    return this.#trapped;
  }

  /** Changes with every trap: who prepared a call in an earlier life must set it up again. */
  get life(): number {
    return this.#life;
  }

  get memoryBytes(): number {
    return this.#memory.buffer.byteLength;
  }

  /** The memory as words and as a DataView, up to where the arena has grown. */
  get words(): Uint32Array {
    return this.#words;
  }

  get view(): DataView {
    return this.#view;
  }

  /** A view of `bytes` bytes at `offset`, in place: what is written to it the kernel reads. */
  tensor(dtype: DType, offset: number, bytes: number): TensorView {
    return viewOf(dtype, this.#memory.buffer, offset, bytes);
  }

  /** Calls the forward function. Throws KernelError on a trap, a passed deadline or a non-zero code. */
  forward(descriptorAt: number, budget: Budget, ranges: () => DescriptorRanges): void {
    let code: number;
    try {
      code = this.#linked.enter(descriptorAt, budget);
    } catch (error) {
      throw this.#trap(error, ranges());
    }
    if (code !== 0) throw codeError(this.program.kernel, code, ranges());
  }

  /** Calls another function of the ABI; undefined where the module does not export it. */
  call(name: string, args: readonly number[], budget: Budget): number | undefined {
    const entry = this.#linked.entry(name);
    try {
      return entry?.(args, budget);
    } catch (error) {
      throw this.#trap(error);
    }
  }

  /** Runs kernel_init with the params block at `at`, once until the next cleanup. */
  initialise(at: number, bytes: number, budget: Budget): void {
    if (this.#initialised) return;
    const code = this.call("kernel_init", [at, bytes], budget) ?? 0;
    if (code !== 0) throw codeError(this.program.kernel, code);
    this.#initialised = true;
  }

  /** Runs kernel_cleanup where kernel_init ran. */
  cleanUp(budget: Budget): void {
    if (!this.#initialised || this.#trapped) return;
    this.#initialised = false;
    const code = this.call("kernel_cleanup", [], budget) ?? 0;
    if (code !== 0) throw codeError(this.program.kernel, code);
  }

  /** The host's epoch now. */
  now(): Ticks {
    return Atomics.load(this.#ticker.epoch, 0);
  }

  /** Fuel that the last call left, in fuel mode. */
  fuelLeft(): bigint {
    return this.#linked.fuelLeft();
  }

  /**
   * Replaces a trapped instance over the same arena: views of tensors stay good; what lies below is
   * zeroed and filled anew. For the tenant whose call trapped, and nobody else.
   */
  revive(budget: Budget): void {
    assert(this.#trapped, "only a trapped instance is revived");
    new Uint8Array(this.#memory.buffer, 0, this.#arenaStart).fill(0);
    this.#relink(budget);
  }

  /** Makes the instance as new and nobody's: memory zeroed or replaced, globals and tables fresh. */
  reset(budget: Budget): void {
    // A memory cannot shrink, and its size would tell the next tenant what the last one did.
    const grown = this.#memory.buffer.byteLength > this.program.compiled.memory.initial * PAGE;
    if (grown) this.#memory = newMemory(this.program);
    else new Uint8Array(this.#memory.buffer).fill(0);
    this.tenant = undefined;
    this.#relink(budget);
    this.#arenaStart = this.#moduleEnd();
    this.#arena = this.#newArena();
    this.#refreshViews();
  }

  #relink(budget: Budget): void {
    this.#linked = link(this.program, this.#memory, this.#ticker, budget);
    this.#initialised = false;
    this.#trapped = false;
  }

  #trap(error: unknown, ranges?: DescriptorRanges): unknown {
    const trap = trapOf(this.program, error, this.#linked.interrupted(), ranges);
    if (trap === undefined) return error;
    this.#trapped = true;
    this.#life++;
    return trap;
  }

  #moduleEnd(): number {
    return this.program.compiled.heapBase ?? this.#memory.buffer.byteLength;
  }

  #newArena(): Arena {
    const end = this.#memory.buffer.byteLength;
    return new Arena({ start: this.#arenaStart, end, grow: (missing) => this.#grow(missing) });
  }

  /** Grows the memory for the arena. False at the grant's limit, or where the kernel's pages follow. */
  #grow(missingBytes: number): boolean {
    const size = this.#memory.buffer.byteLength;
    const kernelGrew = size > this.#arena.end;
    const pages = Math.ceil(missingBytes / PAGE);
    if (kernelGrew || size / PAGE + pages > this.program.compiled.memory.maximum) return false;
    try {
      this.#memory.grow(pages);
    } catch (error) {
      if (error instanceof RangeError) return false; // The engine has no more; OUT_OF_MEMORY says so.
      throw error;
    }
    this.#arena.extend(this.#memory.buffer.byteLength);
    this.#refreshViews();
    return true;
  }

  #refreshViews(): void {
    this.#words = new Uint32Array(this.#memory.buffer);
    this.#view = new DataView(this.#memory.buffer);
  }
}

/** NOT_VERIFIED's twin for handles: what was used after it was given back. */
export function disposed(what: string): Failure {
  return new Failure("DISPOSED", {
    at: what,
    found: "a use after it was disposed",
    expected: "a handle that is still held",
    fix: "Prepare a new call, or move the use inside the `using` block.",
  });
}
