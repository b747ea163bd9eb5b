// Prints the slot ring from src/layout for every language that publishers and executors are written in,
// and docs/reference/ring.md from the template beside this file, whose tables it fills in.

import { readFile } from "node:fs/promises";

import { printRingAs, printRingC, printRingTable, printRingWgsl } from "../../src/layout/print.ts";
import type { Generated } from "../generate.ts";

const HEADER = "Printed by `npm run generate` from src/layout/ring.layout.ts. Do not edit.";
const TEMPLATE = new URL("ring.template.md", import.meta.url);

export async function generate(): Promise<Generated> {
  const template = await readFile(TEMPLATE, "utf8");
  const reference = template.replaceAll(/^\{\{([\w ]+)\}\}$/gm, (_, name: string) =>
    printRingTable(name).trimEnd(),
  );
  return {
    "generated/ring.as.ts": printRingAs(HEADER),
    "generated/ring.h": printRingC(HEADER),
    "generated/ring.wgsl": printRingWgsl(HEADER),
    "docs/reference/ring.md": reference.replace("{{header}}", HEADER),
  };
}
