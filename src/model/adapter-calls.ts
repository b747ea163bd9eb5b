// Adapter calls: an adapter's low ranks, applied by a kernel of the pack to the rows of one turn.
//
// For one row each low rank has a call of its own and its matrices stay in place. For more rows calls
// are shared by shape, or a large model's adapter would not fit a kernel's memory with all its rows;
// then the matrices are copied in whenever they change.

import type { Lease, PreparedCall } from "../sandbox/mod.ts";
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
  /** Whose matrices are in place. */
  holds: LowRank | undefined;
}

export class AdapterCalls implements Disposable {
  readonly #lease: Lease;
  readonly #rows: number;
  readonly #prepared = new Map<LowRank | string, Prepared>();

  constructor(lease: Lease, rows: number) {
    this.#lease = lease;
    this.#rows = rows;
  }

  /** Fills in what `run` needs. `x` has [rows, inputs]. */
  fill(low: LowRank, x: Float32Array, { values, offset, stride }: Product): PreparedCall {
    const { call } = this.#preparedFor(low);
    const { inputs, outputs } = low;
    f32(call.inputs["x"]).set(x.subarray(0, this.#rows * inputs));
    const base = f32(call.inputs["base"]);
    for (let row = 0; row < this.#rows; row++) {
      const from = row * stride + offset;
      base.set(values.subarray(from, from + outputs), row * outputs);
    }
    return call;
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
      this.#prepared.set(key, (prepared = { call: this.#prepare(low), holds: undefined }));
    if (prepared.holds !== low) {
      const { inputs } = prepared.call;
      f32(inputs["a"]).set(low.a);
      f32(inputs["b"]).set(low.b);
      f32(inputs["scales"])[0] = low.scale;
      inputs["adapter"]!.fill(0);
      prepared.holds = low;
    }
    return prepared;
  }

  #prepare({ inputs, outputs, rank }: LowRank): PreparedCall {
    const rows = this.#rows;
    return this.#lease.prepare({
      inputs: {
        x: [rows, inputs],
        a: [1, rank, inputs],
        b: [1, outputs, rank],
        scales: [1],
        base: [rows, outputs],
        adapter: [rows],
      },
    }) as PreparedCall;
  }
}

function f32(view: unknown): Float32Array {
  return view as Float32Array;
}
