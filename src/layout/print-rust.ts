// Print Rust: the kernel ABI as `#[repr(C)]` structures whose every offset is asserted at compile time.
//
// Only `core` is used, so the file serves `no_std` kernels as it is.

import { DESCRIPTOR, KERNEL_CODE_NOTES, KERNEL_CODES, KERNEL_INFO } from "./descriptor.layout.ts";
import { constantName, pascal } from "./names.ts";
import { namedValues, type NativeField, paramsFields, tableFields } from "./native-fields.ts";
import type { ParamsLayout } from "./params.ts";

/** The file `generated/abi.rs`, to be used as a module. */
export function printAbiRust(header: string): string {
  return [
    `// ${header}`,
    "",
    struct("Descriptor", tableFields(DESCRIPTOR), DESCRIPTOR.bytes),
    struct("KernelInfo", tableFields(KERNEL_INFO), KERNEL_INFO.bytes),
    ...Object.entries(KERNEL_CODES).flatMap(([name, code]) => [
      `/// Return code: ${KERNEL_CODE_NOTES[name as keyof typeof KERNEL_CODES]}.`,
      `pub const ${name}: i32 = ${code};`,
    ]),
    "",
  ].join("\n");
}

/**
 * The parameter block of one kernel as `<Kernel>Params`, a param under its own name, a dimension as
 * `dim_<name>`. A bool is a u32 that is 0 or 1. A value of 32 bits that the manifest names becomes
 * `<KERNEL>_<PARAM>_<VALUE>`. A kernel without params prints only the constant `<KERNEL>_PARAMS_BYTES`.
 */
export function paramsAccessorsRust(kernelId: string, layout: ParamsLayout): string {
  const kernel = constantName(kernelId);
  const constants = [
    `pub const ${kernel}_PARAMS_BYTES: usize = ${layout.bytes};\n`,
    ...namedValues(layout).map(({ path, type, value, note }) => {
      const constant = [kernel, ...path.map(constantName)].join("_");
      return `${doc(note)}\npub const ${constant}: ${type} = ${value};\n`;
    }),
  ].join("");
  if (layout.bytes === 0) return constants;
  const fields = paramsFields(layout, RESERVED);
  return `${constants}\n${struct(`${pascal(kernelId)}Params`, fields, layout.bytes)}`;
}

function struct(name: string, fields: readonly NativeField[], bytes: number): string {
  return [
    `/// ${bytes} bytes, little-endian.`,
    "#[repr(C)]",
    "#[derive(Clone, Copy, Debug)]",
    `pub struct ${name} {`,
    ...fields.flatMap(({ name: field, kind, count, note }) => {
      const type = kind === "pad" ? `[u8; ${count}]` : kind;
      return [...(note === "" ? [] : [`    ${doc(note)}`]), `    pub ${field}: ${type},`];
    }),
    "}",
    `const _: () = assert!(core::mem::size_of::<${name}>() == ${bytes});`,
    ...fields.map(
      ({ name: field, at }) =>
        `const _: () = assert!(core::mem::offset_of!(${name}, ${field}) == ${at});`,
    ),
    "",
  ].join("\n");
}

function doc(note: string): string {
  return `/// ${note.replaceAll(/\s+/g, " ")}`;
}

const RESERVED: ReadonlySet<string> = new Set(
  `as async await break const continue crate dyn else enum extern false fn for gen if impl in let loop
  match mod move mut pub ref return self static struct super trait true try type union unsafe use where
  while abstract become box do final macro override priv typeof unsized virtual yield`.split(/\s+/),
);
