// annulus pack: make, sign, check, test and show kernel packs.

import type { Command } from "commander";
import type { Io } from "./io.ts";
import { packAccessors } from "./pack-accessors.ts";
import { packBuild } from "./pack-build.ts";
import { packInspect } from "./pack-inspect.ts";
import { packKeygen } from "./pack-keygen.ts";
import { packSign } from "./pack-sign.ts";
import { packTest } from "./pack-test.ts";
import { packVerify } from "./pack-verify.ts";

export function packVerbs(program: Command, io: Io): void {
  const pack = program
    .command("pack")
    .description("Make, sign, check, test and show kernel packs.");
  packAccessors(pack, io);
  packKeygen(pack, io);
  packBuild(pack, io);
  packSign(pack, io);
  packVerify(pack, io);
  packInspect(pack, io);
  packTest(pack, io);
}
