// How fast is an adapter applied inside the sandbox, for one token and for 512, and what would it be
// without checks, in native C, and in ONNX Runtime from the same JavaScript?

import { LORA } from "./cases/lora.ts";
import { contests } from "./contest.ts";

export const bench = contests("lora", "how fast is LoRA, and what does the sandbox cost it?", LORA);
