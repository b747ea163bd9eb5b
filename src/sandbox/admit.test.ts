import { expect, test } from "vitest";
import { Failure, FEATURES } from "../base/mod.ts";
import { failureOf } from "../pack/failure-of.fixture.ts";
import { admit, type AdmitRules, forwardExport } from "./admit.ts";
import { decode } from "./decode.ts";
import { assembleText, type KernelText, kernelText } from "./kernel.fixture.ts";
import { assemble } from "./trap.fixture.ts";

const RULES: AdmitRules = {
  entryPoint: "forward",
  memoryPagesMax: 4,
  tableElementsMax: 8,
  globalsMax: 3,
  features: new Set(FEATURES),
  denied: new Set(),
};

async function moduleOf(text: string | KernelText) {
  return decode(await assembleText(typeof text === "string" ? text : kernelText(text)));
}

/** The refusal of a module, or undefined where it is admitted. */
async function refusal(
  text: string | KernelText,
  rules: Partial<AdmitRules> = {},
): Promise<Failure | undefined> {
  const module = await moduleOf(text);
  try {
    admit(module, "test", { ...RULES, ...rules });
    return undefined;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

/** The codes of every finding. */
async function codes(text: string | KernelText, rules: Partial<AdmitRules> = {}) {
  return (await refusal(text, rules))?.issues.map(({ code }) => code) ?? [];
}

const backward = (type: string) => ({ fields: `(func (export "kernel_backward") ${type})` });
const data = (...sizes: number[]) => ({
  fields: sizes.map((bytes) => `(data "${"a".repeat(bytes)}")`).join(""),
});
const tables = (...limits: string[]) => ({
  fields: limits.map((limit) => `(table ${limit} externref)`).join(""),
});
const globals = (count: number) => ({ fields: "(global i32 (i32.const 0))".repeat(count) });

const ABI = ["kernel_init", "kernel_info", "kernel_cleanup", "forward"] as const;

test("admit() takes a module that exports the ABI, with its own memory or one to import", async () => {
  expect(await codes({})).toEqual([]);
  expect(await codes({ memory: '(memory (export "memory") 1 2)' })).toEqual([]);
  expect(await codes({ memory: '(memory (import "env" "memory") 1)' })).toEqual([]);
  expect(await codes({ memory: '(memory (import "" "") 1 1 shared)' })).toEqual([]);
});

test.each([
  ["function", '(import "env" "log" (func (param i32)))'],
  ["global", '(import "env" "__stack_pointer" (global (mut i32)))'],
  ["table", '(import "env" "table" (table 1 funcref))'],
  ["tag", '(import "env" "tag" (tag))'],
])("admit() refuses to import a %s, and says where it stands", async (kind, fields) => {
  const refused = await refusal({ fields });
  expect(refused?.issues).toMatchObject([
    { code: "import-not-allowed", found: expect.stringContaining(`the ${kind} "env.`) },
  ]);
  expect(refused?.issues[0]?.at).toMatch(/^byte 0x[0-9a-f]+$/);
});

test("admit() refuses functions of WASI, of the host's tools and of nobody, all in one go", async () => {
  const imports = [
    '(import "wasi_snapshot_preview1" "fd_write" (func))',
    '(import "env" "abort" (func))',
    '(import "" "" (func))',
  ];
  expect(await codes({ fields: imports.join("") })).toEqual(Array(3).fill("import-not-allowed"));
});

test.each(["memory", "epoch", "anything"])(
  "admit() refuses a memory imported as annulus.%s, and an export as annulus:%s",
  async (name) => {
    expect(await codes({ memory: `(memory (import "annulus" "${name}") 1)` })).toEqual([
      "name-reserved",
    ]);
    const fields = `(func (export "annulus:${name}"))`;
    expect(await codes({ fields })).toEqual(["name-reserved"]);
  },
);

test.each(["deadline", "interrupted", "stack", "fuel"])(
  "admit() refuses to import the host's global annulus.%s, on both counts",
  async (name) => {
    const fields = `(import "annulus" "${name}" (global (mut i32)))`;
    expect(await codes({ fields })).toEqual(["import-not-allowed", "name-reserved"]);
  },
);

test.each(ABI)("admit() refuses a module without %s", async (name) => {
  const text = kernelText().replace(`(export "${name}")`, "");
  const refused = await refusal(text);
  expect(refused?.issues).toMatchObject([
    { code: "export-missing", found: `no exported function "${name}"` },
  ]);
});

test.each(ABI)("admit() refuses a global that is exported as %s", async (name) => {
  const text = kernelText({ fields: `(global (export "${name}") i32 (i32.const 0))` });
  const posing = text.replace(`(export "${name}") (param`, "(param");
  const plain = posing.replace(`(export "${name}") (result`, "(result");
  expect(await codes(plain)).toEqual(["export-missing"]);
});

test.each([
  ["kernel_init", "(param i32) (result i32)"],
  ["kernel_init", "(param i32 i64) (result i32)"],
  ["kernel_init", "(param i32 i32 i32) (result i32)"],
  ["kernel_info", "(result i32)"],
  ["kernel_info", "(param f32) (result i32)"],
  ["kernel_cleanup", "(param i32) (result i32)"],
  ["kernel_cleanup", "(result i64)"],
  ["forward", "(param i32)"],
  ["forward", "(param i32) (result i32 i32)"],
  ["forward", "(param v128) (result i32)"],
  ["forward", "(param externref) (result i32)"],
])("admit() refuses %s %s", async (name, type) => {
  const text = kernelText().replace(`(export "${name}")`, "");
  const other = text.replace("(module", `(module (func (export "${name}") ${type} unreachable)`);
  const refused = await refusal(other);
  expect(refused?.issues.map(({ code }) => code)).toEqual(["export-signature"]);
  expect(refused?.issues[0]?.expected).toMatch(/^\w+\((i32(, i32)?)?\) -> i32$/);
});

test("admit() takes kernel_backward or leaves it, but not with another signature", async () => {
  expect(await codes(backward("(param i32) (result i32) (i32.const 5)"))).toEqual([]);
  expect(await codes(backward("(param i32)"))).toEqual(["export-signature"]);
});

test("forwardExport() is the manifest's name, else the ABI's", async () => {
  const text = kernelText();
  const named = await moduleOf(text);
  const aliased = await moduleOf(text.replace('"forward"', '"kernel_forward"'));
  const both = await moduleOf(
    text.replace('(export "forward")', '(export "forward") (export "kernel_forward")'),
  );
  expect(forwardExport(named, "forward")).toBe("forward");
  expect(forwardExport(aliased, "forward")).toBe("kernel_forward");
  expect(forwardExport(both, "forward")).toBe("forward");
  expect(forwardExport(named, "elsewhere")).toBe(undefined);
});

test("admit() holds the memory's first size to the grant", async () => {
  expect(await codes({ memory: "(memory 4)" })).toEqual([]);
  expect(await codes({ memory: "(memory 4 65536)" })).toEqual([]);
  expect(await codes({ memory: "(memory 5)" })).toEqual(["memory-too-large"]);
  expect(await codes({ memory: "(memory 0)" }, { memoryPagesMax: 0 })).toEqual([]);
  expect(await codes({ memory: "(memory 1)" }, { memoryPagesMax: 0 })).toEqual([
    "memory-too-large",
  ]);
  expect(await codes({ memory: '(memory (import "env" "memory") 5)' })).toEqual([
    "memory-too-large",
  ]);
});

test("admit() refuses a module without a memory", async () => {
  expect(await codes({ memory: "" })).toEqual(["memory-missing"]);
});

test("admit() holds all data segments together to the first size of the memory", async () => {
  expect(await codes(data(65_535, 1))).toEqual([]);
  expect(await codes(data(65_535, 2))).toEqual(["data-too-large"]);
  expect(await codes({ memory: "(memory 0)", ...data(0) })).toEqual([]);
  expect(await codes({ memory: "(memory 0)", ...data(1) })).toEqual(["data-too-large"]);
});

test("admit() holds what a table begins with to the grant", async () => {
  expect(await codes({ fields: "(table 8 funcref)" })).toEqual([]);
  expect(await codes({ fields: "(table 8 1000000 funcref)" })).toEqual([]); // Clamped when rewritten.
  expect(await codes({ fields: "(table 9 funcref)" })).toEqual(["table-too-large"]);
  expect(await codes({ fields: "(table 0 funcref)" }, { tableElementsMax: 0 })).toEqual([]);
});

test("admit() holds what several tables may grow to to the grant together", async () => {
  expect(await codes(tables("1 4", "0 4"))).toEqual([]);
  expect(await codes(tables("1 4", "0 5"))).toEqual(["table-too-large"]);
  expect(await codes(tables("0", "0"))).toEqual(["table-too-large"]); // Each could grow to 8.
  expect(await codes(tables("0", "0 0"))).toEqual([]);
});

test("admit() counts globals, where the manifest bounds them", async () => {
  expect(await codes(globals(3))).toEqual([]);
  expect(await codes(globals(4))).toEqual(["globals-too-many"]);
  expect(await codes(globals(1000), { globalsMax: undefined })).toEqual([]);
});

const SIMD = { forward: "(drop (v128.const i32x4 0 0 0 0)) (i32.const 0)" };

test("admit() takes a feature that the manifest declares and the host does not deny", async () => {
  expect(await codes(SIMD)).toEqual([]);
  expect(await codes(SIMD, { features: new Set() })).toEqual(["feature-undeclared"]);
  expect(await codes(SIMD, { denied: new Set(["simd"]) })).toEqual(["feature-denied"]);
});

test("admit() names feature and first use, and what to add to the manifest", async () => {
  const [issue] = (await refusal(SIMD, { features: new Set() }))!.issues;
  expect(issue).toMatchObject({ found: "a use of simd", at: expect.stringMatching(/^byte 0x/) });
  expect(issue!.fix).toContain('"simd"');
});

test.each([
  ["bulk-memory", "(memory.fill (i32.const 0) (i32.const 0) (i32.const 0)) (i32.const 0)"],
  ["sign-ext", "(i32.extend8_s (i32.const 0))"],
  ["nontrapping-fptoint", "(i32.trunc_sat_f32_s (f32.const 0))"],
  ["multi-value", "(block (result i32 i32) (i32.const 0) (i32.const 0)) drop"],
  ["threads", "(i32.atomic.load (i32.const 0))"],
  ["tail-call", "(return_call $forward (local.get $at))"],
  ["reference-types", "(ref.is_null (ref.null extern))"],
])("admit() wants %s declared", async (feature, forward) => {
  expect(await codes({ forward })).toEqual([]);
  const without = new Set<string>(FEATURES.filter((each) => each !== feature));
  const issues = (await refusal({ forward }, { features: without }))?.issues;
  expect(issues).toMatchObject([{ code: "feature-undeclared", found: `a use of ${feature}` }]);
});

test("admit() takes what every engine has without a declaration", async () => {
  const fields = '(global (export "g") (mut i32) (i32.add (i32.const 1) (i32.const 2)))';
  expect(await codes({ fields }, { features: new Set() })).toEqual([]);
});

test.each([
  ["memory64", "(memory i64 1)"],
  ["multi-memory", "(memory 1) (memory 1)"],
])("admit() never takes %s, declared or not", async (feature, memory) => {
  const { issues } = (await refusal({ memory }))!;
  expect(issues).toContainEqual(
    expect.objectContaining({ code: "feature-not-admitted", found: `a use of ${feature}` }),
  );
});

test("admit() never takes garbage collection: its objects lie where no limit holds", async () => {
  const text = kernelText({
    fields: "(type $s (struct (field i32))) (func (drop (struct.new $s (i32.const 1))))",
  });
  const bytes = await assemble({ text: text.slice("(module ".length, -1), assembler: "binaryen" });
  const refused = failureOf(() => admit(decode(bytes), "test", RULES));
  expect(refused.issues).toContainEqual(
    expect.objectContaining({ code: "feature-not-admitted", found: "a use of gc" }),
  );
});

test.each(["wait32 (i32.const 0) (i32.const 0)", "wait64 (i32.const 0) (i64.const 0)"])(
  "admit() never takes memory.atomic.%s, which would block the caller's thread",
  async (wait) => {
    const forward = `(memory.atomic.${wait} (i64.const -1))`;
    expect(await codes({ memory: "(memory 1 1 shared)", forward })).toEqual(["wait-not-admitted"]);
  },
);

test("admit() tells every finding at once, the first in the message and how many more", async () => {
  const refused = (await refusal(
    {
      fields: '(import "env" "log" (func)) (table 9 funcref) (global i32 (i32.const 0))',
      memory: "(memory 5)",
      ...SIMD,
    },
    { features: new Set(["reference-types"]), globalsMax: 0, entryPoint: "elsewhere" },
  ))!;
  expect(refused.code).toBe("MODULE_REFUSED");
  expect(refused.issues.map(({ code }) => code)).toEqual([
    "import-not-allowed",
    "export-missing",
    "memory-too-large",
    "table-too-large",
    "globals-too-many",
    "feature-undeclared",
  ]);
  expect(refused.at).toMatch(/^kernel "test", byte 0x/);
  expect(refused.found).toMatch(/\(and 5 more\)$/);
  expect(refused.detail).toEqual({ kernel: "test" });
});
