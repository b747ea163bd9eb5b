// swiglu in f16 is swiglu, whose result is rounded once: the judge is that of swiglu_f32.

export { type Activation, swiglu } from "../swiglu_f32/reference.ts";
