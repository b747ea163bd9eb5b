import { expect, test } from "vitest";
import { MONITOR_LIMITS } from "../base/mod.ts";
import { createRuntime } from "../platform/node/mod.ts";
import { adder } from "../platform/node/kernels.fixture.ts";
import { COUNTS, LATENCIES, parseOpening, parseOrder, parseReply } from "./protocol.ts";
import { snapshotOf } from "./snapshot.ts";

const refusal = expect.objectContaining({ code: "MONITOR_PROTOCOL" });
const { idCharactersMax, intervalMsMin, intervalMsMax, kernelsMax } = MONITOR_LIMITS;

test.each([
  { do: "snapshot" },
  { do: "watch", everyMs: intervalMsMin },
  { do: "watch", everyMs: intervalMsMax },
  { do: "pause", request: 1, id: "bank" },
  { do: "resume", request: 0, id: "😀" },
  { do: "terminate", request: 2 ** 31, id: "x".repeat(idCharactersMax) },
])("parseOrder() takes %j", (order) => {
  expect(parseOrder(JSON.stringify(order))).toEqual(order);
});

test.each([
  "",
  "nonsense",
  "null",
  "[]",
  '"snapshot"',
  '{"do":"snapshot","more":1}',
  '{"do":"kill","request":1,"id":"bank"}',
  '{"do":"watch"}',
  `{"do":"watch","everyMs":${intervalMsMin - 1}}`,
  `{"do":"watch","everyMs":${intervalMsMax + 1}}`,
  '{"do":"watch","everyMs":500.5}',
  '{"do":"watch","everyMs":"500"}',
  '{"do":"pause","id":"bank"}',
  '{"do":"pause","request":-1,"id":"bank"}',
  '{"do":"pause","request":1,"id":""}',
  '{"do":"pause","request":1,"id":["bank"]}',
  `{"do":"pause","request":1,"id":"${"x".repeat(idCharactersMax + 1)}"}`,
  '{"do":"pause","request":1,"id":"bank","__proto__":{}}',
  '{"__proto__":{"do":"snapshot"}}',
])("parseOrder() refuses %s", (line) => {
  expect(() => parseOrder(line)).toThrow(refusal);
});

test("parseOpening() takes any version and key, and nothing else", () => {
  const opening = { annulus: "monitor", version: 7, key: "k" };
  expect(parseOpening(JSON.stringify(opening))).toEqual(opening);
  for (const wrong of [{ ...opening, annulus: "x" }, { ...opening, version: "1" }, { version: 1 }])
    expect(() => parseOpening(JSON.stringify(wrong))).toThrow(refusal);
});

test("A refusal shows the beginning of a long line only", () => {
  expect(() => parseOrder("x".repeat(8000))).toThrow(
    expect.objectContaining({ found: `${"x".repeat(60)}…` }),
  );
});

test("parseReply() takes a snapshot as it is made, and refuses one with any field changed", async () => {
  await using runtime = createRuntime({ backend: "null" });
  await runtime.launch(adder);
  const snapshot = { kind: "snapshot", ...snapshotOf(runtime, () => 5) };
  expect(parseReply(JSON.stringify(snapshot))).toEqual(snapshot);
  const [row] = snapshot.kernels;
  const { latency, ...unmeasured } = row!;
  const { latency: ofAll, ...totals } = snapshot.runtime;

  const broken: object[] = [
    { ...snapshot, atMs: null },
    { ...snapshot, hidden: -1 },
    { ...snapshot, runtime: {} },
    { ...snapshot, kernels: {} },
    { ...snapshot, kernels: [row, null] },
    { ...snapshot, kernels: Array.from({ length: kernelsMax + 1 }, () => row) },
    { ...snapshot, kernels: [{ ...row, state: "asleep" }] },
    { ...snapshot, kernels: [unmeasured] },
    { ...snapshot, runtime: totals },
    ...LATENCIES.flatMap((name) => [
      { ...snapshot, kernels: [{ ...row, latency: { ...latency, [name]: "2" } }] },
      { ...snapshot, runtime: { ...totals, latency: { ...ofAll, [name]: -1 } } },
    ]),
    { ...snapshot, kernels: [{ ...row, more: 1 }] },
    ...COUNTS.map((name) => ({ ...snapshot, kernels: [{ ...row, [name]: "1" }] })),
  ];
  for (const one of broken) expect(() => parseReply(JSON.stringify(one))).toThrow(refusal);
});

test("parseReply() refuses failures of no known code", () => {
  const failure = { code: "QUEUE_FULL", at: "", found: "", expected: "", fix: "" };
  const failed = { kind: "failed", request: 1, failure };
  expect(parseReply(JSON.stringify(failed))).toEqual(failed);
  for (const code of ["NONE", "toString", 1])
    expect(() => parseReply(JSON.stringify({ ...failed, failure: { ...failure, code } }))).toThrow(
      refusal,
    );
});
