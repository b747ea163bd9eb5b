// Routes: a kernel that ends while another sends to it leaves nobody waiting, and no block taken.

import { expect, test } from "vitest";
import { createClockMemory, HybridClock, list, message } from "../message/mod.ts";
import { createAttention } from "./attention.ts";
import { Blocks, createBlocks } from "./blocks.ts";
import { KernelBlock } from "./kernel-block.ts";
import { createKernelWords } from "./kernel-spec.ts";
import { STATES } from "./lifecycle.ts";
import { createQueue, MessageQueue } from "./message-queue.ts";
import { resolveScheduler } from "./scheduling.ts";
import { Routes } from "./routes.ts";

const Bytes = message({ data: list("u8") });
const pause = (): Promise<void> => new Promise((resume) => setImmediate(resume));

test("Routes.call() fails at once where the kernel ended and looked for the last time before the message was there", async () => {
  const input = createQueue({ capacity: 4, lanes: 1, cellBytes: 64 });
  const pool = new Blocks(createBlocks({ blocks: 1, blockBytes: 256 }));
  const words = createKernelWords();
  const block = new KernelBlock(new Int32Array(words));
  block.state = STATES.indexOf("active");
  const routes = new Routes({
    ...{ source: 2, tenant: 0, thread: 1, pool, payloadBytesMax: 256, pause, nap: pause },
    ...{
      clock: new HybridClock(createClockMemory(), { now: () => 1000 }),
      nowMs: () => performance.now(),
    },
  });
  const scheduler = resolveScheduler(undefined, 1);
  const attentions = [{ memory: createAttention(), index: 0 }];
  routes.add({
    id: "other",
    number: 3,
    tenant: 0,
    inputs: [input],
    scheduler,
    words,
    checksum: false,
    attentions,
  });
  const value = {
    get data(): Uint8Array {
      block.state = STATES.indexOf("terminated"); // After its state was looked at.
      return new Uint8Array(100);
    },
  };
  const options = { hops: 0, timeoutMs: 1000 };
  const call = routes.call("other", Bytes, value, Bytes, options);
  await expect(call).rejects.toMatchObject({ code: "KERNEL_TERMINATED" });
  expect([new MessageQueue(input, pool).ring.depth, pool.taken]).toEqual([0, 0]);
});
