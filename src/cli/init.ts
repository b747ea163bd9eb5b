// annulus init: makes a folder to start from.

import type { Command } from "commander";
import { initKernel } from "./init-kernel.ts";
import type { Io } from "./io.ts";

export function initVerbs(program: Command, io: Io): void {
  initKernel(program.command("init").description("Make a folder to start from."), io);
}
