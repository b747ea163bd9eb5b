// 05 Tenants: one kernel, several customers, and nothing of one in sight of another.
// Instances are pooled; one passes to another tenant only as new.      node examples/05-tenants.ts

import { Sandbox } from "../src/index.node.ts";
import { packOf } from "./on-the-spot.ts";

// A kernel that keeps what it should not: it answers with what it was given the time before.
const pack = await packOf(
  {
    id: "nosy",
    inputs: [{ name: "x", dtype: "f32", shape: [1] }],
    outputs: [{ name: "seen", dtype: "f32", shape: [1] }],
  },
  `import { inputAOffset, outputOffset, OK } from "annulus/generated/abi.as";
  export { kernel_init, kernel_cleanup } from "annulus/kernels/std/stateless";
  let before: f32 = 0;
  export function kernel_info(info: usize): i32 { return OK; }
  export function kernel_forward(desc: usize): i32 {
    store<f32>(outputOffset(desc), before);
    before = load<f32>(inputAOffset(desc));
    return OK;
  }`,
);

// One instance at most, so that the tenants must share it.
await using sandbox = await Sandbox.create({ limits: { poolInstancesMax: 1 } });
const kernel = await sandbox.load(pack, "nosy");

function call(tenant: string, secret: number): void {
  const x = { shape: [1], data: Float32Array.of(secret) };
  const { seen } = kernel.call({ tenant, inputs: { x } });
  console.log(`${tenant} says ${secret} and sees ${seen?.data[0]}`);
}

call("ada", 42);
call("ada", 43); // The same tenant keeps its instance, warm and as it was: fast, and its own affair.
call("bob", 7); // Another one gets it with memory, globals and tables as new.
call("ada", 44);

const { created, resets } = kernel.counts();
console.log(`${created} instance made, cleaned ${resets} times`);
