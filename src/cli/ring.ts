// annulus ring: logs of a ring's slots: show them, run them again, and find where two differ.

import type { Command } from "commander";
import type { Io } from "./io.ts";
import { ringDiff } from "./ring-diff.ts";
import { ringReplay } from "./ring-replay.ts";
import { ringShow } from "./ring-show.ts";

export function ringVerbs(program: Command, io: Io): void {
  const ring = program
    .command("ring")
    .description("Show, replay and compare logs of a ring's slots.");
  ringReplay(ring, io);
  ringDiff(ring, io);
  ringShow(ring, io);
}
