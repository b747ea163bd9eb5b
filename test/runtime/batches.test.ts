// Batches: messages that a thread has claimed together are each treated as if they were alone.

import { afterEach, describe, expect, test } from "vitest";
import type { LaunchOptions, RuntimeOptions } from "../../src/runtime/mod.ts";
import { createRuntime } from "../../src/platform/node/mod.ts";
import { Add, ada, Ask, counter, Grind, last, News, Spin, Sum } from "./actors.fixture.ts";
import { codeOf, within } from "./outcomes.ts";

const opened: ReturnType<typeof createRuntime>[] = [];
const open = (options: RuntimeOptions = {}) => {
  const runtime = createRuntime({ threads: 1, payloadBytesMax: 4096, ...options });
  opened.push(runtime);
  return runtime;
};
afterEach(async () => {
  for (const runtime of opened.splice(0)) await within(runtime.shutdown({ timeoutMs: 100 }));
});

/** A kernel that is busy with `Grind` until `go` is called, so that what is sent before is claimed together. */
const busy = async (options: LaunchOptions = {}) => {
  const kernel = await open().launch(ada, { data: new SharedArrayBuffer(32), ...options });
  for (let i = 0; i < 200; i++) await kernel.call(Add, { a: i, b: 1 });
  await Promise.all(Array.from({ length: 500 }, (_, i) => kernel.call(Add, { a: i, b: 1 })));
  return kernel;
};
const turn = (): Promise<void> => new Promise((resume) => setImmediate(resume));

test("A deadline that passes while an earlier message of the batch is handled has passed", async () => {
  const kernel = await busy();
  kernel.send(Grind, { ms: 100 });
  const late = codeOf(kernel.call(Add, { a: 1, b: 1 }, { ttlMs: 20 }));
  const none = codeOf(kernel.call(Add, { a: 1, b: 1 }));
  const far = codeOf(kernel.call(Add, { a: 1, b: 1 }, { ttlMs: 60_000 }));
  expect(await Promise.all([late, none, far])).toEqual(["DEADLINE_PASSED", "ok", "ok"]);
  expect(kernel.metrics.expired).toBe(1);
});

describe("A quick answer", () => {
  test("does not wait for a slow handler behind it", async () => {
    const kernel = await busy();
    const settled: string[] = [];
    const hold = kernel.call(Grind, { ms: 50 }); // Meanwhile both others come, and are claimed together.
    await turn();
    const quick = kernel.call(Add, { a: 1, b: 2 });
    const slow = codeOf(kernel.call(Spin, { ms: 5000 })).then((code) => settled.push(code));
    expect(await quick).toEqual({ sum: 3 });
    await hold;
    await turn();
    expect(settled).toEqual([]);
    kernel.interrupt();
    await slow;
    expect(settled).toEqual(["HANDLER_INTERRUPTED"]);
  });

  test("that is emitted does not wait for it either", async () => {
    const kernel = await busy();
    const hold = kernel.call(Grind, { ms: 50 });
    await turn();
    kernel.send(Add, { a: 1, b: 2 });
    const settled: string[] = [];
    const slow = codeOf(kernel.call(Spin, { ms: 5000 })).then((code) => settled.push(code));
    await hold;
    expect(await kernel.receive(Sum)).toEqual({ sum: 3 });
    await turn();
    expect(settled).toEqual([]);
    kernel.interrupt();
    await slow;
  });

  test("waits for no handler that was quick, and is no more", async () => {
    const kernel = await busy();
    await Promise.all(Array.from({ length: 500 }, () => kernel.call(Spin, { ms: 0 }))); // Is known as quick.
    const before = kernel.call(Grind, { ms: 50 });
    await turn();
    await Promise.all([before, ...[1, 2].map((ms) => kernel.call(Spin, { ms }))]); // Together.
    const hold = kernel.call(Grind, { ms: 50 });
    await turn();
    const quick = kernel.call(Add, { a: 1, b: 2 });
    const settled: string[] = [];
    const slow = codeOf(kernel.call(Spin, { ms: 5000 })).then((code) => settled.push(code));
    await Promise.all([hold, quick]);
    await turn();
    expect(settled).toEqual([]);
    kernel.interrupt();
    await slow;
  });
});

test("An interrupt is for the message that runs, and not for the next of its batch", async () => {
  const data = new SharedArrayBuffer(32);
  const kernel = await busy({ data });
  const deaf = codeOf(kernel.call(Grind, { ms: 200 }));
  const next = codeOf(kernel.call(Spin, { ms: 50 }));
  await expect.poll(() => Atomics.load(new Int32Array(data), 0)).toBe(1);
  kernel.interrupt();
  expect(await Promise.all([deaf, next])).toEqual(["ok", "ok"]);
  const spin = codeOf(kernel.call(Spin, { ms: 5000 }));
  await expect.poll(() => kernel.metrics.inHand).toBe(1);
  kernel.interrupt();
  expect(await spin).toBe("HANDLER_INTERRUPTED");
});

test("A kernel's call of another waits by no means that a killed thread may not use", async () => {
  const runtime = open();
  await runtime.launch(ada);
  const kernel = await runtime.launch(counter, { routes: ["ada"] });
  expect(await kernel.call(Ask, { ms: 500 })).toEqual({ sum: 0 });
});

test("What a kernel emits when it stops is received", async () => {
  const kernel = await open().launch(last);
  await kernel.terminate();
  expect(kernel.tryReceive(News)).toEqual({ number: 1 });
});
