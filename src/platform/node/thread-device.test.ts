// Thread device: the conformance table of bridges, against a thread that has memory of its own.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect, test, vi } from "vitest";
import { BRIDGE_CASES, type BridgeWorld, codeOf } from "../../bridge/conformance.fixture.ts";
import { type DeviceCapabilities, RingBufferBridge, STRATEGIES } from "../../bridge/mod.ts";
import { bridgeTime } from "./bridge-time.ts";
import { ThreadDevice } from "./thread-device.ts";

const worldOf = (memory: ThreadDevice): BridgeWorld => ({
  memory,
  time: bridgeTime,
  launch: async ({ queues }) => memory.launch(queues, "invert"),
  lose: () => void memory.kill(),
  until: (promise) => promise,
});

const DEVICES: Readonly<Record<string, Partial<DeviceCapabilities>>> = {
  "signals, pinned memory": {},
  "no signals, no pinned memory": { signals: false, pinnedMemory: false, copyBytesMax: 256 },
};

for (const [device, capabilities] of Object.entries(DEVICES))
  for (const strategy of STRATEGIES)
    test.each(BRIDGE_CASES)(`${strategy}, ${device}: $name`, async ({ run }) => {
      const mappedMemory = strategy === "unified"; // Else the thread's memory is its alone.
      await using memory = new ThreadDevice({ ...capabilities, mappedMemory });
      await run(worldOf(memory), strategy);
    });

// The thread that ended the copy before may ring only when the next one already waits at the same word.
test("ThreadDevice.copyIn() and copyOut() wait on where they are woken too early", async () => {
  await using device = new ThreadDevice({ mappedMemory: false });
  const region = await device.allocate(64);
  const [from, to] = [new Uint8Array(64).fill(7), new Uint8Array(64)];
  const wait = vi.spyOn(Atomics, "wait");
  try {
    wait.mockReturnValueOnce("ok");
    device.copyIn(region, 0, from);
    wait.mockReturnValueOnce("ok");
    device.copyOut(region, 0, to);
  } finally {
    wait.mockRestore();
  }
  expect(to).toEqual(from);
});

test("a device that was disposed is lost to its bridge", async () => {
  const memory = new ThreadDevice({ mappedMemory: false });
  await using bridge = await RingBufferBridge.create(memory, bridgeTime);
  bridge.start();
  await memory[Symbol.asyncDispose]();
  expect((await bridge.ended).failure?.found).toBe("a device that was disposed");
  expect(await codeOf(memory.allocate(64))).toBe("DEVICE_LOST");
});

test("a process whose bridges and devices are disposed ends by itself", async () => {
  const source = `
    import(${JSON.stringify(new URL("./mod.ts", import.meta.url).href)}).then(async ({ bridgeTime, ThreadDevice }) => {
      const { RingBufferBridge } = await import(${JSON.stringify(new URL("../../bridge/mod.ts", import.meta.url).href)});
      const device = new ThreadDevice();
      const bridge = await RingBufferBridge.create(device, bridgeTime);
      device.launch(bridge.queues);
      bridge.start();
      await bridge.enqueueInput(new Uint8Array(5));
      const { length } = await bridge.dequeueOutput();
      await bridge[Symbol.asyncDispose]();
      await device[Symbol.asyncDispose]();
      require("node:worker_threads").parentPort.postMessage(length);
    });`;
  const worker = new Worker(source, { eval: true });
  const [[length]] = await Promise.all([once(worker, "message"), once(worker, "exit")]);
  expect(length).toBe(5);
});
