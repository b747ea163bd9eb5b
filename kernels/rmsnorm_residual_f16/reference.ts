// The judge is that of rmsnorm_residual_f32: its sum is rounded to the type of its inputs.

export { rmsnormResidual } from "../rmsnorm_residual_f32/reference.ts";
