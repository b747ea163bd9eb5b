// annulus generate: continues a text with a model, whose kernels come from a pack.
//
// Text goes to standard output as it comes. What is known only at the end goes to standard error, so
// that the text can be piped on; with --json both are one document.

import { basename, dirname } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { Command } from "commander";
import { Failure } from "../base/mod.ts";
import {
  type Adapter,
  Decoder,
  generate,
  Meter,
  type Model,
  openAdapter,
  openModel,
} from "../model/mod.ts";
import { type EndReason, randomFrom, samplerOf } from "../model/mod.ts";
import type { VerifiedPack } from "../pack/mod.ts";
import { sharedTicker } from "../platform/node/mod.ts";
import { Sandbox } from "../sandbox/mod.ts";
import { loadCorePack } from "./core-pack.ts";
import { type GenerateOptions, withGenerateOptions } from "./generate-options.ts";
import { type GenerateFacts, generateReport } from "./generate-report.ts";
import type { Io } from "./io.ts";
import { modelFiles } from "./model-files.ts";
import { plain, presentReport } from "./output.ts";
import { loadTrusted } from "./pack-verify.ts";

export function generateVerb(program: Command, io: Io): void {
  const command = program.command("generate").description("Continue a text with a model.");
  withGenerateOptions(command).action(async () => {
    const options = command.opts<GenerateOptions>();
    const { json = false } = options;
    const report = generateReport(await continued(io, options));
    if (!json) io.err(report.lines.map((line) => `${plain(line)}\n`).join(""));
    presentReport(io, { ...report, lines: [] }, json);
  });
}

async function continued(io: Io, options: GenerateOptions): Promise<GenerateFacts> {
  const pack = await loadPack(io, options);
  const model = await openModel(await modelFiles(io, options.model));
  const adapter = await readAdapter(io, options, model);
  const ids = model.tokenizer.encode(options.prompt);
  if (ids.length === 0) throw nothingToRead();
  const meter = new Meter(() => performance.now());
  await using sandbox = await Sandbox.create({}, sharedTicker);
  using decoder = await Decoder.open({
    config: model.config,
    weights: model.weights,
    sandbox,
    pack,
    adapter,
    meter,
    kv: options.kv,
    positions: ids.length + options.maxTokens,
  });
  return await write(io, options, { pack, model, decoder, meter, ids }); // Awaited before disposal.
}

interface Ready {
  readonly pack: VerifiedPack;
  readonly model: Model;
  readonly decoder: Decoder;
  readonly meter: Meter;
  readonly ids: readonly number[];
}

/** Makes the text, showing it as it comes, and keeps the time. */
async function write(
  io: Io,
  { maxTokens, temperature, topP, seed = freshSeed(), json = false }: GenerateOptions,
  { pack, model, decoder, meter, ids }: Ready,
): Promise<GenerateFacts> {
  const show = json ? () => {} : (text: string) => io.out(shown(text));
  const sample = samplerOf({ temperature, topP, random: randomFrom(seed) });
  const stream = model.tokenizer.stream({ continues: true });
  const tokens = generate(decoder, ids, { tokensMax: maxTokens, sample });
  const made: number[] = [];
  let text = "";
  const start = performance.now();
  let next = tokens.next();
  const promptMs = performance.now() - start;
  for (; next.done !== true; next = tokens.next()) {
    made.push(next.value);
    const piece = stream.push(next.value);
    text += piece;
    show(piece);
    await setImmediate(); // Lets the text out, and an interrupt in.
  }
  const ended: EndReason = next.value;
  const textMs = performance.now() - start - promptMs;
  const rest = stream.end();
  text += rest;
  show(rest + (text.endsWith("\n") ? "" : "\n"));
  const chance = temperature === 0 ? undefined : { temperature, topP, seed };
  const { cacheBytesPerPosition } = decoder;
  return { pack, ids, made, text, ended, promptMs, textMs, chance, cacheBytesPerPosition, meter };
}

/** The adapter that `--lora` names: a folder, or the weights in one. */
async function readAdapter(
  io: Io,
  { lora }: GenerateOptions,
  { config }: Model,
): Promise<Adapter | undefined> {
  if (lora === undefined) return undefined;
  if (!lora.endsWith(".safetensors")) return openAdapter(await modelFiles(io, lora), config);
  return openAdapter(await modelFiles(io, dirname(lora)), config, basename(lora));
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
