// Trace: what profiled threads recorded, as Chrome's performance panel and Perfetto open it. Each kernel is a
// process there, and each lane of each thread that serves it a row.

import { Failure } from "../base/mod.ts";
import type { Handling, Profile } from "./profile.ts";

/** Of Chrome's trace event format: a complete event, or a name for a process or a thread. */
export type TraceEvent =
  | {
      readonly ph: "X";
      readonly name: string;
      readonly cat: "handler";
      /** Microseconds of the process's monotonic clock. */
      readonly ts: number;
      readonly dur: number;
      readonly pid: number;
      readonly tid: number;
      readonly args: {
        readonly source: string;
        readonly call: boolean;
        readonly late: boolean;
        readonly failed: boolean;
      };
    }
  | {
      readonly ph: "M";
      readonly name: "process_name" | "thread_name";
      readonly pid: number;
      readonly tid: number;
      readonly args: { readonly name: string };
    };

/** `JSON.stringify` makes the file. */
export interface Trace {
  readonly traceEvents: readonly TraceEvent[];
  readonly displayTimeUnit: "ns";
  readonly otherData: {
    /** Messages that were recorded and whose records were written over. */
    readonly overwritten: number;
  };
}

/** A kernel that may have been profiled. */
export interface TraceSource {
  readonly id: string;
  readonly number: number;
  /** Of each of its threads; none where it is not profiled. */
  readonly profiles: readonly Profile[];
  /** What a message's type is called. */
  readonly nameOf: (type: number) => string;
}

/** Rows of one thread: there are no more lanes. */
const LANES = 1024;

/** Of one kernel. Fails with OPTION_UNSUPPORTED unless it is profiled. */
export function kernelTrace(source: TraceSource): Trace {
  if (source.profiles.length > 0) return traceOf([source]);
  throw new Failure("OPTION_UNSUPPORTED", {
    at: `kernel ${source.id}`,
    ...{ found: "a kernel that records nothing", expected: "one that does" },
    fix: "Launch it with `profiling: true`.",
  });
}

/** Of all that were profiled; the others give their names to whom they send. */
export function traceOf(sources: readonly TraceSource[]): Trace {
  const ids = new Map(sources.map(({ id, number }) => [number, id]));
  const senderOf = (source: number): string =>
    source === 0 ? "host" : (ids.get(source) ?? `kernel number ${source}`);
  let overwritten = 0;
  const profiled = sources.filter(({ profiles }) => profiles.length > 0);
  const traceEvents = profiled.flatMap((source) => {
    const read = source.profiles.map((profile) => profile.read());
    for (const one of read) overwritten += one.overwritten;
    const threads = read.map(({ handlings }) => handlings);
    return [...namesOf(source, threads), ...slicesOf(source, threads, senderOf)];
  });
  return { traceEvents, displayTimeUnit: "ns", otherData: { overwritten } };
}

function namesOf(
  { id, number: pid }: TraceSource,
  threads: readonly (readonly Handling[])[],
): TraceEvent[] {
  const rows = threads.flatMap((handlings, thread) =>
    [...new Set([0, ...handlings.map(({ lane }) => lane)])].map((lane): TraceEvent => {
      const name = lane === 0 ? `thread ${thread}` : `thread ${thread}, lane ${lane}`;
      return { ph: "M", name: "thread_name", pid, tid: rowOf(thread, lane), args: { name } };
    }),
  );
  return [{ ph: "M", name: "process_name", pid, tid: 0, args: { name: id } }, ...rows];
}

function slicesOf(
  { number: pid, nameOf }: TraceSource,
  threads: readonly (readonly Handling[])[],
  senderOf: (source: number) => string,
): TraceEvent[] {
  return threads.flatMap((handlings, thread) =>
    handlings.map(
      ({ type, source, lane, startNs, durationNs, isCall, isLate, hasFailed }): TraceEvent => ({
        ...{ ph: "X", name: nameOf(type), cat: "handler", pid, tid: rowOf(thread, lane) },
        ...{ ts: startNs / 1000, dur: durationNs / 1000 },
        args: { source: senderOf(source), call: isCall, late: isLate, failed: hasFailed },
      }),
    ),
  );
}

function rowOf(thread: number, lane: number): number {
  return thread * LANES + lane + 1;
}
