// Prints the kernel ABI from src/layout in every language that kernels are written in.

import { printAbiAs, printAbiC, printAbiMarkdown, printAbiRust } from "../../src/layout/print.ts";
import type { Generated } from "../generate.ts";

const HEADER = "Printed by `npm run generate` from src/layout/descriptor.layout.ts. Do not edit.";

export async function generate(): Promise<Generated> {
  return {
    "generated/abi.as.ts": printAbiAs(HEADER),
    "generated/abi.h": printAbiC(HEADER),
    "generated/abi.rs": printAbiRust(HEADER),
    "docs/reference/abi.md": printAbiMarkdown(HEADER),
  };
}
