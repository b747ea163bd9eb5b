// annulus run: runs one kernel of a pack on tensors from files.
//
// In this order: the pack is verified, inputs are read and outputs planned, the kernel runs, and only
// when every run has ended well is anything written.

import type { Command } from "commander";
import { Failure } from "../base/mod.ts";
import type { KernelEntry, VerifiedPack } from "../pack/mod.ts";
import { sharedTicker } from "../platform/node/mod.ts";
import { type CallSetup, type Kernel, type PreparedCall, Sandbox } from "../sandbox/mod.ts";
import { loadCorePack } from "./core-pack.ts";
import { finishFirst } from "./finish-first.ts";
import type { Io } from "./io.ts";
import { measure, type Timing } from "./measure.ts";
import type { Report } from "./output.ts";
import { loadTrusted } from "./pack-verify.ts";
import { progressOn } from "./progress.ts";
import { dimValues, paramValues, type RunOptions, shapeOf, withRunOptions } from "./run-options.ts";
import { type Budget, runReport } from "./run-report.ts";
import { readTensorInput, type ReadFiles, type TensorInput } from "./tensor-input.ts";
import { planOutputs, writeOutputs } from "./tensor-output.ts";
import { verb } from "./verb.ts";

export function runVerb(program: Command, io: Io): void {
  const command = program
    .command("run")
    .description("Run a kernel on tensors from files, and time it.")
    .argument("<kernel>", "the kernel's id in its pack");
  verb<RunOptions>(withRunOptions(command), io, ([id], options) => run(io, id!, options));
}

async function run(io: Io, id: string, options: RunOptions): Promise<Report> {
  const pack = await loadPack(io, options);
  const verified = pack.kernel(id);
  const { entry } = verified;
  const files = await planOutputs(io, options.output, entry.outputs);
  const inputs = await readInputs(io, entry, options);
  await using sandbox = await Sandbox.create(
    { preset: options.preset, variant: options.variant },
    sharedTicker,
  );
  const kernel = await sandbox.load(verified);
  const budget = budgetOf(options, kernel, sandbox);
  const params = paramValues(entry, options.param);
  const setup = { params, dims: dimValues(options.dim), budgetTicks: budget.ticks };
  using call = prepare(kernel, inputs, setup);
  const timing = timed(call, options.repeat, sandbox);
  const outputs = call.shapes.outputs.map((output) => ({
    ...output,
    data: call.outputs[output.name]!,
  }));
  await finishFirst(() => writeOutputs(files, outputs));
  const { dims } = call.shapes;
  const module = verified.modules.find(({ variant }) => variant === kernel.variant)!;
  return runReport({
    pack,
    verified,
    module,
    inputs,
    outputs,
    files,
    params,
    dims,
    budget,
    timing,
  });
}

function loadPack(io: Io, options: RunOptions): Promise<VerifiedPack> {
  if (options.pack === undefined) return loadCorePack(io, options);
  return loadTrusted(io, options.pack, options);
}

/** Reads a tensor for every input of the kernel. Fails with USAGE for one too few or too many. */
async function readInputs(
  io: Io,
  { inputs }: KernelEntry,
  { input: given = new Map(), shape }: RunOptions,
): Promise<readonly TensorInput[]> {
  const names = inputs.map(({ name }) => name);
  const unknown = [...given.keys(), ...(shape?.keys() ?? [])].find((name) => !names.includes(name));
  if (unknown !== undefined) throw unknownInput(unknown, names);
  const missing = inputs.filter(({ name }) => !given.has(name));
  if (missing.length > 0) throw missingInputs(missing);
  const files: ReadFiles = new Map();
  const tensors: TensorInput[] = [];
  for (const spec of inputs) {
    const asked = shapeOf(spec.name, shape);
    tensors.push(await readTensorInput(io, spec, given.get(spec.name)!, asked, files));
  }
  return tensors;
}

/** What a run may use: what was asked for, within what kernel and preset grant. */
function budgetOf({ budgetMs }: RunOptions, kernel: Kernel, { limits }: Sandbox): Budget {
  const tickMs = limits.epochTickMs;
  if (budgetMs === undefined) return { ticks: kernel.budgetTicks, tickMs, asked: undefined };
  const asked = Math.ceil(budgetMs / tickMs);
  const declared = Number(kernel.entry.resource_limits.max_epoch_ticks);
  return { ticks: Math.min(asked, declared, limits.budgetTicksMax), tickMs, asked };
}

function prepare(
  kernel: Kernel,
  inputs: readonly TensorInput[],
  setup: Omit<CallSetup, "inputs">,
): PreparedCall {
  const shapes = Object.fromEntries(inputs.map(({ spec, shape }) => [spec.name, shape]));
  try {
    const call: PreparedCall = kernel.prepare({ ...setup, inputs: shapes });
    for (const { spec, data } of inputs) bytesOf(call.inputs[spec.name]!).set(bytesOf(data));
    return call;
  } catch (error) {
    throw inOptions(error);
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

const nowMs = (): number => performance.now();

function timed(call: PreparedCall, runs: number, sandbox: Sandbox): Timing {
  using progress = progressOn(process.stderr, runs, nowMs);
  const clock = { nowMs, ticks: () => sandbox.ticks };
  return measure(() => call.run(), runs, clock, progress.step);
}

/** A dimension that nothing binds is asked for in this command's own words. */
function inOptions(error: unknown): unknown {
  if (!(error instanceof Failure) || error.code !== "SHAPE_MISMATCH") return error;
  const { at, found, expected, detail } = error;
  if (found !== "no value") return error;
  const facts = { ...(at === undefined ? {} : { at }), found, expected };
  const fix = `Pass --dim ${String(detail["symbol"])}=N.`;
  return new Failure("SHAPE_MISMATCH", { ...facts, fix }, { cause: error, detail });
}

function unknownInput(name: string, names: readonly string[]): Failure {
  return new Failure("USAGE", {
    at: `input "${name}"`,
    found: "no such input",
    expected: names.length === 0 ? "none: the kernel has no inputs" : `one of ${names.join(", ")}`,
    fix: "Name an input of the kernel.",
  });
}

function missingInputs(missing: KernelEntry["inputs"]): Failure {
  const shown = missing.map(({ name, dtype, shape }) => `${name}: ${dtype} [${shape.join(", ")}]`);
  return new Failure("USAGE", {
    found: `no --input for ${missing.map(({ name }) => name).join(", ")}`,
    expected: shown.join("; "),
    fix: `Pass ${missing.map(({ name }) => `--input ${name}=FILE`).join(" ")}.`,
  });
}
