// Prints docs/reference/core-pack.md: what every kernel of the core pack takes, gives and promises.

import { pack } from "../../kernels/pack.ts";
import { type KernelDeclaration, paramsLayout } from "../../src/layout/mod.ts";
import { paramsTable } from "../../src/layout/print.ts";
import type { KernelSource } from "../../src/pack/mod.ts";
import type { Generated } from "../generate.ts";

const HEADER = "Printed by `npm run generate` from kernels/*/manifest.ts. Do not edit.";

/** What a family computes, and where its convention comes from. By the beginning of a kernel's id. */
const FAMILIES: Readonly<Record<string, string>> = {
  rope_:
    "Turns pairs of values by angles (Su et al., RoFormer, 2021): `y0 = x0 cos φ − x1 sin φ`, `y1 = x0 sin φ + x1 cos φ`. `freqs` holds the angles φ in radians, one row per position; what lies beyond twice its width is copied. `interleaved` pairs neighbours, as Meta's checkpoints and GGUF have them; `half_split` pairs value i with i + half, as Hugging Face's do.",
  rmsnorm_residual:
    "`h = x + residual`, rounded to the element type; `y = h / sqrt(mean(h²) + eps) · weight`. Both are outputs.",
  rmsnorm_:
    "`y = x / sqrt(mean(x²) + eps) · weight` over the last axis (Zhang and Sennrich, 2019); sums in at least f32.",
  swiglu_packed:
    "`y = act(gate) · up` (Shazeer, GLU Variants, 2020), gate and up in one tensor: all gates, then all ups (`halves`), or in turn (`interleaved`).",
  swiglu_: "`y = act(gate) · up` for every element (Shazeer, GLU Variants, 2020).",
  kv_pack_q8:
    "GGML's Q8_0: blocks of 32 values as an f16 scale `max|x| / 127` and 32 signed bytes. NaN and infinity are refused.",
  kv_unpack_q8: "The values of GGML's Q8_0 blocks: code times scale.",
  kv_pack_q4:
    "GGML's Q4_0 and Q4_1, byte for byte, or KIVI's groups (Liu et al., 2024): keys per channel over 32 tokens, values per token. NaN and infinity are refused.",
  kv_unpack_q4: "The values of such blocks.",
  lora_apply:
    "`y = base + scale · B (A x)` with PEFT's shapes (Hu et al., LoRA, 2021): A is [rank, in], B is [out, rank]. `adapter` names each token's matrices, −1 for none; `scales` holds alpha/r, or alpha/√r.",
};

export async function generate(): Promise<Generated> {
  const intro = [
    "# The core pack",
    "",
    `<!-- ${HEADER} -->`,
    "",
    "Tensors are row-major; a name in a shape is a symbol that the call's tensors bind, or `dims` where none",
    "does. Every kernel keeps within 4096 pages of memory and 1000 ticks of 10 ms, and refuses sizes that do",
    "not belong together with INVALID_INPUT or INVALID_OUTPUT, params out of range with INVALID_PARAMS.",
    "`annulus pack test` holds each to its accuracy: [certificates.md](certificates.md) says how the figures",
    "add up. Builds: [variants.md](variants.md).",
    "",
  ];
  const text = [...intro, ...pack.kernels.flatMap(section)].join("\n");
  return { "docs/reference/core-pack.md": text };
}

/** An entry whose params are spelt out, as those of the core pack are. */
type Entry = KernelSource & KernelDeclaration;

function section(kernel: Entry): string[] {
  const { id, name, inputs, outputs, scratch = [], accuracy, variants = [] } = kernel;
  const family = Object.keys(FAMILIES).find((start) => id.startsWith(start));
  if (family === undefined) throw new Error(`${id} belongs to no family: describe it`);
  const fallback: string | undefined = (pack.fallbacks as Readonly<Record<string, string>>)[id];
  const promise = Object.entries(accuracy ?? {}).map(([measure, most]) => `\`${measure}\` ${most}`);
  const gradients = kernel.gradients ?? [];
  return [
    `## ${id}`,
    "",
    `${name}. ${FAMILIES[family]}`,
    "",
    "| tensor | type | shape | |",
    "| --- | --- | --- | --- |",
    ...inputs.map((tensor) => row(tensor, "input")),
    ...outputs.map((tensor) => row(tensor, "output")),
    ...scratch.map((tensor) => row(tensor, "scratch")),
    "",
    paramsTable(paramsLayout(kernel)),
    ...values(kernel),
    [
      `Accuracy: ${promise.join(" + ")}.`,
      `Falls back to \`${fallback}\`.`,
      gradients.length === 0 ? "No gradients." : `Gradients: ${gradients.join(", ")}.`,
      `Builds: ${["baseline", ...variants.map((variant) => variant.id)].join(", ")}.`,
    ].join(" "),
    "",
  ];
}

function row({ name, dtype, shape }: KernelSource["inputs"][number], role: string): string {
  return `| \`${name}\` | ${dtype} | [${shape.join(", ")}] | ${role} |`;
}

/** The names of a param's numbers. */
function values({ params }: Entry): string[] {
  return Object.entries(params).flatMap(([name, param]) => {
    const named = "values" in param ? param.values : undefined;
    if (named === undefined || named === null) return [];
    const words = Object.entries(named).map(([word, value]) => `\`${word}\` ${String(value)}`);
    return [`\`${name}\` by name: ${words.join(", ")}.`, ""];
  });
}
