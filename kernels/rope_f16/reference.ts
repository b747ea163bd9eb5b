// rope in f16 is rope, whose result is rounded once: the judge is that of rope_f32.

export { rope, type RopeShape } from "../rope_f32/reference.ts";
