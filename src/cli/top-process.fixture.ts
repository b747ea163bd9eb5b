// A process to be watched: `PATH [IDS]`. Kernels on a thread of their own, one of which gets messages all the
// time. It says what it is made of when it is told to end, so that a test knows what was done to it.

import { openRuntime } from "../platform/node/mod.ts";
import { defineKernel, type KernelHandle } from "../runtime/mod.ts";
import { message, u32 } from "../message/mod.ts";

const Add = message({ a: u32 });
const Sum = message({ sum: u32 });
const actor = (id: string) =>
  defineKernel({ id, module: import.meta.url, on: [Add.to(Sum, ({ a }) => ({ sum: a }))] });
export const bank = actor("bank");
export const mill = actor("mill");

/** Threads load this module too, for its kernels. */
async function run(path: string | undefined): Promise<void> {
  const runtime = await openRuntime({
    threads: 1,
    monitor: path === undefined ? true : { path },
  });
  const kernel = (await runtime.launch(bank)) as unknown as KernelHandle;
  await runtime.launch(mill);
  const load = setInterval(() => {
    if (kernel.isActive) void kernel.call(Add as never, { a: 1 } as never).catch(() => {});
  }, 2);
  process.stdout.write("ready\n");
  process.stdin.once("data", async () => {
    clearInterval(load);
    const states = runtime.listKernels().map((id) => `${id} ${runtime.getKernel(id)!.state}`);
    process.stdout.write(`${states.join(", ")}\n`);
    await runtime.shutdown();
    process.stdin.destroy();
  });
}

const { isMainThread } = await import("node:worker_threads");
if (isMainThread) await run(process.argv[2]);
