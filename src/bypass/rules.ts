// Rules: what each kind of native kernel must be to run outside the sandbox. Being eligible grants
// nothing; the host must have opted into the kind as well (policy.ts).

import { BYPASS_LIMITS } from "../base/mod.ts";
import { isVerifiedNative, type VerifiedNative } from "./native.ts";

export const BYPASS_KINDS = ["attention", "matmul", "latency", "native"] as const;
export type BypassKind = (typeof BYPASS_KINDS)[number];

/** What a meter counts beside calls and time. */
export type BypassUnit = "flops" | "elements";

interface Asked {
  /** What runs, as logs and reports name it. Uses of one kind and name share a meter. */
  readonly name: string;
  /** Why it cannot be a kernel of the sandbox: for who reads the audit. */
  readonly reason: string;
  /** Default: "flops". */
  readonly unit?: BypassUnit | undefined;
}

export type BypassRequest = Asked &
  (
    | { readonly kind: "attention" }
    /** [rows, inner] times [inner, columns]. */
    | {
        readonly kind: "matmul";
        readonly rows: number;
        readonly inner: number;
        readonly columns: number;
      }
    /** An operation that must be done within `latencyMs`. */
    | { readonly kind: "latency"; readonly latencyMs: number }
    | { readonly kind: "native"; readonly kernel: VerifiedNative }
  );

/** Why a request is not eligible. */
export interface Ineligible {
  readonly found: string;
  readonly expected: string;
}

/** Undefined for a request that meets the rule of its kind. `trusted`: hashes of native kernels. */
export function ineligible(
  request: BypassRequest,
  trusted: ReadonlySet<string>,
): Ineligible | undefined {
  switch (request.kind) {
    case "attention":
      return undefined;
    case "matmul":
      return smallMatrix(request.rows, request.inner, request.columns);
    case "latency":
      return slowEnough(request.latencyMs);
    case "native":
      return untrusted(request.kernel, trusted);
    default:
      return unknownKind(request);
  }
}

/** A product is large when one of its three matrices is: two of its sides are beyond the limit. */
function smallMatrix(rows: number, inner: number, columns: number): Ineligible | undefined {
  const side = BYPASS_LIMITS.matrixSideMax;
  const sides = [rows, inner, columns];
  const isProduct = sides.every((each) => Number.isSafeInteger(each) && each > 0);
  if (isProduct && sides.filter((each) => each > side).length >= 2) return undefined;
  return {
    found: `a product of [${rows}, ${inner}] and [${inner}, ${columns}]`,
    expected: `a matrix in it larger than ${side} by ${side}`,
  };
}

function slowEnough(latencyMs: number): Ineligible | undefined {
  const below = BYPASS_LIMITS.latencyMsMax;
  if (latencyMs > 0 && latencyMs < below) return undefined; // NaN is neither.
  return {
    found: `a latency requirement of ${latencyMs} ms`,
    expected: `one above 0 and under ${below} ms`,
  };
}

function untrusted(kernel: unknown, trusted: ReadonlySet<string>): Ineligible | undefined {
  if (!isVerifiedNative(kernel))
    return { found: "a native kernel that was not verified", expected: "one from verifyNative()" };
  if (trusted.has(kernel.hash)) return undefined;
  return { found: kernel.hash, expected: "a native kernel among the policy's trustedNatives" };
}

function unknownKind(request: never): Ineligible {
  const { kind } = request as { readonly kind: unknown };
  return {
    found: `the kind ${JSON.stringify(kind)}`,
    expected: `one of ${BYPASS_KINDS.join(", ")}`,
  };
}
