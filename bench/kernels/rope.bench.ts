// How fast is rope_f32 inside the sandbox, for one token and for 512, and what would it be without
// checks, in native C, and in ONNX Runtime from the same JavaScript?
//
// The 512-token rows are `rope_f32_seq512` of the seed's benchmark template: x random f32
// [1, 512, 32, 128], freqs f32 [512, 64]. Cosines and sines are part of our call and of native C's;
// ONNX Runtime is given them as tables.

import { ropeModel } from "../onnx/model.ts";
import { rope, type RopeDims, type RopeLayout } from "./cases.ts";
import { type Contest, contests, type OnnxFeed } from "./contest.ts";

const ONE: RopeDims = [1, 1, 32, 128];
const SEQ512: RopeDims = [1, 512, 32, 128];

export const bench = contests("rope", "how fast is RoPE, and what does the sandbox cost it?", [
  ropeContest("rope_f32", ONE, "interleaved"),
  ropeContest("rope_f32", ONE, "half_split"),
  ropeContest("rope_f32_seq512", SEQ512, "interleaved"),
  ropeContest("rope_f32_seq512", SEQ512, "half_split"),
]);

function ropeContest(name: string, dims: RopeDims, layout: RopeLayout): Contest {
  const each = rope(dims, layout);
  const [batch, seq, heads, dim] = dims;
  const hidden = [batch, seq, heads * dim];
  return {
    id: `${name} ${each.shape}`,
    what: "pairs turned by the angles of their position",
    case: each,
    native: { kernel: `rope_${layout}`, shape: dims.join("x") },
    model: ropeModel(dims, layout),
    feeds: ({ x, freqs }) => ({
      x: { data: x!, dims: hidden },
      positions: positions(batch, seq),
      cos: { data: freqs!.map(Math.cos), dims: [seq, dim / 2] },
      sin: { data: freqs!.map(Math.sin), dims: [seq, dim / 2] },
    }),
    outputDims: hidden,
    goals: () => [],
    notes: ["ONNX Runtime is given cosines and sines; the others work them out"],
  };
}

function positions(batch: number, seq: number): OnnxFeed {
  const data = BigInt64Array.from({ length: batch * seq }, (_, i) => BigInt(i % seq));
  return { data, dims: [batch, seq] };
}
