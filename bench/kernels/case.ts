// Case: one kernel of the core pack at one size, with everything that can do the same work elsewhere.

import type { TensorView } from "../../src/base/mod.ts";
import type { VerifiedPack } from "../../src/pack.node.ts";
import { type PreparedCall, Sandbox } from "../../src/sandbox.node.ts";
import type { Loop } from "../harness/measure.ts";
import type { Graph } from "../onnx/model.ts";
import type { OnnxData } from "../onnx/session.ts";
import { fillAngles, fillValues } from "./values.ts";

export interface Case {
  /** Its id in the core pack. */
  readonly kernel: string;
  /** One token, or 512 of them. */
  readonly size: Size;
  /** For people, and part of the row's id: "512x4096". */
  readonly shape: string;
  readonly what: string;
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly params?: Readonly<Record<string, unknown>>;
  /** Sizes that no input tells. */
  readonly dims?: Readonly<Record<string, number>>;
  /** How inputs are filled that do not take values from -4 to 4. */
  readonly fills?: Readonly<Record<string, Fill>>;
  /**
   * What native C is limited by at 512 tokens, which decides how close to it we want to be: by memory
   * where it moves its bytes at half the speed of a plain copy or faster.
   */
  readonly bound: "memory" | "arithmetic";
  /** The tensor that is f32 where the other one is packed. */
  readonly wide?: string;
  /** The kernel of native/*.c that does the same, and the numbers it wants. */
  readonly native: { readonly kernel: string; readonly shape: string };
  readonly onnx: OnnxWork | NoOnnxWork;
  /** A time that a goal names, where one does. */
  readonly nsMax?: number;
}

export type Size = "decode" | "prefill";
export const SIZES: readonly Size[] = ["decode", "prefill"];

/** How many tokens a size has. */
export const TOKENS: Readonly<Record<Size, number>> = { decode: 1, prefill: 512 };

export interface OnnxWork {
  readonly graph: Graph;
  /** Inputs of the graph that are not inputs of ours, made of them. */
  readonly derived?: Readonly<Record<string, (inputs: Views) => OnnxData>>;
  readonly note?: string;
}

export interface NoOnnxWork {
  readonly why: string;
}

export type Views = Readonly<Record<string, TensorView>>;

/** Angles, the same number everywhere, or what a kernel of the pack makes of ordinary values. */
export type Fill = "angles" | number | PackedFill;

export interface PackedFill {
  readonly packedBy: string;
  readonly x: readonly number[];
  readonly params?: Readonly<Record<string, unknown>>;
  readonly dims?: Readonly<Record<string, number>>;
}

type Interrupt = "epoch" | "fuel" | "none";

export interface PreparedCase extends AsyncDisposable {
  readonly call: PreparedCall;
  readonly loop: Loop;
}

/** A row's id, the same in every run. */
export function idOf({ kernel, shape }: Case): string {
  return `${kernel} ${shape}`;
}

/** A call of the case in a sandbox of its own, its inputs filled. */
export async function prepareCase(
  pack: VerifiedPack,
  { kernel: id, inputs, params, dims, fills = {} }: Case,
  interrupt: Interrupt,
): Promise<PreparedCase> {
  const sandbox = await Sandbox.create({ interrupt });
  const kernel = await sandbox.load(pack, id);
  const call = kernel.prepare({ inputs, params, dims });
  for (const [name, view] of Object.entries<TensorView>(call.inputs))
    await fill({ pack, sandbox, view, name, how: fills[name] });
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

/** Bytes that a call reads and writes at least. */
export function bytesOf({ inputs, outputs }: PreparedCall): number {
  const views = [...Object.values<TensorView>(inputs), ...Object.values<TensorView>(outputs)];
  return views.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

interface ToFill {
  readonly pack: VerifiedPack;
  readonly sandbox: Sandbox;
  readonly view: TensorView;
  readonly name: string;
  readonly how: Fill | undefined;
}

async function fill({ pack, sandbox, view, name, how }: ToFill): Promise<void> {
  if (how === undefined) return fillValues(view, name);
  if (how === "angles") return fillAngles(view);
  if (typeof how === "number") return setAll(view, how);
  const { packedBy, x: shape, params, dims } = how;
  const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
  fillValues(data, name);
  const kernel = await sandbox.load(pack, packedBy);
  const { packed } = kernel.call({ inputs: { x: { shape, data } }, params, dims });
  (view as Uint8Array).set(packed!.data as Uint8Array);
}

function setAll(view: TensorView, value: number): void {
  for (let i = 0; i < view.length; i++) view[i] = value;
}
