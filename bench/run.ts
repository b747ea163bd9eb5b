// Run: `npm run bench`. Answers the questions of every benchmark, baselines side by side, and says
// which goals are reached.
//
//   npm run bench                      everything, about fifteen minutes; saved under bench/results
//   npm run bench -- --quick           everything in two: to see that it works, not to quote
//   npm run bench -- --only rmsnorm    benchmarks whose name begins so; may be repeated
//   npm run bench -- --processes 20    how many fresh processes run each benchmark of actors: five
//   npm run bench -- --json FILE       saves the results there
//   npm run bench -- --list            names and questions
//   npm run bench:peers                installs what is compared with; see peers/peers.ts
//   node bench/compare.ts A B          what changed between two files of results

import { execFileSync, fork } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";

import { chosenBenches, importBench, processesOf } from "./harness/bench.ts";
import { FULL, QUICK } from "./harness/measure.ts";
import { mergeRuns } from "./harness/merge.ts";
import { machineClass, thisMachine } from "./harness/machine.ts";
import { printGoal, printRow } from "./harness/print.ts";
import { newResults, printResults, type Results } from "./harness/results.ts";
import { type Row, verdict } from "./harness/row.ts";

const { values: options } = parseArgs({
  options: {
    only: { type: "string", multiple: true, default: [] },
    quick: { type: "boolean", default: false },
    json: { type: "string" },
    processes: { type: "string" },
    list: { type: "boolean", default: false },
  },
});

const names = chosenBenches(options.only);
if (options.list) await list();
else await runAll();

async function list(): Promise<void> {
  for (const name of names) {
    const { question } = await importBench(name);
    console.log(`${name.padEnd(14)} ${question}`);
  }
}

async function runAll(): Promise<void> {
  const machine = thisMachine();
  const loadAtStart = loadavg()[0]!;
  console.log(Object.values(machine).join(", "));
  const rows: Row[] = [];
  const failures: unknown[] = [];
  for (const name of names) {
    try {
      rows.push(...(await runBench(name)));
    } catch (failure) {
      failures.push(failure); // The others still count, and the run fails in the end.
    }
  }
  printSummary(rows);
  const results = newResults({
    at: new Date().toISOString().replace(/\.\d+Z$/, "Z"),
    commit: commit(),
    machine,
    effort: options.quick ? "quick" : "full",
    load: [loadAtStart, loadavg()[0]!],
    rows,
  });
  save(results);
  if (failures.length > 0)
    throw new AggregateError(failures, `${failures.length} benchmarks failed`);
}

/** Runs one benchmark in a process of its own, or one after the other in several, and prints its rows. */
async function runBench(name: string): Promise<Row[]> {
  const bench = await importBench(name);
  console.log(`\n# ${name}: ${bench.question}\n`);
  const asked = bench.isFresh === true ? options.processes : undefined;
  const processes = Number(asked ?? processesOf(bench, options.quick ? QUICK : FULL));
  if (!(Number.isInteger(processes) && processes > 0))
    throw new Error(`--processes is ${asked}, and must be a whole number from 1 on`);
  const runs: Row[][] = [];
  while (runs.length < processes) runs.push(await runProcess(name, processes === 1));
  const rows = mergeRuns(runs);
  if (processes > 1) for (const row of rows) console.log(`${printRow(row)}\n`);
  return rows;
}

async function runProcess(name: string, prints: boolean): Promise<Row[]> {
  const child = fork(
    join(import.meta.dirname, "harness/child.ts"),
    [name, options.quick ? "quick" : "full"],
    { execArgv: ["--disable-warning=ExperimentalWarning"] }, // Extism opens node:wasi.
  );
  const rows: Row[] = [];
  child.on("message", (message) => {
    const row = message as Row; // Sent by child.ts.
    rows.push(row);
    if (prints) for (const one of mergeRuns([[row]])) console.log(`${printRow(one)}\n`);
  });
  const code = await new Promise((resolve) => child.on("close", resolve));
  if (code !== 0) throw new Error(`the benchmark ${name} ended with code ${String(code)}`);
  return rows;
}

function printSummary(rows: readonly Row[]): void {
  const goals = rows.flatMap(({ id, goals }) => goals.map((goal) => ({ id, goal })));
  const open = goals.filter(({ goal }) => verdict(goal) !== "reached");
  console.log(`# ${goals.length - open.length} of ${goals.length} goals reached`);
  for (const { id, goal } of open) console.log(`  ${id}: ${printGoal(goal)}`);
}

/** Partial and quick runs are kept only where they are asked for. */
function save(results: Results): void {
  const isWhole = options.only.length === 0 && !options.quick;
  const file = options.json ?? (isWhole ? dated(results) : undefined);
  if (file === undefined) return;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, printResults(results));
  console.log(`saved in ${file}`);
}

function dated({ machine, at }: Results): string {
  const name = `${at.slice(0, 10)}.json`;
  return join(import.meta.dirname, "results", machineClass(machine), name);
}

/** The commit that is measured, where this is a clone and git is there. */
function commit(): string | undefined {
  try {
    const changed = git("status", "--porcelain", "--", "../src", "../kernels", "../packs");
    return git("rev-parse", "--short", "HEAD").trim() + (changed === "" ? "" : "+");
  } catch {
    return undefined; // A tarball, or no git: results name no commit.
  }
}

function git(...words: string[]): string {
  return execFileSync("git", words, { encoding: "utf8", stdio: "pipe", cwd: import.meta.dirname });
}
