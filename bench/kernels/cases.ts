// Cases: the core kernels at the sizes of a 7B Llama, for one token (decode) and 512 (prefill).

import type { VerifiedPack } from "../../src/pack.node.ts";
import { Sandbox, type PreparedCall } from "../../src/sandbox.node.ts";
import type { Loop } from "../harness/measure.ts";

type Interrupt = "epoch" | "fuel" | "none";

export interface Case {
  readonly kernel: "rmsnorm_f32" | "rope_f32" | "swiglu_f32";
  /** For people, and part of the row's id: "512x4096". */
  readonly shape: string;
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly params?: Readonly<Record<string, unknown>>;
  /** Bytes that a call reads and writes at least. */
  readonly bytes: number;
}

export type RopeDims = readonly [batch: number, seq: number, heads: number, dim: number];
export type RopeLayout = "interleaved" | "half_split";

const F32 = 4; // Bytes.
export const EPS = 1e-5;

export function rmsnorm(rows: number, dim: number): Case {
  return {
    kernel: "rmsnorm_f32",
    shape: `${rows}x${dim}`,
    inputs: { x: [rows, dim], weight: [dim] },
    params: { eps: EPS },
    bytes: (2 * rows * dim + dim) * F32,
  };
}

export function rope(dims: RopeDims, layout: RopeLayout): Case {
  const [batch, seq, heads, dim] = dims;
  return {
    kernel: "rope_f32",
    shape: `${dims.join("x")} ${layout}`,
    inputs: { x: dims, freqs: [seq, dim / 2] },
    params: { layout },
    bytes: (2 * batch * seq * heads * dim + (seq * dim) / 2) * F32,
  };
}

export function swiglu(tokens: number, ffn: number): Case {
  return {
    kernel: "swiglu_f32",
    shape: `${tokens}x${ffn}`,
    inputs: { gate: [tokens, ffn], up: [tokens, ffn] },
    bytes: 3 * tokens * ffn * F32,
  };
}

export const CASES: readonly Case[] = [
  rmsnorm(1, 4096),
  rmsnorm(512, 4096),
  rope([1, 1, 32, 128], "interleaved"),
  rope([1, 512, 32, 128], "interleaved"),
  rope([1, 1, 32, 128], "half_split"),
  rope([1, 512, 32, 128], "half_split"),
  swiglu(1, 11008),
  swiglu(512, 11008),
];

export interface PreparedCase extends AsyncDisposable {
  readonly call: PreparedCall;
  readonly loop: Loop;
}

/** A call of the case in a sandbox of its own, its inputs filled. */
export async function prepareCase(
  pack: VerifiedPack,
  { kernel: id, inputs, params }: Case,
  interrupt: Interrupt,
): Promise<PreparedCase> {
  const sandbox = await Sandbox.create({ interrupt });
  const kernel = await sandbox.load(pack, id);
  const call = kernel.prepare({ inputs, params });
  for (const [name, view] of Object.entries(call.inputs)) fill(name, view as Float32Array);
  return {
    call,
    loop: (calls) => {
      for (let i = 0; i < calls; i++) call.run();
    },
    [Symbol.asyncDispose]: async () => {
      call[Symbol.dispose]();
      await sandbox[Symbol.asyncDispose]();
    },
  };
}

/** Values from -4 to 4 without a pattern, the same in every run; angles as Llama has them. */
function fill(name: string, view: Float32Array): void {
  let state = name.length;
  for (let i = 0; i < view.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    view[i] = (state >>> 8) / 2 ** 21 - 4;
  }
  if (name === "freqs") fillAngles(view);
}

const HALF = 64; // Angles of a position: half of the 128 values of a head.

function fillAngles(view: Float32Array): void {
  for (let i = 0; i < view.length; i++)
    view[i] = Math.floor(i / HALF) * 10_000 ** (-(i % HALF) / HALF);
}
