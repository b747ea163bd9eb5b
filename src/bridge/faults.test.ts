// Faults: whatever fails on the way, nothing is lost, doubled or out of order, and the account is true.

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { RingBufferBridge } from "./bridge.ts";
import { codeOf, inverse, payloadOf, SMALL } from "./conformance.fixture.ts";
import { TRANSFORMS } from "./device-kernel.ts";
import type { BridgeOptions } from "./options.ts";
import { HEAD_AT, QueueView, TAIL_AT } from "./queue.ts";
import { type Fault, SimulatedDevice, type SimulatedDeviceOptions } from "./simulated-device.ts";
import { STRATEGIES, type Strategy } from "./strategy.ts";
import { VirtualTime } from "./virtual-time.fixture.ts";

const COPYING = STRATEGIES.filter((strategy) => strategy !== "unified");

/** Numbers from 0 to 1, the same for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

interface Made {
  readonly time: VirtualTime;
  readonly device: SimulatedDevice;
  readonly bridge: RingBufferBridge;
}

async function make(
  strategy: Strategy,
  options: BridgeOptions = {},
  device: Omit<SimulatedDeviceOptions, "time"> = {},
): Promise<Made> {
  const time = new VirtualTime();
  const memory = new SimulatedDevice({ time, ...device });
  const made = RingBufferBridge.create(memory, time, { strategy, ...SMALL, ...options });
  return { time, device: memory, bridge: await time.until(made) };
}

const shapes = fc.record({
  strategy: fc.constantFrom(...STRATEGIES),
  inputCapacity: fc.integer({ min: 1, max: 6 }).map((bits) => 2 ** bits),
  outputCapacity: fc.integer({ min: 1, max: 6 }).map((bits) => 2 ** bits),
  batchSlotsMax: fc.integer({ min: 1, max: 70 }),
  batchesInFlightMax: fc.integer({ min: 1, max: 6 }),
  // Near the wrap of positions, so that they pass it, or anywhere.
  firstPosition: fc.oneof(fc.integer({ min: 2 ** 32 - 150, max: 2 ** 32 - 1 }), fc.nat()),
});

const devices = fc.record({
  signals: fc.boolean(),
  pinnedMemory: fc.boolean(),
  copyAlignBytes: fc.constantFrom(1, 4, 16, 64),
  copyBytesMax: fc.constantFrom(64, 192, 4096),
});

const speeds = fc.record({
  latencyMs: fc.constantFrom(0, 0.01, 1),
  bytesPerMs: fc.constantFrom(100, 10_000, Infinity),
  messageMs: fc.constantFrom(0, 0.02),
});

/** After how many copies something happens, and what. Setting queues up takes well below sixty. */
const faults = fc.record({
  failsEvery: fc.option(fc.integer({ min: 3, max: 20 }), { nil: undefined }),
  endsAt: fc.option(fc.tuple(fc.integer({ min: 60, max: 400 }), fc.constantFrom("lose", "die")), {
    nil: undefined,
  }),
});

test("messages of any sizes through queues of any shape come once and in order, or the account says where they are", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({ shape: shapes, device: devices, speed: speeds, fault: faults, seed: fc.nat() }),
      fc.integer({ min: 0, max: 250 }),
      async ({ shape, device, speed, fault, seed }, count) => {
        const { endsAt, failsEvery } = fault;
        const random = randomFrom(seed);
        const faultOf = ({ index }: { readonly index: number }): Fault => {
          if (endsAt !== undefined && index >= endsAt[0])
            return endsAt[1] === "lose" ? "lose" : "fail";
          return failsEvery !== undefined && index % failsEvery === 0 && index > 2
            ? "fail"
            : "none";
        };
        const {
          time,
          device: memory,
          bridge,
        } = await make(
          shape.strategy,
          { ...shape, copyAttemptsMax: 20 },
          { ...speed, random, fault: faultOf, capabilities: device },
        );
        memory.launch(bridge.queues, TRANSFORMS.invert);
        bridge.start();
        const dawdle = async (): Promise<void> => {
          if (random() < 0.1)
            await new Promise<void>((resume) => void time.after(random(), resume));
        };
        const received: Uint8Array[] = [];
        const sending = (async () => {
          for (let i = 0; i < count; i++) {
            await dawdle();
            await bridge.enqueueInput(payloadOf(i));
          }
        })();
        const receiving = (async () => {
          for (let i = 0; i < count; i++) {
            await dawdle();
            received.push(await bridge.dequeueOutput());
          }
        })();
        await time.until(Promise.all([codeOf(sending), codeOf(receiving)]));
        const end = await time.until(bridge.stop());
        while (bridge.take((payload) => void received.push(payload.slice())));
        const { accepted, consumed, untaken, uncertain, unsent } = end.input;
        expect(received).toEqual(
          Array.from({ length: received.length }, (_, i) => inverse(payloadOf(i))),
        );
        expect(consumed + untaken + uncertain + unsent).toBe(accepted);
        expect(end.output.seen).toBe(received.length + end.output.unfetched);
        expect(end.output.seen).toBeLessThanOrEqual(accepted - unsent);
        const left: Uint8Array[] = [];
        bridge.leftovers((payload) => void left.push(payload.slice()));
        expect(left).toEqual(
          Array.from({ length: accepted - consumed }, (_, i) => payloadOf(consumed + i)),
        );
        if (end.how === "stopped")
          expect([end.drained, accepted, consumed, received.length]).toEqual([
            true,
            count,
            count,
            count,
          ]);
        else expect(["DEVICE_LOST", "DEVICE_COPY_FAILED"]).toContain(end.failure!.code);
        expect(end.how === "failed" && endsAt === undefined).toBe(false);
        await time.until(bridge[Symbol.asyncDispose]());
        expect(memory.pinnedBytes).toBe(0);
      },
    ),
    { numRuns: 300 },
  );
});

/** Fails the copies of 64 bytes, as often as that. */
function failing(attempts: number): (copy: { readonly bytes: number }) => Fault {
  let failed = 0;
  return ({ bytes }) => (bytes === 64 && failed++ < attempts ? "fail" : "none");
}

/** All after the first four hang. */
const hanging = ({ index }: { readonly index: number }): Fault => (index < 4 ? "none" : "hang");

test.each(COPYING)(
  "%s: a copy that fails is tried again, copyAttemptsMax times in all",
  async (strategy) => {
    const message = new Uint8Array(48); // The one copy of 64 bytes; then its answer's slot of 128.
    const lives = await make(strategy, {}, { fault: failing(2) });
    lives.bridge.start();
    lives.device.launch(lives.bridge.queues);
    expect(lives.bridge.offer(message)).toBe(true);
    expect(await lives.time.until(lives.bridge.dequeueOutput())).toEqual(message);
    expect(lives.bridge.stats().retries).toBe(2);

    const dies = await make(strategy, {}, { fault: failing(3) });
    dies.bridge.start();
    expect(dies.bridge.offer(message)).toBe(true);
    const { failure, input } = await dies.time.until(dies.bridge.ended);
    expect([failure?.code, failure?.cause]).toEqual([
      "DEVICE_COPY_FAILED",
      new Error("a simulated fault"),
    ]);
    expect([input.unsent, dies.bridge.stats().retries]).toEqual([1, 2]);
  },
);

test.each(["async", "dma-polling"] as const)(
  "%s: a copy that does not end in copyTimeoutMs is a lost device",
  async (strategy) => {
    const { time, bridge, device } = await make(
      strategy,
      { copyTimeoutMs: 50 },
      { fault: hanging },
    );
    device.launch(bridge.queues);
    bridge.start();
    await time.until(codeOf(Promise.all([1, 2, 3].map((i) => bridge.enqueueInput(payloadOf(i))))));
    const { failure, input } = await time.until(bridge.ended);
    expect(failure?.code).toBe("DEVICE_LOST");
    expect(failure?.found).toContain("50 ms");
    expect(time.nowMs()).toBeGreaterThanOrEqual(50); // Virtual, so exact.
    expect(time.nowMs()).toBeLessThanOrEqual(110);
    expect(input.consumed + input.untaken + input.uncertain + input.unsent).toBe(3);
    await time.until(bridge[Symbol.asyncDispose]()); // It leaves the memory that a copy may still reach.
    expect(device.allocatedBytes).toBeGreaterThan(0);
  },
);

test.each(STRATEGIES)(
  "%s: any words that a device writes end the bridge with DEVICE_QUEUE_INVALID, or change nothing",
  async (strategy) => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("head", "tail", "turn", "bytes"),
        fc.integer(),
        async (which, word) => {
          const { time, device, bridge } = await make(strategy);
          bridge.start();
          for (let i = 0; i < 4; i++) bridge.offer(payloadOf(i));
          await time.pass(5);
          const [input, output] = [bridge.queues.input, bridge.queues.output].map(({ region }) => {
            const { buffer, byteOffset, length } = device.bytesOf(region);
            return new DataView(buffer, byteOffset, length);
          }) as [DataView, DataView];
          const view = new QueueView(
            device.bytesOf(bridge.queues.output.region),
            bridge.queues.output.geometry,
          );
          view.write(0, payloadOf(5));
          if (which === "head") input.setInt32(HEAD_AT, word, true);
          else {
            if (which === "turn") output.setInt32(view.slotAt(0), word, true);
            if (which === "bytes") output.setInt32(view.slotAt(0) + 4, word, true);
            output.setInt32(TAIL_AT, which === "tail" ? word : 1, true);
          }
          const fits = {
            head: word >>> 0 <= 4,
            tail: word >>> 0 <= 1,
            turn: word === 1,
            bytes: word >>> 0 <= 60,
          }[which];
          device.notify();
          const got = [1, 2].map(() => codeOf(bridge.dequeueOutput({ timeoutMs: 20 })));
          await time.pass(5); // Mapped slots are read when they are taken.
          const stopped = bridge.stop({ timeoutMs: 20 });
          expect((await time.until(stopped)).how).toBe(fits ? "stopped" : "failed");
          if (!fits) expect((await stopped).failure?.code).toBe("DEVICE_QUEUE_INVALID");
          await time.until(Promise.all(got));
        },
      ),
      { numRuns: 60 },
    );
  },
);

test.each(STRATEGIES)(
  "%s: a device too small, or lost while a bridge is made, keeps no memory",
  async (strategy) => {
    const time = new VirtualTime();
    const { totalBytes } = (await make(strategy)).bridge.queues.input.geometry;
    const create = (memory: SimulatedDevice): Promise<unknown> =>
      codeOf(RingBufferBridge.create(memory, time, { strategy, ...SMALL }));
    const fits = new SimulatedDevice({ time, memoryBytes: 2 * totalBytes });
    expect(await time.until(create(fits))).toBe("no failure");
    const small = new SimulatedDevice({ time, memoryBytes: 2 * totalBytes - 1 });
    expect(await time.until(create(small))).toBe("DEVICE_MEMORY_FULL");
    expect([small.allocatedBytes, small.pinnedBytes]).toEqual([0, 0]);
    const lost = new SimulatedDevice({ time });
    lost.lose();
    expect(await time.until(create(lost))).toBe("DEVICE_LOST");
    expect(lost.pinnedBytes).toBe(0);
  },
);
