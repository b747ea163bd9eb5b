// my_kernel as its users get it: built, signed with a key that is thrown away, verified, sandboxed.

import { after, test } from "node:test";
import { checkBudget, fuzzKernel, judge, openKernelFolder, printUlpReport } from "annulus/testing";
import { reference } from "./reference.ts";

const folder = await openKernelFolder(import.meta.dirname);
after(() => folder[Symbol.asyncDispose]());
const kernel = await folder.kernel("my_kernel");

test("my_kernel agrees with its reference, as far as pack.json promises", async (context) => {
  const { errors } = await judge(kernel, reference);
  context.diagnostic(printUlpReport(errors!));
});

test("my_kernel ends within its budget, and can be stopped and called again", async () => {
  await checkBudget(kernel, { dims: { rows: 512, width: 4096 } });
});

test("my_kernel answers damaged calls with a code or a trap, and harms nothing beside them", async () => {
  await fuzzKernel(kernel);
});
