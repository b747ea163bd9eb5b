import * as fc from "fast-check";
import { expect, test } from "vitest";
import { fromHex, toBase64, toHex } from "./bytes.ts";
import { failureIn, failureOf } from "./failure-of.fixture.ts";
import {
  parseSignature,
  signatureFromBase64,
  signatureFromHex,
  verifySignature,
} from "./signature.ts";
import { generateSigningKey, importSigningKey } from "./signing.ts";

/** RFC 8032, section 7.1. */
const VECTORS = [
  {
    secret: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    key: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    message: "",
    signature:
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
  },
  {
    secret: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    key: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    message: "72",
    signature:
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  },
  {
    secret: "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
    key: "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    message: "af82",
    signature:
      "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
  },
];
const [FIRST] = VECTORS;
const bytesOf = (hex: string) => fromHex(hex)!;

/** A private key of 32 bytes in its PKCS#8 wrapping. */
function pemOf(secret: string): string {
  const der = bytesOf(`302e020100300506032b657004220420${secret}`);
  return `-----BEGIN PRIVATE KEY-----\n${toBase64(der)}\n-----END PRIVATE KEY-----\n`;
}

test.each(VECTORS)("the vectors of RFC 8032 are signed and verified: $message", async (vector) => {
  const key = await importSigningKey(pemOf(vector.secret));
  expect(toHex(key.publicKey)).toBe(vector.key);
  expect(toHex(await key.sign(bytesOf(vector.message)))).toBe(vector.signature);
  const signature = bytesOf(vector.signature);
  expect(await verifySignature(vector.key, bytesOf(vector.message), signature)).toBe(true);
  expect(await verifySignature(vector.key, bytesOf(`${vector.message}00`), signature)).toBe(false);
});

test("verifySignature() is false for another key and for any flipped bit that keeps the form", async () => {
  const { key: other } = VECTORS[1]!;
  const signature = bytesOf(FIRST!.signature);
  expect(await verifySignature(other, new Uint8Array(), signature)).toBe(false);
  for (let byte = 0; byte < 63; byte++) {
    const flipped = signature.slice();
    flipped[byte]! ^= 1;
    expect(await verifySignature(FIRST!.key, new Uint8Array(), flipped)).toBe(false);
  }
});

test("verifySignature() reads a message that lies in shared memory", async () => {
  const message = new Uint8Array(new SharedArrayBuffer(1));
  message[0] = 0x72;
  const { key, signature } = VECTORS[1]!;
  expect(await verifySignature(key, message, bytesOf(signature))).toBe(true);
});

test("parseSignature() refuses every length but 64", () => {
  const signature = bytesOf(FIRST!.signature);
  expect(parseSignature(signature)).toEqual(signature);
  for (const length of [0, 1, 63]) {
    const failure = failureOf(() => parseSignature(signature.subarray(0, length)));
    expect(failure.code).toBe("INVALID_SIGNATURE");
    expect(failure.found).toBe(`${length} bytes`);
  }
  expect(failureOf(() => parseSignature(new Uint8Array(65))).code).toBe("INVALID_SIGNATURE");
});

test("signatureFromHex() and signatureFromBase64() read their own form only", () => {
  const { signature } = FIRST!;
  const base64 = toBase64(bytesOf(signature));
  expect(toHex(signatureFromHex(`${signature}\n`))).toBe(signature);
  expect(toHex(signatureFromBase64(base64))).toBe(signature);
  expect(failureOf(() => signatureFromHex(base64)).code).toBe("INVALID_SIGNATURE");
  expect(failureOf(() => signatureFromBase64(signature)).code).toBe("INVALID_SIGNATURE");
});

test("generateSigningKey() makes keys that sign, read back, and differ", async () => {
  const [one, two] = [await generateSigningKey(), await generateSigningKey()];
  expect(one.key.id).not.toBe(two.key.id);
  expect((await importSigningKey(one.pem)).publicText).toBe(one.key.publicText);
  await fc.assert(
    fc.asyncProperty(fc.uint8Array(), async (message) => {
      const signature = await one.key.sign(message);
      expect(await verifySignature(one.key.publicKey, message, signature)).toBe(true);
      expect(await verifySignature(two.key.publicKey, message, signature)).toBe(false);
    }),
    { numRuns: 20 },
  );
});

test.each([
  "",
  "secret",
  "-----BEGIN PRIVATE KEY-----\n!!\n-----END PRIVATE KEY-----",
  "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
  "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
])("importSigningKey() refuses %j without showing it", async (pem) => {
  const failure = await failureIn(importSigningKey(pem));
  expect(failure.code).toBe("KEY_INVALID");
  expect(failure.message).not.toContain("AAAA");
});
