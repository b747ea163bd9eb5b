import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Failure, type Reference, type ReferenceCall } from "../base/mod.ts";
import { failureIn, failureOf } from "../pack/failure-of.fixture.ts";
import type { VerifiedPack } from "../pack/mod.ts";
import {
  chainOf,
  DOUBLES,
  doubling,
  LOOPS,
  REFUSED,
  requestOf,
  returning,
  TRAPS,
} from "./fallback.fixture.ts";
import { namesFrom } from "./fallback-resolve.ts";
import { handTicker, kernelModule, stillSandbox, verifiedPack } from "./kernel.fixture.ts";
import { Sandbox } from "./sandbox.ts";
import { KernelError } from "./trap.ts";

const REQUEST = requestOf(1, 2, 3);
const DOUBLED = { shape: [3], data: Float32Array.of(2, 4, 6) };
const KERNEL = { kind: "kernel", id: "0" };
const REFERENCE = { kind: "reference", id: "doubling" };

test("FallbackChain.call() is the kernel's own answer while it works", async () => {
  const { chain, events } = await chainOf({ kernels: [DOUBLES], reference: doubling });
  expect(chain.links).toEqual([KERNEL, REFERENCE]);
  const { outputs, ...answer } = chain.call(REQUEST);
  expect(outputs["y"]).toEqual(DOUBLED);
  expect(answer).toEqual({ degraded: false, by: KERNEL, failures: [] });
  expect(events).toEqual([]);
  expect(chain.counts()).toEqual({
    degraded: 0,
    exhausted: 0,
    links: [
      { ...KERNEL, answered: 1, failed: 0, rested: 0 },
      { ...REFERENCE, answered: 0, failed: 0, rested: 0 },
    ],
  });
});

describe("after a trap", () => {
  test("the trap is told, the instance given up, the next link run, the result counted, in this order", async () => {
    const steps: unknown[] = [];
    const reference = (call: ReferenceCall): number => {
      const { discarded, lent } = sandbox.kernel("0").counts();
      steps.push({ discarded, lent, degraded: chain.counts().degraded });
      return doubling(call);
    };
    const onEvent = ({ type }: { type: string }) => {
      const counted = type === "degraded" ? chain.counts().degraded : undefined;
      steps.push(counted === undefined ? type : { type, counted });
    };
    const tested = await chainOf({ kernels: [TRAPS], reference, sandbox: { onEvent } });
    const { chain, sandbox } = tested;
    const { outputs, degraded, by, failures } = chain.call(REQUEST);
    expect(outputs["y"]).toEqual(DOUBLED);
    expect({ degraded, by }).toEqual({ degraded: true, by: REFERENCE });
    expect(failures).toEqual([{ link: KERNEL, error: expect.any(KernelError) as KernelError }]);
    expect(failures[0]!.error.code).toBe("KERNEL_UNREACHABLE");
    expect(steps).toEqual([
      "trapped",
      "discarded",
      "falling-back",
      { discarded: 1, lent: 0, degraded: 0 },
      { type: "degraded", counted: 1 },
    ]);
    expect(chain.counts().links).toEqual([
      { ...KERNEL, answered: 0, failed: 1, rested: 0 },
      { ...REFERENCE, answered: 1, failed: 0, rested: 0 },
    ]);
  });

  test("what is told holds pack, version, descriptor, shapes and error", async () => {
    const { chain, events } = await chainOf({ kernels: [TRAPS], reference: doubling });
    const { failures, by } = chain.call(REQUEST);
    const [trapped, discarded, falling, degraded] = events;
    expect(trapped).toMatchObject({
      type: "trapped",
      kernel: "0",
      pack: "test-kernels",
      packVersion: "1.2.3",
      shapes: { dims: { n: 3 }, inputs: [{ name: "x", shape: [3], bytes: 12 }] },
    });
    const { error } = trapped as { error: KernelError };
    expect(error.descriptor!.inputA[1] - error.descriptor!.inputA[0]).toBe(12);
    expect(discarded).toEqual({ type: "discarded", kernel: "0" });
    expect(falling).toEqual({
      type: "falling-back",
      kernel: "0",
      from: KERNEL,
      to: REFERENCE,
      error,
    });
    expect(degraded).toEqual({ type: "degraded", kernel: "0", degraded: true, by, failures });
  });

  test("the next call tries the kernel again", async () => {
    const forward = `(if (f32.ge (f32.load (i32.load (local.get $at))) (f32.const 9))
      (then (unreachable))) (i32.const 0)`;
    const { chain } = await chainOf({ kernels: [{ forward }], reference: doubling });
    expect(chain.call(requestOf(9)).degraded).toBe(true);
    expect(chain.call(requestOf(1)).degraded).toBe(false);
    expect(chain.call(requestOf(9)).degraded).toBe(true);
    expect(chain.counts()).toMatchObject({ degraded: 2, links: [{ answered: 1, failed: 2 }, {}] });
  });
});

describe("what falls back", () => {
  test.each([4, 5, 6, 7, -1])("a kernel that returns %i", async (code) => {
    const { chain, events } = await chainOf({ kernels: [returning(code)], reference: doubling });
    const { outputs, failures } = chain.call(REQUEST);
    expect(outputs["y"]).toEqual(DOUBLED);
    expect(failures[0]!.error).toMatchObject({ code: "KERNEL_CODE", returned: code });
    expect(events.map(({ type }) => type)).toEqual(["falling-back", "degraded"]); // No trap.
  });

  test("a kernel that uses up its budget", async () => {
    const sandbox = { interrupt: "fuel", fuel: 10_000n } as const;
    const { chain } = await chainOf({ kernels: [LOOPS], reference: doubling, sandbox });
    expect(chain.call(REQUEST).failures[0]!.error.code).toBe("KERNEL_FUEL");
  });

  test("a kernel that runs past its deadline", async () => {
    const { chain } = await chainOf({ kernels: [LOOPS], reference: doubling });
    const { outputs, failures } = chain.call({ ...REQUEST, budgetTicks: 0 });
    expect(failures[0]!.error.code).toBe("KERNEL_DEADLINE");
    expect(outputs["y"]).toEqual(DOUBLED);
  });

  test("a kernel that does not load, in every call", async () => {
    const { chain } = await chainOf({ kernels: [REFUSED], reference: doubling });
    for (let i = 0; i < 2; i++) {
      const { outputs, failures } = chain.call(REQUEST);
      expect(outputs["y"]).toEqual(DOUBLED);
      expect(failures[0]!.error.code).toBe("MODULE_REFUSED");
    }
    expect(chain.counts()).toMatchObject({ degraded: 2, links: [{ failed: 2 }, { answered: 2 }] });
  });

  test.each(["(unreachable)", "(i32.const 6)"])("a kernel whose init is %s", async (init) => {
    const { chain } = await chainOf({ kernels: [{ ...DOUBLES, init }], reference: doubling });
    expect(chain.call(REQUEST)).toMatchObject({ degraded: true, outputs: { y: DOUBLED } });
  });

  test("a kernel whose instances are all lent", async () => {
    const limits = { poolInstancesMax: 1 };
    const tested = await chainOf({ kernels: [DOUBLES], reference: doubling, sandbox: { limits } });
    using _lease = tested.sandbox.kernel("0").lease();
    const { outputs, failures } = tested.chain.call(REQUEST);
    expect(outputs["y"]).toEqual(DOUBLED);
    expect(failures[0]!.error.code).toBe("POOL_EXHAUSTED");
  });

  test("a kernel whose memory is too small", async () => {
    const { chain } = await chainOf({ kernels: [DOUBLES], reference: doubling });
    const data = new Float32Array(300_000).fill(1); // Sixteen pages hold 262,144.
    const { outputs, failures } = chain.call({ inputs: { x: { shape: [300_000], data } } });
    expect(failures[0]!.error.code).toBe("OUT_OF_MEMORY");
    expect(outputs["y"]!.data.every((value) => value === 2)).toBe(true);
  });

  test("a sandbox whose clock has died", async () => {
    const died = new Failure("ENGINE_UNSUPPORTED", { found: "", expected: "", fix: "" });
    const ticker = handTicker(0, died);
    const pack = await verifiedPack([{ module: await kernelModule(DOUBLES) }], "1.0.0", {
      fallbacks: { test: "doubling" },
      references: ["doubling"],
    });
    const references = new Map([["doubling", doubling]]);
    await using sandbox = await Sandbox.create({ references }, ticker.source);
    const chain = await sandbox.chain(pack, "test");
    ticker.die();
    expect(chain.call(REQUEST).failures[0]!.error).toBe(died);
  });
});

describe("what is thrown", () => {
  test.each([1, 2, 3])("the kernel's code %i, which the caller is to blame for", async (code) => {
    const { chain, events } = await chainOf({ kernels: [returning(code)], reference: doubling });
    const failure = failureOf(() => chain.call(REQUEST));
    expect(failure).toMatchObject({ code: "KERNEL_CODE", returned: code });
    expect(events).toEqual([]);
    expect(chain.counts().links[0]).toMatchObject({ answered: 0, failed: 0 });
  });

  test("the same codes of a reference", async () => {
    const { chain } = await chainOf({ kernels: [TRAPS], reference: () => 1 });
    const failure = failureOf(() => chain.call(REQUEST));
    expect(failure).toMatchObject({ code: "KERNEL_CODE", kernel: "doubling", returned: 1 });
  });

  test.each([
    ["DTYPE_MISMATCH", { inputs: { x: { shape: [1], data: new Int32Array(1) } } }],
    ["SHAPE_MISMATCH", { inputs: { x: { shape: [2], data: new Float32Array(1) } } }],
    ["SHAPE_MISMATCH", { inputs: {} }],
    ["SHAPE_MISMATCH", { ...REQUEST, dims: { m: 1 } }],
    ["PARAM_INVALID", { ...REQUEST, params: { eps: 1 } }],
  ] as const)("%s, whether the kernel or the reference finds it", async (code, request) => {
    for (const kernel of [DOUBLES, REFUSED]) {
      const { chain } = await chainOf({ kernels: [kernel], reference: doubling });
      expect(failureOf(() => chain.call(request)).code).toBe(code);
    }
  });

  test("a mistake of the host's own, such as a request without inputs", async () => {
    const { chain } = await chainOf({ kernels: [DOUBLES], reference: doubling });
    expect(() => chain.call({} as typeof REQUEST)).toThrow(TypeError);
  });

  test("DISPOSED, when the sandbox is", async () => {
    const { chain, sandbox } = await chainOf({ kernels: [DOUBLES], reference: doubling });
    await sandbox[Symbol.asyncDispose]();
    expect(failureOf(() => chain.call(REQUEST)).code).toBe("DISPOSED");
  });

  test("FALLBACKS_EXHAUSTED with every error, when no link is left", async () => {
    const { chain } = await chainOf({ kernels: [TRAPS, returning(6)], reference: () => 5 });
    const failure = failureOf(() => chain.call(REQUEST));
    expect(failure.code).toBe("FALLBACKS_EXHAUSTED");
    expect(failure.issues.map(({ at, code }) => [at, code])).toEqual([
      ['kernel "0"', "KERNEL_UNREACHABLE"],
      ['kernel "1"', "KERNEL_CODE"],
      ['reference "doubling"', "KERNEL_CODE"],
    ]);
    const { errors } = failure.cause as AggregateError;
    expect(errors.map((error: KernelError) => error.returned)).toEqual([undefined, 6, 5]);
    expect(chain.counts()).toMatchObject({ exhausted: 1, degraded: 0 });
  });

  test("what a reference throws, as a Failure of its own", async () => {
    const fault = new TypeError("no such tensor");
    const reference = () => {
      throw fault;
    };
    const { chain } = await chainOf({ kernels: [TRAPS], reference });
    const failure = failureOf(() => chain.call(REQUEST));
    expect(failure.issues[1]!.code).toBe("REFERENCE_FAILED");
    const { errors } = failure.cause as { errors: readonly Failure[] };
    expect(errors[1]!.cause).toBe(fault);
  });

  test("a reference that forgets its code, whose outputs mean nothing", async () => {
    const reference = (() => undefined) as unknown as Reference;
    const { chain } = await chainOf({ kernels: [TRAPS], reference });
    const { issues } = failureOf(() => chain.call(REQUEST));
    expect(issues[1]).toMatchObject({ code: "REFERENCE_FAILED", found: "it returned undefined" });
  });
});

test("what a chain answers cannot be changed by who hears of it first", async () => {
  const { chain, events } = await chainOf({ kernels: [TRAPS, DOUBLES] });
  const { failures } = chain.call(REQUEST);
  const told = events.find(({ type }) => type === "degraded") as unknown as { failures: unknown[] };
  expect(() => told.failures.pop()).toThrow(TypeError);
  expect(failures).toHaveLength(1);
});

describe("a chain of kernels", () => {
  test("ends with the first that answers", async () => {
    const kernels = [TRAPS, returning(6), DOUBLES];
    const { chain, events } = await chainOf({ kernels, reference: () => 6 });
    const { outputs, by, failures } = chain.call(REQUEST);
    expect(outputs["y"]).toEqual(DOUBLED);
    expect(by).toEqual({ kind: "kernel", id: "2" });
    expect(failures.map(({ link }) => link.id)).toEqual(["0", "1"]);
    expect(events.map(({ type }) => type)).toEqual([
      "trapped",
      "discarded",
      "falling-back",
      "falling-back",
      "degraded",
    ]);
  });

  test("goes on past a stand-in that does not load", async () => {
    const { chain } = await chainOf({ kernels: [TRAPS, REFUSED], reference: doubling });
    expect(chain.call(REQUEST)).toMatchObject({ by: REFERENCE, outputs: { y: DOUBLED } });
  });

  test("is refused where nothing of it loads", async () => {
    const failure = await failureIn(chainOf({ kernels: [REFUSED, REFUSED] }));
    expect(failure.code).toBe("FALLBACKS_EXHAUSTED");
    expect(failure.issues.map(({ code }) => code)).toEqual(["MODULE_REFUSED", "MODULE_REFUSED"]);
  });

  const other = { inputs: [{ name: "x", dtype: "f32", shape: ["rows", "n"] }] } as const;
  const f16 = { outputs: [{ name: "y", dtype: "f16", shape: ["n"] }] } as const;
  const param = { params: { eps: { type: "f32", default: 1 } } } as const;
  test.each([
    ["input x", other],
    ["output y", f16],
    ["param eps", param],
  ])("is refused where a stand-in has another %s", async (at, change) => {
    const kernels = [TRAPS, DOUBLES];
    const failure = await failureIn(chainOf({ kernels, entries: [{}, change] }));
    expect(failure.code).toBe("FALLBACK_MISMATCH");
    expect(failure.issues.map((issue) => issue.at)).toContain(at);
    await expect(chainOf({ kernels, entries: [change, change] })).resolves.toBeDefined();
  });

  test("cannot be a loop: verification refuses it, and the walk ends by itself", async () => {
    const module = await kernelModule(TRAPS);
    const kernels = ["0", "1"].map((id) => ({ id, module }));
    const fallbacks = { "0": "1", "1": "0" };
    const failure = await failureIn(verifiedPack(kernels, "1.0.0", { fallbacks }));
    expect(failure.issues.map(({ code }) => code)).toContain("FALLBACK_CYCLE");
    const next = (name: string) => fallbacks[name as "0" | "1"];
    expect(() => namesFrom("0", next)).toThrow("end");
    expect(namesFrom("0", (name) => (name === "0" ? "1" : undefined))).toEqual(["0", "1"]);
  });
});

/** A pack whose kernel traps and has a reference of the host. */
async function withReference(): Promise<VerifiedPack> {
  return verifiedPack([{ module: await kernelModule(TRAPS) }], "1.0.0", {
    fallbacks: { test: "doubling" },
    references: ["doubling"],
  });
}

describe("Sandbox.chain()", () => {
  test("fails with FALLBACK_UNKNOWN for a reference that the host lacks, and names it", async () => {
    const sandbox = await stillSandbox();
    const failure = await failureIn(sandbox.chain(await withReference(), "test"));
    expect([failure.code, failure.found]).toEqual(["FALLBACK_UNKNOWN", '"doubling"']);
    const references = new Map([["tripling", doubling]]);
    const again = await failureIn(sandbox.chain(await withReference(), "test", { references }));
    expect(again.expected).toContain("tripling");
  });

  test("prefers the references of the chain to those of the sandbox", async () => {
    const sandbox = await stillSandbox({ references: new Map([["doubling", () => 6]]) });
    const references = new Map([["doubling", doubling]]);
    const chain = await sandbox.chain(await withReference(), "test", { references });
    expect(chain.call(REQUEST).outputs["y"]).toEqual(DOUBLED);
  });

  test("fails with NOT_VERIFIED for what no verification made", async () => {
    const sandbox = await stillSandbox();
    const pack = await withReference();
    const forged = Object.create(pack) as VerifiedPack;
    expect((await failureIn(sandbox.chain(forged, "test"))).code).toBe("NOT_VERIFIED");
    expect((await failureIn(sandbox.chain(pack, "other"))).code).toBe("KERNEL_NOT_FOUND");
  });
});

test("whatever fails, the first link that works answers, after all that stand before it", async () => {
  const kernels = fc.array(fc.constantFrom(DOUBLES, TRAPS, returning(6), REFUSED), {
    minLength: 1,
    maxLength: 4,
  });
  await fc.assert(
    fc.asyncProperty(kernels, async (links) => {
      const { chain } = await chainOf({ kernels: links, reference: doubling });
      const first = links.indexOf(DOUBLES);
      const answering = first < 0 ? links.length : first;
      for (let calls = 1; calls <= 2; calls++) {
        const { outputs, degraded, by, failures } = chain.call(REQUEST);
        expect(outputs["y"]).toEqual(DOUBLED);
        expect(degraded).toBe(answering > 0);
        expect(by).toEqual(chain.links[answering]);
        expect(failures.map(({ link }) => link)).toEqual(chain.links.slice(0, answering));
        chain.counts().links.forEach(({ answered, failed }, i) => {
          expect(answered).toBe(i === answering ? calls : 0);
          expect(failed).toBe(i < answering ? calls : 0);
        });
      }
    }),
    { numRuns: 25 },
  );
});

test("a reference is given params as the kernel's block would hold them", async () => {
  let given: ReferenceCall | undefined;
  const reference = (call: ReferenceCall) => {
    given = call;
    return 0;
  };
  const params = {
    eps: { type: "f32", default: 0.1 },
    mode: { type: "u32", default: 0, values: { plain: 0, bent: 2 } },
    wide: { type: "u64", default: 7 },
    flag: { type: "bool", default: true },
    low: { type: "i32", default: -3 },
    high: { type: "i64", default: -4 },
    exact: { type: "f64", default: 0.1 },
  } as const;
  const { chain } = await chainOf({ kernels: [TRAPS], reference, entries: [{ params }] });
  chain.call({ ...REQUEST, params: { mode: "bent", wide: 2n ** 60n } });
  expect({ ...given!.params }).toEqual({
    eps: Math.fround(0.1),
    mode: 2,
    wide: 2n ** 60n,
    flag: 1,
    low: -3,
    high: -4n,
    exact: 0.1,
  });
  expect({ ...given!.dims }).toEqual({ n: 3 });
});

test("restAfter passes a link over that failed so often in a row, until reset()", async () => {
  const options = { restAfter: 2 };
  const { chain, events } = await chainOf({ kernels: [TRAPS], reference: doubling, options });
  for (let i = 0; i < 4; i++) expect(chain.call(REQUEST).degraded).toBe(true);
  expect(events.filter(({ type }) => type === "trapped")).toHaveLength(2);
  const { failures } = chain.call(REQUEST);
  expect(failures[0]!.error.code).toBe("KERNEL_UNREACHABLE");
  expect(chain.counts().links[0]).toMatchObject({ failed: 2, rested: 3 });
  chain.reset();
  chain.call(REQUEST);
  expect(chain.counts().links[0]).toMatchObject({ failed: 3, rested: 3 });
});

test("restAfter counts failures in a row: an answer between them begins anew", async () => {
  const forward = `(if (f32.ge (f32.load (i32.load (local.get $at))) (f32.const 9))
    (then (unreachable))) (i32.const 0)`;
  const options = { restAfter: 2 };
  const { chain } = await chainOf({ kernels: [{ forward }], reference: doubling, options });
  for (let i = 0; i < 3; i++) {
    expect(chain.call(requestOf(9)).degraded).toBe(true);
    expect(chain.call(requestOf(1)).degraded).toBe(false);
  }
  expect(chain.counts().links[0]).toMatchObject({ answered: 3, failed: 3, rested: 0 });
});

test.each([0, -1, NaN])("restAfter of %d is refused, of 1 is not", async (restAfter) => {
  const setup = { kernels: [TRAPS], reference: doubling };
  const failure = await failureIn(chainOf({ ...setup, options: { restAfter } }));
  expect([failure.code, failure.at]).toEqual(["PARAM_INVALID", "restAfter"]);
  await expect(chainOf({ ...setup, options: { restAfter: 1 } })).resolves.toBeDefined();
});
