import { expect, test } from "vitest";
import { type Feature, FEATURES } from "../base/mod.ts";
import { hasFeature, probeModule } from "./probe.ts";

test("hasFeature() is what every engine of this runtime must have, and false for what none has", () => {
  const required: readonly Feature[] = [
    "simd",
    "bulk-memory",
    "multi-memory",
    "threads",
    "sign-ext",
  ];
  for (const feature of required) expect(hasFeature(feature)).toBe(true);
  expect(hasFeature("fp16")).toBe(false);
});

test("hasFeature() is what WebAssembly.validate() says of the probe, first and later", () => {
  for (const feature of FEATURES) {
    const answer = WebAssembly.validate(probeModule(feature));
    expect(hasFeature(feature)).toBe(answer);
    expect(hasFeature(feature)).toBe(answer);
  }
});

// An independent validator, told to know all features but one, must refuse exactly that one's probe.
// It explains each refusal on the console that it finds when it loads; here refusals are wanted.
const { error } = globalThis.console;
Object.assign(globalThis.console, { error: () => {} });
const { default: binaryen } = await import("binaryen");
Object.assign(globalThis.console, { error });
const { Features } = binaryen;
const FLAGS: Readonly<Record<Feature, number>> = {
  "mutable-globals": Features.MutableGlobals,
  "sign-ext": Features.SignExt,
  "nontrapping-fptoint": Features.NontrappingFPToInt,
  "multi-value": Features.Multivalue,
  "bulk-memory": Features.BulkMemory | Features.BulkMemoryOpt,
  "reference-types": Features.ReferenceTypes,
  simd: Features.SIMD128,
  "relaxed-simd": Features.RelaxedSIMD,
  threads: Features.Atomics,
  "tail-call": Features.TailCall,
  "extended-const": Features.ExtendedConst,
  "multi-memory": Features.MultiMemory,
  memory64: Features.Memory64,
  exceptions: Features.ExceptionHandling,
  "legacy-exceptions": Features.ExceptionHandling,
  "function-references": Features.GC,
  gc: Features.GC,
  fp16: Features.FP16,
};
const ALL = Object.values(FLAGS).reduce((all, flag) => all | flag, 0);

function validates(feature: Feature, features: number): boolean {
  const module = binaryen.readBinary(probeModule(feature));
  module.setFeatures(features);
  const valid = module.validate() === 1;
  module.dispose();
  return valid;
}

test.each(FEATURES)("the probe of %s needs that feature", (feature) => {
  expect(validates(feature, ALL)).toBe(true);
  expect(validates(feature, ALL & ~FLAGS[feature])).toBe(false);
});
