// Pack verified: packs that this thread has verified, so that further actors of one need not wait for it
// again: hashes, the signature and the manifest's rules take most of a launch.
//
// What is looked for is the digest of all that came: every byte of every file, and the decision by which it is
// judged. Neither name, version nor key of a pack plays a part, so that no other pack is ever found in its
// place, and what was refused is judged anew. What is kept is what this thread verified itself.

import { createHash } from "node:crypto";
import { deserialize, serialize } from "node:v8";
import { type Evidence, type VerifiedPack, verifyEvidence } from "../../pack/mod.ts";

/** Packs that a thread keeps: those used last. */
export const KEPT_MAX = 8;

export class VerifiedPacks {
  /** By digest, those used last at the end. */
  readonly #kept = new Map<string, VerifiedPack>();
  /** Those that are being verified now. */
  readonly #pending = new Map<string, Promise<VerifiedPack>>();

  /** The pack of this evidence, verified by this thread now or before. Fails as `verifyPack` does. */
  async of(evidence: Evidence): Promise<VerifiedPack> {
    const bytes = serialize(evidence);
    const digest = createHash("sha256").update(bytes).digest("base64");
    const pack = this.#kept.get(digest) ?? (await this.#verify(digest, bytes));
    this.#keep(digest, pack);
    return pack;
  }

  /** Packs that are kept. */
  get size(): number {
    return this.#kept.size;
  }

  /** From a copy of what was digested, so that nobody changes it while it is verified. */
  async #verify(digest: string, bytes: Uint8Array): Promise<VerifiedPack> {
    const pending = this.#pending.get(digest) ?? verifyEvidence(deserialize(bytes) as Evidence);
    this.#pending.set(digest, pending);
    try {
      return await pending;
    } finally {
      this.#pending.delete(digest);
    }
  }

  #keep(digest: string, pack: VerifiedPack): void {
    this.#kept.delete(digest);
    this.#kept.set(digest, pack);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= KEPT_MAX) break;
      this.#kept.delete(oldest);
    }
  }
}
