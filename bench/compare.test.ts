import { expect, test } from "vitest";

import { changesBetween, printChanges } from "./compare.ts";
import type { Machine } from "./harness/machine.ts";
import { newResults, parseResults, printResults, type Results } from "./harness/results.ts";
import type { Entry } from "./harness/row.ts";

const MACHINE: Machine = { cpu: "c", cores: 2, memoryGiB: 8, os: "o", node: "24.0.0", v8: "13" };

function run(rows: Readonly<Record<string, readonly Entry[]>>): Results {
  return newResults({
    at: "2026-01-01T00:00:00Z",
    commit: "abc",
    machine: MACHINE,
    effort: "full",
    load: [0, 0],
    rows: Object.entries(rows).map(([id, entries]) => ({ id, what: id, entries, goals: [] })),
  });
}

function entry(name: string, medianNs: number): Entry {
  const times = { medianNs, p99Ns: medianNs, leastNs: medianNs };
  return { kind: "measured", name, ...times, samples: 1, callsPerSample: 1 };
}

test("changesBetween() divides after by before, for each name of each row that both measured", () => {
  const before = run({ one: [entry("ours", 10), entry("peer", 40)], gone: [entry("ours", 1)] });
  const after = run({ one: [entry("ours", 5), entry("peer", 40)], fresh: [entry("ours", 1)] });
  expect(changesBetween(before, after)).toEqual([
    { row: "one", name: "ours", beforeNs: 10, afterNs: 5, ratio: 0.5, ours: true },
    { row: "one", name: "peer", beforeNs: 40, afterNs: 40, ratio: 1, ours: false },
  ]);
});

test("changesBetween() leaves out what was claimed or not measured", () => {
  const rows = {
    one: [
      { kind: "claimed", name: "paper", medianNs: 5 },
      { kind: "not-measured", name: "peer", why: "absent" },
    ] as const,
  };
  expect(changesBetween(run(rows), run(rows))).toEqual([]);
});

test("printChanges() ends with the geometric mean of our own rows only", () => {
  const before = run({ a: [entry("ours", 10), entry("peer", 1)], b: [entry("ours", 10)] });
  const after = run({ a: [entry("ours", 20), entry("peer", 9)], b: [entry("ours", 5)] });
  const text = printChanges(changesBetween(before, after));
  expect(text).toMatch(/2\.000x +10\.0 ns -> +20\.0 ns +\* a: ours/);
  expect(text.split("\n").at(-1)).toMatch(/ 1\.000x geometric mean/);
});

test("parseResults() reads what printResults() wrote, to six digits, and refuses other files", () => {
  const results = run({ one: [entry("ours", 1.23456789)] });
  const [row] = parseResults(printResults(results), "file").rows;
  expect(row!.entries[0]).toMatchObject({ medianNs: 1.23457 });
  expect(() => parseResults("{}", "file")).toThrow("file is not a result");
  expect(() => parseResults('{"format":2}', "file")).toThrow("format 1");
});
