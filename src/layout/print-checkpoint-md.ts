// Print Markdown: the tables of docs/reference/checkpoint.md, for its template.

import { MESSAGE_HEADER } from "./actor.layout.ts";
import { CHECKPOINT_HEADER } from "./checkpoint.layout.ts";
import { structTable } from "./print-md.ts";

/** By the name of its place in the template. */
export function printCheckpointTables(): Readonly<Record<string, string>> {
  return {
    header_table: structTable(CHECKPOINT_HEADER),
    message_table: structTable(MESSAGE_HEADER),
  };
}
