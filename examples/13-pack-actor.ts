// 13 Pack actor: a signed kernel on a thread of its own, its tensors in memory that both threads see, and
// this thread awake while the kernel does not end.                          node examples/13-pack-actor.ts

import { Failure, Runtime } from "../src/runtime.node.ts";
import { packOf } from "./on-the-spot.ts";

// Rounds to go from `x` to 1 by the rule of Collatz. From 0 there is no way to 1.
const pack = await packOf(
  {
    id: "collatz",
    inputs: [{ name: "x", dtype: "i32", shape: ["n"] }],
    outputs: [{ name: "rounds", dtype: "i32", shape: ["n"] }],
  },
  `import { inputAOffset, inputASize, outputOffset, OK } from "annulus/generated/abi.as";
  export { kernel_init, kernel_cleanup } from "annulus/kernels/std/stateless";
  export function kernel_info(info: usize): i32 { return OK; }
  export function kernel_forward(desc: usize): i32 {
    const x = inputAOffset(desc), y = outputOffset(desc), bytes = inputASize(desc);
    for (let at: u32 = 0; at < bytes; at += 4) {
      let n = load<u32>(x + at), rounds: u32 = 0;
      for (; n != 1; rounds++) n = n & 1 ? 3 * n + 1 : n >> 1;
      store<u32>(y + at, rounds);
    }
    return OK;
  }`,
);

await using runtime = await Runtime.create();
// The thread gets what was signed, verifies it again, and loads it into a sandbox of its own.
await using kernel = await runtime.launch("collatz", { pack, shapes: { x: [3] }, budgetMs: 50 });

for (const numbers of [
  [27, 97, 871],
  [27, 0, 871],
  [1, 2, 3],
]) {
  kernel.inputs.x.set(numbers); // Written where the kernel reads it.
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  try {
    await kernel.invoke();
    console.log(`from ${numbers}: ${kernel.outputs["rounds"]} rounds`);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.log(`from ${numbers}: ${error.code}; this thread ticked ${ticks} times meanwhile`);
  } finally {
    clearInterval(timer);
  }
}

// A run may also be stopped from here, whatever its budget: by a signal, by `timeoutMs`, or like this.
kernel.inputs.x.fill(0);
const stopping = setInterval(() => kernel.interrupt(), 50);
await kernel.invoke({ budgetMs: 60_000 }).catch((error) => console.log(`stopped: ${error.code}`));
clearInterval(stopping);
console.log(await kernel.terminate());
