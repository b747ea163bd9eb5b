// How fast is swiglu_f32 inside the sandbox, for one token and for 512, and what would it be without
// checks, in native C, and in ONNX Runtime from the same JavaScript?

import { swigluModel } from "../onnx/model.ts";
import { swiglu } from "./cases.ts";
import { type Contest, contests } from "./contest.ts";

export const bench = contests("swiglu", "how fast is SwiGLU, and what does the sandbox cost it?", [
  swigluContest(1, 11_008),
  swigluContest(512, 11_008),
]);

function swigluContest(tokens: number, ffn: number): Contest {
  const each = swiglu(tokens, ffn);
  const dims = [tokens, ffn];
  return {
    id: `swiglu_f32 ${each.shape}`,
    what: "y = gate / (1 + e^-gate) * up",
    case: each,
    native: { kernel: "swiglu", shape: each.shape },
    model: swigluModel(tokens, ffn),
    feeds: ({ gate, up }) => ({ gate: { data: gate!, dims }, up: { data: up!, dims } }),
    outputDims: dims,
    goals: () => [],
  };
}
