// Run options: what `annulus run` takes on its command line, and what each option means to a kernel.

import { type Command, Option } from "commander";
import { Failure } from "../base/mod.ts";
import { paramsLayout, type ParamField } from "../layout/mod.ts";
import type { KernelEntry } from "../pack/mod.ts";
import { type PresetName, PRESETS, type VariantChoice } from "../sandbox/mod.ts";
import { type Assignments, assignment, wholeNumber } from "./assignments.ts";
import { SIGNED_COPY } from "./core-pack.ts";
import { type TrustOptions, withTrustOptions } from "./pack-verify.ts";

export interface RunOptions extends TrustOptions {
  readonly input?: Assignments;
  readonly shape?: Assignments;
  readonly param?: Assignments;
  readonly dim?: Assignments;
  readonly output?: Assignments;
  readonly pack?: string;
  readonly preset: PresetName;
  readonly variant: VariantChoice;
  readonly budgetMs?: number;
  readonly repeat: number;
}

/** Every run's time is kept: 8 bytes each. */
const REPEAT_MAX = 10_000_000;
const U32_MAX = 2 ** 32 - 1;

export function withRunOptions(command: Command): Command {
  command
    .option("--input <name=file[:tensor]>", "a .npy, or a tensor of a .safetensors", assignment)
    .option("--shape <name=2x3>", "read an input in another shape", assignment)
    .option("--param <name=value>", "a param, by value or by the name of a value", assignment)
    .option("--dim <name=n>", "a dimension that no input has", assignment)
    .option("--output <name=file>", "write an output: .npy or .safetensors", assignment)
    .option("--pack <path>", "a folder or a .tar; without it, the core pack")
    .addOption(presetOption())
    .addOption(variantOption())
    .option("--budget-ms <n>", "stop a run after this time", wholeNumber(1, U32_MAX))
    .option("--repeat <n>", "run this often and report times", wholeNumber(1, REPEAT_MAX), 1);
  return withTrustOptions(command).addHelpText("after", HELP);
}

function presetOption(): Option {
  return new Option("--preset <name>", "the limits of a class of devices")
    .choices(Object.keys(PRESETS))
    .default("server");
}

function variantOption(): Option {
  return new Option("--variant <choice>", "the fastest build that fits, or the kernel's own")
    .choices(["auto", "baseline"] satisfies VariantChoice[])
    .default("auto");
}

/** Values as the kernel's params declare them. Fails with PARAM_INVALID. */
export function paramValues(entry: KernelEntry, asked: Assignments = new Map()): Values {
  const { params, paramIndex } = paramsLayout(entry);
  const value = ([name, text]: [string, string]): [string, unknown] => {
    const index = paramIndex.get(name);
    return [name, index === undefined ? text : paramValue(params[index]!, text)];
  };
  return Object.fromEntries([...asked].map(value));
}

type Values = Readonly<Record<string, unknown>>;

/** What is no number goes on as text, to be refused as it was written. */
function paramValue({ name, type, values }: ParamField, text: string): unknown {
  if (values.has(text) || type === "i64" || type === "u64") return text;
  if (type === "bool") return text === "true" ? true : text === "false" ? false : text;
  const number = text.trim() === "" ? NaN : Number(text);
  if (!Number.isNaN(number)) return number;
  if (values.size === 0) return text;
  throw new Failure("PARAM_INVALID", {
    at: `params/${name}`,
    found: `"${text}"`,
    expected: `one of ${[...values.keys()].join(", ")}, or a number`,
    fix: "Use one of these names.",
  });
}

/** Numbers of `--dim`. Fails with USAGE. */
export function dimValues(asked: Assignments = new Map()): Readonly<Record<string, number>> {
  const dims: Record<string, number> = {};
  for (const [name, text] of asked) dims[name] = sizeOf(`--dim ${name}`, text);
  return dims;
}

/** The shape that `--shape` gives an input, such as 2x3 or 2,3. Fails with USAGE. */
export function shapeOf(name: string, asked: Assignments = new Map()): number[] | undefined {
  return asked
    .get(name)
    ?.split(/[x,]/)
    .map((text) => sizeOf(`--shape ${name}`, text));
}

function sizeOf(at: string, text: string): number {
  const size = /^\d+$/.test(text) ? Number(text) : NaN;
  if (size <= U32_MAX) return size;
  const expected = "a whole number from 0 to 2^32 - 1";
  throw new Failure("USAGE", { at, found: `"${text}"`, expected, fix: "Correct the number." });
}

const HELP = `
Examples:
  annulus run rmsnorm_f32 --allow-unsigned \\
    --input x=acts.safetensors:layers.0.input_layernorm.x --input weight=weight.npy \\
    --param eps=1e-5 --output y=y.npy
  annulus run rope_f32 --pack my-pack.tar --trust my-trust.json \\
    --input x=q.npy --input freqs=freqs.npy --param layout=half_split --repeat 1000

Shapes come from the files. Leading axes of 1 are added or dropped to fit the kernel, and f16 and bf16
are widened to f32; anything else needs --shape.

The core pack of this package is not signed. To run it signed by a key of yours:
${SIGNED_COPY.map((line) => `  ${line}`).join("\n")}

Exit codes: 0 done, 2 usage or unreadable input, 3 pack refused, 4 kernel failed (trap, deadline,
code), 1 anything else.
`;
