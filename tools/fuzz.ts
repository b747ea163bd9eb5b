// Fuzz: mutated inputs for everything that reads bytes of strangers. Every outcome must be a result
// or a typed Failure.
//
//   node tools/fuzz.ts --seconds 60 [--target decode|instrument|manifest|tar|npy|safetensors|all]
//   node tools/fuzz.ts --inputs 1000000 --seed 7 --target decode
//
// Prints inputs per second and answers by code. On a violation it prints the seed and the input as
// hex, and exits with 1. Ctrl-C ends the run and prints what was seen so far.

import { parseArgs } from "node:util";

import { fuzz, type Report } from "./fuzz/run.ts";
import { TARGET_NAMES, targets } from "./fuzz/targets.ts";

const USAGE = `usage: node tools/fuzz.ts [--seconds N | --inputs N] [--seed S] [--target NAME]
  NAME is one of ${TARGET_NAMES.join(", ")}, or all`;

interface Options {
  readonly seconds: number | undefined;
  readonly inputs: number;
  readonly seed: number;
  readonly names: readonly string[];
}

function optionsOf(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: "string" },
      inputs: { type: "string" },
      seed: { type: "string" },
      target: { type: "string", default: "all" },
    },
  });
  const names = values.target === "all" ? TARGET_NAMES : values.target.split(",");
  for (const name of names)
    if (!TARGET_NAMES.some((each) => each === name)) throw new Error(`unknown target "${name}"`);
  const inputs = numberOf(values.inputs);
  const seconds = numberOf(values.seconds) ?? (inputs === undefined ? 10 : undefined);
  const seed = numberOf(values.seed) ?? Date.now() % 2 ** 31;
  return { seconds, inputs: inputs ?? Infinity, seed, names };
}

function numberOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (Number.isInteger(number) && number >= 0) return number;
  throw new Error(`"${text}" is no whole number`);
}

/** The summary, line by line. */
export function linesOf({ tallies, violation }: Report, seed: number, elapsedMs: number): string[] {
  const inputs = tallies.reduce((sum, tally) => sum + tally.inputs, 0);
  const rate = Math.round((inputs * 1000) / Math.max(1, elapsedMs));
  const seconds = (elapsedMs / 1000).toFixed(1);
  const lines = [`seed ${seed}: ${inputs} inputs in ${seconds} s, ${rate} inputs/s`];
  for (const { target, inputs: own, answers } of tallies) {
    const sorted = [...answers].toSorted(([, a], [, b]) => b - a);
    const counts = sorted.map(([code, count]) => `${code} ${count}`).join(", ");
    lines.push(`  ${target}: ${own} inputs: ${counts}`);
  }
  if (violation === undefined) return [...lines, "every outcome was a result or a typed failure"];
  const { target, input, bytes, error } = violation;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return [...lines, `VIOLATION: ${target}, seed ${seed}, input ${input}`, text, `input ${hex}`];
}

async function main(): Promise<number> {
  const { seconds, inputs, seed, names } = optionsOf(process.argv.slice(2));
  const chosen = targets(names);
  let interrupted = false;
  process.on("SIGINT", () => {
    interrupted = true;
  });
  const start = performance.now();
  const endMs = seconds === undefined ? Infinity : start + seconds * 1000;
  const isOver = (): boolean => interrupted || performance.now() >= endMs;
  const report = await fuzz(chosen, seed, { inputs, isOver });
  console.log(linesOf(report, seed, performance.now() - start).join("\n"));
  return report.violation === undefined ? 0 : 1;
}

if (import.meta.main) {
  try {
    process.exitCode = await main();
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    process.exitCode = 2;
  }
}
