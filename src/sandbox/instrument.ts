// Instrument: rewrites a module so that its host can stop it, bound its stack and own its memory.
//
// A pure function of bytes and options. What it adds the author's code cannot name: every index of
// the author's was checked against the author's own spaces (decode.ts), and everything added lies
// behind them. What it adds, in full:
//
//   imports    annulus.memory       the kernel's memory, shared, owned by the host (memory: "host")
//              annulus.epoch        one shared page; its first word is the epoch ("epoch")
//              annulus.deadline     mutable i32: the epoch at which the running call ends ("epoch")
//              annulus.fuel         mutable i64: what is left to burn ("fuel")
//              annulus.stack        mutable i32: bytes of stack left (where a function can recurse)
//              annulus.interrupted  mutable i32: why a call was stopped (where any of these is)
//              annulus.request      mutable i32: the pointer that a batch is at (with a batch)
//   exports    annulus:NAME         for each entry: arms the call, then calls the export NAME
//              annulus:batch:NAME   for each batch: the same for one pointer after the other
//
// Results and traps stay the author's; invalid modules stay invalid; the start function runs where
// it ran before, under the deadline that the host puts into the global before it instantiates.

import { planAdditions } from "./additions.ts";
import { decode } from "./decode.ts";
import type { AddedImport, InstrumentOptions } from "./instrument-options.ts";
import type { Module } from "./module.ts";
import { rewriteSections } from "./rewrite-sections.ts";
import type { OffsetMap } from "./writer.ts";

export { HOST_MODULE } from "./additions.ts";
export type { AddedImport, InstrumentOptions, MemoryType } from "./instrument-options.ts";

/**
 * An armed entry: `(deadline: i32, ...params)` in epoch mode, `(fuel: i64, ...params)` in fuel mode,
 * the author's own parameters in mode "none". It grants the stack anew, then calls.
 */
export interface AddedExport {
  readonly name: string;
  readonly kind: "function";
  /** The author's export that it calls. */
  readonly entry: string;
}

export interface Instrumented {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly imports: readonly AddedImport[];
  /** The armed entries, and the batch entries: `(ticks | fuel, at, end)` or, in mode "none", `(at, end)`. */
  readonly exports: readonly AddedExport[];
  readonly batches: readonly AddedExport[];
  readonly offsets: OffsetMap;
}

/** Rewrites a module. Throws MODULE_MALFORMED, MODULE_UNSUPPORTED or MODULE_REFUSED; never half-done. */
export function instrument(bytes: Uint8Array, options: InstrumentOptions): Instrumented {
  return instrumentModule(decode(bytes), options);
}

/** The same for a module that is decoded already. */
export function instrumentModule(module: Module, options: InstrumentOptions): Instrumented {
  const additions = planAdditions(module, options);
  const writer = rewriteSections(module, additions, options.tableElementsMax);
  const exportsOf = (batches: boolean): AddedExport[] =>
    additions.entries
      .filter(({ isBatch }) => isBatch === batches)
      .map(({ name, entry }) => ({ name, kind: "function", entry }));
  return {
    bytes: writer.bytes(),
    imports: additions.imports,
    exports: exportsOf(false),
    batches: exportsOf(true),
    offsets: writer,
  };
}
