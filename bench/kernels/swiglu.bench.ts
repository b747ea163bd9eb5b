// How fast is SwiGLU inside the sandbox, for one token and for 512, and what would it be without checks,
// in native C, and in ONNX Runtime from the same JavaScript?

import { SWIGLU } from "./cases/swiglu.ts";
import { contests } from "./contest.ts";

export const bench = contests(
  "swiglu",
  "how fast is SwiGLU, and what does the sandbox cost it?",
  SWIGLU,
);
