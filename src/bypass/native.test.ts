// Native: code is verified by its hash, and nothing else passes for it.

import { expect, test } from "vitest";
import { kernelHash } from "../pack/mod.ts";
import { failureIn } from "../pack/failure-of.fixture.ts";
import { isVerifiedNative, VerifiedNative, verifyNative } from "./native.ts";

const CODE = Uint8Array.of(1, 2, 3);
const HASH = await kernelHash(CODE);

test("verifyNative() keeps a copy of the bytes that it hashed", async () => {
  const lent = CODE.slice();
  const native = await verifyNative(lent, HASH);
  lent[0] = 9;
  native.copyBytes()[1] = 9;
  expect(native.copyBytes()).toEqual(CODE);
  expect(native.hash).toBe(HASH);
  expect(isVerifiedNative(native)).toBe(true);
});

test("verifyNative() judges the copy, which nobody changes while it is hashed", async () => {
  const lent = CODE.slice();
  const verifying = verifyNative(lent, HASH);
  lent[0] = 9;
  expect((await verifying).copyBytes()).toEqual(CODE);
});

test("verifyNative() fails with HASH_MISMATCH for other bytes", async () => {
  const failure = await failureIn(verifyNative(Uint8Array.of(1, 2, 4), HASH));
  expect(failure.code).toBe("HASH_MISMATCH");
});

test("nothing else makes a verified native kernel, or changes one", async () => {
  expect(() => new VerifiedNative(Symbol("verified"), HASH, CODE.slice())).toThrow();
  const native = await verifyNative(CODE, HASH);
  expect(() => Object.assign(native, { hash: "sha256:0" })).toThrow();
  expect(() => Object.assign(VerifiedNative.prototype, { copyBytes: () => CODE })).toThrow();
  expect(isVerifiedNative(structuredClone(native))).toBe(false);
  expect(isVerifiedNative({ ...native })).toBe(false);
});
