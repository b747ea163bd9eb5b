import { afterAll, describe, expect, test } from "vitest";
import type { KernelSource } from "../pack/mod.ts";
import { failureIn } from "../pack/failure-of.fixture.ts";
import { verified } from "../sandbox/kernel.fixture.ts";
import { Sandbox } from "../sandbox.node.ts";
import { assess, type TestKernel } from "./assess.ts";
import { checkBudget } from "./budget.ts";
import { certify, passes, printCertificate } from "./certificate.ts";
import { fuzzKernel } from "./fuzz.ts";
import { judge } from "./judge.ts";
import { doubling, FORWARDS } from "./kernels.fixture.ts";
import { readCertificate } from "./read-certificate.ts";

const sandbox = await Sandbox.create();
afterAll(() => sandbox[Symbol.asyncDispose]());

async function tested(
  forward: keyof typeof FORWARDS,
  accuracy: KernelSource["accuracy"] = { max_ulp: 0.5 },
): Promise<TestKernel> {
  const limits = { max_memory_pages: 64, max_epoch_ticks: 20, max_table_elements: 0 };
  const entry = { accuracy, resource_limits: limits };
  const kernel = await verified({ forward: FORWARDS[forward] }, entry);
  return { verified: kernel, kernel: await sandbox.load(kernel), sandbox: Sandbox.create };
}

const OPTIONS = { seed: 3, cases: 60 };

/** The code with which a kernel is judged. */
const codeOf = async (forward: keyof typeof FORWARDS, reference = doubling, accuracy = {}) =>
  (await failureIn(judge(await tested(forward, accuracy), reference, OPTIONS))).code;

const made = async (forward: keyof typeof FORWARDS, seed = 3) =>
  certify(await tested(forward), doubling, { seed, cases: 30, engine: "test 1" });

describe("assess()", () => {
  test.each([
    ["throws", () => JSON.parse("{") as number, "JSON"],
    ["forgets its code", () => undefined as unknown as number, "the code undefined"],
  ])("blames a reference that %s, and not the kernel", async (_, reference, found) => {
    const failure = await failureIn(assess(await tested("right"), reference, OPTIONS));
    expect(failure.code).toBe("REFERENCE_FAILED");
    expect(failure.found).toContain(found);
  });

  test("finds no error in a kernel that has none", async () => {
    const found = await assess(await tested("right"), doubling, OPTIONS);
    expect(found).toMatchObject({ compared: 60, refused: {}, skipped: 0, violation: undefined });
    expect(found.errors).toMatchObject({ maxUlp: 0, share: 0 });
    expect(passes(found)).toBe(true);
  });

  test("catches one ULP beyond the contract, and says which number of which case", async () => {
    const found = await assess(await tested("offByOne"), doubling, OPTIONS);
    expect(passes(found)).toBe(false);
    const { worst, errors } = found;
    expect(errors!.maxUlp).toBe(1);
    expect(worst).toMatchObject({ output: "y", index: 4 });
    const x = worst!.drawn.inputs["x"]!.data[4]!;
    expect(worst!.expected).toBe(2 * x);
    expect(Math.abs(worst!.actual - 2 * x)).toBeGreaterThan(0);
  });

  test("lets the same kernel pass where the contract allows one ULP", async () => {
    expect(passes(await assess(await tested("offByOne", { max_ulp: 1 }), doubling, OPTIONS))).toBe(
      true,
    );
  });

  test("catches NaN that becomes a number", async () => {
    const found = await assess(await tested("hidesNaN", { max_rel: 1 }), doubling, OPTIONS);
    expect(found.errors!.share).toBe(Infinity);
    expect(found.worst).toMatchObject({ actual: 0, expected: NaN });
    expect(found.worst!.drawn.inputs["x"]!.style).toBe("not finite");
  });

  test.each([
    ["refuses", "INVALID_INPUT"],
    ["traps", "KERNEL_UNREACHABLE"],
    ["loops", "KERNEL_DEADLINE"],
  ] as const)("takes a kernel that %s for one that misbehaves", async (forward, code) => {
    const { violation } = await assess(await tested(forward), doubling, OPTIONS);
    expect(violation!.expected).toBe("outputs, as the reference says");
    const { returned, code: failure } = violation!.cause as { returned?: number; code: string };
    expect(returned === undefined ? failure : violation!.found).toBe(code);
  });

  test("counts what both refuse with one code as agreement, and tells other codes apart", async () => {
    const refused = await assess(await tested("refuses"), () => 1, OPTIONS);
    expect(refused).toMatchObject({ compared: 0, refused: { INVALID_INPUT: 60 } });
    expect(refused.violation).toBeUndefined();
    expect(passes(refused)).toBe(false); // Nothing was shown.
    const { violation } = await assess(await tested("refuses"), () => 3, OPTIONS);
    expect(violation).toMatchObject({ found: "INVALID_INPUT" });
    const accepted = await assess(await tested("right"), () => 3, OPTIONS);
    expect(accepted.violation).toMatchObject({ found: "OK" });
  });
});

describe("judge()", () => {
  test("gives the assessment of a kernel that keeps its word", async () => {
    expect((await judge(await tested("right"), doubling)).compared).toBe(100);
  });

  test("throws what can be read and repeated where one does not", async () => {
    const failure = await failureIn(judge(await tested("offByOne"), doubling, OPTIONS));
    expect(failure.code).toBe("KERNEL_INACCURATE");
    expect(failure.message).toMatch(/seed 3, case \d+.*2\.00 times the error allowed.*y\[4\]/);
    expect(failure.message).toContain("errors in ULP of");
  });

  test("throws where a kernel misbehaves, promises nothing, or computes nothing", async () => {
    expect(await codeOf("traps", doubling, { max_abs: 1 })).toBe("KERNEL_MISBEHAVED");
    expect(await codeOf("right")).toBe("KERNEL_INACCURATE");
    expect(await codeOf("refuses", () => 1, { max_abs: 1 })).toBe("KERNEL_MISBEHAVED");
  });
});

describe("certify()", () => {
  test("writes the same bytes for the same kernel, engine and corpus", async () => {
    const [one, two] = [await made("offByOne"), await made("offByOne")];
    expect(printCertificate(one)).toBe(printCertificate(two));
    const other = await made("offByOne", 4);
    expect(other.corpus.hash).not.toBe(one.corpus.hash);
  });

  test("names kernel, engine, corpus, promise, errors and the worst input", async () => {
    const certificate = await made("offByOne");
    expect(certificate).toMatchObject({
      format: "annulus-certificate/1",
      verdict: "fail",
      kernel: { id: "test", variant: "baseline", hash: expect.stringMatching(/^sha256:/) },
      engine: "test 1",
      corpus: { seed: 3, cases: 30 },
      accuracy: { max_ulp: 0.5 },
      cases: { compared: 30 },
      errors: { ulp: 1, share: 2 },
      worst: { output: "y", index: 4 },
      violation: null,
    });
    expect((await made("right")).verdict).toBe("pass");
    expect(await made("traps")).toMatchObject({ verdict: "fail", errors: null, worst: null });
  });

  test("readCertificate() gives back what was printed, numbers without a JSON form included", async () => {
    for (const forward of ["right", "offByOne", "traps"] as const) {
      const certificate = await made(forward);
      expect(readCertificate(printCertificate(certificate))).toEqual(certificate);
    }
    const hidden = await certify(await tested("hidesNaN"), doubling, { ...OPTIONS, engine: "t" });
    expect(hidden.worst).toMatchObject({ expected: "NaN" });
    expect(readCertificate(printCertificate(hidden))).toEqual(hidden);
  });

  test("readCertificate() refuses what no certificate holds, naming the place", async () => {
    const text = printCertificate(await made("offByOne"));
    const broken: readonly (readonly [string | RegExp, string, string])[] = [
      ['"annulus-certificate/1"', '"annulus-certificate/2"', "/format"],
      ['"verdict": "fail"', '"verdict": "pass"', "/verdict"], // Its own numbers say otherwise.
      ['"verdict": "fail"', '"verdict": "perhaps"', "/verdict"],
      [/"seed": 3/, '"seed": -3', "/corpus/seed"],
      [/sha256:[0-9a-f]{64}/, "sha256:0", "/kernel/hash"],
      [/"index": 4/, '"index": "4"', "/worst/index"],
      [/"max_ulp": 0.5/, '"max_ulp": "0.5"', "/accuracy/max_ulp"],
      [/"engine": "test 1"/, '"engine": "test 1", "extra": 1', "/extra"],
      [/\{/, "{{", ""],
    ];
    for (const [from, to, at] of broken) {
      expect(text).toMatch(from); // Else nothing is broken.
      const failure = await failureIn(
        Promise.resolve().then(() => readCertificate(text.replace(from, to))),
      );
      expect(failure.code).toBe("CERTIFICATE_INVALID");
      expect(failure.at).toContain(at);
    }
  });
});

describe("fuzzKernel()", () => {
  test("lets a kernel pass that compares its sizes, and replays with its seed", async () => {
    const report = fuzzKernel(await tested("right"), { seed: 5, inputs: 300 });
    expect(report.codes["OK"]).toBeGreaterThan(50);
    expect(report.codes["INVALID_OUTPUT"]).toBeGreaterThan(5);
    expect(report.trapped).toBeGreaterThan(0); // Offsets that leave the memory.
    expect(fuzzKernel(await tested("right"), { seed: 5, inputs: 300 })).toEqual(report);
  });

  test.each([
    ["scribbles", "a write to byte"],
    ["strangeCode", "the code 77"],
  ] as const)("catches a kernel that %s, with its seed and input", async (forward, found) => {
    const kernel = await tested(forward);
    const failure = await failureIn(Promise.resolve().then(() => fuzzKernel(kernel, { seed: 5 })));
    expect(failure.code).toBe("KERNEL_MISBEHAVED");
    expect(failure.found).toContain(found);
    expect(failure.at).toContain("seed 5, input ");
  });

  test("ends a kernel that loops for ever, and goes on", async () => {
    const report = fuzzKernel(await tested("loops"), { seed: 5, inputs: 60, fuel: 10_000n });
    expect(report.stopped).toBeGreaterThan(0);
    expect(report.codes["OK"]).toBeGreaterThan(0);
  });
});

describe("checkBudget()", () => {
  test("lets a kernel pass that ends, stops, and works again", async () => {
    await checkBudget(await tested("right"));
    await checkBudget(await tested("right"), { dims: { n: 200_000 } });
  });

  test.each([
    ["loops", "ran past its budget"],
    ["refuses", "no call of 16"],
    ["strangeCode", "no call of 16"],
    ["remembers", "other outputs for the same inputs"],
  ] as const)("catches a kernel that %s", async (forward, found) => {
    const failure = await failureIn(checkBudget(await tested(forward)));
    expect(failure.code).toBe("KERNEL_MISBEHAVED");
    expect(failure.found).toContain(found);
  });
});
