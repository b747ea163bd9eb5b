// Evidence: what a pack was verified from, and by which decision, so that another thread can do it again.
//
// No VerifiedPack passes between threads: a clone of one is bytes and words, which anybody could have
// written. So what passes is what was signed, and whom the host trusts. The thread that gets it verifies
// every hash and the signature itself, and has a VerifiedPack of its own or none.

import { memoryFiles } from "./files.ts";
import type { Ceilings, Platform } from "./gates.ts";
import type { TrustPolicy } from "./keyring.ts";
import { type VerifiedPack, verifyPack } from "./verify.ts";

/** What a host told the verifier, as far as it passes between threads. */
export interface Decision {
  readonly trust: TrustPolicy;
  readonly allowUnsigned: boolean;
  /** When the keys were judged, in milliseconds since 1970: a key that expires later takes nothing back. */
  readonly at: number;
  readonly runtimeVersion: string;
  readonly platform: Platform | undefined;
  readonly ceilings: Ceilings;
  /** What the pack's fallbacks name: the host knew all of them. */
  readonly references: readonly string[];
}

/** It can be cloned. Whoever gets it trusts whom it came from to choose the keys, and nobody for the bytes. */
export interface Evidence {
  /** Manifest, signature and every module, by path. */
  readonly files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  readonly decision: Decision;
}

/** Verifies a pack again, by the decision that came with it. Fails as `verifyPack` does. */
export async function verifyEvidence({ files, decision }: Evidence): Promise<VerifiedPack> {
  const { at, references, ...said } = decision;
  return verifyPack(memoryFiles(files), {
    ...said,
    now: () => at,
    references: new Set(references),
  });
}
