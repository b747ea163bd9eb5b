// annulus module instrument: rewrites a module so that its host can stop it, and says what it now needs.

import { resolve } from "node:path";
import { type Command, Option } from "commander";
import {
  type AddedImport,
  instrument,
  type Instrumented,
  type InstrumentOptions,
} from "../sandbox/mod.ts";
import type { Io } from "./io.ts";
import { MODULE_BOUND } from "./module-inspect.ts";
import type { Report } from "./output.ts";
import { readBytes } from "./input.ts";
import { verb } from "./verb.ts";
import { writeWhole } from "./write.ts";

interface Options {
  readonly interrupt: InstrumentOptions["interrupt"];
  readonly memory: InstrumentOptions["memory"];
  readonly entry?: readonly string[];
}

export function moduleInstrument(module: Command, io: Io): void {
  const command = module
    .command("instrument")
    .description("Rewrite a module so that its host can stop it.")
    .argument("<in>", "the module, a .wasm")
    .argument("<out>", "where the rewritten module goes")
    .addOption(
      new Option("--interrupt <how>", "stop by deadline, by fuel, or not at all")
        .choices(["epoch", "fuel", "none"])
        .default("epoch"),
    )
    .addOption(
      new Option("--memory <whose>", "the host's, shared and imported, or as the module has it")
        .choices(["host", "keep"])
        .default("keep"),
    )
    .option("--entry <name...>", "exports to make armed entries for");
  verb<Options>(command, io, ([from, to], options) => rewrite(io, from!, to!, options));
}

async function rewrite(io: Io, from: string, to: string, options: Options): Promise<Report> {
  const { entry: entries = [], interrupt, memory } = options;
  const bytes = await readBytes(io, from, MODULE_BOUND);
  const made = instrument(bytes, { interrupt, memory, entries });
  await writeWhole(resolve(io.cwd, to), made.bytes);
  return reportOf(bytes.length, to, made);
}

function reportOf(before: number, to: string, { bytes, imports, exports }: Instrumented): Report {
  return {
    json: { out: to, bytes_before: before, bytes: bytes.length, imports, exports },
    lines: [
      `wrote ${to}, ${bytes.length} bytes, before ${before}`,
      ...imports.map((added) => `import  ${importLine(added)}`),
      ...exports.map(
        ({ name, entry }) => `export  function ${name}, which arms and calls ${entry}`,
      ),
    ],
  };
}

function importLine({ module, name, kind, type }: AddedImport): string {
  if (kind === "global") return `global ${module}.${name}, mutable ${type.value}`;
  return `memory ${module}.${name}, shared, ${type.initial} to ${type.maximum} pages`;
}
