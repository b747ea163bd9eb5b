// 04 Instrument any module: the rewriter by itself, for modules that are no kernels.
// What it adds is imported, so the host holds every lever.      node examples/04-instrument-any-module.ts

import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { compileAssemblyScript } from "../src/pack.node.ts";
import { instrument } from "../src/sandbox.node.ts";

// Any module will do. This one imports a function of its host's, which no kernel may.
const file = join(import.meta.dirname, "any.as.ts");
const text = `
  @external("env", "log") declare function log(n: i32): void;
  export function count(to: i32): i32 { let i = 0; while (i != to) i += 2; log(i); return i; }`;
const module = await compileAssemblyScript(file, undefined, new Map([[file, text]]));

const { bytes, imports, exports } = instrument(module, {
  interrupt: "epoch",
  memory: "keep", // The module's memory stays its own.
  entries: ["count"],
});
console.log(
  "it now imports",
  imports.map(({ module: from, name }) => `${from}.${name}`).join(", "),
);
console.log("and exports", exports.map(({ name }) => name).join(", "));

// The epoch: a shared word that a thread counts up, since this one is busy while the module runs.
const epoch = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
const ticks = new Int32Array(epoch.buffer);
const ticker = `const { workerData } = require("node:worker_threads");
  setInterval(() => Atomics.add(new Int32Array(workerData), 0, 1), 5);`;
const thread = new Worker(ticker, { eval: true, workerData: epoch.buffer });
await new Promise((resolve) => void thread.once("online", resolve));

const deadline = new WebAssembly.Global({ value: "i32", mutable: true }, 0);
const interrupted = new WebAssembly.Global({ value: "i32", mutable: true }, 0);
const instance = await WebAssembly.instantiate(await WebAssembly.compile(bytes), {
  env: { log: (n: number) => console.log("counted to", n) },
  annulus: { epoch, deadline, interrupted },
});
/** The armed entry takes the deadline first: the epoch at which the call shall end. */
const count = instance.exports["annulus:count"] as (deadline: number, to: number) => number;

count((Atomics.load(ticks, 0) + 10) | 0, 1000);
try {
  count((Atomics.load(ticks, 0) + 10) | 0, 1001); // Never reached in steps of two.
} catch (error) {
  if (interrupted.value !== 1) throw error; // A trap of the module's own.
  console.log("stopped by its deadline:", String(error));
}
await thread.terminate();
