// Kernels: the model's norms, rotations and activations, each a call of a pack kernel in the sandbox. Each
// is the first link of a chain: where a kernel fails, what stands in for it computes, and is counted.
//
// A turn is one pass of some rows through the model. It prepares each kernel once and every layer uses
// the same calls, so tensors are written and read in place. The residual stream lives in the norm's
// own input.

import { assert, type TensorView } from "../base/mod.ts";
import type { VerifiedPack } from "../pack/mod.ts";
import type { FallbackChain, PreparedChain, Sandbox } from "../sandbox/mod.ts";
import { AdapterCalls, type AdapterKernel, openAdapterKernel } from "./adapter-calls.ts";
import type { ModelConfig } from "./config.ts";
import { REST_AFTER } from "./degraded.ts";

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
  /** Every chain in use. */
  readonly chains: readonly FallbackChain[];
  readonly #config: ModelConfig;
  readonly #ropeScale: number;
  readonly #norm: FallbackChain;
  readonly #rope: FallbackChain;
  readonly #activation: FallbackChain;
  /** There where an adapter is. */
  readonly #adapter: AdapterKernel | undefined;

  private constructor(
    { config, ropeScale }: KernelRequest,
    chains: readonly FallbackChain[],
    adapter: AdapterKernel | undefined,
  ) {
    const [norm, rope, activation] = chains;
    this.chains = adapter === undefined ? chains : [...chains, adapter.chain];
    this.#config = config;
    this.#ropeScale = ropeScale;
    this.#norm = norm!;
    this.#rope = rope!;
    this.#activation = activation!;
    this.#adapter = adapter;
  }

  /** Fails as loading a kernel does; KERNEL_NOT_FOUND where the pack has not what the model needs. */
  static async load(request: KernelRequest): Promise<PackKernels> {
    const { sandbox, pack, adapts } = request;
    const chains: FallbackChain[] = [];
    for (const id of [NORM, ROPE, ACTIVATION])
      chains.push(await sandbox.chain(pack, id, { restAfter: REST_AFTER }));
    const adapter = adapts ? await openAdapterKernel(sandbox, pack) : undefined;
    return new PackKernels(request, chains, adapter);
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

  [Symbol.dispose](): void {
    this.#adapter?.lease[Symbol.dispose]();
  }
}

interface TurnCalls {
  readonly norm: PreparedChain;
  readonly rope: PreparedChain;
  readonly activation: PreparedChain;
  readonly adapter: AdapterCalls | undefined;
  /** All of them, to be disposed together. */
  readonly calls: DisposableStack;
}

/**
 * The prepared calls of one number of rows, and their tensors in place. Each call tells whether its kernel
 * failed and another computed the result.
 */
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
  readonly #norm: PreparedChain;
  readonly #rope: PreparedChain;
  readonly #activation: PreparedChain;
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
  normalise(weight: Float32Array): boolean {
    this.normWeight.set(weight);
    return this.#norm.run().degraded;
  }

  /** turned = `turning`, rotated by `angles`. */
  rotate(): boolean {
    return this.#rope.run().degraded;
  }

  /** activated = silu(gate) * up. */
  activate(): boolean {
    return this.#activation.run().degraded;
  }

  [Symbol.dispose](): void {
    this.#calls.dispose();
  }
}

function f32(view: TensorView | undefined): Float32Array {
  assert(view instanceof Float32Array, "a kernel whose name ends in f32 takes and gives f32");
  return view;
}
