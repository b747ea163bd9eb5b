import { expect, test } from "vitest";

import { mergeRuns } from "./merge.ts";
import type { Measured, Row } from "./row.ts";
import { quantilesOf, spreadOf } from "./spread.ts";

test("quantilesOf() finds the tail of all processes together, within 1.6 %", () => {
  const quick = spreadOf(Array.from({ length: 9990 }, () => 22.4));
  const slow = spreadOf(Array.from({ length: 10 }, () => 5e6));
  const at = quantilesOf([quick, slow]);
  expect([at(0.5), at(0.999)].map((ns) => Math.abs(ns / 22.4 - 1) <= 0.016)).toEqual([true, true]);
  expect(Math.abs(at(0.9995) / 5e6 - 1)).toBeLessThanOrEqual(0.016);
});

test("mergeRuns() takes the processes' median of medians, ratios and goals, and the tail of all samples", () => {
  const runs = [run(100, 2, 1000), run(300, 4, 1000), run(200, 3, 1000)];
  const [row] = mergeRuns(runs);
  const [ours, other] = row!.entries as Measured[];
  expect(ours).toMatchObject({ medianNs: 200, leastNs: 100, samples: 3000 });
  expect(Math.abs(ours!.p999Ns! / 300 - 1)).toBeLessThanOrEqual(0.016);
  expect(other!.firstOverThis).toBe(3);
  expect(ours).not.toHaveProperty("spread");
  expect(row!.goals[0]!.value).toBe(200);
  expect(row!.notes).toEqual(["row: ours in 3 fresh processes: medians 100 ns to 300 ns"]);
});

test("mergeRuns() says no p99.9 of few samples, or of samples of many calls", () => {
  expect(mergeRuns([run(100, 2, 999)])[0]!.entries[0]).not.toHaveProperty("p999Ns");
  const [row] = run(100, 2, 1000);
  const few = { ...row!, entries: row!.entries.map((one) => ({ ...one, callsPerSample: 8 })) };
  expect(mergeRuns([[few]])[0]!.entries[0]).toHaveProperty("p999Ns");
  const many = { ...row!, entries: row!.entries.map((one) => ({ ...one, callsPerSample: 9 })) };
  expect(mergeRuns([[many]])[0]!.entries[0]).not.toHaveProperty("p999Ns");
});

test("mergeRuns() leaves a goal unknown that a process does not know, and fails where rows differ", () => {
  const known = run(100, 2, 1000);
  const unknown = known.map((row) => ({
    ...row,
    goals: row.goals.map((goal) => ({ ...goal, value: undefined })),
  }));
  expect(mergeRuns([known, unknown])[0]!.goals[0]!.value).toBeUndefined();
  expect(() => mergeRuns([known, [{ ...known[0]!, id: "other" }]])).toThrow(/no row "row"/);
  expect(() => mergeRuns([known, []])).toThrow(/no row "row"/);
});

/** One row whose first contender takes `ns` in each of so many samples, and `ratio` of the second one's time. */
function run(ns: number, ratio: number, samples: number): Row[] {
  const ours = measured("ours", ns, samples);
  const other = { ...measured("other", ns / ratio, samples), firstOverThis: ratio };
  const goals = [{ text: "<= 250 ns", limit: 250, atLeast: false, value: ns }];
  return [{ id: "row", what: "a question", entries: [ours, other], goals }];
}

function measured(name: string, ns: number, samples: number): Measured {
  const times = { medianNs: ns, p99Ns: ns, leastNs: ns, samples, callsPerSample: 1 };
  const spread = spreadOf(Array.from({ length: samples }, () => ns));
  return { kind: "measured", name, ...times, spread };
}
