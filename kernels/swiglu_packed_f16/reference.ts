// The judge is that of swiglu_f32, with the places of gates and ups; its result is rounded once.

export { swigluPacked } from "../swiglu_f32/reference.ts";
