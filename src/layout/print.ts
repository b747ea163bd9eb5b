// Layout, printed: a second door, to what turns the tables into AssemblyScript, C, Rust, WGSL and Markdown. Tools open
// it; whoever only reads bytes does not load it.

export { pascal } from "./names.ts";
export { paramsAccessorsAs, printAbiAs } from "./print-as.ts";
export { paramsAccessorsC, printAbiC } from "./print-c.ts";
export { accessorFiles, KERNEL_LANGUAGES, type KernelLanguage } from "./print-kernel.ts";
export { paramsTable, printAbiMarkdown } from "./print-md.ts";
export { printCheckpointTables } from "./print-checkpoint-md.ts";
export { printRingAs } from "./print-ring-as.ts";
export { printRingC } from "./print-ring-c.ts";
export { printRingTable } from "./print-ring-md.ts";
export { printRingWgsl } from "./print-ring-wgsl.ts";
export { paramsAccessorsRust, printAbiRust } from "./print-rust.ts";
