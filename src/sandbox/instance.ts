// Instance: one kernel, instantiated over memory that the host owns, and the only way to call it.
//
//   memory   | the module's own: data, stack | arena: params, descriptor, tensors, scratch | may grow |
//            0                               start                                     size     limit
//
// A call arms its deadline and enters the kernel in one crossing. A trap ends the instance: its
// globals, tables and own part of memory may be in any state. `ready` replaces it over the same
// arena for the same tenant; `reset` leaves nothing behind for the next one.

import { assert, type DType, SANDBOX_LIMITS, type TensorView, viewOf } from "../base/mod.ts";
import { Arena, type ArenaMark } from "./arena.ts";
import { type KernelContext, requireHealth } from "./context.ts";
import type { BatchLayout } from "./batch-layout.ts";
import { checkDescriptor, newDescriptor, rangesOf } from "./descriptor.ts";
import type { Pass } from "./backward.ts";
import { type Budget, type Called, link, type Linked, newMemory, trapOf } from "./link.ts";
import type { Program } from "./program.ts";
import { ARENA_ALIGN, place, type Placement } from "./regions.ts";
import type { BoundShapes } from "./shapes.ts";
import { codeError, KernelError } from "./trap.ts";
import { wipe } from "./wipe.ts";

const PAGE = SANDBOX_LIMITS.pageBytes;

export class KernelInstance {
  readonly program: Program;
  /** Whose data the memory may hold; undefined while it holds nobody's. */
  tenant: string | undefined;
  /** Words of an unprepared call: here, since whoever holds the instance is alone with it. */
  readonly descriptor = newDescriptor();
  readonly #context: KernelContext;
  #memory: WebAssembly.Memory;
  #linked: Linked;
  #arena: Arena;
  /** End of the memory that the module claims for itself. */
  #arenaStart: number;
  #initialised = false;
  #trapped = false;
  #life = 0;
  #placed: (Placement & { shapes: BoundShapes; mark: ArenaMark }) | undefined;
  #buffer!: ArrayBufferLike;
  #bytes!: number;
  #words!: Uint32Array;
  #view!: DataView;
  #whole!: Partial<Record<DType, TensorView>>;

  /** Instantiates, which runs the start function within the kernel's default budget. */
  constructor(context: KernelContext) {
    this.#context = context;
    this.program = context.program;
    this.#memory = newMemory(context.program);
    this.#linked = this.#link();
    this.#arenaStart = this.#moduleEnd();
    this.#arena = this.#newArena();
    this.#refreshViews();
  }

  get arena(): Arena {
    return this.#arena;
  }

  /** True once a call has trapped: the instance may be replaced for its tenant, never pooled. */
  get trapped(): boolean {
    return this.#trapped;
  }

  /** Changes with every trap: who prepared a call in an earlier life must set it up again. */
  get life(): number {
    return this.#life;
  }

  /** The memory itself, for modules of the host's own. Another one after `reset`. */
  get memory(): WebAssembly.Memory {
    return this.#memory;
  }

  /** Bytes that the host sees: what the kernel grew by itself it has to itself. */
  get memoryBytes(): number {
    return this.#bytes;
  }

  /** The memory as words and as a DataView, up to where the arena has grown. */
  get words(): Uint32Array {
    return this.#words;
  }

  get view(): DataView {
    return this.#view;
  }

  /**
   * Places the tensors of a call by value and describes them in `descriptor`. Another call of the same
   * shapes lies where the last one lay, and takes nothing from the arena.
   */
  place(shapes: BoundShapes): Placement {
    const { descriptor } = this;
    const mark = this.#arena.mark();
    if (this.#placed?.shapes === shapes && this.#placed.mark === mark) return this.#placed;
    this.#placed = undefined; // The descriptor is about to change.
    const placement = place(this.#arena, descriptor, shapes, this.program.params.bytes);
    checkDescriptor(descriptor, this.#bytes, placement.descriptorAt, ARENA_ALIGN);
    this.#placed = { ...placement, shapes, mark };
    return placement;
  }

  /** A view of `bytes` bytes at `offset`, in place: what is written to it the kernel reads. */
  tensor(dtype: DType, offset: number, bytes: number): TensorView {
    return viewOf(dtype, this.#buffer, offset, bytes);
  }

  /** All of the memory as elements of `dtype`. Kept, since a view takes longer to make than to use. */
  whole(dtype: DType): TensorView {
    return (this.#whole[dtype] ??= viewOf(dtype, this.#buffer, 0, this.#bytes));
  }

  /** A copy of the kernel's memory, its own growth included; undefined where it leaves memory. */
  copyOf(offset: number, bytes: number): Uint8Array<ArrayBuffer> | undefined {
    const { buffer } = this.#memory;
    return offset + bytes <= buffer.byteLength
      ? new Uint8Array(buffer, offset, bytes).slice()
      : undefined;
  }

  /**
   * Calls the function of `pass` with the descriptor that lies at `descriptorAt` and says the same as
   * `descriptor`; `shapes` are for the report of a trap. Throws KernelError on a trap, a passed deadline or a non-zero code.
   * Who calls has checked the sandbox's health, and that the kernel has the function.
   */
  run(
    pass: Pass,
    descriptorAt: number,
    budget: Budget,
    descriptor: Uint32Array,
    shapes: BoundShapes,
  ): void {
    const { forward, backward } = this.#linked;
    let code: number;
    try {
      code = pass === "forward" ? forward(descriptorAt, budget) : backward!(descriptorAt, budget);
    } catch (error) {
      throw this.#trap(error, { descriptor: rangesOf(descriptor), shapes });
    }
    if (code !== 0) throw codeError(this.program.kernel, code, rangesOf(descriptor));
  }

  /**
   * Calls the forward function for the requests of `layout` from `first` on, up to one that fails. Throws
   * as `run` does, naming that request. What `run` asks of its caller holds here too.
   */
  runBatch(layout: BatchLayout, first: number, budget: Budget): void {
    const end = layout.at(layout.requests.length);
    let code: number;
    try {
      code = this.#linked.batch(layout.at(first), end, budget);
    } catch (error) {
      throw this.#trap(error, this.#requestOf(layout));
    }
    if (code === 0) return;
    const { descriptor, request } = this.#requestOf(layout);
    throw codeError(this.program.kernel, code, descriptor, request);
  }

  /** What is known of the request at which a batch ended. */
  #requestOf(layout: BatchLayout): Called {
    const request = layout.indexOf(this.#linked.takeRequest());
    if (request === undefined) return {}; // The host's own stack was full before the first began.
    const { shapes, words } = layout.requests[request]!;
    return { descriptor: rangesOf(words), request, shapes };
  }

  /** Calls another function of the ABI, where the module exports it. Throws as `run` does. */
  call(name: string, args: readonly number[]): void {
    requireHealth(this.#context.health);
    let code: number | undefined;
    try {
      code = this.#linked.entry(name)?.(args, this.#context.budget);
    } catch (error) {
      throw this.#trap(error);
    }
    if (code !== undefined && code !== 0) throw codeError(this.program.kernel, code);
  }

  /** Runs kernel_init with the params block at `at`, once until the next cleanup. */
  initialise(at: number, bytes: number): void {
    if (this.#initialised) return;
    this.call("kernel_init", [at, bytes]);
    this.#initialised = true;
  }

  /** Runs kernel_cleanup where kernel_init ran. */
  cleanUp(): void {
    if (!this.#initialised || this.#trapped) return;
    this.#initialised = false;
    this.call("kernel_cleanup", []);
  }

  /** Fuel that the last call left, in fuel mode. */
  fuelLeft(): bigint {
    return this.#linked.fuelLeft();
  }

  /**
   * Replaces the instance over the same arena if it has trapped: views of tensors stay good; what lies
   * below is zeroed and filled anew. For the tenant whose call trapped, and nobody else.
   */
  ready(): void {
    if (!this.#trapped) return;
    wipe(this.#memory, this.#arenaStart);
    this.#relink();
  }

  /** Makes the instance as new and nobody's: memory zeroed or replaced, globals and tables fresh. */
  reset(): void {
    assert(!this.#trapped, "an instance that trapped is not pooled");
    // A memory cannot shrink, and its size would tell the next tenant what the last one did.
    const grown = this.#memory.buffer.byteLength > this.program.compiled.memory.initial * PAGE;
    if (grown) this.#memory = newMemory(this.program);
    else wipe(this.#memory, this.#memory.buffer.byteLength);
    this.tenant = undefined;
    this.#relink();
    this.#arenaStart = this.#moduleEnd();
    this.#arena = this.#newArena();
    this.#placed = undefined;
    this.#refreshViews();
  }

  #relink(): void {
    this.#linked = this.#link();
    this.#initialised = false;
    this.#trapped = false;
  }

  #link(): Linked {
    const { program, ticker, budget } = this.#context;
    requireHealth(this.#context.health);
    try {
      return link(program, this.#memory, ticker, budget);
    } catch (error) {
      if (error instanceof KernelError) this.#tell(error);
      throw error;
    }
  }

  /** First the host is told, so that its log has the trap also where the caller keeps silent. */
  #trap(error: unknown, called: Called = {}): unknown {
    const trap = trapOf(this.program, error, this.#linked.interrupted(), called);
    if (trap === undefined) return error;
    this.#tell(trap, called.shapes);
    this.#trapped = true;
    this.#life++;
    this.#context.emit({ type: "discarded", kernel: this.program.kernel });
    return trap;
  }

  #tell(error: KernelError, shapes?: BoundShapes): void {
    const { kernel, pack, packVersion } = this.program;
    this.#context.emit({ type: "trapped", kernel, pack, packVersion, error, shapes });
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
    const kernelGrew = size > this.#bytes;
    const pages = Math.ceil(missingBytes / PAGE);
    if (kernelGrew || size / PAGE + pages > this.program.compiled.memory.maximum) return false;
    try {
      this.#memory.grow(pages);
    } catch (error) {
      if (error instanceof RangeError) return false; // The engine has no more; OUT_OF_MEMORY says so.
      throw error;
    }
    this.#refreshViews();
    this.#arena.extend(this.#bytes);
    return true;
  }

  #refreshViews(): void {
    this.#buffer = this.#memory.buffer;
    this.#bytes = this.#buffer.byteLength;
    this.#whole = {};
    this.#words = new Uint32Array(this.#buffer);
    this.#view = new DataView(this.#buffer);
  }
}
