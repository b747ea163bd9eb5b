// Speech: a trained model makes text with the kernels of the pack, as it is and with an adapter. It takes
// the likeliest token every time, so the text is what PyTorch made of the same weights, byte for byte.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Sandbox, VerifiedPack } from "../../src/index.node.ts";
import { Decoder, generate, NATIVE_HASHES, NATIVE_KINDS } from "../../src/model.node.ts";
import { type Adapter, openAdapterFolder, openModelFolder } from "../../src/model.node.ts";
import { type Model, Meter } from "../../src/model.node.ts";
import { BypassPolicy } from "../../src/sandbox.node.ts";
import { print } from "./print.ts";

const FOLDER = join(import.meta.dirname, "../../test/data/tiny-llama");
const TOKENS = 96;

interface Continuation {
  readonly prompt: string;
  readonly greedy_text: string;
}

interface Reference {
  readonly prompts: readonly Continuation[];
  readonly adapter: readonly Continuation[];
}

/** Streams both texts to standard output. Gives a fault for each that is not what PyTorch made. */
export async function speech(sandbox: Sandbox, pack: VerifiedPack): Promise<readonly string[]> {
  const model = await openModelFolder(FOLDER);
  const adapter = await openAdapterFolder(join(FOLDER, "adapter"), model);
  const text = await readFile(join(FOLDER, "reference.json"), "utf8");
  const { prompts, adapter: adapted } = JSON.parse(text) as Reference;
  const host = { sandbox, pack, model };
  const plain = await spoken(prompts[1]!, { ...host, adapter: undefined });
  const other = await spoken(adapted[3]!, { ...host, adapter });
  return [
    ...(plain ? [] : ["the model's text is not PyTorch's"]),
    ...(other ? [] : ["the adapted model's text is not PyTorch's"]),
  ];
}

interface Speaker {
  readonly sandbox: Sandbox;
  readonly pack: VerifiedPack;
  readonly model: Model;
  readonly adapter: Adapter | undefined;
}

const clock = (): number => performance.now();

/** True when the model says what it should. */
async function spoken(
  { prompt, greedy_text: expected }: Continuation,
  { sandbox, pack, model, adapter }: Speaker,
): Promise<boolean> {
  const trust = { allow: NATIVE_KINDS, trustedNatives: NATIVE_HASHES };
  const bypass = new BypassPolicy({ ...trust, optedInBy: "npm run demo", clock });
  const meter = new Meter(clock);
  using decoder = await Decoder.open({ ...model, sandbox, pack, bypass, adapter, meter });
  process.stdout.write(`   SAID      ${prompt}`);
  let said = prompt;
  const start = clock();
  for await (const { text } of generate(decoder, model, prompt, { tokensMax: TOKENS })) {
    said += text;
    process.stdout.write(text.replaceAll("\n", "\n             "));
  }
  process.stdout.write("\n");
  const rate = (TOKENS / (clock() - start)) * 1000;
  print(`          ${rate.toFixed(0)} tokens/s; ${sharesOf(meter)}`);
  return said === expected && decoder.degraded.length === 0;
}

/** Who took how much of the time. */
function sharesOf(meter: Meter): string {
  const shares = meter.shares();
  const total = shares.reduce((sum, { ms }) => sum + ms, 0);
  const of = (wanted: string): string => {
    const own = shares.filter(({ worker }) => worker === wanted);
    return `${((own.reduce((sum, { ms }) => sum + ms, 0) / total) * 100).toFixed(0)} %`;
  };
  return `sandboxed kernels ${of("sandbox")}, native products and attention ${of("native")}`;
}
