// Policy: every rule on both sides, and what the audit hears.

import { describe, expect, test } from "vitest";
import { BYPASS_LIMITS } from "../base/mod.ts";
import { failureOf } from "../pack/failure-of.fixture.ts";
import { kernelHash } from "../pack/mod.ts";
import {
  BYPASS_KINDS,
  type BypassEvent,
  type BypassKind,
  BypassPolicy,
  type BypassRequest,
  verifyNative,
} from "./mod.ts";

const CODE = Uint8Array.of(0, 0x61, 0x73, 0x6d);
const HASH = await kernelHash(CODE);
const kernel = await verifyNative(CODE, HASH);

const about = { name: "n", reason: "measured" };
const SIDE = BYPASS_LIMITS.matrixSideMax;
const LARGE = { rows: 1, inner: SIDE + 1, columns: SIDE + 1 };

/** A request of each kind that meets its rule. */
const REQUESTS: Readonly<Record<BypassKind, BypassRequest>> = {
  attention: { ...about, kind: "attention" },
  matmul: { ...about, kind: "matmul", ...LARGE },
  latency: { ...about, kind: "latency", latencyMs: 0.5 },
  native: { ...about, kind: "native", kernel },
};

function policyOf(...allow: readonly BypassKind[]) {
  const events: BypassEvent[] = [];
  let now = 0;
  const policy = new BypassPolicy({
    allow,
    optedInBy: "a test",
    trustedNatives: [HASH],
    clock: () => now++,
    onEvent: (event) => events.push(event),
  });
  return { policy, events };
}

/** A clock that stands still, and an audit that cannot be written. */
const stopped = () => 0;
const full = () => {
  throw new Error("disk full");
};

describe("admit()", () => {
  test.each(BYPASS_KINDS)("refuses %s by default, and says what to opt into", (kind) => {
    const refusal = failureOf(() => new BypassPolicy({ clock: stopped }).admit(REQUESTS[kind]));
    expect(refusal.code).toBe("BYPASS_REFUSED");
    expect(refusal.fix).toContain(`allow: ["${kind}"]`);
  });

  test.each(BYPASS_KINDS)("takes %s where its kind is allowed, and no other kind", (kind) => {
    const { policy } = policyOf(kind);
    expect(policy.admit(REQUESTS[kind]).kind).toBe(kind);
    const { policy: others } = policyOf(...BYPASS_KINDS.filter((other) => other !== kind));
    const refusal = failureOf(() => others.admit(REQUESTS[kind]));
    expect(refusal.expected).toContain(kind);
  });

  const [below, above] = [SIDE, SIDE + 1];
  test.each([
    [{ rows: above, inner: above, columns: 1 }, true],
    [{ rows: 1, inner: above, columns: above }, true],
    [{ rows: above, inner: 1, columns: above }, true],
    [{ rows: above, inner: below, columns: below }, false],
    [{ rows: below, inner: above, columns: below }, false],
    [{ rows: below, inner: below, columns: above }, false],
    [{ rows: 0, inner: above, columns: above }, false],
    [{ rows: 1.5, inner: above, columns: above }, false],
    [{ rows: Infinity, inner: Infinity, columns: 1 }, false],
    [{ rows: NaN, inner: above, columns: above }, false],
  ])("judges the product %j: %s", (sides, isEligible) => {
    const { policy } = policyOf("matmul");
    const admit = () => policy.admit({ ...about, kind: "matmul", ...sides });
    if (isEligible) expect(admit().kind).toBe("matmul");
    else expect(failureOf(admit).expected).toContain(`larger than ${SIDE} by ${SIDE}`);
  });

  test.each([
    [0.999, true],
    [1e-9, true],
    [1, false],
    [0, false],
    [-1, false],
    [NaN, false],
  ])("judges a latency requirement of %f ms: %s", (latencyMs, isEligible) => {
    const { policy } = policyOf("latency");
    const admit = () => policy.admit({ ...about, kind: "latency", latencyMs });
    if (isEligible) expect(admit().kind).toBe("latency");
    else expect(failureOf(admit).code).toBe("BYPASS_REFUSED");
  });

  test("refuses native kernels that were not verified, and those that are not trusted", async () => {
    const { policy } = policyOf("native");
    const admit = (given: unknown) => () =>
      policy.admit({ ...about, kind: "native", kernel: given as typeof kernel });
    const fakes = [{ hash: HASH }, Object.create(kernel), new Proxy(kernel, {}), undefined];
    for (const fake of fakes) expect(failureOf(admit(fake)).found).toContain("not verified");
    const other = Uint8Array.of(1);
    const unknown = await verifyNative(other, await kernelHash(other));
    expect(failureOf(admit(unknown)).expected).toContain("trustedNatives");
    expect(admit(kernel)().kind).toBe("native");
  });

  test("refuses a kind that does not exist, and uses without a name or a reason", () => {
    const { policy } = policyOf(...BYPASS_KINDS);
    const unknown = { ...about, kind: "io" } as unknown as BypassRequest;
    expect(failureOf(() => policy.admit(unknown)).code).toBe("BYPASS_REFUSED");
    for (const missing of [{ name: "" }, { reason: "" }]) {
      const request = { ...REQUESTS.attention, ...missing };
      expect(failureOf(() => policy.admit(request)).expected).toBe("both, for the audit");
    }
  });

  test("gives one kind and name one meter, and bounds how many there are", () => {
    const { policy } = policyOf("attention", "latency");
    const named = (name: string) => policy.admit({ ...about, kind: "attention", name });
    const first = named("0");
    for (let i = 1; i < BYPASS_LIMITS.namesMax; i++) named(`${i}`);
    expect(named("0")).toBe(first);
    expect(failureOf(() => named("one more")).found).toContain(`${BYPASS_LIMITS.namesMax} names`);
    expect(failureOf(() => policy.admit({ ...REQUESTS.latency, name: "0" })).code).toBe(
      "BYPASS_REFUSED",
    );
  });
});

describe("the audit", () => {
  test("hears of every admission and every refusal, with who, what and why", () => {
    const { policy, events } = policyOf("attention");
    policy.admit(REQUESTS.attention);
    const refusal = failureOf(() => policy.admit(REQUESTS.matmul));
    const who = { name: "n", reason: "measured", optedInBy: "a test" };
    expect(events).toEqual([
      { type: "bypass-admitted", at: 0, kind: "attention", ...who },
      { type: "bypass-refused", at: 1, kind: "matmul", ...who, refusal: refusal.message },
    ]);
  });

  test("stops a use that it cannot record", () => {
    const options = { optedInBy: "x", clock: stopped, onEvent: full };
    const policy = new BypassPolicy({ allow: ["attention"], ...options });
    expect(() => policy.admit(REQUESTS.attention)).toThrow("disk full");
    expect(policy.uses()).toEqual([]);
  });

  test("hears nothing of the calls", () => {
    const { policy, events } = policyOf("attention");
    const meter = policy.admit(REQUESTS.attention);
    for (let i = 0; i < 100; i++) {
      meter.begin();
      meter.end(1);
    }
    expect(events).toHaveLength(1);
  });
});

test("new BypassPolicy() refuses an opt-in of nobody, or into what does not exist", () => {
  expect(failureOf(() => new BypassPolicy({ allow: ["matmul"], clock: stopped })).at).toBe(
    "optedInBy",
  );
  const allow = ["atention" as BypassKind];
  expect(failureOf(() => new BypassPolicy({ allow, optedInBy: "x", clock: stopped })).at).toBe(
    "allow",
  );
});

describe("uses()", () => {
  test("is what each meter counted, also of calls that never ended", () => {
    const { policy } = policyOf("attention", "matmul");
    const attend = policy.admit({ ...REQUESTS.attention, unit: "elements" }); // At 0.
    const multiply = policy.admit(REQUESTS.matmul); // At 1.
    attend.begin(); // 2
    attend.end(64); // 3
    attend.begin(); // 4
    multiply.begin(); // 5
    multiply.end(1000); // 6
    attend.end(36); // 7
    attend.begin();
    expect(policy.uses()).toEqual([
      { kind: "attention", name: "n", unit: "elements", calls: 3, work: 100, ms: 4 },
      { kind: "matmul", name: "n", unit: "flops", calls: 1, work: 1000, ms: 1 },
    ]);
  });
});
