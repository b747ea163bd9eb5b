// annulus top: the kernels of a running process, live on a terminal or as one snapshot.

import { basename, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { Failure, type Issue, MONITOR_LIMITS } from "../base/mod.ts";
import { type Verb, VERBS } from "../monitor/mod.ts";
import {
  type AttachedMonitor,
  attachMonitor,
  findMonitors,
  type FoundMonitor,
  type FoundMonitors,
} from "../platform/node/mod.ts";
import { wholeNumber } from "./assignments.ts";
import type { Io } from "./io.ts";
import { type Report, table } from "./output.ts";
import { live } from "./top-live.ts";
import { kernelTable, summary } from "./top-screen.ts";
import { firstState, type TopState, withSnapshot } from "./top-state.ts";
import { hasTerminal, withTerminal } from "./top-terminal.ts";
import { verb } from "./verb.ts";

interface TopOptions {
  readonly once?: boolean;
  readonly interval: number;
  readonly pause?: string;
  readonly resume?: string;
  readonly terminate?: string;
}

const { intervalMsMin, intervalMsMax } = MONITOR_LIMITS;

const HELP = `
A process can be watched if its runtime was made with \`Runtime.create({ monitor: true })\`, and only by
the user who runs it. Without a terminal, or with --json, one snapshot is printed. Keys:

  up, down, j, k   choose a kernel       p   pause it: it takes no messages, and keeps what waits
  s                sort by another       r   resume it
                   column                t   terminate it, after a yes
  q, Ctrl-C        quit`;

export function topVerb(program: Command, io: Io): void {
  const command = program
    .command("top")
    .description("Watch the kernels of a running process: state, rates, latencies, queues.")
    .argument("[process]", "its pid, or the folder of its monitor; without, the only one there is")
    .option("--once", "print one snapshot and end")
    .option(
      "--interval <ms>",
      "between two snapshots; rates are of that time",
      wholeNumber(intervalMsMin, intervalMsMax),
      1000,
    )
    .option("--pause <kernel>", "pause a kernel, then print a snapshot")
    .option("--resume <kernel>", "resume a kernel, then print a snapshot")
    .option("--terminate <kernel>", "terminate a kernel, then print a snapshot")
    .addHelpText("after", HELP);
  verb<TopOptions>(command, io, async ([name], options) => {
    const json = command.opts<{ json?: boolean }>().json === true;
    const orders = VERBS.flatMap((word) => {
      const id = options[word];
      return id === undefined ? [] : [{ word, id }];
    });
    if (orders.length > 1) throw tooMany(orders.map(({ word }) => `--${word}`));
    const { path, listed } = await choose(io, name);
    if (path === undefined) return listing(listed);
    const attached = await attachMonitor(path);
    const isOnce = options.once === true || json || orders.length > 0 || !hasTerminal();
    if (!isOnce) return watch(attached, options.interval);
    try {
      const report = await once(attached, orders[0], options.interval);
      return { ...report, warnings: listed.unusable.map(issueOf) };
    } finally {
      attached.client.end();
    }
  });
}

/** The folder of the process that is meant, unless it may be one of several. */
async function choose(
  io: Io,
  name: string | undefined,
): Promise<{ readonly path: string | undefined; readonly listed: FoundMonitors }> {
  const isPid = name !== undefined && /^\d+$/.test(name);
  if (name !== undefined && !isPid)
    return { path: resolve(io.cwd, name), listed: { found: [], removed: [], unusable: [] } };
  const all = await findMonitors();
  const found = isPid ? all.found.filter(({ pid }) => pid === Number(name)) : all.found;
  if (found.length === 0) throw nobody(name, all);
  return { path: found.length === 1 ? found[0]!.path : undefined, listed: { ...all, found } };
}

function listing({ found, removed, unusable }: FoundMonitors): Report {
  const rows = found.map(({ pid, title, script, path }) => [`${pid}`, title, script, path]);
  return {
    json: { processes: found, removed },
    lines: [
      ...table([["PID", "TITLE", "PROGRAM", "MONITOR"], ...rows]),
      "Name one of them: annulus top PID, or where a process has several, the path of its monitor.",
    ],
    warnings: unusable.map(issueOf),
  };
}

async function once(
  { client, process }: AttachedMonitor,
  order: { readonly word: Verb; readonly id: string } | undefined,
  intervalMs: number,
): Promise<Report> {
  const done = order === undefined ? {} : await client.command(order.word, order.id);
  const first = withSnapshot(firstState(process), await client.snapshot());
  await sleep(intervalMs);
  return reportOf(withSnapshot(first, await client.snapshot()), done);
}

function reportOf(state: TopState, done: { readonly how?: string }): Report {
  const { process, snapshot, rates } = state;
  const kernels = snapshot!.kernels.map((row) => ({
    ...row,
    messagesPerSecond: rates?.kernels.get(row.id) ?? null,
  }));
  const { hidden, backend, runtime } = snapshot!;
  return {
    json: { process, backend, runtime, kernels, hidden, ...done },
    lines: [...summary(state), ...kernelTable(state)],
  };
}

async function watch(attached: AttachedMonitor, intervalMs: number): Promise<Report> {
  const { process: watched } = attached;
  const end = await withTerminal((terminal) => live(attached, terminal, intervalMs));
  if (end === "interrupt") process.kill(process.pid, "SIGINT"); // So that a shell sees why we ended.
  const lines = end === "ended" ? [`Process ${watched.pid} offers its monitor no longer.`] : [];
  return { json: {}, lines };
}

function nobody(name: string | undefined, { found, unusable }: FoundMonitors): Failure {
  const facts = {
    at: name === undefined ? "this user's processes" : `process ${name}`,
    found: found.length === 0 ? "none that can be watched" : found.map(label).join(", "),
    expected: "a runtime made with `Runtime.create({ monitor: true })`",
    fix: "Switch the monitor on in the process, or name the folder of its monitor.",
  };
  return new Failure("MONITOR_NOT_FOUND", facts, { issues: unusable.map(issueOf) });
}

function label({ pid, path }: FoundMonitor): string {
  return `${pid} (${basename(path)})`;
}

function issueOf({ code, at = "", found, expected, fix }: Failure): Issue {
  return { code, at, found, expected, fix };
}

function tooMany(names: readonly string[]): Failure {
  const facts = { found: names.join(" and "), expected: "one of them" };
  return new Failure("USAGE", { ...facts, fix: "Give one command at a time." });
}
