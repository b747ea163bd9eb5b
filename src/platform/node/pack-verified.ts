// Pack verified: packs that this thread has verified, so that further actors of one need not wait for it
// again: hashes, the signature and the manifest's rules take most of a launch.
//
// What is looked for is the digest of all that came: every byte of every file, and the decision by which it is
// judged. Neither name, version nor key of a pack plays a part, so that no other pack is ever found in its
// place, and what was refused is judged anew. What is kept is what this thread verified itself.

import { createHash } from "node:crypto";
import { serialize } from "node:v8";
import { type Evidence, type VerifiedPack, verifyEvidence } from "../../pack/mod.ts";

/** Packs that a thread keeps: those used last. */
const KEPT_MAX = 8;

export class VerifiedPacks {
  readonly #kept = new Map<string, Promise<VerifiedPack>>();

  /** The pack of this evidence, verified by this thread now or before. Fails as `verifyPack` does. */
  async of(evidence: Evidence): Promise<VerifiedPack> {
    const digest = createHash("sha256").update(serialize(evidence)).digest("base64");
    const pack = this.#kept.get(digest) ?? verifyEvidence(evidence);
    this.#kept.delete(digest);
    this.#kept.set(digest, pack); // As the last, also where it was there already.
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= KEPT_MAX) break;
      this.#kept.delete(oldest);
    }
    try {
      return await pack;
    } catch (error) {
      if (this.#kept.get(digest) === pack) this.#kept.delete(digest);
      throw error;
    }
  }

  /** Packs that are kept. */
  get size(): number {
    return this.#kept.size;
  }
}
