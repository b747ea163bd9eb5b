// Layout: every byte that a host and a kernel agree on, written once as a table, and the printers that
// turn the tables into AssemblyScript, C, Rust and Markdown. No offset is typed by hand elsewhere.

export {
  DESCRIPTOR,
  KERNEL_CODE_NOTES,
  KERNEL_CODES,
  KERNEL_INFO,
  type KernelCode,
} from "./descriptor.layout.ts";
export { type Field, type FieldKind, fieldsOf, layout, type Layout } from "./layout.ts";
export { pascal } from "./names.ts";
export { PARAM_TYPES, type ParamType, type ParamValue, parseParam } from "./param-value.ts";
export {
  type DimField,
  type KernelDeclaration,
  paramBytes,
  type ParamField,
  paramsLayout,
  type ParamsLayout,
  symbolicDims,
} from "./params.ts";
export { paramsAccessorsAs, printAbiAs } from "./print-as.ts";
export { paramsAccessorsC, printAbiC } from "./print-c.ts";
export { accessorFiles, KERNEL_LANGUAGES, type KernelLanguage } from "./print-kernel.ts";
export { paramsTable, printAbiMarkdown } from "./print-md.ts";
export { paramsAccessorsRust, printAbiRust } from "./print-rust.ts";
export { checkParam, writeParams } from "./write-params.ts";
