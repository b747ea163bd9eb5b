// Protocol: the lines that a monitor and who watches it exchange, and the parsers that let nothing else in.
//
//   watcher                                            process
//   {"annulus":"monitor","version":1,"key":"…"}  ->         who cannot say the key is told nothing
//                                                <-  {"kind":"welcome","version":1,"process":{…}}
//   {"do":"snapshot"}                            ->         one, or with "watch" one after the other
//                                                <-  {"kind":"snapshot",…}
//   {"do":"pause","request":1,"id":"bank"}       ->
//                                                <-  {"kind":"done","request":1} or {"kind":"failed",…}
//
// A line has the fields that stand here, each of its type and within its bound, or it is refused whole.

import { type FailureCode, FAILURES, MONITOR_LIMITS } from "../base/mod.ts";
import {
  type KernelEnd,
  type KernelMetrics,
  type KernelState,
  type LatencyFacts,
  STATES,
} from "../runtime/mod.ts";
import { broken } from "./lines.ts";

export const MONITOR_VERSION = 1;

/** What may be done to a kernel. */
export const VERBS = ["pause", "resume", "terminate"] as const;
export type Verb = (typeof VERBS)[number];

/** Who is watched. */
export interface MonitorProcess {
  readonly pid: number;
  readonly title: string;
  /** The program that it runs, without its folder. */
  readonly script: string;
}

export interface Opening {
  readonly annulus: "monitor";
  readonly version: number;
  readonly key: string;
}

export type Order =
  | { readonly do: "snapshot" }
  | { readonly do: "watch"; readonly everyMs: number }
  | { readonly do: Verb; readonly request: number; readonly id: string };

/** Of calls as the host saw them: all numbers are 0 until one was answered. */
export const LATENCIES = [
  "count",
  "p50Us",
  "p90Us",
  "p99Us",
  "p999Us",
  "maxUs",
] as const satisfies readonly (keyof LatencyFacts)[];

/** The numbers of a kernel that `KernelMetrics` has under the same name. */
export const COUNTS = [
  ...(["inputQueueDepth", "outputQueueDepth", "inHand", "messagesProcessed", "uptimeMs"] as const),
  ...(["failed", "expired", "malformed", "skewed", "sent", "queueFull", "dropped"] as const),
  ...(["emitted", "emitFull", "received", "answered", "timedOut", "lateReplies"] as const),
] as const;

export type KernelRow = Readonly<Record<(typeof COUNTS)[number], number>> & {
  readonly id: string;
  readonly state: KernelState;
  readonly mode: KernelMetrics["mode"];
  /** From 1; one more with every restart. */
  readonly generation: number;
  readonly restarts: number;
  readonly latency: LatencyFacts;
};

export const TOTALS = [
  ...(["activeKernels", "totalLaunched", "messagesSent", "messagesReceived"] as const),
  ...(["restarts", "threads", "hostMemoryBytes"] as const),
] as const;

export interface Snapshot {
  /** Milliseconds of the process's own clock, to be compared with those of another snapshot only. */
  readonly atMs: number;
  readonly backend: string;
  readonly runtime: Readonly<Record<(typeof TOTALS)[number], number>> & {
    readonly latency: LatencyFacts;
  };
  readonly kernels: readonly KernelRow[];
  /** Kernels that are there and for which the snapshot had no room. */
  readonly hidden: number;
}

export interface Told {
  readonly code: FailureCode;
  readonly at: string;
  readonly found: string;
  readonly expected: string;
  readonly fix: string;
}

/** What became of a command. `how`: how the kernel's life ended. */
export interface Done {
  readonly how?: KernelEnd["how"];
}

export type Reply =
  | { readonly kind: "welcome"; readonly version: number; readonly process: MonitorProcess }
  | ({ readonly kind: "snapshot" } & Snapshot)
  | ({ readonly kind: "done"; readonly request: number } & Done)
  | { readonly kind: "failed"; readonly request: number; readonly failure: Told }
  /** The last line: why the connection ends. */
  | { readonly kind: "refused"; readonly failure: Told };

type Check = (value: unknown) => boolean;
type Checks = Readonly<Record<string, Check>>;

const text: Check = (value) =>
  typeof value === "string" && value.length <= MONITOR_LIMITS.textCharactersMax;
const id: Check = (value) =>
  typeof value === "string" && value !== "" && value.length <= MONITOR_LIMITS.idCharactersMax;
const count: Check = (value) => typeof value === "number" && Number.isFinite(value) && value >= 0;
const whole: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const oneOf =
  (...values: readonly unknown[]): Check =>
  (value) =>
    values.includes(value);
const listOf =
  (most: number, check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.length <= most && value.every(check);
const all = (names: readonly string[], check: Check): Checks =>
  Object.fromEntries(names.map((name) => [name, check]));

/** An object with these fields, perhaps with the optional ones, and with no other. */
function object(fields: Checks, optional: Checks = {}): Check {
  const known = new Map(Object.entries({ ...fields, ...optional }));
  const needed = Object.keys(fields);
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
    return (
      needed.every((name) => Object.hasOwn(value, name)) &&
      Object.entries(value).every(([name, of]) => known.get(name)?.(of) === true)
    );
  };
}

const interval: Check = (value) =>
  whole(value) &&
  (value as number) >= MONITOR_LIMITS.intervalMsMin &&
  (value as number) <= MONITOR_LIMITS.intervalMsMax;

const isOpening = object({ annulus: oneOf("monitor"), version: whole, key: text });
const isOrder: readonly Check[] = [
  object({ do: oneOf("snapshot") }),
  object({ do: oneOf("watch"), everyMs: interval }),
  object({ do: oneOf(...VERBS), request: whole, id }),
];

const told = object({
  code: (value) => typeof value === "string" && Object.hasOwn(FAILURES, value),
  ...all(["at", "found", "expected", "fix"], text),
});
const latency = object(all(LATENCIES, count));
const row = object({
  ...{ id, state: oneOf(...STATES), mode: oneOf("persistent", "event-driven") },
  ...all(COUNTS, count),
  ...{ generation: whole, restarts: whole, latency },
});
const isReply: readonly Check[] = [
  object({
    ...{ kind: oneOf("welcome"), version: whole },
    process: object({ pid: whole, title: text, script: text }),
  }),
  object({
    ...{ kind: oneOf("snapshot"), atMs: count, backend: text },
    ...{ runtime: object({ ...all(TOTALS, count), latency }), hidden: whole },
    kernels: listOf(MONITOR_LIMITS.kernelsMax, row),
  }),
  object({ kind: oneOf("done"), request: whole }, { how: oneOf("terminated", "forced", "killed") }),
  object({ kind: oneOf("failed"), request: whole, failure: told }),
  object({ kind: oneOf("refused"), failure: told }),
];

/** The first line to a process. Fails with MONITOR_PROTOCOL. */
export function parseOpening(line: string): Opening {
  const value = parseJson(line);
  if (isOpening(value)) return value as Opening;
  throw broken(excerpt(line), "an opening with version and key");
}

export function parseOrder(line: string): Order {
  const value = parseJson(line);
  if (isOrder.some((check) => check(value))) return value as Order;
  throw broken(excerpt(line), "snapshot, watch, pause, resume or terminate");
}

export function parseReply(line: string): Reply {
  const value = parseJson(line);
  if (isReply.some((check) => check(value))) return value as Reply;
  throw broken(excerpt(line), "a welcome, a snapshot or what became of a command");
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw broken(excerpt(line), "a line of JSON", cause);
  }
}

const EXCERPT = 60;

/** What a failure shows of a line, which may be the peer's whole bound long. */
function excerpt(line: string): string {
  return line.length <= EXCERPT ? line : `${line.slice(0, EXCERPT)}…`;
}
