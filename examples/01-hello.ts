// 01 Hello: a verified pack, a sandbox, a kernel, a call.      node examples/01-hello.ts

import { Sandbox } from "../src/index.node.ts";
import { corePack } from "./on-the-spot.ts";

// Verified: signed by a key that this host trusts. Nothing else gets into a sandbox; 02 shows how.
const pack = await corePack();

await using sandbox = await Sandbox.create({ preset: "server" });
const kernel = await sandbox.load(pack, "rmsnorm_f32"); // Checked, rewritten, compiled.

// A prepared call: shapes and params are fixed once, tensors lie in the kernel's own memory.
using call = kernel.prepare({ inputs: { x: [2, 4], weight: [4] }, params: { eps: 1e-5 } });
call.inputs.x.set([1, 2, 3, 4, 5, 6, 7, 8]);
call.inputs.weight.set([1, 1, 1, 1]);
call.run();
console.log("y =", call.outputs["y"]);

// The same by value, where convenience matters more than half a microsecond.
const { y } = kernel.call({
  inputs: {
    x: { shape: [1, 2], data: Float32Array.of(3, 4) },
    weight: { shape: [2], data: Float32Array.of(10, 100) },
  },
});
console.log("y =", y);
