// annulus module: what the sandbox sees in any WebAssembly module, and what it makes of one.

import type { Command } from "commander";
import type { Io } from "./io.ts";
import { moduleInspect } from "./module-inspect.ts";
import { moduleInstrument } from "./module-instrument.ts";

export function moduleVerbs(program: Command, io: Io): void {
  const module = program
    .command("module")
    .description("Look into WebAssembly modules, and make them interruptible.");
  moduleInspect(module, io);
  moduleInstrument(module, io);
}
