// Inspect: what a module is and wants, told without compiling or running any of it.

import type { Feature } from "../base/mod.ts";
import { recursiveFunctions } from "./callgraph.ts";
import { decode } from "./decode.ts";
import type { ExternalKind, Module } from "./module.ts";
import { functionNames } from "./names.ts";

export interface ModuleReport {
  readonly bytes: number;
  readonly imports: readonly {
    readonly module: string;
    readonly name: string;
    readonly kind: ExternalKind;
  }[];
  readonly exports: readonly {
    readonly name: string;
    readonly kind: ExternalKind;
    readonly index: number;
  }[];
  /** Pages of 64 KiB. */
  readonly memories: readonly {
    readonly minPages: number;
    readonly maxPages: number | undefined;
    readonly shared: boolean;
    readonly is64: boolean;
    readonly imported: boolean;
  }[];
  readonly tables: readonly {
    readonly minElements: number;
    readonly maxElements: number | undefined;
    readonly imported: boolean;
  }[];
  readonly functions: {
    readonly imported: number;
    readonly defined: number;
    readonly recursive: number;
  };
  readonly globals: { readonly imported: number; readonly defined: number };
  readonly types: number;
  readonly tags: number;
  readonly data: { readonly segments: number; readonly bytes: number };
  readonly elementSegments: number;
  /** Index of the start function. */
  readonly start: number | undefined;
  /** Features used beyond the first version of WebAssembly, with the offset of the first use. */
  readonly features: readonly { readonly feature: Feature; readonly offset: number }[];
  /** Offset of the first instruction that can block its thread. */
  readonly waitsAt: number | undefined;
  readonly customSections: readonly { readonly name: string; readonly bytes: number }[];
  /** Names of functions by index, where the module tells any. They are the author's word only. */
  readonly functionNames: ReadonlyMap<number, string>;
}

/**
 * Decodes core WebAssembly completely and reports what it holds. Fails with MODULE_MALFORMED where no
 * engine would accept the bytes, and with MODULE_UNSUPPORTED, naming feature and offset, where this
 * version cannot read them. A report does not say that the module is valid: the engine does.
 */
export function inspect(bytes: Uint8Array): ModuleReport {
  return reportOf(decode(bytes));
}

/** The report on a module that is decoded already. */
export function reportOf(module: Module): ModuleReport {
  return {
    bytes: module.bytes.length,
    imports: module.imports.map(({ module: from, name, kind }) => ({ module: from, name, kind })),
    exports: module.exports.map(({ name, kind, index }) => ({ name, kind, index })),
    memories: module.memories.map(({ min, max, shared, wide, imported }) => {
      return { minPages: min, maxPages: max, shared, is64: wide, imported };
    }),
    tables: module.tables.map(({ min, max, imported }) => {
      return { minElements: min, maxElements: max, imported };
    }),
    functions: {
      imported: module.importedFunctions,
      defined: module.bodies.length,
      recursive: recursiveFunctions(module).reduce((sum, one) => sum + one, 0),
    },
    globals: {
      imported: module.importedGlobals,
      defined: module.globals.length - module.importedGlobals,
    },
    types: module.types.length,
    tags: module.tags,
    data: {
      segments: module.data.length,
      bytes: module.data.reduce((sum, { bytes }) => sum + bytes, 0),
    },
    elementSegments: module.elementSegments,
    start: module.start,
    features: [...module.features].map(([feature, offset]) => ({ feature, offset })),
    waitsAt: module.waitAt,
    customSections: module.sections
      .filter(({ id }) => id === 0)
      .map(({ name, start, end }) => ({ name, bytes: end - start })),
    functionNames: functionNames(module),
  };
}
