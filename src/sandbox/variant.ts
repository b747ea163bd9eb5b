// Variant: which of a kernel's modules a sandbox runs: the first that engine and preset both take.
//
// Relaxed SIMD leaves some results to the processor, so two machines may differ in the last bits. Fuel
// mode exists to repeat a run anywhere, so there the feature is denied; so it is, in effect, to a host
// that pins the baseline.

import { type Feature, isFeature } from "../base/mod.ts";
import { BASELINE, hasFeature, type KernelModule, type VerifiedKernel } from "../pack/mod.ts";
import { deniedFeatures, type Preset } from "./presets.ts";

/** "auto": the first module that fits. "baseline": the kernel's own, the same on every machine. */
export type VariantChoice = "auto" | typeof BASELINE;

/** Features that a sandbox denies to every kernel: what the preset does, and chance in fuel mode. */
export function deniedTo(preset: Preset, interrupt: string): ReadonlySet<Feature> {
  const denied = deniedFeatures(preset);
  return interrupt === "fuel" ? new Set([...denied, "relaxed-simd" as const]) : denied;
}

/**
 * The module to run. Where none fits it is the baseline, whose refusal then says what is missing; a
 * module that fits by its features and breaks a rule is refused as well, never passed over in silence.
 */
export function chooseModule(
  { modules }: VerifiedKernel,
  choice: VariantChoice,
  denied: ReadonlySet<string>,
  has: (feature: Feature) => boolean = hasFeature,
): KernelModule {
  const fits = ({ features }: KernelModule): boolean =>
    features.every((name) => !denied.has(name) && isFeature(name) && has(name));
  const baseline = modules.find(({ variant }) => variant === BASELINE)!;
  return choice === BASELINE ? baseline : (modules.find(fits) ?? baseline);
}
