// Top screen: the state of `annulus top` as lines of a terminal's size. Names come from the process that is
// watched, so that they are shown without control characters and cut where the line ends.

import type { KernelRow } from "../monitor/mod.ts";
import { plain, table } from "./output.ts";
import { sortedKernels, type TopState } from "./top-state.ts";

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** A line and how it stands out, where the terminal may show that. */
export interface Line {
  readonly text: string;
  readonly look: "plain" | "head" | "chosen" | "bad" | "faint";
}

const HEADS = [
  "KERNEL",
  "STATE",
  "MSG/S",
  "P50",
  "P99",
  "QUEUE",
  "OUT",
  "FAILED",
  "RESTARTS",
  "UP",
];
const KEYS = "up/down choose   p pause   r resume   t terminate   s sort   q quit";
/** Lines that are no kernels: two about the process, the heads, and two at the end. */
const FRAME_LINES = 5;
const NAME_COLUMNS_MAX = 40;
/** Names and states stand to the left, numbers to the right. */
const TEXT_COLUMNS = 2;
const NONE = "-";

/** Exactly as many lines as the terminal has, each no longer than it is wide. */
export function screen(state: TopState, { columns, rows }: Size): readonly Line[] {
  const kernels = sortedKernels(state);
  const room = Math.max(0, rows - FRAME_LINES);
  const chosenAt = kernels.findIndex(({ id }) => id === state.chosen);
  const from = Math.max(0, Math.min(chosenAt - Math.floor(room / 2), kernels.length - room));
  const [heads, ...texts] = tableOf(state, kernels);
  const shown = kernels.slice(from, from + room).map((row, i): Line => {
    const mark = row.id === state.chosen ? ">" : " ";
    return { text: `${mark} ${texts[from + i]}`, look: lookOf(state, row) };
  });
  const body: Line[] = [
    ...summary(state).map((text): Line => ({ text, look: "plain" })),
    { text: `  ${heads}`, look: "head" },
    ...shown,
  ];
  const empty: Line[] = Array.from({ length: Math.max(0, rows - 2 - body.length) }, () => blank);
  const end: Line[] = [
    { text: lastWord(state), look: "plain" },
    { text: KEYS, look: "faint" },
  ];
  const lines = [...body, ...empty, ...end];
  return (lines.length > rows ? [...lines.slice(0, rows - 1), end[1]!].slice(0, rows) : lines).map(
    ({ text, look }) => ({ text: cut(plain(text), columns), look }),
  );
}

const blank: Line = { text: "", look: "plain" };

/** What is known of the process and of all its kernels, in two lines. */
export function summary({ process, snapshot, rates, sort }: TopState): readonly [string, string] {
  const { pid, title, script } = process;
  const who = `annulus top: process ${pid}, ${title} ${script}`.trimEnd();
  if (snapshot === undefined) return [who, "no snapshot yet"];
  const { runtime, backend, kernels, hidden } = snapshot;
  const facts = [
    `${many(kernels.length + hidden, "kernel")}, ${runtime.activeKernels} active`,
    ...(hidden > 0 ? [`${hidden} not shown`] : []),
    `${many(runtime.threads, "thread")} (${backend})`,
    `${rates === undefined ? NONE : short(rates.total)} messages/s`,
    `p99 ${micros(runtime.latency, "p99Us")}`,
    `${short(runtime.hostMemoryBytes / 2 ** 20)} MiB`,
    `by ${sort}`,
  ];
  return [who, facts.join("   ")];
}

function many(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/** The kernels as a table, with its heads. */
export function kernelTable(state: TopState): readonly string[] {
  return tableOf(state, sortedKernels(state));
}

function tableOf(state: TopState, kernels: readonly KernelRow[]): readonly string[] {
  return table([HEADS, ...kernels.map((row) => cellsOf(state, row))], TEXT_COLUMNS);
}

function cellsOf({ rates }: TopState, row: KernelRow): readonly string[] {
  const rate = rates?.kernels.get(row.id);
  return [
    ...[cut(plain(row.id), NAME_COLUMNS_MAX), row.state, rate === undefined ? NONE : short(rate)],
    ...[micros(row.latency, "p50Us"), micros(row.latency, "p99Us")],
    ...[`${row.inputQueueDepth}`, `${row.outputQueueDepth}`, `${row.failed}`, `${row.restarts}`],
    duration(row.uptimeMs),
  ];
}

function lookOf({ chosen }: TopState, { id, state, failed }: KernelRow): Line["look"] {
  if (id === chosen) return "chosen";
  if (failed > 0) return "bad";
  return state === "active" ? "plain" : "faint";
}

function lastWord({ asked, notice }: TopState): string {
  return asked === undefined ? notice : `Terminate ${asked}? y, or any other key for no`;
}

/** The first `most` characters, the last of which says whether there are more. */
function cut(text: string, most: number): string {
  const characters = [...text];
  if (characters.length <= most) return text;
  return `${characters.slice(0, Math.max(0, most - 1)).join("")}${most > 0 ? "…" : ""}`;
}

/** A number in at most five characters or so: 0.5, 12, 3.4k, 1.2M. */
export function short(value: number): string {
  const units = ["", "k", "M", "G", "T"];
  let [left, unit] = [value, 0];
  while (left >= 999.5 && unit < units.length - 1) [left, unit] = [left / 1000, unit + 1];
  const digits = left > 0 && left < 9.95 && (unit > 0 || left % 1 !== 0) ? 1 : 0;
  return `${left.toFixed(digits)}${units[unit]}`;
}

/** A latency, once one call was measured. */
export function micros(latency: KernelRow["latency"], name: "p50Us" | "p99Us"): string {
  const { count, [name]: value } = latency;
  if (count === 0) return NONE;
  if (value < 999.5) return `${short(value)}us`;
  return value < 999_500 ? `${short(value / 1000)}ms` : `${short(value / 1e6)}s`;
}

export function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3600)];
  if (minutes < 60) return `${minutes}m${String(seconds % 60).padStart(2, "0")}s`;
  if (hours < 24) return `${hours}h${String(minutes % 60).padStart(2, "0")}m`;
  return `${Math.floor(hours / 24)}d${String(hours % 24).padStart(2, "0")}h`;
}

const LOOKS: Readonly<Record<Line["look"], string>> = {
  plain: "",
  head: "\u001b[1m",
  chosen: "\u001b[7m",
  bad: "\u001b[31m",
  faint: "\u001b[2m",
};

/** The lines as what a terminal is sent to show them in place of what it shows. */
export function paint(lines: readonly Line[], hasColour: boolean): string {
  const painted = lines.map(({ text, look }) =>
    hasColour && look !== "plain" ? `${LOOKS[look]}${text}\u001b[0m\u001b[K` : `${text}\u001b[K`,
  );
  return `\u001b[H${painted.join("\r\n")}\u001b[J`;
}
