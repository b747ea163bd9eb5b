// rmsnorm in f16 is rmsnorm, whose result is rounded once: the judge is that of rmsnorm_f32.

export { rmsnorm, type RmsnormOptions } from "../rmsnorm_f32/reference.ts";
