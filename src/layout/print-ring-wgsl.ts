// Print WGSL: the slot ring's structures and constants, to stand at the head of a shader.
//
// Words that other invocations write are `atomic<u32>`, so the bindings that hold them are read_write.
// The lanes' cursors and the bells are the host's, and not printed: a dispatch is handed its slots.

import { fieldsOf, type Layout } from "./layout.ts";
import { pascal } from "./names.ts";
import { ATOMIC_FIELDS, RING_STRUCTURES, ringConstants } from "./ring-constants.ts";

/** The file `generated/ring.wgsl`. */
export function printRingWgsl(header: string): string {
  const { slot, debug_record, io_entry, task_slot } = RING_STRUCTURES;
  const structures = Object.entries({ slot, debug_record, io_entry, task_slot });
  return [
    `// ${header}`,
    "",
    ...structures.map(([name, table]) => structWgsl(name, table)),
    ...ringConstants().flatMap(([title, constants]) => [
      `// ${title}.`,
      ...constants.map(
        ({ name, value, note }) =>
          `const ${name}: u32 = ${value}u;${note === "" ? "" : ` // ${line(note)}`}`,
      ),
      "",
    ]),
  ].join("\n");
}

function structWgsl(name: string, table: Layout): string {
  return [
    `// ${table.bytes} bytes.`,
    `struct ${pascal(name)} {`,
    ...fieldsOf(table).map(([field, { count, note }]) => {
      const one = ATOMIC_FIELDS.has(`${name}.${field}`) ? "atomic<u32>" : "u32";
      const type = count === 1 ? one : `array<${one}, ${count}>`;
      return `  ${field}: ${type}, // ${line(note)}`;
    }),
    "}",
    "",
  ].join("\n");
}

function line(note: string): string {
  return note.replaceAll(/\s+/g, " ");
}
