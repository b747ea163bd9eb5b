// Print AssemblyScript: the kernel ABI as inline functions that take a base pointer.
//
// A function costs nothing once inlined, and unlike a class it works on memory that the host laid out.

import { DESCRIPTOR, KERNEL_CODE_NOTES, KERNEL_CODES, KERNEL_INFO } from "./descriptor.layout.ts";
import { fieldsOf, type FieldKind } from "./layout.ts";
import { camel, constantName, spellAll } from "./names.ts";
import type { ParamType } from "./param-value.ts";
import { namedValues } from "./native-fields.ts";
import type { ParamsLayout } from "./params.ts";

/** The file `generated/abi.as.ts`: constants, descriptor readers, `writeKernelInfo`, return codes. */
export function printAbiAs(header: string): string {
  const fields = fieldsOf(DESCRIPTOR);
  const names = spellAll(
    fields.map(([name]) => name),
    camel,
    RESERVED,
  );
  return [
    `// ${header}`,
    "",
    constantAs("DESCRIPTOR_BYTES", DESCRIPTOR.bytes, "bytes of one descriptor"),
    constantAs("KERNEL_INFO_BYTES", KERNEL_INFO.bytes, "bytes of one kernel info"),
    "",
    ...fields.map(([, field], i) => reader(names[i]!, "desc", "u32", field.at, field.note)),
    infoWriter(),
    ...Object.entries(KERNEL_CODES).map(([name, code]) =>
      constantAs(name, code, KERNEL_CODE_NOTES[name as keyof typeof KERNEL_CODES]),
    ),
    "",
  ].join("\n");
}

/**
 * Accessors of one kernel's parameter block: `eps(params: usize): f32` for a param named `eps`,
 * `dimRows(params: usize): u32` for a dimension named `rows`. A param that is an AssemblyScript word
 * gets a trailing underscore. A bool param reads as `bool`. A value that the manifest names becomes a
 * constant, `LAYOUT_HALF_SPLIT`, where the param has 32 bits.
 */
export function paramsAccessorsAs(kernelId: string, layout: ParamsLayout): string {
  const names = spellAll(
    [...layout.params.map(({ name }) => name), ...layout.dims.map(({ name }) => `dim_${name}`)],
    camel,
    RESERVED,
  );
  const params = layout.params.map(({ type, at, note }, i) =>
    reader(names[i]!, "params", AS_TYPE[type], at, note),
  );
  const dims = layout.dims.map(({ name, at }, i) =>
    reader(names[layout.params.length + i]!, "params", "u32", at, `the dimension "${name}"`),
  );
  return [
    constantAs("PARAMS_BYTES", layout.bytes, `bytes of the parameter block of ${kernelId}`),
    ...namedValues(layout).map(({ path, type, value, note }) =>
      constantAs(path.map(constantName).join("_"), value, note, type),
    ),
    "",
    ...params,
    ...dims,
  ].join("\n");
}

export function constantAs(name: string, value: number, note: string, type = "i32"): string {
  return `/** ${sentence(note)} */\n${INLINE}\nexport const ${name}: ${type} = ${value};`;
}

function reader(name: string, base: string, type: string, at: number, note: string): string {
  const doc = note === "" ? "" : `/** ${sentence(note)} */\n`;
  const load = type === "bool" ? `load<u32>(${base}, ${at}) != 0` : `load<${type}>(${base}, ${at})`;
  return `${doc}${INLINE}\nexport function ${name}(${base}: usize): ${type} {\n  return ${load};\n}\n`;
}

/** One call that fills every byte, padding too, so that no stale byte reaches the host. */
function infoWriter(): string {
  const rows = fieldsOf(KERNEL_INFO, true);
  const values = fieldsOf(KERNEL_INFO).map(([name, { kind }]) => `  ${camel(name)}: ${kind},`);
  const stores = rows.map(([name, { kind, at }]) => {
    const [type, value] = kind === "pad" ? ["u8", "0"] : [kind, camel(name)];
    return `  store<${type}>(info, ${value}, ${at});`;
  });
  const opening = "/** Fills the structure that kernel_info is given. */";
  const lines = [opening, INLINE, "export function writeKernelInfo(", "  info: usize,", ...values];
  return [...lines, "): void {", ...stores, "}", ""].join("\n");
}

export function sentence(note: string): string {
  const text = note.replaceAll("*/", "* /").replaceAll(/\s+/g, " ").trim();
  const ended = /[.!?]$/.test(text) ? text : `${text}.`;
  return ended.charAt(0).toUpperCase() + ended.slice(1);
}

export const INLINE = "// @ts-ignore: decorator\n@inline";

const AS_TYPE = {
  f32: "f32",
  f64: "f64",
  i32: "i32",
  i64: "i64",
  u32: "u32",
  u64: "u64",
  bool: "bool",
} as const satisfies Record<ParamType, FieldKind | "bool">;

/** Words of the language, and built-in functions that an accessor of the same name would hide. */
const RESERVED: ReadonlySet<string> = new Set(
  `abstract as async await break case catch class const constructor continue debugger declare default
  delete do else enum export extends false finally for from function get if implements import in
  instanceof interface is keyof let module namespace new null of package private protected public
  readonly return set static super switch this throw true try type typeof var void while with yield
  i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 v128 bool isize usize string number boolean any never symbol
  load store sizeof alignof offsetof unchecked unreachable changetype select min max abs ceil floor
  trunc sqrt nearest copysign clz ctz popcnt rotl rotr reinterpret memory heap`.split(/\s+/),
);
