// Table: a file of results as the Markdown table of docs/BENCHMARKS.md: `node bench/table.ts FILE`.

import { duration, percent, printGoal } from "./harness/print.ts";
import { readResults, type Results } from "./harness/results.ts";
import type { Entry, Row } from "./harness/row.ts";

const HEAD = [
  "| row | ours: median | p99 | least | beside it: median (ours / it) | goal |",
  "|---|---|---|---|---|---|",
];

/** One line per row, in the order of the file. */
export function markdownTable({ rows }: Results): string {
  return [...HEAD, ...rows.map(line)].join("\n");
}

function line({ id, entries, goals }: Row): string {
  const [ours, ...others] = entries;
  const cells = [
    id,
    ...times(ours),
    others.map(beside).join("<br>"),
    goals.map(printGoal).join("<br>"),
  ];
  return `| ${cells.join(" | ")} |`;
}

function times(entry: Entry | undefined): string[] {
  if (entry?.kind !== "measured") return ["", "", ""];
  return [entry.medianNs, entry.p99Ns, entry.leastNs].map(duration);
}

function beside(entry: Entry): string {
  switch (entry.kind) {
    case "measured": {
      const { name, medianNs, firstOverThis } = entry;
      return `${name}: ${duration(medianNs)} (${firstOverThis?.toFixed(2) ?? "?"}x)`;
    }
    case "claimed":
      return `${entry.name}: ${duration(entry.medianNs)}, claimed`;
    case "not-measured":
      return `${entry.name}: not measured: ${entry.why}`;
    case "part":
      return `${entry.name}: ${duration(entry.meanNs)}, ${percent(entry.share)}`;
    default:
      return entry satisfies never;
  }
}

if (import.meta.main) {
  const [file] = process.argv.slice(2);
  if (file === undefined) throw new Error("say which file: node bench/table.ts RESULTS.json");
  console.log(markdownTable(readResults(file)));
}
