// Leave: nothing native runs that the host's policy has not admitted, and what runs is in its books.

import { afterAll, describe, expect, test } from "vitest";
import { tinyLlama } from "../../../test/tiny-llama.fixture.ts";
import { BYPASS_LIMITS } from "../../base/mod.ts";
import { type BypassEvent, type BypassOptions, BypassPolicy } from "../../bypass/mod.ts";
import { failureIn } from "../../pack/failure-of.fixture.ts";
import { askLeave, NATIVE_HASHES, NATIVE_KINDS, type ProductSize } from "./leave.ts";

const model = await tinyLlama();
afterAll(() => model.close());

const SMALL: ProductSize = { outputs: BYPASS_LIMITS.matrixSideMax, inputs: 4096 };
const LARGE: ProductSize = { outputs: 4096, inputs: BYPASS_LIMITS.matrixSideMax + 1 };

function policyOf(options: Partial<BypassOptions> = {}) {
  const events: BypassEvent[] = [];
  let now = 0;
  const policy = new BypassPolicy({
    allow: NATIVE_KINDS,
    trustedNatives: NATIVE_HASHES,
    optedInBy: "a test",
    clock: () => now++,
    onEvent: (event) => events.push(event),
    ...options,
  });
  return { policy, events };
}

/** What is admitted for products of these sizes. */
async function kindsOf(...sizes: ProductSize[]) {
  const { policy, events } = policyOf();
  await askLeave(policy, sizes);
  return events.map(({ kind }) => kind);
}

describe("askLeave()", () => {
  test("asks for large products as matmul, and for others as verified native code", async () => {
    expect(await kindsOf(SMALL)).toEqual(["attention", "native"]);
    expect(await kindsOf(LARGE)).toEqual(["attention", "matmul"]);
    expect(await kindsOf(SMALL, LARGE)).toEqual(["attention", "matmul", "native"]);
  });

  test("counts each product under its own kind", async () => {
    const { policy } = policyOf();
    const { meterOf } = await askLeave(policy, [SMALL, LARGE]);
    expect([meterOf(SMALL).kind, meterOf(LARGE).kind]).toEqual(["native", "matmul"]);
  });
});

describe("a decoder", () => {
  test.each(["attention", "native"] as const)(
    "does not open without leave for %s",
    async (kind) => {
      const { policy, events } = policyOf({ allow: NATIVE_KINDS.filter((each) => each !== kind) });
      const failure = await failureIn(model.open({ bypass: policy }));
      expect(failure.code).toBe("BYPASS_REFUSED");
      expect(failure.at).toContain(kind);
      expect(events.at(-1)).toMatchObject({ type: "bypass-refused", kind });
    },
  );

  test("does not open where its native code is not trusted", async () => {
    const { policy } = policyOf({ trustedNatives: [] });
    const failure = await failureIn(model.open({ bypass: policy }));
    expect(failure.found).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  test("is in the policy's books with every product and every attention", async () => {
    const { policy } = policyOf();
    using decoder = await model.open({ bypass: policy });
    decoder.feed([1, 2, 3]);
    decoder.feed([4]);
    const { layers, heads, headDim, hidden, ffn, kvHeads, vocabulary } = model.config;
    const width = heads * headDim;
    const perRow = hidden * (2 * width + 2 * kvHeads * headDim + 3 * ffn);
    const pairs = 1 + 2 + 3 + 4; // Each row sees itself and those before.
    expect(policy.uses()).toEqual([
      expect.objectContaining({
        name: "attention",
        calls: 2 * layers,
        work: 4 * width * pairs * layers,
      }),
      expect.objectContaining({
        name: "products",
        calls: 2 * (5 * layers + 1),
        work: 2 * (4 * perRow * layers + 2 * hidden * vocabulary),
      }),
    ]);
  });

  test("counts attention over a packed cache block by block", async () => {
    const { policy } = policyOf();
    using decoder = await model.open({ bypass: policy, kv: "q8_0" });
    decoder.feed(Array.from({ length: 96 }, (_, i) => i)); // In chunks of 32 over blocks of 64.
    const { layers, heads, headDim } = model.config;
    expect(policy.uses()[0]).toMatchObject({
      calls: (1 + 1 + 2) * layers,
      work: 4 * heads * headDim * ((96 * 97) / 2) * layers,
    });
  });
});
