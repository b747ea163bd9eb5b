// 03 Stop a runaway: a kernel that never ends, in this very thread.      node examples/03-stop-a-runaway.ts

import { KernelError, Sandbox } from "../src/index.node.ts";
import { packOf } from "./on-the-spot.ts";

// Rounds to go from `x` to 1 by the rule of Collatz. From 0 there is no way to 1.
const pack = await packOf(
  {
    id: "collatz",
    inputs: [{ name: "x", dtype: "i32", shape: [1] }],
    outputs: [{ name: "rounds", dtype: "i32", shape: [1] }],
  },
  `import { inputAOffset, outputOffset, OK } from "annulus/generated/abi.as";
  export { kernel_init, kernel_cleanup } from "annulus/kernels/std/stateless";
  export function kernel_info(info: usize): i32 { return OK; }
  export function kernel_forward(desc: usize): i32 {
    let n = load<u32>(inputAOffset(desc)), rounds: u32 = 0;
    for (; n != 1; rounds++) n = n & 1 ? 3 * n + 1 : n >> 1;
    store<u32>(outputOffset(desc), rounds);
    return OK;
  }`,
);

await using sandbox = await Sandbox.create();
const kernel = await sandbox.load(pack, "collatz");
using call = kernel.prepare({ inputs: { x: [1] }, budgetMs: 50 });

for (const x of [27, 0, 7]) {
  call.inputs.x.set([x]);
  const start = performance.now();
  try {
    call.run();
    console.log(`from ${x}: ${call.outputs["rounds"]} rounds`);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    // The instance is gone and a fresh one will take its place; this thread and its state go on.
    const ms = Math.round(performance.now() - start);
    console.log(`from ${x}: ${error.code} after ${ms} ms, in ${error.at}`);
  }
}
