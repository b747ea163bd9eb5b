// How fast is RoPE inside the sandbox, for one token and for 512, and what would it be without checks, in
// native C, and in ONNX Runtime from the same JavaScript?

import { ROPE } from "./cases/rope.ts";
import { contests } from "./contest.ts";

export const bench = contests("rope", "how fast is RoPE, and what does the sandbox cost it?", ROPE);
