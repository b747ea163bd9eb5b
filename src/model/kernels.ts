// Kernels: the model's norms, rotations and activations, each a call of a pack kernel in the sandbox.
//
// A turn is one pass of some rows through the model. It prepares each kernel once and every layer uses
// the same calls, so tensors are written and read in place. The residual stream lives in the norm's
// own input.

import { assert, type TensorView } from "../base/mod.ts";
import type { VerifiedPack } from "../pack/mod.ts";
import type { Kernel, Lease, PreparedCall, Sandbox } from "../sandbox/mod.ts";
import { ADAPT, AdapterCalls } from "./adapter-calls.ts";
import type { ModelConfig } from "./config.ts";

export const NORM = "rmsnorm_f32";
export const ROPE = "rope_f32";
export const ACTIVATION = "swiglu_f32";

export interface KernelRequest {
  readonly sandbox: Sandbox;
  readonly pack: VerifiedPack;
  readonly config: ModelConfig;
  /** What cosines and sines are multiplied by. */
  readonly ropeScale: number;
  /** Whether an adapter will be applied. */
  readonly adapts: boolean;
}

export class PackKernels implements Disposable {
  readonly #config: ModelConfig;
  readonly #ropeScale: number;
  readonly #norm: Lease;
  readonly #rope: Lease;
  readonly #activation: Lease;
  /** There where an adapter is. */
  readonly #adapter: Lease | undefined;
  readonly #leases: DisposableStack;

  private constructor({ config, ropeScale }: KernelRequest, kernels: readonly Kernel[]) {
    const [norm, rope, activation, adapter] = kernels;
    using leases = new DisposableStack();
    this.#config = config;
    this.#ropeScale = ropeScale;
    this.#norm = leases.use(norm!.lease());
    this.#rope = leases.use(rope!.lease());
    this.#activation = leases.use(activation!.lease());
    this.#adapter = leases.use(adapter?.lease());
    this.#leases = leases.move();
  }

  /** Fails as loading a kernel does; KERNEL_NOT_FOUND where the pack has not what the model needs. */
  static async load(request: KernelRequest): Promise<PackKernels> {
    const { sandbox, pack, adapts } = request;
    const kernels: Kernel[] = [];
    for (const id of [NORM, ROPE, ACTIVATION, ...(adapts ? [ADAPT] : [])])
      kernels.push(await sandbox.load(pack, id));
    return new PackKernels(request, kernels);
  }

  /** Prepares the calls for `rows` rows. */
  turn(rows: number): Turn {
    const { hidden, heads, kvHeads, headDim, ffn, normEps, rope: turning } = this.#config;
    using calls = new DisposableStack();
    const norm = calls.use(
      this.#norm.prepare({
        inputs: { x: [rows, hidden], weight: [hidden] },
        params: { eps: normEps },
      }),
    );
    const rope = calls.use(
      this.#rope.prepare({
        inputs: { x: [1, rows, heads + kvHeads, headDim], freqs: [rows, turning.dims / 2] },
        params: { layout: "half_split", scale: this.#ropeScale },
      }),
    );
    const activation = calls.use(
      this.#activation.prepare({ inputs: { gate: [rows, ffn], up: [rows, ffn] } }),
    );
    const adapter = this.#adapter && calls.use(new AdapterCalls(this.#adapter, rows));
    return new Turn(rows, { norm, rope, activation, adapter, calls: calls.move() });
  }

  /** Ends every turn's calls. */
  [Symbol.dispose](): void {
    this.#leases.dispose();
  }
}

interface TurnCalls {
  readonly norm: PreparedCall;
  readonly rope: PreparedCall;
  readonly activation: PreparedCall;
  readonly adapter: AdapterCalls | undefined;
  /** All of them, to be disposed together. */
  readonly calls: DisposableStack;
}

/** The prepared calls of one number of rows, and their tensors in place. */
export class Turn implements Disposable {
  readonly rows: number;
  /** [rows, hidden]: the residual stream. */
  readonly stream: Float32Array;
  readonly normWeight: Float32Array;
  readonly normed: Float32Array;
  /** [rows, heads + kvHeads, headDim]: queries, then keys, of each row. */
  readonly turning: Float32Array;
  /** [rows, rope.dims / 2], in radians. */
  readonly angles: Float32Array;
  readonly turned: Float32Array;
  /** [rows, ffn]. */
  readonly gate: Float32Array;
  readonly up: Float32Array;
  readonly activated: Float32Array;
  readonly adapter: AdapterCalls | undefined;
  readonly #norm: PreparedCall;
  readonly #rope: PreparedCall;
  readonly #activation: PreparedCall;
  readonly #calls: DisposableStack;

  constructor(rows: number, { norm, rope, activation, adapter, calls }: TurnCalls) {
    this.rows = rows;
    this.#norm = norm;
    this.#rope = rope;
    this.#activation = activation;
    this.adapter = adapter;
    this.#calls = calls;
    this.stream = f32(norm.inputs["x"]);
    this.normWeight = f32(norm.inputs["weight"]);
    this.normed = f32(norm.outputs["y"]);
    this.turning = f32(rope.inputs["x"]);
    this.angles = f32(rope.inputs["freqs"]);
    this.turned = f32(rope.outputs["y"]);
    this.gate = f32(activation.inputs["gate"]);
    this.up = f32(activation.inputs["up"]);
    this.activated = f32(activation.outputs["y"]);
  }

  /** normed = the stream, normalised and weighed by `weight`. */
  normalise(weight: Float32Array): void {
    this.normWeight.set(weight);
    this.#norm.run();
  }

  /** turned = `turning`, rotated by `angles`. */
  rotate(): void {
    this.#rope.run();
  }

  /** activated = silu(gate) * up. */
  activate(): void {
    this.#activation.run();
  }

  [Symbol.dispose](): void {
    this.#calls.dispose();
  }
}

function f32(view: TensorView | undefined): Float32Array {
  assert(view instanceof Float32Array, "a kernel whose name ends in f32 takes and gives f32");
  return view;
}
