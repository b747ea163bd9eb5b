// Adapter calls: an adapter's low ranks, applied by a kernel of the pack to the rows of one turn.
//
// For one row each low rank has a call of its own and its matrices stay in place. For more rows calls
// are shared by shape, or a large model's adapter would not fit a kernel's memory with all its rows;
// then the matrices are copied in whenever they change. Where the kernel fails its chain computes from what
// this room holds: nothing is copied aside for calls that go well, as a prepared chain would.

import { Failure } from "../base/mod.ts";
import type { VerifiedPack } from "../pack/mod.ts";
import type { FallbackChain, Lease, PreparedCall, Sandbox } from "../sandbox/mod.ts";
import { REST_AFTER } from "./degraded.ts";
import type { LowRank } from "./lora.ts";

export const ADAPT = "lora_apply_f32";

/** Rows of a product in native memory: [rows, stride], of which `outputs` from `offset` on. */
export interface Product {
  readonly values: Float32Array;
  readonly offset: number;
  readonly stride: number;
}

interface Prepared {
  readonly call: PreparedCall;
  /** Whose matrices are in place, and since which spoiling. */
  holds: LowRank | undefined;
  spoilt: number;
}

/** The adapter's kernel, shared by the turns of one decoder. */
export interface AdapterKernel {
  readonly lease: Lease;
  readonly chain: FallbackChain;
  /** How often a failure may have spoilt what calls hold in the lease's memory. */
  spoilt: number;
  /** True once the chain passes the kernel over. */
  rests: boolean;
}

export async function openAdapterKernel(
  sandbox: Sandbox,
  pack: VerifiedPack,
): Promise<AdapterKernel> {
  const chain = await sandbox.chain(pack, ADAPT, { restAfter: REST_AFTER });
  const kernel = await sandbox.load(pack, ADAPT);
  return { chain, lease: kernel.lease(), spoilt: 0, rests: false };
}

export class AdapterCalls implements Disposable {
  readonly #kernel: AdapterKernel;
  readonly #rows: number;
  readonly #prepared = new Map<LowRank | string, Prepared>();

  constructor(kernel: AdapterKernel, rows: number) {
    this.#kernel = kernel;
    this.#rows = rows;
  }

  /** Fills in what `run` needs. `x` has [rows, inputs]. */
  fill(low: LowRank, x: Float32Array, product: Product): PreparedCall {
    const { call } = this.#preparedFor(low);
    const { inputs, outputs } = low;
    f32(call.inputs["x"]).set(x.subarray(0, this.#rows * inputs));
    this.#copyRows(product, f32(call.inputs["base"]), outputs);
    return call;
  }

  /** Runs `call`, filled in from the same three. True where its kernel failed and another computed. */
  run(call: PreparedCall, low: LowRank, x: Float32Array, product: Product): boolean {
    const kernel = this.#kernel;
    if (!kernel.rests) {
      try {
        call.run();
        return false;
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        kernel.spoilt++;
      }
    }
    const { outputs } = kernel.chain.call({ inputs: this.#values(low, x, product) });
    f32(call.outputs["y"]).set(f32(outputs["y"]!.data));
    kernel.rests = kernel.chain.counts().links[0]!.rested > 0;
    return true;
  }

  /** Puts the result of `call` where the product was. */
  drain(call: PreparedCall, { outputs }: LowRank, { values, offset, stride }: Product): void {
    const y = f32(call.outputs["y"]);
    for (let row = 0; row < this.#rows; row++)
      values.set(y.subarray(row * outputs, (row + 1) * outputs), row * stride + offset);
  }

  [Symbol.dispose](): void {
    for (const { call } of this.#prepared.values()) call[Symbol.dispose]();
    this.#prepared.clear();
  }

  #preparedFor(low: LowRank): Prepared {
    const key = this.#rows === 1 ? low : `${low.inputs} ${low.outputs} ${low.rank}`;
    let prepared = this.#prepared.get(key);
    if (prepared === undefined)
      this.#prepared.set(
        key,
        (prepared = { call: this.#prepare(low), holds: undefined, spoilt: 0 }),
      );
    if (prepared.holds !== low || prepared.spoilt !== this.#kernel.spoilt) {
      const { inputs } = prepared.call;
      f32(inputs["a"]).set(low.a);
      f32(inputs["b"]).set(low.b);
      f32(inputs["scales"])[0] = low.scale;
      inputs["adapter"]!.fill(0);
      prepared.holds = low;
      prepared.spoilt = this.#kernel.spoilt;
    }
    return prepared;
  }

  #prepare(low: LowRank): PreparedCall {
    return this.#kernel.lease.prepare({ inputs: this.#shapes(low) }) as PreparedCall;
  }

  #shapes({ inputs, outputs, rank }: LowRank) {
    const rows = this.#rows;
    return {
      x: [rows, inputs],
      a: [1, rank, inputs],
      b: [1, outputs, rank],
      scales: [1],
      base: [rows, outputs],
      adapter: [rows],
    };
  }

  /** The inputs of a call by value. */
  #values(low: LowRank, x: Float32Array, product: Product) {
    const rows = this.#rows;
    const shapes = this.#shapes(low);
    const base = new Float32Array(rows * low.outputs);
    this.#copyRows(product, base, low.outputs);
    return {
      x: { shape: shapes.x, data: x.slice(0, rows * low.inputs) },
      a: { shape: shapes.a, data: low.a },
      b: { shape: shapes.b, data: low.b },
      scales: { shape: shapes.scales, data: Float32Array.of(low.scale) },
      base: { shape: shapes.base, data: base },
      adapter: { shape: shapes.adapter, data: new Int32Array(rows) },
    };
  }

  #copyRows({ values, offset, stride }: Product, to: Float32Array, outputs: number): void {
    for (let row = 0; row < this.#rows; row++) {
      const from = row * stride + offset;
      to.set(values.subarray(from, from + outputs), row * outputs);
    }
  }
}

function f32(view: unknown): Float32Array {
  return view as Float32Array;
}
