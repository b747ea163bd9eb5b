// Top state: what `annulus top` shows, and what keys and snapshots make of it.

import { ratesOf, type KernelRow, type MonitorProcess, type Rates } from "../monitor/mod.ts";
import type { Snapshot, Verb } from "../monitor/mod.ts";

/** What kernels can be sorted by, in the order in which `s` takes them. */
export const SORTS = ["rate", "p99", "queue", "failed", "restarts", "name"] as const;
export type Sort = (typeof SORTS)[number];

export interface TopState {
  readonly process: MonitorProcess;
  readonly snapshot?: Snapshot;
  /** Missing until there are two snapshots. */
  readonly rates?: Rates | undefined;
  readonly sort: Sort;
  /** The kernel that keys act on. */
  readonly chosen?: string | undefined;
  /** The kernel that shall be terminated if the next key says yes. */
  readonly asked?: string | undefined;
  /** What the last command came to. */
  readonly notice: string;
}

/** What a key asks for beside a change of the state. */
export type Deed =
  | { readonly deed: "quit" }
  | { readonly deed: "interrupt" }
  | { readonly deed: "command"; readonly verb: Verb; readonly id: string };

export interface Step {
  readonly state: TopState;
  readonly deed?: Deed;
}

export function firstState(process: MonitorProcess): TopState {
  return { process, sort: "rate", notice: "" };
}

export function withSnapshot(state: TopState, snapshot: Snapshot): TopState {
  const rates = ratesOf(state.snapshot, snapshot);
  return rechosen({ ...state, snapshot, rates });
}

/** The kernels in the order in which they are shown. Equal ones stand by name, so that none jumps about. */
export function sortedKernels({ snapshot, rates, sort }: TopState): readonly KernelRow[] {
  const value: Readonly<Record<Sort, (row: KernelRow) => number>> = {
    rate: (row) => rates?.kernels.get(row.id) ?? 0,
    p99: (row) => row.latency.p99Us,
    queue: (row) => row.inputQueueDepth,
    failed: (row) => row.failed,
    restarts: (row) => row.restarts,
    name: () => 0,
  };
  const of = value[sort];
  return (snapshot?.kernels ?? []).toSorted(
    (a, b) => of(b) - of(a) || (a.id < b.id ? -1 : Number(a.id > b.id)),
  );
}

/** The keys in what a terminal sends, as `press` names them. */
export function keysOf(text: string): readonly string[] {
  const names: Readonly<Record<string, string>> = {
    ...{ "\u001b[A": "up", "\u001b[B": "down", "\u001bOA": "up", "\u001bOB": "down" },
    ...{ "\u001b[H": "first", "\u001b[F": "last", "\u0003": "interrupt", "\u001b": "escape" },
  };
  // A sequence is one key, so that the letter at its end is none.
  // oxlint-disable-next-line no-control-regex -- Terminals send these.
  const keys = text.match(/\u001b(?:\[[\d;]*[A-Za-z~]|O[A-Z])|[\s\S]/gu) ?? [];
  return keys.map((key) => names[key] ?? key);
}

const COMMANDS: Readonly<Record<string, "pause" | "resume">> = { p: "pause", r: "resume" };

export function press(state: TopState, key: string): Step {
  if (key === "interrupt") return { state, deed: { deed: "interrupt" } };
  const { asked, chosen } = state;
  if (asked !== undefined) {
    const calm = { ...state, asked: undefined, notice: `${asked} was not terminated` };
    if (key !== "y") return { state: calm };
    return { state: { ...calm, notice: "" }, deed: command("terminate", asked) };
  }
  if (key === "q") return { state, deed: { deed: "quit" } };
  if (key === "s") return { state: { ...state, sort: following(state.sort) } };
  if (key === "t" && chosen !== undefined) return { state: { ...state, asked: chosen } };
  const verb = Object.hasOwn(COMMANDS, key) ? COMMANDS[key] : undefined;
  if (verb !== undefined && chosen !== undefined)
    return { state: { ...state, notice: "" }, deed: command(verb, chosen) };
  return { state: moved(state, key) };
}

function command(verb: Verb, id: string): Deed {
  return { deed: "command", verb, id };
}

function following(sort: Sort): Sort {
  return SORTS[(SORTS.indexOf(sort) + 1) % SORTS.length]!;
}

function moved(state: TopState, key: string): TopState {
  const kernels = sortedKernels(state);
  const at = kernels.findIndex(({ id }) => id === state.chosen);
  const places: Readonly<Record<string, number>> = {
    ...{ up: at - 1, k: at - 1, down: at + 1, j: at + 1 },
    ...{ first: 0, last: kernels.length - 1 },
  };
  const to = Object.hasOwn(places, key) ? places[key] : undefined;
  const chosen = to === undefined ? undefined : kernels[Math.max(to, 0)]?.id;
  return chosen === undefined ? state : { ...state, chosen, notice: "" };
}

/** A kernel that has ended is no longer chosen, nor asked about. */
function rechosen(state: TopState): TopState {
  const { chosen, asked, snapshot } = state;
  const isThere = (id?: string): boolean => snapshot?.kernels.some((row) => row.id === id) === true;
  return {
    ...state,
    chosen: isThere(chosen) ? chosen : sortedKernels(state)[0]?.id,
    asked: isThere(asked) ? asked : undefined,
  };
}
