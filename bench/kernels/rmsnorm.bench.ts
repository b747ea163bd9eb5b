// How fast is rmsnorm_f32 inside the sandbox, for one token and for 512, and what would it be without
// checks, in native C, and in ONNX Runtime from the same JavaScript?

import { rmsnormModel } from "../onnx/model.ts";
import { atMost } from "../harness/row.ts";
import { EPS, rmsnorm } from "./cases.ts";
import { type Contest, contests, type Found } from "./contest.ts";

const GOAL_DECODE_NS = 500;
const GOAL_OVER_NATIVE = 1.5;

export const bench = contests(
  "rmsnorm",
  "how fast is RMSNorm, and what does the sandbox cost it?",
  [
    rmsnormContest(1, 4096, ({ oursNs }) => [atMost("<= 500 ns", GOAL_DECODE_NS, oursNs)]),
    rmsnormContest(512, 4096, ({ overNative }) => [
      atMost("<= 1.5x native", GOAL_OVER_NATIVE, overNative),
    ]),
  ],
);

function rmsnormContest(
  rows: number,
  dim: number,
  goals: (found: Found) => ReturnType<Contest["goals"]>,
): Contest {
  const each = rmsnorm(rows, dim);
  return {
    id: `rmsnorm_f32 ${each.shape}`,
    what: "y = x / sqrt(mean(x²) + eps) * weight",
    case: each,
    native: { kernel: "rmsnorm", shape: each.shape },
    model: rmsnormModel(rows, dim, EPS),
    feeds: ({ x, weight }) => ({
      x: { data: x!, dims: [rows, dim] },
      weight: { data: weight!, dims: [dim] },
    }),
    outputDims: [rows, dim],
    goals,
  };
}
