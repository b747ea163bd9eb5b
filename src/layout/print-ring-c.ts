// Print C: the slot ring as C11 structures whose every offset is asserted, and its codes.

import { tableFields } from "./native-fields.ts";
import { commentC, structC } from "./print-c.ts";
import { RING_STRUCTURES, ringConstants } from "./ring-constants.ts";

/** The file `generated/ring.h`. Its constants are macros, since some fill all 32 bits. */
export function printRingC(header: string): string {
  return [
    `/* ${header} */`,
    "#ifndef ANNULUS_RING_H",
    "#define ANNULUS_RING_H",
    "",
    "#include <stddef.h>",
    "#include <stdint.h>",
    "",
    ...Object.entries(RING_STRUCTURES).map(([name, table]) =>
      structC(`annulus_${name}`, tableFields(table), table.bytes),
    ),
    ...ringConstants().flatMap(([title, constants]) => [
      `/* ${title}. */`,
      ...constants.map(({ name, value, note }) =>
        `#define ANNULUS_${name} ${value}u ${note === "" ? "" : commentC(note)}`.trimEnd(),
      ),
      "",
    ]),
    "#endif",
    "",
  ].join("\n");
}
