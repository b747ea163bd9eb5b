// Leave: what a policy must admit before the model's native kernels run outside the sandbox, and the
// meters that they run under. The host opts in; this room never does so for it.

import { BYPASS_LIMITS } from "../../base/mod.ts";
import {
  type BypassKind,
  type BypassMeter,
  type BypassPolicy,
  type VerifiedNative,
  verifyNative,
} from "../../bypass/mod.ts";
import { hasFeature } from "../../pack/mod.ts";
import { FUSED, FUSED_HASH, PLAIN, PLAIN_HASH } from "./products.wasm.ts";

/** What a host allows that runs models, and whose code it trusts then: `allow` and `trustedNatives`. */
export const NATIVE_KINDS: readonly BypassKind[] = ["attention", "matmul", "native"];
export const NATIVE_HASHES: readonly string[] = [FUSED_HASH, PLAIN_HASH];

export interface ProductSize {
  readonly outputs: number;
  readonly inputs: number;
}

export interface NativeLeave {
  /** The module of every native kernel here. */
  readonly code: VerifiedNative;
  readonly attention: BypassMeter;
  /** The meter of a product with a matrix of that size. */
  meterOf(size: ProductSize): BypassMeter;
}

const SLOW = "a copy into the sandbox for each call would cost more than the call";

/**
 * Asks for attention, and for every product: large ones as "matmul", others as "native", whose code is
 * verified by its hash. Fails with BYPASS_REFUSED. `fused` is for tests.
 */
export async function askLeave(
  policy: BypassPolicy,
  products: readonly ProductSize[],
  fused: boolean = hasFeature("relaxed-simd"),
): Promise<NativeLeave> {
  const [text, hash] = fused ? [FUSED, FUSED_HASH] : [PLAIN, PLAIN_HASH];
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const code = await verifyNative(bytes, hash);
  const named = { name: "products", reason: `weights fill the native memory: ${SLOW}` };
  const attention = policy.admit({
    kind: "attention",
    name: "attention",
    reason: `the cache fills the native memory: ${SLOW}`,
  });
  const large = products.find(isLarge);
  const matmul =
    large &&
    policy.admit({
      ...named,
      kind: "matmul",
      rows: 1,
      inner: large.inputs,
      columns: large.outputs,
    });
  const native = products.every(isLarge)
    ? undefined
    : policy.admit({ ...named, kind: "native", kernel: code });
  return { code, attention, meterOf: (size) => (isLarge(size) ? matmul! : native!) };
}

function isLarge({ outputs, inputs }: ProductSize): boolean {
  return outputs > BYPASS_LIMITS.matrixSideMax && inputs > BYPASS_LIMITS.matrixSideMax;
}
