// Print Markdown: the kernel ABI as tables by byte offset, for `docs/reference`.

import { DESCRIPTOR, KERNEL_CODE_NOTES, KERNEL_CODES, KERNEL_INFO } from "./descriptor.layout.ts";
import { fieldsOf, type Layout } from "./layout.ts";
import type { ParamsLayout } from "./params.ts";
import { show } from "./param-value.ts";

/** The file `docs/reference/abi.md`. */
export function printAbiMarkdown(header: string): string {
  return [
    "# Kernel ABI v1",
    "",
    `<!-- ${header} -->`,
    "",
    "All values are little-endian; offsets and sizes are in bytes; pointers are offsets in the kernel's",
    "linear memory. A kernel exports `kernel_init(params_ptr, params_len)`, the entry point that its",
    "manifest names (or `kernel_forward`) taking a pointer to a descriptor, `kernel_info(info_ptr)`,",
    "`kernel_cleanup()` and, where it has one, `kernel_backward(desc_ptr)`. All take and return i32.",
    "",
    "The host owns the memory: it is imported and shared when the kernel runs, whatever the module says.",
    "Tensors lie behind what the module claims for itself, which is its initial memory, or what lies below",
    "`__heap_base` where it exports that global: everything above it is then the host's.",
    "",
    "## Descriptor",
    "",
    structTable(DESCRIPTOR),
    "Every region starts on a multiple of 16. A region of size 0 is unused. The output overlaps neither",
    "inputs nor params, the scratch region overlaps nothing, and the host refuses a descriptor that says",
    "otherwise before the kernel runs.",
    "",
    "## Kernel info",
    "",
    structTable(KERNEL_INFO),
    "## Return codes",
    "",
    "| code | name | meaning |",
    "| ---: | --- | --- |",
    ...Object.entries(KERNEL_CODES).map(
      ([name, code]) =>
        `| ${code} | \`${name}\` | ${KERNEL_CODE_NOTES[name as keyof typeof KERNEL_CODES]} |`,
    ),
    "",
    "Any other value counts as `INTERNAL_ERROR`. A code is an answer, not a trap: the instance stays good.",
    "",
    "## Gradients",
    "",
    "`kernel_backward` takes a descriptor like any other. Its inputs are the gradient of every output, in",
    "the manifest's order, then every input as it was, so input A is the first gradient and input B holds",
    "all the rest. Its outputs are the gradients of the inputs that the manifest lists in `gradients`, in",
    "that order. Params, dimensions and scratch are those of the forward call. A host calls it where the",
    "manifest lists gradients and `supports_backward` is 1, and names its tensors `d` and the tensor's name.",
    "",
    "## Batches",
    "",
    "A host may call the entry point for many descriptors in one run. To the kernel these are single calls,",
    "one after the other: each has a budget of its own, and the first code other than 0 ends the run.",
    "",
    "## Parameter block",
    "",
    "Derived from the manifest: the declared params in manifest order, each on a multiple of its own size",
    "(a bool is a u32 that is 0 or 1), then every distinct symbolic dimension in order of first appearance",
    "over the inputs, then the outputs, as u32. The block's size is a multiple of its largest alignment,",
    "which is at least 4.",
    "",
  ].join("\n");
}

/** The parameter block of one kernel as a table. */
export function paramsTable(layout: ParamsLayout): string {
  const params = layout.params.map(({ name, type, at, min, max, note, ...field }) => {
    const bound = [min === undefined ? "" : show(min), max === undefined ? "" : show(max)];
    const range = bound.every((end) => end === "") ? "" : bound.join(" … ");
    const byDefault = field.default === undefined ? "" : show(field.default);
    return `| ${at} | \`${name}\` | ${type} | ${byDefault} | ${range} | ${cell(note)} |`;
  });
  const dims = layout.dims.map(({ name, at }) => `| ${at} | \`${name}\` | u32 | | | dimension |`);
  return [
    "| offset | name | type | default | range | meaning |",
    "| ---: | --- | --- | --- | --- | --- |",
    ...params,
    ...dims,
    "",
    `${layout.bytes} bytes, aligned to ${layout.align}.`,
    "",
  ].join("\n");
}

export function structTable(table: Layout): string {
  return [
    "| offset | bytes | type | name | meaning |",
    "| ---: | ---: | --- | --- | --- |",
    ...fieldsOf(table, true).map(
      ([name, { at, bytes, kind, note }]) =>
        `| ${at} | ${bytes} | ${kind === "pad" ? "" : kind} | \`${name}\` | ${cell(note)} |`,
    ),
    "",
    `${table.bytes} bytes, aligned to ${table.align}.`,
    "",
  ].join("\n");
}

export function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll(/\s+/g, " ");
}
