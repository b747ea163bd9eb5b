// How fast are rows of a cache packed and unpacked inside the sandbox, and what would it be without checks
// and in native C?

import { KV } from "./cases/kv.ts";
import { contests } from "./contest.ts";

export const bench = contests(
  "kv",
  "how fast are caches packed and unpacked, and what does the sandbox cost it?",
  KV,
);
