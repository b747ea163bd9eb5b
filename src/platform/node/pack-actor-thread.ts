// Pack actor thread: the module that a thread loads for one pack actor. A launch names a kernel by its id,
// which here is the actor's own, so it stands in the module's URL: `pack-actor-thread.ts?id=rmsnorm_f32`.

import type { KernelDefinition } from "../../runtime/mod.ts";
import { packActor } from "./pack-actor.ts";

export const actor: KernelDefinition = packActor(
  new URL(import.meta.url).searchParams.get("id") ?? "pack-actor",
  import.meta.url,
);
