// Print C: the kernel ABI as C11 structures whose every offset is asserted at compile time.

import { DESCRIPTOR, KERNEL_CODE_NOTES, KERNEL_CODES, KERNEL_INFO } from "./descriptor.layout.ts";
import { constantName, snake } from "./names.ts";
import { namedValues, type NativeField, paramsFields, tableFields } from "./native-fields.ts";
import type { ParamsLayout } from "./params.ts";

/** The file `generated/abi.h`. */
export function printAbiC(header: string): string {
  return [
    `/* ${header} */`,
    "#ifndef ANNULUS_ABI_H",
    "#define ANNULUS_ABI_H",
    "",
    "#include <stddef.h>",
    "#include <stdint.h>",
    "",
    structC("annulus_descriptor", tableFields(DESCRIPTOR), DESCRIPTOR.bytes),
    structC("annulus_kernel_info", tableFields(KERNEL_INFO), KERNEL_INFO.bytes),
    "enum annulus_code {",
    ...Object.entries(KERNEL_CODES).map(
      ([name, code]) =>
        `  ANNULUS_${name} = ${code}, /* ${KERNEL_CODE_NOTES[name as keyof typeof KERNEL_CODES]} */`,
    ),
    "};",
    "",
    "#endif",
    "",
  ].join("\n");
}

/**
 * The parameter block of one kernel as `struct annulus_<kernel>_params`, a param under its own name,
 * a dimension as `dim_<name>`. A bool is a uint32_t that is 0 or 1. A value of 32 bits that the manifest
 * names becomes `ANNULUS_<KERNEL>_<PARAM>_<VALUE>`. A kernel without params prints only the constant `ANNULUS_<KERNEL>_PARAMS_BYTES`, since C has no empty structure.
 */
export function paramsAccessorsC(kernelId: string, layout: ParamsLayout): string {
  const name = `annulus_${snake(kernelId)}_params`;
  const kernel = `ANNULUS_${constantName(kernelId)}`;
  const constants = [
    `enum { ${kernel}_PARAMS_BYTES = ${layout.bytes} };\n`,
    ...namedValues(layout).map(({ path, type, value, note }) => {
      const constant = [kernel, ...path.map(constantName)].join("_");
      return `#define ${constant} ((${C_TYPE[type]})(${value})) ${commentC(note)}\n`;
    }),
  ].join("");
  if (layout.bytes === 0) return constants;
  return `${constants}\n${structC(name, paramsFields(layout, RESERVED), layout.bytes)}`;
}

/** A structure with an assertion for its size and for the offset of each field. */
export function structC(name: string, fields: readonly NativeField[], bytes: number): string {
  return [
    `/* ${bytes} bytes, little-endian. */`,
    `struct ${name} {`,
    ...fields.map(({ name: field, kind, count, note }) => {
      const array = count === 1 && kind !== "pad" ? "" : `[${count}]`;
      return `  ${C_TYPE[kind]} ${field}${array};${note === "" ? "" : ` ${commentC(note)}`}`;
    }),
    "};",
    `_Static_assert(sizeof(struct ${name}) == ${bytes}, "${name} is ${bytes} bytes");`,
    ...fields.map(
      ({ name: field, at }) =>
        `_Static_assert(offsetof(struct ${name}, ${field}) == ${at}, "${name}.${field} is at ${at}");`,
    ),
    "",
  ].join("\n");
}

export function commentC(note: string): string {
  return `/* ${note.replaceAll(/\s+/g, " ").replaceAll("*/", "* /").replaceAll("/*", "/ *")} */`;
}

const C_TYPE = {
  u8: "uint8_t",
  i8: "int8_t",
  u16: "uint16_t",
  i16: "int16_t",
  u32: "uint32_t",
  i32: "int32_t",
  u64: "uint64_t",
  i64: "int64_t",
  f32: "float",
  f64: "double",
  pad: "uint8_t",
} as const;

const RESERVED: ReadonlySet<string> = new Set(
  `auto break case char const continue default do double else enum extern float for goto if inline int
  long register restrict return short signed sizeof static struct switch typedef union unsigned void
  volatile while _Alignas _Alignof _Atomic _Bool _Complex _Generic _Imaginary _Noreturn _Static_assert
  _Thread_local alignas alignof asm bool class delete false namespace new nullptr operator private
  protected public template this throw true try typename using virtual`.split(/\s+/),
);
