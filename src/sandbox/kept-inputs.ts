// Kept inputs: a copy of a prepared call's inputs in memory that its kernel cannot reach.
//
// The copy is made by `memory.copy` between two memories, in one go, since a call's inputs lie behind
// each other. A typed array copies shared memory at a third of that speed.

import { SANDBOX_LIMITS, type TensorView, viewOf } from "../base/mod.ts";
import { newRecord } from "./record.ts";
import type { BoundTensor } from "./shapes.ts";

/**
 * `(import "" "kernel" (memory 0 65536 shared)) (import "" "host" (memory 0 65536))`
 * `(func (export "take") (param i32 i32 i32) (memory.copy host kernel))`, and `give` the other way.
 */
const COPIER = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...[0x01, 0x07, 0x01, 0x60, 0x03, 0x7f, 0x7f, 0x7f, 0x00], // Type 0: (to, from, bytes) -> ().
  ...[0x02, 0x1b, 0x02],
  ...[0x00, 0x06, 0x6b, 0x65, 0x72, 0x6e, 0x65, 0x6c, 0x02, 0x03, 0x00, 0x80, 0x80, 0x04], // "kernel"
  ...[0x00, 0x04, 0x68, 0x6f, 0x73, 0x74, 0x02, 0x01, 0x00, 0x80, 0x80, 0x04], // "host"
  ...[0x03, 0x03, 0x02, 0x00, 0x00], // Two functions, of type 0.
  ...[0x07, 0x0f, 0x02],
  ...[0x04, 0x74, 0x61, 0x6b, 0x65, 0x00, 0x00], // "take"
  ...[0x04, 0x67, 0x69, 0x76, 0x65, 0x00, 0x01], // "give"
  ...[0x0a, 0x1b, 0x02],
  ...[0x0c, 0x00, 0x20, 0x00, 0x20, 0x01, 0x20, 0x02, 0xfc, 0x0a, 0x01, 0x00, 0x0b],
  ...[0x0c, 0x00, 0x20, 0x00, 0x20, 0x01, 0x20, 0x02, 0xfc, 0x0a, 0x00, 0x01, 0x0b],
);

type Copy = (to: number, from: number, bytes: number) => void;

let compiled: WebAssembly.Module | undefined;

export class KeptInputs {
  /** Views of the copy, by name. */
  readonly views: Readonly<Record<string, TensorView>>;
  readonly #from: number;
  readonly #bytes: number;
  readonly #take: Copy;
  readonly #give: Copy;

  /** `inputs` lie in `memory` at the offsets `inputsAt`, in this order, with nothing else between. */
  constructor(
    memory: WebAssembly.Memory,
    inputs: readonly BoundTensor[],
    inputsAt: readonly number[],
  ) {
    this.#from = inputsAt[0] ?? 0;
    this.#bytes = inputs.length === 0 ? 0 : inputsAt.at(-1)! + inputs.at(-1)!.bytes - this.#from;
    const pages = Math.ceil(this.#bytes / SANDBOX_LIMITS.pageBytes);
    const host = new WebAssembly.Memory({ initial: pages, maximum: pages });
    compiled ??= new WebAssembly.Module(COPIER);
    const { exports } = new WebAssembly.Instance(compiled, { "": { kernel: memory, host } });
    this.#take = exports["take"] as Copy;
    this.#give = exports["give"] as Copy;
    const views = newRecord<TensorView>();
    inputs.forEach(({ name, dtype, bytes }, i) => {
      views[name] = viewOf(dtype, host.buffer, inputsAt[i]! - this.#from, bytes);
    });
    this.views = views;
  }

  /** Copies the inputs out of the kernel's memory. */
  take(): void {
    this.#take(0, this.#from, this.#bytes);
  }

  /** Puts the inputs back as they were taken. */
  putBack(): void {
    this.#give(this.#from, 0, this.#bytes);
  }
}
