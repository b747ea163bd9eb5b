// Generate report: what `annulus generate` tells when its text is done.

import type { BypassUse } from "../bypass/mod.ts";
import type { Degraded, EndReason, Meter, Share, Worker } from "../model/mod.ts";
import type { VerifiedPack } from "../pack/mod.ts";
import type { Report } from "./output.ts";
import { duration } from "./run-report.ts";

export interface GenerateFacts {
  readonly pack: VerifiedPack;
  /** The prompt's tokens, and those of the text. */
  readonly ids: readonly number[];
  readonly made: readonly number[];
  readonly text: string;
  readonly ended: EndReason | "interrupt";
  /** Until the first token, and from there to the last. */
  readonly promptMs: number;
  readonly textMs: number;
  /** Undefined where nothing was left to chance. */
  readonly chance:
    | { readonly temperature: number; readonly topP: number; readonly seed: number }
    | undefined;
  /** Of native memory. */
  readonly memoryBytes: number;
  readonly cacheBytesPerPosition: number;
  readonly meter: Meter;
  /** What ran outside the sandbox. */
  readonly native: readonly BypassUse[];
  /** Kernels that failed, and what stood in for them. */
  readonly degraded: readonly Degraded[];
}

const WORKERS: readonly (readonly [Worker, string])[] = [
  ["sandbox", "sandboxed"],
  ["native", "native"],
  ["host", "host"],
];
const ENDS: Readonly<Record<GenerateFacts["ended"], string>> = {
  end: "ended by the model",
  tokens: "ended at --max-tokens",
  context: "ended where the model's context is full",
  interrupt: "interrupted",
};

export function generateReport(facts: GenerateFacts): Report {
  return { json: asJson(facts), lines: asLines(facts), warnings: facts.pack.warnings };
}

function asJson(facts: GenerateFacts): Report["json"] {
  const { pack, ids, made, text, ended, promptMs, textMs, chance, meter, native } = facts;
  const { name, version } = pack.manifest;
  return {
    pack: { name, version, signed: pack.signed, key_id: pack.keyId ?? null },
    text,
    ended,
    prompt_tokens: ids,
    tokens: made,
    temperature: chance?.temperature ?? 0,
    top_p: chance?.topP ?? 1,
    seed: chance?.seed ?? null,
    prompt_ms: promptMs,
    text_ms: textMs,
    tokens_per_second: rateOf(facts),
    prompt_tokens_per_second: promptRateOf(facts),
    memory_bytes: facts.memoryBytes,
    cache_bytes_per_token: facts.cacheBytesPerPosition,
    time: meter.shares().map(({ name: what, worker, ms, calls }) => ({ what, worker, ms, calls })),
    degraded: facts.degraded,
    bypass: native.map(({ kind, name: what, calls, work, unit, ms }) => {
      return { kind, what, calls, [unit]: work, ms };
    }),
  };
}

function asLines(facts: GenerateFacts): string[] {
  const { pack, ids, made, ended, promptMs, textMs, chance, cacheBytesPerPosition } = facts;
  const { name, version } = pack.manifest;
  const signer = pack.signed ? `verified, signed by ${pack.keyId}` : "UNSIGNED: nobody vouches";
  return [
    "",
    `pack    ${name} ${version}, ${signer}`,
    `prompt  ${ids.length} tokens, ${duration(promptMs)}${perSecond(promptRateOf(facts))}`,
    `text    ${made.length} tokens, ${duration(textMs)}${perSecond(rateOf(facts))}, ${ENDS[ended]}`,
    ...(chance === undefined
      ? []
      : [`chance  temperature ${chance.temperature}, top-p ${chance.topP}, seed ${chance.seed}`]),
    `memory  ${(facts.memoryBytes / 2 ** 20).toFixed(1)} MiB; the cache takes ${cacheBytesPerPosition} bytes per token`,
    `time    ${timesOf(facts.meter.shares())}`,
    ...facts.degraded.map(({ kernel, by, calls }) => {
      return `DEGRADED  ${kernel} failed: ${calls} calls computed by the ${by.kind} ${by.id}`;
    }),
    `bypass  native, as this command opts in: ${facts.native.map(useOf).join(", ")}`,
  ];
}

function perSecond(rate: number | null): string {
  return rate === null ? "" : `, ${rate.toFixed(0)} tokens/s`;
}

/** Null where the text was interrupted before its first token. */
function promptRateOf({ ids, promptMs, made }: GenerateFacts): number | null {
  return made.length === 0 || promptMs === 0 ? null : (ids.length / promptMs) * 1000;
}

/** "attention (attention) 576 calls, 1.2 GFLOP/s". */
function useOf({ kind, name, calls, work, ms }: BypassUse): string {
  const speed = ms === 0 ? "" : `, ${(work / ms / 1e6).toFixed(1)} GFLOP/s`;
  return `${name} (${kind}) ${calls} calls${speed}`;
}

/** Tokens per second after the first, which the prompt's reading gives. */
function rateOf({ made, textMs }: GenerateFacts): number | null {
  return made.length < 2 ? null : ((made.length - 1) / textMs) * 1000;
}

/** "sandboxed 4.1 % (rmsnorm_f32 2.0 %, …), native 92 % (…), host 3.9 % (…)". */
function timesOf(shares: readonly Share[]): string {
  const total = shares.reduce((sum, { ms }) => sum + ms, 0);
  if (total === 0) return "none: interrupted before the first chunk was read";
  const percent = (ms: number): string => `${((ms / total) * 100).toFixed(1)} %`;
  return WORKERS.map(([worker, title]) => {
    const own = shares.filter((share) => share.worker === worker);
    const parts = own.map(({ name, ms }) => `${name} ${percent(ms)}`).join(", ");
    return `${title} ${percent(own.reduce((sum, { ms }) => sum + ms, 0))} (${parts})`;
  }).join(", ");
}
