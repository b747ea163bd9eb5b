// Test pack: a pack's source, built, signed with a key that is thrown away, verified and loaded, so
// that an author's tests run what a user would, without keeping a key for it.

import { Failure } from "../base/mod.ts";
import {
  buildPack,
  type BuildSeams,
  generateSigningKey,
  MANIFEST_PATH,
  memoryFiles,
  type PackSource,
  type Platform,
  SIGNATURE_PATH,
  trustKeys,
  type VerifiedPack,
  verifyPack,
} from "../pack/mod.ts";
import { inspect, type Sandbox, type SandboxOptions } from "../sandbox/mod.ts";
import type { TestKernel } from "./assess.ts";

/** What the platform knows and this room does not. */
export interface TestPackSeams extends Pick<BuildSeams, "read" | "compile"> {
  readonly sandbox: (options: SandboxOptions) => Promise<Sandbox>;
  readonly platform: Platform;
  readonly runtimeVersion: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export class TestPack implements AsyncDisposable {
  readonly pack: VerifiedPack;
  readonly #sandbox: Sandbox;
  readonly #start: TestPackSeams["sandbox"];

  private constructor(pack: VerifiedPack, sandbox: Sandbox, start: TestPackSeams["sandbox"]) {
    this.pack = pack;
    this.#sandbox = sandbox;
    this.#start = start;
  }

  /** Builds, signs, verifies. Fails as `buildPack` and `verifyPack` do. */
  static async open(source: PackSource, seams: TestPackSeams): Promise<TestPack> {
    const { key } = await generateSigningKey();
    const files = new Map(
      await buildPack(source, {
        read: seams.read,
        compile: seams.compile,
        features: (module) => inspect(module).features.map(({ feature }) => feature),
        signingKey: key.publicText,
      }),
    );
    files.set(SIGNATURE_PATH, await key.sign(files.get(MANIFEST_PATH)!));
    const pack = await verifyPack(memoryFiles(files), {
      trust: await trustKeys(key.publicKey),
      now: seams.now,
      runtimeVersion: seams.runtimeVersion,
      platform: seams.platform,
      references: new Set(Object.values(source.fallbacks ?? {})),
    });
    return new TestPack(pack, await seams.sandbox({}), seams.sandbox);
  }

  /** A kernel of the pack; without an id the only one. Fails with KERNEL_NOT_FOUND. */
  async kernel(id?: string): Promise<TestKernel> {
    const { kernels } = this.pack;
    if (id === undefined && kernels.length !== 1) throw ambiguous(this.pack);
    const verified = id === undefined ? kernels[0]! : this.pack.kernel(id);
    return { verified, kernel: await this.#sandbox.load(verified), sandbox: this.#start };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sandbox[Symbol.asyncDispose]();
  }
}

function ambiguous({ kernels }: VerifiedPack): Failure {
  return new Failure("KERNEL_NOT_FOUND", {
    found: `no id, and ${kernels.length} kernels`,
    expected: `one of ${kernels.map(({ entry }) => entry.id).join(", ")}`,
    fix: "Name the kernel.",
  });
}
