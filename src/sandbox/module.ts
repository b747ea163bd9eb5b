// Module: what a decoded WebAssembly module is to the rest of this room. Plain data, no behaviour.

import type { Feature } from "../base/mod.ts";
import type { IndexSites } from "./index-sites.ts";
import type { CompositeType, FunctionType, Limits, ValueType } from "./types.ts";

export type ExternalKind = "function" | "table" | "memory" | "global" | "tag";

/** External kinds by their code in import and export sections. */
export const EXTERNAL_KINDS: readonly ExternalKind[] = [
  "function",
  "table",
  "memory",
  "global",
  "tag",
];

export interface Section {
  readonly id: number;
  /** The name of a custom section, else the empty string. */
  readonly name: string;
  /** Offset of the id byte; of the payload (behind a custom section's name); of the next section. */
  readonly at: number;
  readonly start: number;
  readonly end: number;
}

export interface Import {
  readonly module: string;
  readonly name: string;
  readonly kind: ExternalKind;
  readonly at: number;
  readonly end: number;
}

export interface Export {
  readonly name: string;
  readonly kind: ExternalKind;
  readonly index: number;
  readonly at: number;
}

export interface Memory extends Limits {
  readonly imported: boolean;
  readonly at: number;
}

export interface Table extends Limits {
  readonly imported: boolean;
  readonly at: number;
  /** Where the limits are written, so that they can be clamped. */
  readonly limitsAt: number;
  readonly limitsEnd: number;
}

export interface Global {
  readonly type: ValueType;
  readonly mutable: boolean;
  readonly imported: boolean;
  /** Where a constant i32 of a defined global's initialiser is, for `__heap_base` and its kind. */
  readonly i32: number | undefined;
}

export interface DataSegment {
  readonly at: number;
  readonly bytes: number;
  /** The memory that an active segment is copied to; undefined for passive ones. */
  readonly memory: number | undefined;
}

/** What one walk over a body found. */
export interface Body {
  /** Offset of the body's size, of its first local declaration, of its first instruction, its end. */
  readonly at: number;
  readonly start: number;
  readonly codeAt: number;
  readonly end: number;
  /** Bytes that parameters and locals take in a frame: 16 for v128, 8 for all else. */
  readonly localBytes: number;
  /** Parameters and declared locals. */
  readonly locals: number;
  readonly hasLoop: boolean;
  /** True if it calls anything, in any way. */
  readonly calls: boolean;
  /** True if it calls through a table or reference. */
  readonly callsIndirectly: boolean;
  readonly callees: ReadonlySet<number>;
  /** True if it can catch an exception. */
  readonly catches: boolean;
}

export interface Module {
  readonly bytes: Uint8Array;
  readonly sections: readonly Section[];
  readonly types: readonly CompositeType[];
  /** Entries of the type section; a group of types is one. */
  readonly typeEntries: number;
  readonly imports: readonly Import[];
  /** Type index of every function, imported ones first. */
  readonly functions: readonly number[];
  readonly importedFunctions: number;
  readonly tables: readonly Table[];
  readonly memories: readonly Memory[];
  readonly importedMemories: number;
  readonly globals: readonly Global[];
  readonly importedGlobals: number;
  readonly tags: number;
  readonly exports: readonly Export[];
  readonly start: number | undefined;
  readonly elementSegments: number;
  readonly data: readonly DataSegment[];
  readonly bodies: readonly Body[];
  /** Functions that a table or a reference may name. */
  readonly addressTaken: ReadonlySet<number>;
  /** Every feature used, with the offset of its first use. */
  readonly features: ReadonlyMap<Feature, number>;
  /** First offset of an instruction that blocks its thread (memory.atomic.wait). */
  readonly waitAt: number | undefined;
  /** In the order in which they are written. */
  readonly indexSites: IndexSites;
}

/** The function type of function `index`; undefined where its type is none. */
export function typeOfFunction(module: Module, index: number): FunctionType | undefined {
  const type = module.types[module.functions[index] ?? -1];
  return type?.kind === "function" ? type : undefined;
}
