// Goals: what a kernel's times are held against.

import type { TensorView } from "../../src/base/mod.ts";
import type { PreparedCall } from "../../src/sandbox.node.ts";
import { atLeast, atMost, type Entry, type Goal, measuredIn } from "../harness/row.ts";
import type { Case } from "./case.ts";

export const OURS = "annulus, epoch checks on";
export const UNCHECKED = "annulus, no checks";
export const NATIVE = "native C";
export const ONNX = "onnxruntime-node, one thread";
export const ONNX_WEB = "onnxruntime-web, one thread";

/** How close to native C at 512 tokens, by what native C is limited by. */
const OVER_NATIVE = { memory: 1.5, arithmetic: 3 } as const;

const WIDE_GB_S = 4; // Of the f32 side, where the other one is packed.

export function goalsOf(each: Case, call: PreparedCall, entries: readonly Entry[]): Goal[] {
  const ns = measuredIn(entries, OURS)?.medianNs;
  const over = (name: string): number | undefined => measuredIn(entries, name)?.firstOverThis;
  const goals: Goal[] = [];
  if (each.nsMax !== undefined) goals.push(atMost(`<= ${each.nsMax} ns`, each.nsMax, ns));
  if (each.size === "decode" && "graph" in each.onnx)
    goals.push(atMost("faster than onnxruntime-node", 1, over(ONNX)));
  if (each.size === "prefill") {
    const limit = OVER_NATIVE[each.bound];
    goals.push(atMost(`<= ${limit}x native, limited by ${each.bound}`, limit, over(NATIVE)));
  }
  if (each.wide !== undefined && ns !== undefined) {
    const bytes = wideBytes(each.wide, call);
    goals.push(atLeast(`>= ${WIDE_GB_S} GB/s of f32`, WIDE_GB_S, bytes / ns));
  }
  return goals;
}

function wideBytes(name: string, { inputs, outputs }: PreparedCall): number {
  const views: Readonly<Record<string, TensorView>> = { ...inputs, ...outputs };
  return views[name]!.byteLength;
}
