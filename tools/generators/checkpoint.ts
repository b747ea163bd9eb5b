// Prints docs/reference/checkpoint.md from src/layout and the template beside this file.

import { readFile } from "node:fs/promises";

import { printCheckpointTables } from "../../src/layout/print.ts";
import type { Generated } from "../generate.ts";

const HEADER = "Printed by `npm run generate` from src/layout/checkpoint.layout.ts. Do not edit.";
const TEMPLATE = new URL("checkpoint.template.md", import.meta.url);

export async function generate(): Promise<Generated> {
  let text = (await readFile(TEMPLATE, "utf8")).replace("{{header}}", HEADER);
  for (const [name, table] of Object.entries(printCheckpointTables()))
    text = text.replace(`{{${name}}}`, table.trimEnd());
  return { "docs/reference/checkpoint.md": text };
}
