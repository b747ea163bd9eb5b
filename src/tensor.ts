// Front door `annulus/tensor`: tensor files and half-precision numbers, in any engine.

export * from "./tensor/mod.ts";
