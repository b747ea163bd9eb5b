// Run report: what `annulus run` tells, to people and to programs.

import type { KernelModule, VerifiedKernel, VerifiedPack } from "../pack/mod.ts";
import type { Timing } from "./measure.ts";
import { type Report, table } from "./output.ts";
import type { TensorInput } from "./tensor-input.ts";
import type { OutputFile, OutputTensor } from "./tensor-output.ts";

/** Time that one run may take, in ticks; `asked` was cut to what kernel and preset grant. */
export interface Budget {
  readonly ticks: number;
  readonly tickMs: number;
  readonly asked: number | undefined;
}

export interface RunFacts {
  readonly pack: VerifiedPack;
  readonly verified: VerifiedKernel;
  /** Which of the kernel's modules ran. */
  readonly module: KernelModule;
  readonly inputs: readonly TensorInput[];
  readonly outputs: readonly OutputTensor[];
  readonly files: readonly OutputFile[];
  readonly params: Readonly<Record<string, unknown>>;
  readonly dims: Readonly<Record<string, number>>;
  readonly budget: Budget;
  readonly timing: Timing;
}

export function runReport(facts: RunFacts): Report {
  return { json: asJson(facts), lines: asLines(facts), warnings: facts.pack.warnings };
}

function asJson(facts: RunFacts): Report["json"] {
  const { pack, verified, module, inputs, outputs, params, dims, budget, timing } = facts;
  const { name, version } = pack.manifest;
  return {
    pack: { name, version, signed: pack.signed, key_id: pack.keyId ?? null },
    kernel: { id: verified.entry.id, variant: module.variant, hash: module.hash },
    inputs: inputs.map(({ spec, file, tensor, fileDtype, fileShape, shape, data }) => ({
      name: spec.name,
      dtype: spec.dtype,
      shape,
      bytes: data.byteLength,
      file,
      tensor: tensor ?? null,
      file_dtype: fileDtype,
      file_shape: fileShape,
    })),
    outputs: outputs.map(({ name: output, dtype, shape, data }) => {
      const file = fileOf(output, facts.files) ?? null;
      return { name: output, dtype, shape, bytes: data.byteLength, file };
    }),
    params,
    dims,
    time: {
      runs: timing.runs,
      first_ms: timing.firstMs,
      median_ms: timing.medianMs,
      p99_ms: timing.p99Ms,
    },
    bytes: bytesOf(facts),
    gigabytes_per_second: rateOf(facts),
    budget: {
      ticks: budget.ticks,
      tick_ms: budget.tickMs,
      ticks_asked: budget.asked ?? null,
      ticks_used: timing.ticks,
    },
  };
}

function asLines(facts: RunFacts): string[] {
  const { pack, verified, module, inputs, outputs, budget, timing } = facts;
  const { name, version } = pack.manifest;
  const signer = pack.signed ? `verified, signed by ${pack.keyId}` : "UNSIGNED: nobody vouches";
  const tensors = table([
    ...inputs.map((input) => [
      "input",
      input.spec.name,
      input.spec.dtype,
      shown(input.shape),
      sourceOf(input),
    ]),
    ...outputs.map(({ name: output, dtype, shape }) => {
      return ["output", output, dtype, shown(shape), fileOf(output, facts.files) ?? "not written"];
    }),
  ]);
  return [
    `pack    ${name} ${version}, ${signer}`,
    `kernel  ${verified.entry.id}${choiceOf(facts)}, ${module.hash}`,
    ...tensors,
    ...pairs("dims  ", facts.dims),
    ...pairs("params", facts.params),
    `time    ${timesOf(timing)}`,
    `rate    ${rateOf(facts).toPrecision(3)} GB/s, ${bytesOf(facts)} bytes in and out of each run`,
    `budget  ${timing.ticks} of ${budget.ticks} ticks of ${budget.tickMs} ms used${cutOf(budget)}`,
  ];
}

/** The variant, where there was a choice. */
function choiceOf({ verified, module }: RunFacts): string {
  return verified.modules.length === 1 ? "" : `, ${module.variant}`;
}

function pairs(title: string, values: Readonly<Record<string, unknown>>): string[] {
  const entries = Object.entries(values).map(([name, value]) => `${name} = ${String(value)}`);
  return entries.length === 0 ? [] : [`${title}  ${entries.join(", ")}`];
}

function sourceOf({ spec, file, tensor, fileDtype, fileShape, shape }: TensorInput): string {
  const changes = [
    ...(fileDtype === spec.dtype ? [] : [fileDtype]),
    ...(shown(fileShape) === shown(shape) ? [] : [shown(fileShape)]),
  ];
  const source = tensor === undefined ? file : `${file}:${tensor}`;
  return changes.length === 0 ? source : `${source}, there ${changes.join(" ")}`;
}

function timesOf({ runs, firstMs, medianMs, p99Ms }: Timing): string {
  if (runs === 1) return `${duration(firstMs)}, one run`;
  const all = [`median ${duration(medianMs)}`, `p99 ${duration(p99Ms)}`];
  return `${all.join(", ")}, first ${duration(firstMs)}, ${runs} runs`;
}

/** Three digits, in the unit that suits them. */
export function duration(ms: number): string {
  if (ms < 1e-3) return `${(ms * 1e6).toFixed(0)} ns`;
  if (ms < 1) return `${(ms * 1e3).toPrecision(3)} µs`;
  return ms < 1000 ? `${ms.toPrecision(3)} ms` : `${(ms / 1000).toPrecision(3)} s`;
}

function cutOf({ ticks, asked }: Budget): string {
  return asked === undefined || asked <= ticks ? "" : `; ${asked} were asked for, beyond the grant`;
}

const shown = (shape: readonly number[]): string => `[${shape.join(", ")}]`;

function fileOf(output: string, files: readonly OutputFile[]): string | undefined {
  return files.find(({ outputs }) => outputs.includes(output))?.file;
}

/** Bytes that one run reads and writes. */
function bytesOf({ inputs, outputs }: RunFacts): number {
  return [...inputs, ...outputs].reduce((sum, { data }) => sum + data.byteLength, 0);
}

function rateOf(facts: RunFacts): number {
  return bytesOf(facts) / facts.timing.medianMs / 1e6;
}
