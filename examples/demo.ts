// Demo: what Annulus is for, in one run.      npm run demo
//
// Kernels of a language model are built from source, signed and verified, and compute what the model
// computed. Then two attacks: a pack with one byte changed is refused, and a kernel that never ends is
// stopped, in the thread that called it. At the end the model speaks, with and without an adapter. Each
// step is a short file in examples/demo.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateSigningKey, loadPack, trustKeys, VERSION } from "../src/pack.node.ts";
import { Sandbox } from "../src/sandbox.node.ts";
import { buildCore } from "./demo/build-core.ts";
import { changedByte } from "./demo/changed-byte.ts";
import { recordedCalls, runCall } from "./demo/recorded-calls.ts";
import { print, printTable, title } from "./demo/print.ts";
import { runaway } from "./demo/runaway.ts";
import { speech } from "./demo/speech.ts";

const folder = await mkdtemp(join(tmpdir(), "annulus-demo-"));
const faults: string[] = [];
try {
  await demo();
} finally {
  await rm(folder, { recursive: true });
}
for (const fault of faults) console.error(`demo: ${fault}`);
process.exitCode = faults.length === 0 ? 0 : 1;

async function demo(): Promise<void> {
  print(`Annulus ${VERSION} on Node ${process.versions.node}`);

  title("1. Build the kernels, and sign them with a key made for this run");
  const { key } = await generateSigningKey();
  const calls = await recordedCalls();
  print(await buildCore(folder, key, new Set(calls.map(({ kernel }) => kernel))));

  title("2. Verify them as a host that trusts this key and no other");
  const trust = await trustKeys(key.publicKey);
  const pack = await loadPack(folder, { trust });
  const { name, version } = pack.manifest;
  print(`VERIFIED  ${name} ${version}, ${pack.kernels.length} kernels, signed by ${pack.keyId}`);

  title("3. Run them on tensors of a trained model, and compare with what the model computed");
  await using sandbox = await Sandbox.create({ preset: "server" });
  const results = [];
  for (const call of calls) results.push(await runCall(sandbox, pack, call));
  printTable(results);
  faults.push(...results.filter(({ ok }) => !ok).map(({ tensor }) => `${tensor} is off`));

  title("4. Change one byte of a kernel, and load the pack for the same call");
  const refusal = await changedByte(folder, trust);
  print(...refusal.lines);
  if (!refusal.refused) faults.push("a changed pack was accepted");

  title("5. Let a kernel run for ever, in this thread");
  const stop = await runaway(sandbox);
  print(...stop.lines);
  if (!stop.stopped) faults.push("an endless kernel was not stopped");

  title(
    "6. Let the model speak with these kernels: as it is, then with an adapter of manual pages",
  );
  faults.push(...(await speech(sandbox, pack)));
}
