// How fast is RMSNorm inside the sandbox, for one token and for 512, and what would it be without checks,
// in native C, and in ONNX Runtime from the same JavaScript?

import { RMSNORM } from "./cases/rmsnorm.ts";
import { contests } from "./contest.ts";

export const bench = contests(
  "rmsnorm",
  "how fast is RMSNorm, and what does the sandbox cost it?",
  RMSNORM,
);
