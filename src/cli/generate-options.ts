// Generate options: what `annulus generate` takes on its command line.

import { type Command, InvalidArgumentError, Option } from "commander";
import { KV_FORMATS, type KvFormat } from "../model/mod.ts";
import { wholeNumber } from "./assignments.ts";
import { type TrustOptions, withTrustOptions } from "./pack-verify.ts";

export interface GenerateOptions extends TrustOptions {
  readonly model: string;
  readonly prompt: string;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly topP: number;
  readonly seed?: number;
  readonly kv: KvFormat;
  readonly lora?: string;
  readonly pack?: string;
  readonly json?: boolean;
}

const TOKENS_MAX = 2 ** 20;
const TEMPERATURE_MAX = 100;

export function withGenerateOptions(command: Command): Command {
  command
    .requiredOption("--model <folder>", "a Llama as Hugging Face lays it out")
    .requiredOption("--prompt <text>", "the text to continue")
    .option("--max-tokens <n>", "end after this many tokens", wholeNumber(1, TOKENS_MAX), 128)
    .option("--temperature <t>", "0 takes the likeliest token", decimal(0, TEMPERATURE_MAX), 0)
    .option("--top-p <p>", "draw from the likeliest tokens with this share", topShare, 1)
    .option("--seed <n>", "draw the same again", wholeNumber(0, Number.MAX_SAFE_INTEGER))
    .addOption(cacheOption())
    .option("--lora <path>", "an adapter as PEFT saves it: its folder, or its .safetensors")
    .option("--pack <path>", "a folder or a .tar with the kernels; without it, the core pack")
    .option("--json", "print one JSON document at the end instead of text as it comes");
  return withTrustOptions(command).addHelpText("after", HELP);
}

function cacheOption(): Option {
  return new Option("--kv <format>", "what keys and values are kept as")
    .choices(KV_FORMATS)
    .default("f32");
}

/** For commander: a number from `min` to `max`. */
function decimal(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = text.trim() === "" ? NaN : Number(text);
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a number from ${min} to ${max}.`);
  };
}

function topShare(text: string): number {
  const share = decimal(0, 1)(text);
  if (share > 0) return share;
  throw new InvalidArgumentError("It must be above 0, or nothing would be left to draw from.");
}

const HELP = `
Examples:
  annulus generate --model tiny-llama --prompt "In the beginning" --allow-unsigned
  annulus generate --model tiny-llama --prompt "In the beginning" --temperature 0.8 --top-p 0.9 \\
    --seed 7 --kv q8_0 --pack my-pack.tar --trust my-trust.json
  annulus generate --model tiny-llama --lora tiny-llama/adapter --prompt "-f" --allow-unsigned

The text goes to standard output as it comes, a summary to standard error: how fast it was, and which
kernel took how much of the time. Control characters but tab and new line are spelt out; --json has
the text as it is.

Exit codes: 0 done, 2 usage or unreadable input, 3 pack refused, 4 kernel failed (trap, deadline,
code), 1 anything else.
`;
