// Verify options: what a host tells the verifier, and what it hears back.

import type { FailureCode, Feature } from "../base/mod.ts";
import type { Ceilings, Platform } from "./gates.ts";
import type { TrustPolicy } from "./keyring.ts";

export interface VerifyOptions {
  readonly trust: TrustPolicy;
  /** The host's clock, in milliseconds since 1970: validity windows are judged by it. */
  readonly now: () => number;
  /** The version of this runtime, held against the manifest's window. */
  readonly runtimeVersion: string;
  /** Which of a kernel's platforms this host is. Without it only the alias `wasmtime` matches. */
  readonly platform?: Platform | undefined;
  readonly ceilings?: Ceilings | undefined;
  /** What the engine can do; probed by default. */
  readonly hasFeature?: ((feature: Feature) => boolean) | undefined;
  /** The host's own implementations, or just their ids: what fallbacks may name. */
  readonly references?: Pick<ReadonlySet<string>, "has"> | undefined;
  /** Accepts a pack that carries no signature. A signature that is there is still judged. */
  readonly allowUnsigned?: boolean | undefined;
  /** Told of every decision. A pack whose acceptance cannot be recorded is not accepted. */
  readonly audit?: ((event: AuditEvent) => void) | undefined;
}

/** One decision about a pack, for a log. */
export interface AuditEvent {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly event: "pack-accepted" | "unsigned-pack-accepted" | "pack-refused";
  readonly pack?: string;
  readonly version?: string;
  readonly keyId?: string;
  readonly code?: FailureCode;
  readonly message?: string;
}
