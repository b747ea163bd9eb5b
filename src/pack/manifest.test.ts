import * as fc from "fast-check";
import { expect, test } from "vitest";
import { PACK_LIMITS, SANDBOX_LIMITS } from "../base/mod.ts";
import { failureOf } from "./failure-of.fixture.ts";
import {
  budgetTicks,
  DEFAULT_RESOURCE_LIMITS,
  getFallback,
  getKernel,
  kernelIds,
  kernelsByCategory,
  manifestWarnings,
  parseManifest,
  printManifest,
  validateForVerify,
} from "./manifest.ts";
import { SAMPLE, sampleWith } from "./sample-manifest.fixture.ts";

type Path = readonly (string | number)[];

const KERNEL: Path = ["kernels", 0];
const kernel = (...path: Path): Path => [...KERNEL, ...path];
const at = (path: Path): string => path.map((step) => `/${step}`).join("");
const sample = () => parseManifest(JSON.stringify(SAMPLE));

/** The code and pointer of every fault that the sample has after one change. */
function faultsWith(path: Path, value: unknown): string[] {
  const failure = failureOf(() => parseManifest(sampleWith([path, value])));
  expect(failure.code).toBe("MANIFEST_INVALID");
  for (const issue of failure.issues) {
    expect(issue.found).not.toBe("");
    expect(issue.expected).not.toBe("");
    expect(issue.fix).not.toBe("");
  }
  return failure.issues.map((issue) => `${issue.code} ${issue.at}`);
}

const accepts = (path: Path, value: unknown) => parseManifest(sampleWith([path, value]));

test("parseManifest() reads the sample draft, placeholders included", () => {
  const manifest = sample();
  expect(manifest.name).toBe("test-kernels");
  expect(manifest.version).toBe("1.0.0");
  expect(manifest.kernels).toHaveLength(1);
  expect(manifestWarnings(manifest)).toEqual([]);
});

test("getKernel() finds the sample's kernel, and kernelIds() and kernelsByCategory() list it", () => {
  const found = getKernel(sample(), "rope_f32");
  expect(found?.name).toBe("Rotary Position Embedding (FP32)");
  expect(found?.category).toBe("positional_encoding");
  expect(getKernel(sample(), "unknown")).toBe(undefined);
  expect(kernelIds(sample())).toEqual(["rope_f32"]);
  expect(kernelsByCategory(sample(), "positional_encoding")).toEqual([found]);
  expect(kernelsByCategory(sample(), "adapter")).toEqual([]);
});

test("getFallback() answers for a kernel that has one, and for nothing inherited", () => {
  expect(getFallback(sample(), "rope_f32")).toBe("rope_reference");
  expect(getFallback(sample(), "unknown")).toBe(undefined);
  expect(getFallback(sample(), "toString")).toBe(undefined);
});

test.each([
  "version",
  "name",
  "description",
  "min_runtime_version",
  "max_runtime_version",
  "created_at",
  "author",
  "kernels",
])("parseManifest() names the missing key %s", (key) => {
  expect(faultsWith([key], undefined)).toContain(`KEY_MISSING /${key}`);
});

test.each([
  "id",
  "name",
  "category",
  "path",
  "hash",
  "entry_point",
  "inputs",
  "outputs",
  "resource_limits",
])("parseManifest() names a kernel's missing key %s", (key) => {
  expect(faultsWith(kernel(key), undefined)).toContain(`KEY_MISSING ${at(kernel(key))}`);
});

test.each([
  [["author", "name"]],
  [["author", "email"]],
  [["author", "signing_key"]],
  [kernel("inputs", 0, "name")],
  [kernel("inputs", 0, "dtype")],
  [kernel("inputs", 0, "shape")],
  [kernel("params", "theta", "default")],
  [kernel("resource_limits", "max_memory_pages")],
  [kernel("resource_limits", "max_epoch_ticks")],
  [kernel("resource_limits", "max_table_elements")],
  [kernel("platforms", "wasmtime", "min_version")],
  [kernel("benchmarks", "seq_512_dim_128", "latency_us")],
  [kernel("benchmarks", "seq_512_dim_128", "throughput_gflops")],
])("parseManifest() refuses a document without %j", (path) => {
  expect(faultsWith(path, undefined).join()).toMatch(new RegExp(`\\w+ ${at(path)}$`));
});

test("parseManifest() fills in what may be left out", () => {
  const { $schema: _schema, fallbacks: _fallbacks, kernels, ...rest } = SAMPLE;
  const { params: _params, platforms: _platforms, benchmarks: _benchmarks, ...bare } = kernels[0]!;
  const manifest = parseManifest(JSON.stringify({ ...rest, kernels: [bare] }));
  expect(manifest).toMatchObject({ $schema: "", fallbacks: {} });
  expect(manifest.kernels[0]).toMatchObject({ params: {}, platforms: {}, benchmarks: {} });
  expect(parseManifest(sampleWith([["kernels"], []], [["fallbacks"], {}])).kernels).toEqual([]);
});

test("parseManifest() takes null for an optional key, as writers in other languages print it", () => {
  const limits = kernel("resource_limits", "max_stack_size");
  expect(accepts(limits, null).kernels[0]!.resource_limits.max_stack_size ?? "none").toBe("none");
  expect(accepts(kernel("params", "theta", "min"), null)).toBeDefined();
});

test.each([
  "1.0",
  "v1.0.0",
  "01.0.0",
  "1.0.0 ",
  "latest",
  "^1.0.0",
  "1.0.0-",
  "99999999999999999999.0.0",
])("parseManifest() refuses the version %j everywhere", (version) => {
  for (const key of ["version", "min_runtime_version", "max_runtime_version"]) {
    expect(faultsWith([key], version)).toContain(`VERSION_INVALID /${key}`);
  }
  const platform = kernel("platforms", "wasmtime", "min_version");
  expect(faultsWith(platform, version)).toContain(`VERSION_INVALID ${at(platform)}`);
});

test("parseManifest() takes pre-releases and builds as versions, and refuses an empty window", () => {
  expect(accepts(["version"], "1.0.0-rc.1+build.5").version).toBe("1.0.0-rc.1+build.5");
  expect(accepts(["max_runtime_version"], "0.5.0").max_runtime_version).toBe("0.5.0");
  expect(faultsWith(["max_runtime_version"], "0.5.0-rc.1")).toEqual([
    "RUNTIME_WINDOW_EMPTY /max_runtime_version",
  ]);
});

test.each([
  "2026-01-18",
  "2026-02-29T00:00:00Z",
  "2026-13-01T00:00:00Z",
  "2026-01-18T25:00:00Z",
  "2026-01-18T00:00:00",
  "yesterday",
])("parseManifest() refuses the timestamp %j", (timestamp) => {
  expect(faultsWith(["created_at"], timestamp)).toEqual(["TIMESTAMP_INVALID /created_at"]);
});

test.each(["2024-02-29T23:59:59Z", "2026-01-18T00:00:00.123Z", "2026-01-18T00:00:00+02:00"])(
  "parseManifest() takes the timestamp %j",
  (timestamp) => expect(accepts(["created_at"], timestamp).created_at).toBe(timestamp),
);

test("parseManifest() refuses categories and element types that it does not know", () => {
  expect(faultsWith(kernel("category"), "Custom")).toEqual(["VALUE_UNKNOWN /kernels/0/category"]);
  expect(faultsWith(kernel("inputs", 0, "dtype"), "F32")).toEqual([
    "VALUE_UNKNOWN /kernels/0/inputs/0/dtype",
  ]);
});

test.each([-1, 1.5, null, true, "2d", "", "a-b", 2 ** 32, []])(
  "parseManifest() refuses the dimension %j",
  (dim) => {
    const path = kernel("inputs", 0, "shape", 0);
    expect(faultsWith(path, dim).join()).toMatch(/_\w+ \/kernels\/0\/inputs\/0\/shape\/0/);
  },
);

test("parseManifest() takes symbolic and fixed dimensions up to the greatest rank", () => {
  const shape = kernel("inputs", 1, "shape");
  const full = Array.from({ length: SANDBOX_LIMITS.tensorRankMax }, () => 1);
  expect(accepts(shape, ["seq", 0, 2 ** 32 - 1]).kernels[0]!.inputs[1]!.shape).toHaveLength(3);
  expect(accepts(shape, []).kernels[0]!.inputs[1]!.shape).toEqual([]);
  expect(accepts(shape, full).kernels[0]!.inputs[1]!.shape).toEqual(full);
  expect(faultsWith(shape, [...full, 1])).toEqual([`RANK_TOO_LARGE ${at(shape)}`]);
});

test.each([
  "",
  "/rope.wasm",
  "../rope.wasm",
  "rope/../../x.wasm",
  "./rope.wasm",
  "rope//x.wasm",
  "rope/",
  "rope\\x.wasm",
  "C:/rope.wasm",
  "rope.wasm\u0000.txt",
  "rope .wasm",
  "röpe.wasm",
  "rope./x.wasm",
  `${"a".repeat(PACK_LIMITS.pathBytesMax)}x`,
])("parseManifest() refuses the path %j", (path) => {
  expect(faultsWith(kernel("path"), path)).toContain("PATH_INVALID /kernels/0/path");
});

test("parseManifest() keeps the manifest's own files from being kernels", () => {
  expect(faultsWith(kernel("path"), "kernels.json")).toEqual(["PATH_TAKEN /kernels/0/path"]);
  expect(faultsWith(kernel("path"), "kernels.json.sig")).toEqual(["PATH_TAKEN /kernels/0/path"]);
  const longest = "a".repeat(PACK_LIMITS.pathBytesMax);
  expect(accepts(kernel("path"), longest).kernels[0]!.path).toBe(longest);
});

test("parseManifest() lowers a hash and refuses one of another kind", () => {
  const upper = `sha256:${"AB".repeat(32)}`;
  expect(accepts(kernel("hash"), upper).kernels[0]!.hash).toBe(upper.toLowerCase());
  expect(faultsWith(kernel("hash"), "md5:abc")).toEqual(["HASH_INVALID /kernels/0/hash"]);
  expect(faultsWith(kernel("hash"), "SHA256:abc")).toEqual(["HASH_INVALID /kernels/0/hash"]);
});

test("parseManifest() refuses an empty entry point and ids that are no ids", () => {
  expect(faultsWith(kernel("entry_point"), "")).toEqual([
    "ENTRY_POINT_INVALID /kernels/0/entry_point",
  ]);
  for (const id of ["", "a/b", "a b", "-a", "\u001b[31m", "x".repeat(129)]) {
    expect(faultsWith(kernel("id"), id)).toContain("KERNEL_ID_INVALID /kernels/0/id");
  }
  expect(faultsWith(["name"], "a\nb")).toEqual(["PACK_NAME_INVALID /name"]);
  expect(accepts(["name"], "@team/kernels").name).toBe("@team/kernels");
});

function tinyPack(count: number): string {
  const kernels = Array.from({ length: count }, (_, index) => ({
    ...SAMPLE.kernels[0]!,
    id: `k${index}`,
    inputs: [],
    outputs: [],
    platforms: {},
    benchmarks: {},
    params: {},
  }));
  return sampleWith([["kernels"], kernels], [["fallbacks"], {}]);
}

test("parseManifest() takes as many kernels as the limit and not one more", () => {
  expect(parseManifest(tinyPack(PACK_LIMITS.kernelsMax)).kernels).toHaveLength(
    PACK_LIMITS.kernelsMax,
  );
  const failure = failureOf(() => parseManifest(tinyPack(PACK_LIMITS.kernelsMax + 1)));
  expect(failure.issues).toMatchObject([{ code: "TOO_MANY", at: "/kernels" }]);
});

test("parseManifest() bounds the limits it reads, and keeps ticks beyond 2^53", () => {
  const pages = kernel("resource_limits", "max_memory_pages");
  const ticks = kernel("resource_limits", "max_epoch_ticks");
  expect(accepts(pages, 2 ** 32 - 1)).toBeDefined();
  expect(faultsWith(pages, 2 ** 32)).toEqual([`OUT_OF_RANGE ${at(pages)}`]);
  expect(faultsWith(pages, -1)).toEqual([`OUT_OF_RANGE ${at(pages)}`]);
  expect(faultsWith(pages, "256")).toEqual([`TYPE_WRONG ${at(pages)}`]);
  expect(faultsWith(ticks, 0.5)).toEqual([`TICKS_INVALID ${at(ticks)}`]);
  const huge = sampleWith([ticks, 1]).replace(
    '"max_epoch_ticks":1',
    `"max_epoch_ticks":${2n ** 64n - 1n}`,
  );
  expect(parseManifest(huge).kernels[0]!.resource_limits.max_epoch_ticks).toBe(2n ** 64n - 1n);
  expect(failureOf(() => parseManifest(huge.replace("615", "616"))).code).toBe("MANIFEST_INVALID");
});

test("parseManifest() keeps unknown keys, and manifestWarnings() names each", () => {
  const manifest = parseManifest(
    sampleWith(
      [["license"], "MIT"],
      [kernel("fuse"), { with: "x" }],
      [kernel("params", "theta", "unit"), "rad"],
      [kernel("platforms", "wasmtime", "tier"), 2],
    ),
  );
  expect(manifestWarnings(manifest).map((issue) => `${issue.code} ${issue.at}`)).toEqual([
    "KEY_UNKNOWN /kernels/0/params/theta/unit",
    "KEY_UNKNOWN /kernels/0/platforms/wasmtime/tier",
    "KEY_UNKNOWN /kernels/0/fuse",
    "KEY_UNKNOWN /license",
  ]);
  expect(JSON.parse(printManifest(manifest))).toMatchObject({ license: "MIT" });
});

test("parseManifest() reads scratch memory, accuracy and named values", () => {
  const manifest = parseManifest(
    sampleWith(
      [kernel("scratch"), [{ name: "t", dtype: "f32", shape: ["seq", 4] }]],
      [kernel("accuracy"), { max_rel: 1e-6 }],
      [
        kernel("params", "layout"),
        { type: "u32", default: 0, min: 0, max: 1, values: { half_split: 0, interleaved: 1 } },
      ],
    ),
  );
  expect(manifest.kernels[0]).toMatchObject({
    accuracy: { max_rel: 1e-6 },
    scratch: [{ name: "t" }],
  });
  expect(manifest.kernels[0]!.params["layout"]).toMatchObject({ values: { interleaved: 1 } });
});

test("parseManifest() refuses scratch memory whose size the call does not decide", () => {
  const scratch = [{ name: "t", dtype: "f32", shape: ["elsewhere"] }];
  expect(faultsWith(kernel("scratch"), scratch)).toEqual([
    "SCRATCH_DIM_UNKNOWN /kernels/0/scratch/0/shape/0",
  ]);
});

test("parseManifest() reads gradients: inputs, each once, whose names do not meet the outputs'", () => {
  expect(accepts(kernel("gradients"), ["x"]).kernels[0]!.gradients).toEqual(["x"]);
  expect(accepts(kernel("gradients"), ["freqs", "x"])).toBeDefined();
  expect(faultsWith(kernel("gradients"), ["x", "y"])).toEqual([
    "GRADIENT_UNKNOWN /kernels/0/gradients/1",
  ]);
  expect(faultsWith(kernel("gradients"), ["x", "x"])).toEqual([
    "NAME_DUPLICATE /kernels/0/gradients/1",
  ]);
  const taken = sampleWith([kernel("inputs", 0, "name"), "dy"], [kernel("gradients"), ["freqs"]]);
  expect(failureOf(() => parseManifest(taken)).issues).toMatchObject([
    { code: "GRADIENT_NAME_TAKEN", at: "/kernels/0/gradients" },
  ]);
  expect(accepts(kernel("inputs", 0, "name"), "dy")).toBeDefined(); // Where there are no gradients.
});

test("parseManifest() refuses two tensors of one name in a list, not across lists", () => {
  expect(faultsWith(kernel("inputs", 1, "name"), "x")).toEqual([
    "NAME_DUPLICATE /kernels/0/inputs/1/name",
  ]);
  expect(accepts(kernel("outputs", 0, "name"), "x")).toBeDefined();
});

test.each([
  [{ type: "f32", default: 1e39 }, "PARAM_F32_INVALID default"],
  [{ type: "f32", default: "1" }, "NUMBER_INVALID default"],
  [{ type: "i32", default: 1.5 }, "TYPE_WRONG default"],
  [{ type: "i32", default: 2 ** 31 }, "OUT_OF_RANGE default"],
  [{ type: "u32", default: -1 }, "OUT_OF_RANGE default"],
  [{ type: "u64", default: "-1" }, "PARAM_WIDE_INVALID default"],
  [{ type: "u64", default: "18446744073709551616" }, "PARAM_WIDE_INVALID default"],
  [{ type: "i64", default: "0x10" }, "PARAM_WIDE_INVALID default"],
  [{ type: "bool", default: 1 }, "TYPE_WRONG default"],
  [{ type: "bool", default: true, max: 1 }, "PARAM_BOUND_ON_BOOL max"],
  [{ type: "f16", default: 1 }, "PARAM_TYPE_UNKNOWN type"],
  [{ default: 1 }, "KEY_MISSING type"],
  [{ type: "f64", default: 1, min: 2 }, "PARAM_DEFAULT_OUT_OF_BOUNDS default"],
  [{ type: "f64", default: 1, max: 0.5 }, "PARAM_DEFAULT_OUT_OF_BOUNDS default"],
  [
    { type: "u64", default: "9007199254740993", max: "9007199254740992" },
    "PARAM_DEFAULT_OUT_OF_BOUNDS default",
  ],
  [{ type: "u32", default: 0, max: 1, values: { a: 2 } }, "PARAM_VALUE_OUT_OF_BOUNDS values/a"],
  [{ type: "u32", default: 0, values: { a: 2, b: 2 } }, "PARAM_VALUE_DUPLICATE values/b"],
  [{ type: "u32", default: 0, values: { "a b": 2 } }, "NAME_INVALID values/a b"],
])("parseManifest() refuses the param %j", (spec, fault) => {
  const [code, where] = fault.split(/ (.*)/);
  expect(faultsWith(kernel("params", "p"), spec)).toEqual([`${code} /kernels/0/params/p/${where}`]);
});

test("parseManifest() reads 64-bit params as bigints, from numbers and from strings", () => {
  const max = 2n ** 64n - 1n;
  const manifest = accepts(kernel("params", "seed"), { type: "u64", default: String(max), min: 0 });
  expect(manifest.kernels[0]!.params["seed"]).toMatchObject({ default: max, min: 0n });
  expect(printManifest(manifest)).toContain(`"default": ${max}`);
  expect(parseManifest(printManifest(manifest))).toEqual(manifest);
});

test("parseManifest() refuses names that are no identifiers", () => {
  for (const name of ["2x", "a-b", "", "é"]) {
    const params = kernel("params", name);
    expect(faultsWith(params, { type: "f32", default: 1 })).toEqual([`NAME_INVALID ${at(params)}`]);
    expect(faultsWith(kernel("inputs", 0, "name"), name)).toEqual([
      "NAME_INVALID /kernels/0/inputs/0/name",
    ]);
  }
});

test("parseManifest() refuses two kernels of one id and two hashes of one path", () => {
  const twin = { ...SAMPLE.kernels[0]!, hash: "sha256:def" };
  expect(faultsWith(["kernels", 1], twin)).toEqual([
    "KERNEL_ID_DUPLICATE /kernels/1/id",
    "PATH_CONFLICT /kernels/1/path",
  ]);
});

test("parseManifest() refuses fallbacks from nowhere and fallbacks that never end", () => {
  const kernels = ["a", "b", "c"].map((id) => ({ ...SAMPLE.kernels[0]!, id }));
  const faults = (fallbacks: Record<string, string>) =>
    failureOf(() =>
      parseManifest(sampleWith([["kernels"], kernels], [["fallbacks"], fallbacks])),
    ).issues.map((issue) => `${issue.code} ${issue.at}`);
  expect(faults({ d: "a" })).toEqual(["FALLBACK_FROM_UNKNOWN /fallbacks/d"]);
  expect(faults({ a: "a" })).toEqual(["FALLBACK_CYCLE /fallbacks/a"]);
  expect(faults({ a: "b", b: "c", c: "b" })).toEqual(["FALLBACK_CYCLE /fallbacks/b"]);
  const chain = sampleWith([["kernels"], kernels], [["fallbacks"], { a: "c", b: "c", c: "host" }]);
  expect(parseManifest(chain).fallbacks).toEqual({ a: "c", b: "c", c: "host" });
});

test("parseManifest() reports every fault at once, relations included", () => {
  const text = sampleWith(
    [["version"], "1"],
    [["author"], undefined],
    [kernel("category"), "none"],
    [kernel("id"), "rope"],
    [["kernels", 1], { ...SAMPLE.kernels[0]!, id: "rope" }],
  );
  const { issues } = failureOf(() => parseManifest(text));
  expect(issues.map((issue) => issue.code).toSorted()).toEqual([
    "FALLBACK_FROM_UNKNOWN",
    "KERNEL_ID_DUPLICATE",
    "KEY_MISSING",
    "VALUE_UNKNOWN",
    "VERSION_INVALID",
  ]);
});

function wrongKernels(count: number): string {
  const kernels = Array.from({ length: count }, () => 1);
  return sampleWith([["kernels"], kernels], [["fallbacks"], {}]);
}

test("parseManifest() reports at most as many faults as the limit, and says how many more", () => {
  const max = PACK_LIMITS.issuesMax;
  expect(failureOf(() => parseManifest(wrongKernels(max))).issues).toHaveLength(max);
  const { issues } = failureOf(() => parseManifest(wrongKernels(max + 2)));
  expect(issues).toHaveLength(max + 1);
  expect(issues.at(-1)).toMatchObject({ code: "MORE_ISSUES", found: "2 more faults" });
});

test("parseManifest() freezes all that it returns, unknown keys included", () => {
  const manifest = accepts(kernel("extra"), { deep: [1] });
  const frozen = (value: unknown): boolean =>
    typeof value !== "object" ||
    value === null ||
    (Object.isFrozen(value) && Object.values(value).every(frozen));
  expect(frozen(manifest)).toBe(true);
});

test("validateForVerify() refuses the sample's placeholders", () => {
  const failure = failureOf(() => validateForVerify(sample(), { signed: true }));
  expect(failure.code).toBe("MANIFEST_INVALID");
  expect(failure.issues.map((issue) => `${issue.code} ${issue.at}`)).toEqual([
    "HASH_INVALID /kernels/0/hash",
    "SIGNING_KEY_INVALID /author/signing_key",
  ]);
  const whole = accepts(kernel("hash"), `sha256:${"0".repeat(64)}`);
  expect(failureOf(() => validateForVerify(whole, { signed: true })).issues).toHaveLength(1);
  expect(validateForVerify(whole, { signed: false })).toBe(undefined);
});

function tensorsOf(count: number): unknown[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `t${index}`,
    dtype: "f32",
    shape: [],
  }));
}

function paramsOf(count: number): object {
  const names = Array.from({ length: count }, (_, index) => `p${index}`);
  return Object.fromEntries(names.map((name) => [name, { type: "bool", default: true }]));
}

test("parseManifest() bounds the tensors of a list, the params and the length of names", () => {
  const { tensorsPerListMax, paramsMax, nameCharactersMax } = PACK_LIMITS;
  const inputs = kernel("inputs");
  expect(accepts(inputs, tensorsOf(tensorsPerListMax))).toBeDefined();
  expect(faultsWith(inputs, tensorsOf(tensorsPerListMax + 1))).toEqual([`TOO_MANY ${at(inputs)}`]);
  const params = kernel("params");
  expect(accepts(params, paramsOf(paramsMax))).toBeDefined();
  expect(faultsWith(params, paramsOf(paramsMax + 1))).toEqual([`TOO_MANY ${at(params)}`]);
  const tensor = kernel("outputs", 0, "name");
  for (const [path, code] of [
    [["name"], "PACK_NAME_INVALID"],
    [tensor, "NAME_INVALID"],
  ] as const) {
    expect(accepts(path, "x".repeat(nameCharactersMax))).toBeDefined();
    expect(faultsWith(path, "x".repeat(nameCharactersMax + 1))).toEqual([`${code} ${at(path)}`]);
  }
});

const limitsOf = (max_epoch_ticks: number | bigint) => ({
  ...DEFAULT_RESOURCE_LIMITS,
  max_epoch_ticks,
});

test("budgetTicks() is the lesser of the manifest's budget and the host's", () => {
  expect(budgetTicks(limitsOf(1000), 500)).toBe(500);
  expect(budgetTicks(limitsOf(10), 500)).toBe(10);
  expect(budgetTicks(limitsOf(2n ** 64n - 1n), 500)).toBe(500);
});

const names = fc.stringMatching(/^[A-Za-z_]\w{0,8}$/);
const dims = fc.oneof(names, fc.nat());
const tensors = fc.uniqueArray(names, { maxLength: 3 }).chain((list) =>
  fc.tuple(
    ...list.map((name) =>
      fc.record({
        name: fc.constant(name),
        dtype: fc.constantFrom("f32", "q4"),
        shape: fc.array(dims, { maxLength: 4 }),
      }),
    ),
  ),
);
const wides = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const params = fc.dictionary(
  names,
  fc.oneof(
    wides.map((value) => ({ type: "u64", default: String(value) })),
    fc
      .float({ noNaN: true, noDefaultInfinity: true })
      .map((value) => ({ type: "f32", default: value })),
    fc.boolean().map((value) => ({ type: "bool", default: value, description: "x" })),
  ),
  { maxKeys: 4, noNullPrototype: true },
);

test("parse, print, parse of any manifest is the identity", () => {
  fc.assert(
    fc.property(tensors, tensors, params, fc.string(), (inputs, outputs, declared, text) => {
      const manifest = parseManifest(
        sampleWith(
          [kernel("inputs"), inputs],
          [kernel("outputs"), outputs],
          [kernel("params"), declared],
          [["description"], text.toWellFormed()],
        ),
      );
      expect(parseManifest(printManifest(manifest))).toEqual(manifest);
      expect(printManifest(parseManifest(printManifest(manifest)))).toBe(printManifest(manifest));
    }),
    { numRuns: 60 },
  );
});
