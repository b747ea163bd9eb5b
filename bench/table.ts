// Table: a file of results as the Markdown of docs/BENCHMARKS.md.
//
//   node bench/table.ts FILE                            prints it
//   node bench/table.ts FILE --into docs/BENCHMARKS.md  puts it between the marks there
//   node bench/table.ts FILE --title "The slot ring" --into ...   between the marks of that title
//
// Rows that name a table share it, with a column for each entry. The others stand in one table with
// all that is beside ours in one cell.

import { readFileSync, writeFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { parseArgs } from "node:util";

import { duration, percent, printGoal, rate } from "./harness/print.ts";
import { readResults, type Results } from "./harness/results.ts";
import type { Entry, Measured, Row } from "./harness/row.ts";

const SANDBOX = "The sandbox";
const END = "<!-- end of results -->";

/** All tables, in the order of the file. */
export function markdownTables({ rows }: Results, title: string = SANDBOX): string {
  const groups = Map.groupBy(rows, ({ table }) => table);
  const plain = groups.get(undefined) ?? [];
  groups.delete(undefined);
  const named = [...groups].map(([name, own]) => `### ${titled(name!)}\n\n${columns(own)}`);
  return [...named, `### ${title}\n\n${plainTable(plain)}`].join("\n\n");
}

/** `document` with `text` between the marks of a title. Fails where it has none. */
export function between(document: string, text: string, title: string = SANDBOX): string {
  const of = title === SANDBOX ? "results" : `results of ${title}`;
  const begin = `<!-- ${of}: printed by bench/table.ts -->`;
  const start = document.indexOf(begin);
  const end = document.indexOf(END, start);
  if (start < 0 || end < start) throw new Error(`the document has no "${begin}" and "${END}"`);
  return `${document.slice(0, start + begin.length)}\n\n${text}\n\n${document.slice(end)}`;
}

function titled(name: string): string {
  return name[0]!.toUpperCase() + name.slice(1);
}

function columns(rows: readonly Row[]): string {
  const names = [...new Set(rows.flatMap(({ entries }) => entries.map(({ name }) => name)))];
  const head = ["row", ...names, "goal"];
  const lines = rows.map((row) => {
    const cells = names.map((name, i) => cell(row, entryIn(row, name), i === 0));
    return lineOf([row.id, ...cells, row.goals.map(printGoal).join("<br>")]);
  });
  const table = [lineOf(head), lineOf(head.map(() => "---")), ...lines].join("\n");
  return [table, ...remarks(rows)].join("\n\n");
}

function entryIn({ entries }: Row, wanted: string): Entry | undefined {
  return entries.find(({ name }) => name === wanted);
}

function cell({ bytes }: Row, entry: Entry | undefined, isFirst: boolean): string {
  if (entry?.kind === "part") return `${duration(entry.meanNs)}, ${percent(entry.share)}`;
  if (entry?.kind !== "measured") return "–";
  const { medianNs, p99Ns, firstOverThis } = entry;
  if (!isFirst) return `${duration(medianNs)} (${ratio(firstOverThis)})`;
  const speed = bytes === undefined ? "" : `, ${rate(bytes, medianNs)}`;
  return `${duration(medianNs)}, p99 ${duration(p99Ns)}${speed}`;
}

/** What rows say beside their numbers, each once. */
function remarks(rows: readonly Row[]): string[] {
  const absent = rows.flatMap(({ entries }) =>
    entries.flatMap((entry) =>
      entry.kind === "not-measured" ? [`${entry.name}, –: ${entry.why}.`] : [],
    ),
  );
  const notes = rows.flatMap(({ notes: own = [] }) => own.map((note) => `${note}.`));
  const all = [...new Set([...absent, ...notes])];
  return all.length === 0 ? [] : [all.map((remark) => `- ${remark}`).join("\n")];
}

function plainTable(rows: readonly Row[]): string {
  const hasTails = rows.some(({ entries }) => entries.some((entry) => "p999Ns" in entry));
  const tail = hasTails ? ["p99.9"] : [];
  const beside = hasTails ? "median, p99.9 (ours / it)" : "median (ours / it)";
  const head = ["row", "ours: median", "p99", ...tail, "least", `beside it: ${beside}`, "goal"];
  const lines = rows.map(({ id, entries: [ours, ...others], goals }) => {
    const beside = others.map(besideOurs).join("<br>");
    return lineOf([id, ...times(ours, hasTails), beside, goals.map(printGoal).join("<br>")]);
  });
  return [lineOf(head), lineOf(head.map(() => "---")), ...lines].join("\n");
}

function times(entry: Entry | undefined, hasTails: boolean): string[] {
  if (entry?.kind !== "measured") return hasTails ? ["", "", "", ""] : ["", "", ""];
  const { medianNs, p99Ns, p999Ns, leastNs } = entry;
  const tail = p999Ns === undefined ? "" : duration(p999Ns);
  return [duration(medianNs), duration(p99Ns), ...(hasTails ? [tail] : []), duration(leastNs)];
}

function besideOurs(entry: Entry): string {
  switch (entry.kind) {
    case "measured":
      return `${entry.name}: ${besideTimes(entry)} (${ratio(entry.firstOverThis)})`;
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

function besideTimes({ medianNs, p999Ns }: Measured): string {
  return p999Ns === undefined ? duration(medianNs) : `${duration(medianNs)}, ${duration(p999Ns)}`;
}

function ratio(firstOverThis: number | undefined): string {
  return `${firstOverThis?.toFixed(2) ?? "?"}x`;
}

function lineOf(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** Where the numbers come from: the file, the machine, and how busy it was. */
function origin(file: string, { at, commit, machine, load }: Results): string {
  const { cpu, cores, memoryGiB, os, node, v8 } = machine;
  const path = relative(resolve(import.meta.dirname, ".."), resolve(file));
  const computer = `${cpu}, ${cores} processors, ${memoryGiB} GiB, ${os}, Node ${node}, V8 ${v8}`;
  const when = `${at}, commit ${commit ?? "unknown"}, load ${load.join(" to ")}`;
  return `\`${path}\`: ${computer}; ${when}.`;
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    options: { into: { type: "string" }, title: { type: "string", default: SANDBOX } },
    allowPositionals: true,
  });
  const [file] = positionals;
  if (file === undefined) throw new Error("say which file: node bench/table.ts RESULTS.json");
  const results = readResults(file);
  const text = `${origin(file, results)}\n\n${markdownTables(results, values.title)}`;
  const { into } = values;
  if (into === undefined) console.log(text);
  else writeFileSync(into, between(readFileSync(into, "utf8"), text, values.title));
}
