import { expect, test } from "vitest";

import { newResults } from "./harness/results.ts";
import type { Entry, Measured, Row } from "./harness/row.ts";
import { between, markdownTables } from "./table.ts";

const PLAIN: Row = {
  id: "row",
  what: "a question",
  entries: [
    measured("ours", 100),
    { ...measured("raw", 50), firstOverThis: 2 },
    { kind: "claimed", name: "paper", medianNs: 2000 },
    { kind: "not-measured", name: "peer", why: "absent" },
  ],
  goals: [{ text: "<= 200 ns", limit: 200, value: 100, atLeast: false }],
};

test("markdownTables() puts ours first and says of each baseline what it is", () => {
  expect(tablesOf([PLAIN]).split("\n").at(-1)).toBe(
    "| row | 100 ns | 100 ns | 100 ns | raw: 50.0 ns (2.00x)<br>paper: 2.00 µs, claimed<br>" +
      "peer: not measured: absent | <= 200 ns: reached (100.0) |",
  );
});

test("markdownTables() has a column of p99.9 where a row knows one", () => {
  const [ours, raw] = PLAIN.entries as Measured[];
  const entries = [
    { ...ours!, p999Ns: 700 },
    { ...raw!, p999Ns: 900 },
  ];
  const lines = tablesOf([
    { ...PLAIN, entries, goals: [] },
    { ...PLAIN, goals: [] },
  ]).split("\n");
  expect(lines.slice(-4)).toEqual([
    "| row | ours: median | p99 | p99.9 | least | beside it: median, p99.9 (ours / it) | goal |",
    "| --- | --- | --- | --- | --- | --- | --- |",
    "| row | 100 ns | 100 ns | 700 ns | 100 ns | raw: 50.0 ns, 900 ns (2.00x) |  |",
    "| row | 100 ns | 100 ns |  | 100 ns | raw: 50.0 ns (2.00x)<br>paper: 2.00 µs, claimed<br>" +
      "peer: not measured: absent |  |",
  ]);
});

test("markdownTables() gives rows of one table a column for each entry, and says why one is empty", () => {
  const row = { ...PLAIN, table: "kernels", bytes: 200, notes: ["on one thread"] };
  const other = { ...row, id: "other", entries: [measured("ours", 10), part("rest", 0.25)] };
  const [kernels] = tablesOf([row, other]).split("\n\n### The sandbox");
  expect(kernels).toBe(
    [
      "### Kernels",
      "",
      "| row | ours | raw | paper | peer | rest | goal |",
      "| --- | --- | --- | --- | --- | --- | --- |",
      "| row | 100 ns, p99 100 ns, 2.00 GB/s | 50.0 ns (2.00x) | – | – | – | <= 200 ns: reached (100.0) |",
      "| other | 10.0 ns, p99 10.0 ns, 20.0 GB/s | – | – | – | 5.00 ns, 25.0 % | <= 200 ns: reached (100.0) |",
      "",
      "- peer, –: absent.",
      "- on one thread.",
    ].join("\n"),
  );
});

test("between() replaces what stands between the marks, and fails without them", () => {
  const document =
    "a\n<!-- results: printed by bench/table.ts -->\nold\n<!-- end of results -->\nz";
  const replaced = between(document, "new");
  expect(replaced).toMatch(/^a\n<!-- results: .* -->\n\nnew\n\n<!-- end of results -->\nz$/);
  expect(between(replaced, "new")).toBe(replaced);
  expect(() => between("a", "new")).toThrow(/has no/);
});

function tablesOf(rows: readonly Row[]): string {
  const machine = { cpu: "c", cores: 2, memoryGiB: 8, os: "o", node: "24.0.0", v8: "13" };
  const at = "2026-01-01T00:00:00Z";
  return markdownTables(
    newResults({ at, commit: undefined, machine, effort: "full", load: [0, 0], rows }),
  );
}

function measured(name: string, ns: number) {
  const times = { medianNs: ns, p99Ns: ns, leastNs: ns };
  return { kind: "measured", name, ...times, samples: 1, callsPerSample: 1 } as const;
}

function part(name: string, share: number): Entry {
  return { kind: "part", name, meanNs: 5, share };
}
