// annulus generate: continues a text with a model, whose kernels come from a pack.
//
// Text goes to standard output as it comes. What is known only at the end goes to standard error, so
// that the text can be piped on; with --json both are one document.

import { appendFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { Command } from "commander";
import { Failure } from "../base/mod.ts";
import { BypassPolicy } from "../bypass/mod.ts";
import { Decoder, generateText, Meter, NATIVE_HASHES, NATIVE_KINDS } from "../model/mod.ts";
import {
  type Adapter,
  ADAPTER_WEIGHTS,
  type Model,
  openAdapter,
  openModel,
  type Piece,
} from "../model/mod.ts";
import { type EndReason, randomFrom, samplerOf } from "../model/mod.ts";
import type { VerifiedPack } from "../pack/mod.ts";
import { sharedTicker } from "../platform/node/mod.ts";
import { REFERENCES } from "../reference/mod.ts";
import { Sandbox } from "../sandbox/mod.ts";
import { loadCorePack } from "./core-pack.ts";
import { type GenerateOptions, withGenerateOptions } from "./generate-options.ts";
import { type GenerateFacts, generateReport } from "./generate-report.ts";
import type { Io } from "./io.ts";
import { modelFiles } from "./model-files.ts";
import { plain, presentReport } from "./output.ts";
import { loadTrusted } from "./pack-verify.ts";
import { type Progress, progressOn } from "./progress.ts";
import { untilInterrupted } from "./until-interrupted.ts";

const nowMs = (): number => performance.now();

export function generateVerb(program: Command, io: Io): void {
  const command = program.command("generate").description("Continue a text with a model.");
  withGenerateOptions(command).action(() =>
    untilInterrupted(async (signal) => {
      const options = command.opts<GenerateOptions>();
      const { json = false } = options;
      const report = generateReport(await continued(io, options, signal));
      if (!json) io.err(report.lines.map((line) => `${plain(line)}\n`).join(""));
      presentReport(io, { ...report, lines: [] }, json);
    }),
  );
}

async function continued(
  io: Io,
  options: GenerateOptions,
  signal: AbortSignal,
): Promise<GenerateFacts> {
  const pack = await loadPack(io, options);
  const model = await openModel(await modelFiles(io, options.model));
  const adapter = await readAdapter(io, options, model);
  const ids = model.tokenizer.encode(options.prompt);
  if (ids.length === 0) throw nothingToRead();
  const meter = new Meter(nowMs);
  const bypass = bypassOf(io, options);
  await using sandbox = await Sandbox.create({ references: REFERENCES }, sharedTicker);
  using decoder = await Decoder.open({
    config: model.config,
    weights: model.weights,
    sandbox,
    pack,
    bypass,
    adapter,
    meter,
    kv: options.kv,
    positions: ids.length + options.maxTokens,
    onLoad: loadProgress(),
  });
  const ready = { pack, model, decoder, meter, bypass, ids };
  return await write(io, options, ready, signal); // Awaited before disposal.
}

/** Shows, on a terminal and where it takes a while, how many MiB of the weights are there. */
function loadProgress(): (bytes: number, bytesTotal: number) => void {
  let progress: Progress | undefined;
  return (bytes, bytesTotal) => {
    progress ??= progressOn(process.stderr, inMib(bytesTotal), nowMs, "weights, MiB");
    if (bytes === bytesTotal) progress[Symbol.dispose]();
    else progress.step(inMib(bytes));
  };
}

const inMib = (bytes: number): number => Math.ceil(bytes / 2 ** 20);

interface Ready {
  readonly pack: VerifiedPack;
  readonly model: Model;
  readonly decoder: Decoder;
  readonly meter: Meter;
  readonly bypass: BypassPolicy;
  readonly ids: readonly number[];
}

/** Makes the text, showing it as it comes, and keeps the time. */
async function write(
  io: Io,
  { maxTokens, temperature, topP, seed = freshSeed(), json = false }: GenerateOptions,
  { pack, model, decoder, meter, bypass, ids }: Ready,
  signal: AbortSignal,
): Promise<GenerateFacts> {
  const show = json ? () => {} : (text: string) => io.out(shown(text));
  const sample = samplerOf({ temperature, topP, random: randomFrom(seed) });
  const progress = progressOn(process.stderr, ids.length, nowMs, "prompt");
  const pieces = generateText(decoder, model.tokenizer, ids, {
    tokensMax: maxTokens,
    sample,
    signal,
    onRead: progress.step,
    breathe: setImmediate, // Lets the text out, and an interrupt in.
  });
  const made: number[] = [];
  let text = "";
  const start = nowMs();
  let readMs: number | undefined;
  /** The prompt is read, or never will be: its progress leaves the line to the text. */
  const read = (): number => {
    if (readMs === undefined) progress[Symbol.dispose]();
    return (readMs ??= nowMs() - start);
  };
  const ended = await eachPiece(pieces, signal, ({ id, text: more }) => {
    read();
    if (id !== undefined) made.push(id);
    text += more;
    show(more);
  });
  const promptMs = read();
  const textMs = nowMs() - start - promptMs;
  show(text === "" || text.endsWith("\n") ? "" : "\n");
  const chance = temperature === 0 ? undefined : { temperature, topP, seed };
  const { cacheBytesPerPosition, memoryBytes, degraded } = decoder;
  const timing = { promptMs, textMs, meter, native: bypass.uses(), degraded };
  return { pack, ids, made, text, ended, chance, memoryBytes, cacheBytesPerPosition, ...timing };
}

/** Shows every piece, and says why there are no more. */
async function eachPiece(
  pieces: AsyncGenerator<Piece, EndReason>,
  signal: AbortSignal,
  show: (piece: Piece) => void,
): Promise<EndReason | "interrupt"> {
  try {
    let next = await pieces.next();
    for (; next.done !== true; next = await pieces.next()) show(next.value);
    return next.value;
  } catch (error) {
    if (error === signal.reason) return "interrupt";
    throw error;
  }
}

/** This verb runs the model's products and attention outside the sandbox: that is its user's choice. */
function bypassOf(io: Io, { audit }: GenerateOptions): BypassPolicy {
  return new BypassPolicy({
    allow: NATIVE_KINDS,
    trustedNatives: NATIVE_HASHES,
    optedInBy: "annulus generate",
    clock: nowMs,
    onEvent: (event) => {
      if (audit !== undefined) appendFileSync(resolve(io.cwd, audit), `${JSON.stringify(event)}\n`);
    },
  });
}

const ADAPTER_FOLDER = `an adapter's folder, with adapter_config.json and ${ADAPTER_WEIGHTS}`;

/** The adapter that `--lora` names: a folder, or the weights in one. */
async function readAdapter(
  io: Io,
  { lora }: GenerateOptions,
  { config }: Model,
): Promise<Adapter | undefined> {
  if (lora === undefined) return undefined;
  if (!lora.endsWith(".safetensors"))
    return openAdapter(await modelFiles(io, lora, ADAPTER_FOLDER), config);
  return openAdapter(await modelFiles(io, dirname(lora), ADAPTER_FOLDER), config, basename(lora));
}

function loadPack(io: Io, options: GenerateOptions): Promise<VerifiedPack> {
  if (options.pack === undefined) return loadCorePack(io, options);
  return loadTrusted(io, options.pack, options);
}

function nothingToRead(): Failure {
  return new Failure("USAGE", {
    at: "--prompt",
    found: "no text, and a model without a token that begins one",
    expected: "at least one character",
    fix: "Begin the text.",
  });
}

/** A seed short enough to type. */
function freshSeed(): number {
  return Math.floor(Math.random() * 2 ** 32);
}

/** A model's text, without what would move a terminal's cursor or write in another place. */
function shown(text: string): string {
  return text
    .split(/([\n\t])/)
    .map((part) => (/^[\n\t]$/.test(part) ? part : plain(part)))
    .join("");
}
