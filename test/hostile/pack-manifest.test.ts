// Manifests that attack: each must end in a typed failure that says where, and quickly.

import { expect, test } from "vitest";
import { PACK_LIMITS } from "../../src/base/mod.ts";
import { failureIn, failureOf } from "../../src/pack/failure-of.fixture.ts";
import { memoryFiles, parseManifest, verifyPack } from "../../src/pack/mod.ts";
import { SAMPLE, sampleWith } from "../../src/pack/sample-manifest.fixture.ts";
import { hostTrusting, signedPack } from "../../src/pack/signed-pack.fixture.ts";

const issuesOf = (text: string) =>
  failureOf(() => parseManifest(text)).issues.map(({ code, at }) => `${code} ${at}`);

/** The sample as text with `"name":` replaced, which JSON.stringify could not write. */
const spliced = (key: string) =>
  JSON.stringify(SAMPLE).replace('"description":', `${key}"description":`);
const deep = (levels: number) => `"deep": ${"[".repeat(levels)}${"]".repeat(levels)},`;
const circle = (length: number) =>
  Object.fromEntries(
    Array.from({ length }, (_, index) => [`k${index}`, `k${(index + 1) % length}`]),
  );

test.each([
  ['"__proto__": {"kernels": []},', "/__proto__"],
  ['"__proto__": null,', "/__proto__"],
  [String.raw`"\u005f_proto__": {"isAdmin": true},`, "/__proto__"],
  ['"fallbacks2": {"__proto__": "x"},', "/fallbacks2/__proto__"],
])("a key named __proto__ is refused wherever it stands: %s", (key, at) => {
  expect(issuesOf(spliced(key))).toEqual([`KEY_FORBIDDEN ${at}`]);
  expect(({} as Record<string, unknown>)["isAdmin"]).toBe(undefined);
});

test("keys that objects inherit are keys like any other", () => {
  const manifest = parseManifest(
    spliced('"constructor": {"prototype": {"isAdmin": true}}, "toString": 1,'),
  );
  expect(({} as Record<string, unknown>)["isAdmin"]).toBe(undefined);
  expect(Object.hasOwn(manifest, "toString")).toBe(true);
  const kernels = ["constructor", "toString", "hasOwnProperty"].map((id) => ({
    ...SAMPLE.kernels[0]!,
    id,
  }));
  const named = parseManifest(
    sampleWith([["kernels"], kernels], [["fallbacks"], { constructor: "toString" }]),
  );
  expect(named.kernels).toHaveLength(3);
});

test("JSON that is deep is refused at the limit, not when the stack ends", () => {
  expect(parseManifest(spliced(deep(PACK_LIMITS.manifestDepthMax - 1)))).toBeDefined();
  for (const levels of [PACK_LIMITS.manifestDepthMax, 10_000, 400_000]) {
    expect(failureOf(() => parseManifest(spliced(deep(levels)))).code).toBe("MANIFEST_SYNTAX");
  }
  expect(failureOf(() => parseManifest('{"a":'.repeat(150_000))).code).toBe("MANIFEST_SYNTAX");
});

test("a manifest that is huge is refused before it is read", () => {
  const huge = `{"a": "${"x".repeat(PACK_LIMITS.manifestBytesMax)}"}`;
  expect(failureOf(() => parseManifest(huge)).code).toBe("PACK_TOO_LARGE");
  expect(failureOf(() => parseManifest(new Uint8Array(2 ** 21))).code).toBe("PACK_TOO_LARGE");
});

test.each([
  ["values", `"many": [${"0,".repeat(400_000)}0],`, "MANIFEST_SYNTAX"],
  ["kernels", undefined, "MANIFEST_INVALID"],
  ["digits", `"many": ${"9".repeat(900_000)},`, "MANIFEST_SYNTAX"],
  ["exponent", '"many": 1e999999999,', "MANIFEST_SYNTAX"],
])("huge counts are refused: %s", (what, key, code) => {
  const kernels = Array.from({ length: 20_000 }, () => 0);
  const text = key === undefined ? sampleWith([[what], kernels]) : spliced(key);
  const failure = failureOf(() => parseManifest(text));
  expect(failure.code).toBe(code);
  expect(failure.issues.length).toBeLessThanOrEqual(PACK_LIMITS.issuesMax + 1);
});

test("numbers that would wrap, round or grow are refused where a size is meant", () => {
  for (const pages of [-1, 2 ** 32, 2 ** 53, 1e300, 0.5, "1", null, {}]) {
    const path = ["kernels", 0, "resource_limits", "max_memory_pages"];
    expect(issuesOf(sampleWith([path, pages]))).toHaveLength(1);
  }
});

test.each(["version", "kernels", "author", "id"])(
  "a key that stands twice is refused: %s",
  (key) => {
    const text = JSON.stringify(SAMPLE);
    const twice = text.replace(`"${key}":`, `"${key}": null, "${key}":`);
    expect(failureOf(() => parseManifest(twice)).detail["syntax"]).toBe("DUPLICATE_KEY");
  },
);

test("two kernels of one id are refused, so that no reader picks the other one", () => {
  const kernels = [SAMPLE.kernels[0], { ...SAMPLE.kernels[0], path: "evil.wasm" }];
  expect(issuesOf(sampleWith([["kernels"], kernels]))).toEqual([
    "KERNEL_ID_DUPLICATE /kernels/1/id",
  ]);
});

test("fallbacks that run in circles are refused, short and long", () => {
  const count = PACK_LIMITS.kernelsMax;
  const kernels = Array.from({ length: count }, (_, index) => ({
    ...{ ...SAMPLE.kernels[0]!, inputs: [], outputs: [], benchmarks: {}, platforms: {} },
    id: `k${index}`,
  }));
  for (const length of [1, 2, count]) {
    const text = sampleWith([["kernels"], kernels], [["fallbacks"], circle(length)]);
    expect(issuesOf(text)).toEqual(["FALLBACK_CYCLE /fallbacks/k0"]);
  }
});

test.each([
  "../../../etc/passwd",
  "rope/../../secret.wasm",
  "/etc/passwd",
  String.raw`..\..\secret.wasm`,
  "C:/windows/x.wasm",
  "file:///etc/passwd",
  "rope/rope.wasm\u0000.png",
  "rope//rope.wasm",
  "./rope.wasm",
  "rope/.",
  "rope/.. /x",
  "rope/\u2024\u2024/x",
  "kernels.json",
  "kernels.json.sig",
])("a signed manifest cannot name the path %j", async (path) => {
  const reads: string[] = [];
  const files = memoryFiles(await signedPack({ kernel: { path } }));
  const watched = {
    list: () => files.list(),
    read: (name: string, bytesMax: number) => (reads.push(name), files.read(name, bytesMax)),
  };
  const failure = await failureIn(verifyPack(watched, await hostTrusting()));
  expect(failure.code).toBe("MANIFEST_INVALID");
  expect(failure.issues[0]!.at).toBe("/kernels/0/path");
  expect(reads).toEqual(["kernels.json", "kernels.json.sig"]);
});

test("text that would act on a terminal or a log is refused where it names something", () => {
  for (const [path, value] of [
    [["name"], "\u001b[2Jcore"],
    [["kernels", 0, "id"], "rope\r\nverified: yes"],
    [["kernels", 0, "inputs", 0, "name"], "x\u202e"],
  ] as const) {
    expect(issuesOf(sampleWith([path, value], [["fallbacks"], {}]))).toHaveLength(1);
  }
});
