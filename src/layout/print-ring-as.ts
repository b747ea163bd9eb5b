// Print AssemblyScript: the slot ring as inline readers and writers that take a base pointer.
//
// Words that several threads write are read and written by atomics, which order everything before them.

import { fieldsOf, type Field, type Layout } from "./layout.ts";
import { camel, pascal } from "./names.ts";
import { constantAs, INLINE, sentence } from "./print-as.ts";
import { ATOMIC_FIELDS, RING_STRUCTURES, ringConstants } from "./ring-constants.ts";

/**
 * The file `generated/ring.as.ts`: for a field such as the slot's `tenant`, `slotTenant(slot)` and
 * `setSlotTenant(slot, value)`; for an array of words an index follows the pointer.
 */
export function printRingAs(header: string): string {
  const tables = Object.entries(RING_STRUCTURES);
  return [
    `// ${header}`,
    "",
    ...tables.map(([name, { bytes }]) =>
      constantAs(`${name.toUpperCase()}_BYTES`, bytes, `bytes of one ${name.replace("_", " ")}`),
    ),
    ...ringConstants().flatMap(([title, constants]) => [
      "",
      `// ${title}.`,
      "",
      ...constants.map(({ name, value, note }) => constantAs(name, value, note || title, "u32")),
    ]),
    "",
    ...tables.flatMap(([name, table]) => accessors(name, table)),
  ].join("\n");
}

function accessors(table: string, { fields }: Layout): string[] {
  return fieldsOf({ fields } as Layout).map(([name, field]) => {
    const atomic = ATOMIC_FIELDS.has(`${table}.${name}`) ? "atomic." : "";
    return accessor(table, name, field, atomic);
  });
}

function accessor(table: string, name: string, { at, count, note }: Field, atomic: string): string {
  const base = camel(table);
  const index = count === 1 ? "" : ", index: u32";
  const pointer = count === 1 ? base : `${base} + (<usize>index << 2)`;
  const called = `${base}${pascal(name)}`;
  return [
    `/** ${sentence(note)} */`,
    INLINE,
    `export function ${called}(${base}: usize${index}): u32 {`,
    `  return ${atomic}load<u32>(${pointer}, ${at});`,
    "}",
    "",
    INLINE,
    `export function set${pascal(called)}(${base}: usize${index}, value: u32): void {`,
    `  ${atomic}store<u32>(${pointer}, value, ${at});`,
    "}",
    "",
  ].join("\n");
}
