import { expect, test } from "vitest";
import { PACK_LIMITS } from "../base/mod.ts";
import { fromHex, toHex } from "./bytes.ts";
import { failureIn } from "./failure-of.fixture.ts";
import {
  parseKeyring,
  printKeyring,
  resolveTrust,
  type TrustPolicy,
  trustKeys,
} from "./keyring.ts";

const KEY = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
const ID = "21fe31dfa154a261";
const OTHER_KEY = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
const ring = (extra: object = {}, entry: object = {}) =>
  JSON.stringify({ keys: [{ id: ID, key: KEY, ...entry }], ...extra });
const issuesOf = async (text: string) => {
  const failure = await failureIn(parseKeyring(text));
  expect(failure.code).toBe("KEYRING_INVALID");
  return failure.issues.map((issue) => `${issue.code} ${issue.at}`);
};

test("parseKeyring() reads a ring with everything in it, and printKeyring() prints it back", async () => {
  const text = ring(
    {
      revoked_keys: ["0123456789ABCDEF"],
      revoked_kernels: [`sha256:${"AB".repeat(32)}`],
      minimum_versions: { "core-kernels": "1.2.3" },
    },
    { name: "team", not_before: "2026-01-01T00:00:00Z", not_after: "2027-01-01T00:00:00Z" },
  );
  const policy = await parseKeyring(text);
  expect(await parseKeyring(printKeyring(policy))).toEqual(policy);
  const trust = await resolveTrust(policy);
  expect(trust.keys).toEqual([
    {
      id: ID,
      name: "team",
      publicKey: fromHex(KEY),
      notBefore: Date.UTC(2026, 0, 1),
      notAfter: Date.UTC(2027, 0, 1),
    },
  ]);
  expect([...trust.revokedKeys]).toEqual(["0123456789abcdef"]);
  expect([...trust.revokedKernels]).toEqual([`sha256:${"ab".repeat(32)}`]);
  expect(trust.minimumVersions.get("core-kernels")).toBe("1.2.3");
});

test("parseKeyring() takes a ring without keys: it trusts nobody", async () => {
  expect(await parseKeyring('{"keys": []}')).toEqual({ keys: [] });
});

test("parseKeyring() refuses the id of another key", async () => {
  expect(await issuesOf(ring({}, { key: OTHER_KEY }))).toEqual(["KEY_ID_MISMATCH /keys/0/id"]);
});

test("parseKeyring() refuses misspelt keys, in the ring and in an entry", async () => {
  expect(await issuesOf(ring({ revoked_key: [] }))).toEqual(["KEY_UNKNOWN "]);
  expect(await issuesOf(ring({}, { not_afer: "2027-01-01T00:00:00Z" }))).toEqual([
    "KEY_UNKNOWN /keys/0",
  ]);
  expect(await issuesOf('{"keys": [], "__proto__": {"revoked_keys": []}}')).toEqual([
    "KEY_UNKNOWN ",
  ]);
});

test.each([
  ["[]", "TYPE_WRONG "],
  ["{}", "KEY_MISSING /keys"],
  [ring({}, { id: "21fe" }), "KEY_ID_INVALID /keys/0/id"],
  [ring({}, { key: "" }), "KEY_INVALID /keys/0/key"],
  [ring({}, { key: `01${"00".repeat(31)}` }), "KEY_INVALID /keys/0/key"],
  [ring({}, { not_after: "tomorrow" }), "TIMESTAMP_INVALID /keys/0/not_after"],
  [ring({ revoked_keys: ["21fe"] }), "KEY_ID_INVALID /revoked_keys/0"],
  [ring({ revoked_kernels: ["sha256:ab"] }), "HASH_INVALID /revoked_kernels/0"],
  [ring({ minimum_versions: { a: "1" } }), "VERSION_INVALID /minimum_versions/a"],
])("parseKeyring() refuses %s", async (text, issue) => {
  expect(await issuesOf(text)).toEqual([issue]);
});

test("parseKeyring() refuses text that is not strict JSON with its own code", async () => {
  expect((await failureIn(parseKeyring('{"keys": [], "keys": []}'))).code).toBe("KEYRING_INVALID");
});

test("resolveTrust() refuses one key twice and a window without a moment in it", async () => {
  const entry = { id: ID, key: KEY };
  const twice = { keys: [entry, entry] };
  expect((await failureIn(resolveTrust(twice))).issues).toMatchObject([{ code: "KEY_DUPLICATE" }]);
  const at = "2026-01-01T00:00:00Z";
  const moment: TrustPolicy = { keys: [{ ...entry, not_before: at, not_after: at }] };
  expect((await resolveTrust(moment)).keys).toHaveLength(1);
  const empty: TrustPolicy = {
    keys: [{ ...entry, not_before: at, not_after: "2025-12-31T23:59:59Z" }],
  };
  expect((await failureIn(resolveTrust(empty))).issues).toMatchObject([
    { code: "KEY_WINDOW_EMPTY" },
  ]);
});

test("trustKeys() makes a policy of keys in any form", async () => {
  const trust = await resolveTrust(await trustKeys(KEY, fromHex(OTHER_KEY)!));
  expect(trust.keys.map((key) => toHex(key.publicKey))).toEqual([KEY, OTHER_KEY]);
});

test("parseKeyring() holds the number of keys on both sides", async () => {
  const max = PACK_LIMITS.keysMax;
  expect((await issuesOf(ringOf(max))).every((issue) => issue.startsWith("KEY_DUPLICATE"))).toBe(
    true,
  );
  expect(await issuesOf(ringOf(max + 1))).toEqual(["TOO_MANY /keys"]);
});

function ringOf(count: number): string {
  return JSON.stringify({ keys: Array.from({ length: count }, () => ({ id: ID, key: KEY })) });
}

test("parseKeyring() holds the size of the file on both sides", async () => {
  const [ring, max] = ['{"keys": []}', PACK_LIMITS.keyringBytesMax];
  expect(await parseKeyring(ring.padEnd(max))).toEqual({ keys: [] });
  const failure = await failureIn(parseKeyring(ring.padEnd(max + 1)));
  expect(failure.code).toBe("PACK_TOO_LARGE");
});
