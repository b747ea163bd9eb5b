// annulus module inspect: decodes a module completely and shows what it holds. Compiles nothing.

import type { Command } from "commander";
import { MODULE_LIMITS } from "../base/mod.ts";
import { inspect, type ModuleReport } from "../sandbox/mod.ts";
import type { Io } from "./io.ts";
import type { Report } from "./output.ts";
import { type Bound, readBytes } from "./input.ts";
import { verb } from "./verb.ts";

/** A module that is larger is refused before it is read. */
export const MODULE_BOUND: Bound = {
  bytesMax: MODULE_LIMITS.moduleBytesMax,
  code: "MODULE_UNSUPPORTED",
  fix: "Split the module, or build it smaller.",
};

export function moduleInspect(module: Command, io: Io): void {
  const command = module
    .command("inspect")
    .description("Show imports, exports, limits and features of a module.")
    .argument("<file>", "the module, a .wasm");
  verb(command, io, async ([file]) => reportOf(inspect(await readBytes(io, file!, MODULE_BOUND))));
}

function reportOf(report: ModuleReport): Report {
  const functionNames = [...report.functionNames].map(([index, name]) => ({ index, name }));
  return { json: { ...report, functionNames }, lines: linesOf(report) };
}

function linesOf(report: ModuleReport): string[] {
  const { functions, globals, data, start, waitsAt } = report;
  return [
    `size       ${report.bytes} bytes`,
    `functions  ${functions.defined}, ${functions.imported} imported, ${functions.recursive} can recurse`,
    `globals    ${globals.defined}, ${globals.imported} imported`,
    `types      ${report.types}, ${report.tags} tags`,
    `data       ${data.bytes} bytes in ${data.segments} segments`,
    `elements   ${report.elementSegments} segments`,
    `start      ${start === undefined ? "none" : `function ${start}${named(report, start)}`}`,
    `waits      ${waitsAt === undefined ? "never" : `at byte 0x${waitsAt.toString(16)}`}`,
    ...report.memories.map((memory) => `memory     ${memoryLine(memory)}`),
    ...report.tables.map((table) => `table      ${tableLine(table)}`),
    ...report.features.map(({ feature, offset }) => {
      return `feature    ${feature}, first at byte 0x${offset.toString(16)}`;
    }),
    ...report.imports.map(({ module, name, kind }) => `import     ${kind} ${module}.${name}`),
    ...report.exports.map(({ name, kind, index }) => `export     ${kind} ${index} as ${name}`),
    ...report.customSections.map(({ name, bytes }) => `custom     ${name}, ${bytes} bytes`),
  ];
}

function named({ functionNames }: ModuleReport, index: number): string {
  const name = functionNames.get(index);
  return name === undefined ? "" : `, ${name}`;
}

function memoryLine(memory: ModuleReport["memories"][number]): string {
  const { minPages, maxPages, shared, is64, imported } = memory;
  const marks = [shared ? "shared" : "", is64 ? "64-bit" : "", imported ? "imported" : ""];
  return [`${minPages} to ${maxPages ?? "any number of"} pages`, ...marks.filter(Boolean)].join(
    ", ",
  );
}

function tableLine({ minElements, maxElements, imported }: ModuleReport["tables"][number]): string {
  const range = `${minElements} to ${maxElements ?? "any number of"} elements`;
  return imported ? `${range}, imported` : range;
}
