// Cases: every kernel of the core pack at the sizes of a 7B Llama, for one token (decode) and for 512
// (prefill).

import type { Case } from "./case.ts";
import { KV } from "./cases/kv.ts";
import { LORA } from "./cases/lora.ts";
import { RMSNORM } from "./cases/rmsnorm.ts";
import { ROPE } from "./cases/rope.ts";
import { SWIGLU } from "./cases/swiglu.ts";

export const CASES: readonly Case[] = [...RMSNORM, ...ROPE, ...SWIGLU, ...KV, ...LORA];
