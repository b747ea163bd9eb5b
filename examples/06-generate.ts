// 06 Generate: a language model over the core pack's kernels.                node examples/06-generate.ts
// Norms, rotations, activations and the cache run in the sandbox. Attention and matrix products are
// native, and nothing native runs unless this host says so.

import { join } from "node:path";
import { Sandbox } from "../src/index.node.ts";
import { Decoder, generate, NATIVE_HASHES, NATIVE_KINDS } from "../src/model.node.ts";
import { openAdapterFolder, openModelFolder } from "../src/model.node.ts";
import { BypassPolicy } from "../src/sandbox.node.ts";
import { corePack } from "./on-the-spot.ts";

// A Llama as Hugging Face lays it out: config.json, tokenizer.json, model.safetensors.
const folder = join(import.meta.dirname, "../test/data/tiny-llama");
const model = await openModelFolder(folder);

const bypass = new BypassPolicy({
  allow: NATIVE_KINDS,
  trustedNatives: NATIVE_HASHES, // The code that may run, by its hash.
  optedInBy: "examples/06-generate.ts",
  clock: () => performance.now(),
});
await using sandbox = await Sandbox.create();
const host = { sandbox, pack: await corePack(), bypass };

// Greedy by default; a seed draws the same text again. The cache is kept in 8 bits.
using decoder = await Decoder.open({ ...model, ...host, kv: "q8_0", positions: 256 });
process.stdout.write("In the beginning");
const drawn = { tokensMax: 96, temperature: 0.7, topP: 0.9, seed: 3 };
for await (const { text } of generate(decoder, model, "In the beginning", drawn))
  process.stdout.write(text);

// The same model with an adapter, and a signal that ends the text early.
const adapter = await openAdapterFolder(join(folder, "adapter"), model);
using adapted = await Decoder.open({ ...model, ...host, adapter });
const stop = new AbortController();
process.stdout.write("\n\n-f, --file");
let count = 0;
try {
  for await (const { text } of generate(adapted, model, "-f, --file", { signal: stop.signal })) {
    process.stdout.write(text);
    if (++count === 48) stop.abort("48 tokens will do");
  }
} catch (reason) {
  console.log(` ... (${String(reason)})`);
}
for (const { kind, name, calls } of bypass.uses()) console.log(`${name}, ${kind}: ${calls} calls`);
