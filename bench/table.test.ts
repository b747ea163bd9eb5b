import { expect, test } from "vitest";

import { newResults } from "./harness/results.ts";
import { markdownTable } from "./table.ts";

test("markdownTable() puts ours first and says of each baseline what it is", () => {
  const table = markdownTable(
    newResults({
      at: "2026-01-01T00:00:00Z",
      commit: undefined,
      machine: { cpu: "c", cores: 2, memoryGiB: 8, os: "o", node: "24.0.0", v8: "13" },
      effort: "full",
      load: [0, 0],
      rows: [
        {
          id: "row",
          what: "a question",
          entries: [
            measured("ours", 100),
            { ...measured("raw", 50), firstOverThis: 2 },
            { kind: "claimed", name: "paper", medianNs: 2000 },
            { kind: "not-measured", name: "peer", why: "absent" },
          ],
          goals: [{ text: "<= 200 ns", limit: 200, value: 100, atLeast: false }],
        },
      ],
    }),
  );
  expect(table.split("\n").at(-1)).toBe(
    "| row | 100 ns | 100 ns | 100 ns | raw: 50.0 ns (2.00x)<br>paper: 2.00 µs, claimed<br>" +
      "peer: not measured: absent | <= 200 ns: reached (100.0) |",
  );
});

function measured(name: string, ns: number) {
  const times = { medianNs: ns, p99Ns: ns, leastNs: ns };
  return { kind: "measured", name, ...times, samples: 1, callsPerSample: 1 } as const;
}
