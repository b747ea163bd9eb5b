// Signatures, keys and hashes that attack: nothing but the exact bytes that a trusted key signed passes.

import { expect, test } from "vitest";
import { fromHex, toBase64, toHex } from "../../src/pack/bytes.ts";
import { failureIn } from "../../src/pack/failure-of.fixture.ts";
import {
  kernelHash,
  memoryFiles,
  parseKeyring,
  trustKeys,
  type TrustPolicy,
  verifyPack,
  verifySignature,
} from "../../src/pack/mod.ts";
import { hostTrusting, keyOf, moduleOf, signedPack } from "../../src/pack/signed-pack.fixture.ts";

const MANIFEST = "kernels.json";
const SIGNATURE = "kernels.json.sig";
const MODULE = "rope/rope_f32.wasm";
type Files = Map<string, Uint8Array>;

async function codeOf(files: Files, trust?: TrustPolicy): Promise<string> {
  return (await failureIn(verifyPack(memoryFiles(files), await hostTrusting(trust)))).code;
}

test("every flipped bit and every lost or added byte of kernels.json is refused", async () => {
  const files = await signedPack();
  const raw = files.get(MANIFEST)!;
  const refused = async (bytes: Uint8Array) =>
    expect(await codeOf(new Map([...files, [MANIFEST, bytes]]))).toBe("NO_TRUSTED_KEY");
  for (let at = 0; at < raw.length; at++) {
    const flipped = raw.slice();
    flipped[at]! ^= 1 << (at % 8);
    await refused(flipped);
  }
  await refused(raw.subarray(1));
  await refused(raw.subarray(0, -1));
  await refused(new Uint8Array([...raw, 0x0a])); // White space at the end changes the bytes, too.
  await refused(
    new TextEncoder().encode(JSON.stringify(JSON.parse(new TextDecoder().decode(raw)))),
  );
}, 120_000);

test("every flipped bit of the signature is refused", async () => {
  const files = await signedPack();
  for (let bit = 0; bit < 64 * 8; bit++) {
    const signature = files.get(SIGNATURE)!.slice();
    signature[bit >> 3]! ^= 1 << (bit & 7);
    const code = await codeOf(new Map([...files, [SIGNATURE, signature]]));
    expect(["NO_TRUSTED_KEY", "INVALID_SIGNATURE"]).toContain(code);
  }
});

test("every flipped bit of a module is refused", async () => {
  const files = await signedPack();
  for (let bit = 0; bit < files.get(MODULE)!.length * 8; bit++) {
    const module = files.get(MODULE)!.slice();
    module[bit >> 3]! ^= 1 << (bit & 7);
    expect(await codeOf(new Map([...files, [MODULE, module]]))).toBe("HASH_MISMATCH");
  }
});

test("the author's own key vouches for nothing", async () => {
  const files = await signedPack({ signer: await keyOf(66) });
  expect(await codeOf(files)).toBe("NO_TRUSTED_KEY");
  expect(await codeOf(files, { keys: [] })).toBe("NO_TRUSTED_KEY");
});

test("a trusted signer cannot pass off a pack as another's, nor an author claim a trusted key", async () => {
  const [trusted, attacker] = [await keyOf(1), await keyOf(66)];
  const both = await trustKeys(trusted.publicKey, attacker.publicKey);
  const author = { name: "A", email: "", signing_key: trusted.publicText };
  const claimed = await signedPack({ signer: attacker, manifest: { author } });
  expect(await codeOf(claimed)).toBe("NO_TRUSTED_KEY");
  expect(await codeOf(claimed, both)).toBe("KEY_MISMATCH");
});

test("a revoked key is refused in whatever form the ring lists it", async () => {
  const { id, publicKey, publicText } = await keyOf(1);
  for (const key of [publicText, toHex(publicKey), toBase64(publicKey)]) {
    const ring = { keys: [{ id, key }], revoked_keys: [id] };
    expect(await codeOf(await signedPack(), await parseKeyring(JSON.stringify(ring)))).toBe(
      "KEY_REVOKED",
    );
  }
});

test("a ring that gives a key another key's id is refused as a whole", async () => {
  const [one, two] = [await keyOf(1), await keyOf(2)];
  const confused = { keys: [{ id: two.id, key: one.publicText }], revoked_keys: [one.id] };
  expect((await failureIn(parseKeyring(JSON.stringify(confused)))).code).toBe("KEYRING_INVALID");
  expect(await codeOf(await signedPack(), confused)).toBe("KEYRING_INVALID");
});

const L = 2n ** 252n + 27742317777372353535851937790883648493n;

function littleEndian(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, index) => Number((value >> BigInt(8 * index)) & 255n));
}

test("a signature whose scalar is grown by the group's order is malformed", async () => {
  const files = await signedPack();
  const signature = files.get(SIGNATURE)!;
  const scalar = signature.subarray(32).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  for (let times = 1n; scalar + times * L < 2n ** 256n; times++) {
    const grown = new Uint8Array([
      ...signature.subarray(0, 32),
      ...littleEndian(scalar + times * L),
    ]);
    expect(await codeOf(new Map([...files, [SIGNATURE, grown]]))).toBe("INVALID_SIGNATURE");
  }
});

/** The points of small order, and the ways to write a point that is not canonical. */
const BAD_POINTS = [
  "0100000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000080",
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0000000000000000000000000000000000000000000000000000000000000080",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];

test.each(BAD_POINTS)("the point %s is neither a key nor a part of a signature", async (hex) => {
  const point = fromHex(hex)!;
  expect((await failureIn(trustKeys(point))).code).toBe("KEY_INVALID");
  const ring = { keys: [{ id: (await kernelHash(point)).slice(7, 23), key: hex }] };
  expect(await codeOf(await signedPack(), ring)).toBe("KEYRING_INVALID");
  // With such a key, R = the key's inverse multiple and S = 0 would fit every message.
  for (const R of BAD_POINTS) {
    const everything = new Uint8Array([...fromHex(R)!, ...new Uint8Array(32)]);
    const files = await signedPack();
    expect(await codeOf(files.set(SIGNATURE, everything))).toBe("INVALID_SIGNATURE");
    const verified = verifySignature(point, new Uint8Array(1), everything);
    expect((await failureIn(verified)).code).toBe("KEY_INVALID");
  }
});

test.each([0, 1, 32, 63, 65, 96, 128, 1024])(
  "a signature of %i bytes is malformed",
  async (length) => {
    const files = await signedPack();
    const signature = new Uint8Array(length);
    signature.set(files.get(SIGNATURE)!.subarray(0, length));
    expect(await codeOf(files.set(SIGNATURE, signature))).toBe("INVALID_SIGNATURE");
  },
);

test("a signature in hex or base64 is malformed: only raw bytes are read from a pack", async () => {
  const files = await signedPack();
  for (const text of [toHex(files.get(SIGNATURE)!), toBase64(files.get(SIGNATURE)!)]) {
    const encoded = new Map([...files, [SIGNATURE, new TextEncoder().encode(text)]]);
    expect(await codeOf(encoded)).toBe("INVALID_SIGNATURE");
  }
});

test("the signature of another pack, also one of the same signer, is refused", async () => {
  const [one, two] = [await signedPack(), await signedPack({ manifest: { version: "2.0.0" } })];
  expect(await codeOf(one.set(SIGNATURE, two.get(SIGNATURE)!))).toBe("NO_TRUSTED_KEY");
});

test("a pack with two kernels' modules exchanged is refused", async () => {
  const files = await signedPack({ module: moduleOf(1) });
  const other = await signedPack({ module: moduleOf(2) });
  expect(await codeOf(files.set(MODULE, other.get(MODULE)!))).toBe("HASH_MISMATCH");
});

test.each([
  "sha256:",
  "sha256:abc123",
  `sha256:${"0".repeat(63)}`,
  `sha256:${"0".repeat(65)}`,
  `sha256:${"g".repeat(64)}`,
  `sha512:${"0".repeat(64)}`,
  "",
  "0".repeat(64),
])("a signed manifest with the hash %j is refused", async (hash) => {
  expect(await codeOf(await signedPack({ kernel: { hash } }))).toBe("MANIFEST_INVALID");
});

test("a signed old version is refused below the floor, however its version is written", async () => {
  const { keys } = await trustKeys((await keyOf(1)).publicKey);
  const trust = { keys, minimum_versions: { "test-kernels": "1.2.0" } };
  for (const version of ["1.1.9", "1.2.0-rc.1", "0.99.0", "1.1.10+zzz"]) {
    expect(await codeOf(await signedPack({ manifest: { version } }), trust)).toBe("PACK_DOWNGRADE");
  }
  for (const name of ["constructor", "__proto__x"]) {
    const other = verifyPack(
      memoryFiles(await signedPack({ manifest: { name } })),
      await hostTrusting(trust),
    );
    expect((await other).manifest.name).toBe(name); // The floor is another pack's.
  }
});
