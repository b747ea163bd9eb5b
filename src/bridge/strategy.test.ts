// Strategy and options: what is chosen, what is refused and why, and that each option decides something.

import { expect, test } from "vitest";
import { Failure } from "../base/mod.ts";
import { RingBufferBridge } from "./bridge.ts";
import { payloadOf } from "./conformance.fixture.ts";
import { BRIDGE_RANGES, type BridgeOptions, resolveBridge } from "./options.ts";
import { SimulatedDevice, type SimulatedDeviceOptions } from "./simulated-device.ts";
import { planTransfer, STRATEGIES } from "./strategy.ts";
import { VirtualTime } from "./virtual-time.fixture.ts";

const deviceThat = (capabilities: SimulatedDeviceOptions["capabilities"] = {}): SimulatedDevice =>
  new SimulatedDevice({ time: new VirtualTime(), capabilities });

function failureOf(call: () => unknown): Failure {
  try {
    call();
  } catch (failure) {
    if (failure instanceof Failure) return failure;
    throw failure;
  }
  throw new Error("it did not fail");
}

test("auto takes the best that the device can, and says why not each better one", () => {
  const mapped = deviceThat({ visibility: "device" });
  const polled = { mappedMemory: false, queuedCopies: false } as const;
  expect(planTransfer(deviceThat(), {})).toEqual({ strategy: "unified", refused: [], unused: [] });
  expect(planTransfer(mapped, { strategy: "auto" })).toMatchObject({
    strategy: "async",
    refused: [{ strategy: "unified", why: expect.stringContaining("only after copies") }],
  });
  expect(planTransfer(deviceThat(polled), {})).toMatchObject({
    strategy: "dma-polling",
    refused: [
      { strategy: "unified", why: expect.stringContaining("no memory that the host can map") },
      { strategy: "async", why: expect.stringContaining("does not tell") },
    ],
  });
  const last = planTransfer(deviceThat({ ...polled, polledCopies: false }), {});
  expect([last.strategy, last.refused.map(({ strategy }) => strategy)]).toEqual([
    "sync",
    STRATEGIES.slice(0, 3),
  ]);
});

test("a device that can nothing, a strategy that it cannot, and one that does not exist are refused with reasons", () => {
  const none = {
    mappedMemory: false,
    queuedCopies: false,
    polledCopies: false,
    blockingCopies: false,
  };
  const refused = failureOf(() => planTransfer(deviceThat(none), {}));
  expect([refused.code, refused.detail["refused"]]).toEqual([
    "OPTION_UNSUPPORTED",
    STRATEGIES.map((strategy) => ({ strategy, why: expect.any(String) })),
  ]);
  for (const strategy of STRATEGIES) {
    expect(refused.found).toContain(`${strategy}: `);
    expect(planTransfer(deviceThat(), { strategy }).strategy).toBe(strategy);
    const failure = failureOf(() => planTransfer(deviceThat(none), { strategy }));
    expect([failure.code, failure.found]).toEqual([
      "OPTION_UNSUPPORTED",
      expect.stringMatching(`^${strategy}: `),
    ]);
  }
  const unknown = failureOf(() => planTransfer(deviceThat(), { strategy: "warp" as "sync" }));
  expect([unknown.code, unknown.found]).toEqual(["OPTION_UNSUPPORTED", '"warp"']);
});

test("a back end that says more than it has is refused by the method's name", () => {
  const claims = deviceThat();
  const memory = Object.assign(Object.create(claims) as SimulatedDevice, { map: undefined });
  expect(planTransfer(memory, {}).refused).toEqual([
    { strategy: "unified", why: "the device says that it can, and has no map()" },
  ]);
});

test.each([
  [{ copyAlignBytes: 64 }, true],
  [{ copyAlignBytes: 128 }, false],
  [{ copyAlignBytes: 12 }, false],
  [{ copyAlignBytes: 0 }, false],
  [{ copyBytesMax: 64 }, true],
  [{ copyBytesMax: 63 }, false],
  [{ copyBytesMax: 100 }, false],
] as const)("a device with %o is accepted: %o", (capabilities, isAccepted) => {
  const plan = (): unknown => planTransfer(deviceThat(capabilities), {});
  if (isAccepted) expect(plan()).toMatchObject({ strategy: "unified" });
  else expect(failureOf(plan).code).toBe("OPTION_UNSUPPORTED");
});

test("options that a strategy has no use for are named", () => {
  const all: BridgeOptions = {
    ...{ batchSlotsMax: 1, batchesInFlightMax: 1, copyAttemptsMax: 1, copyTimeoutMs: 1 },
    ...{ pollSpins: 1, pollTurns: 1, pollIntervalUs: 1, pollIntervalMaxUs: 1 },
  };
  const unused = (strategy: BridgeOptions["strategy"] & string, signals: boolean): string[] =>
    planTransfer(deviceThat({ signals }), { ...all, strategy }).unused.map(({ option }) => option);
  const polling = ["pollSpins", "pollTurns", "pollIntervalUs", "pollIntervalMaxUs"];
  const copying = ["batchSlotsMax", "batchesInFlightMax", "copyAttemptsMax", "copyTimeoutMs"];
  expect(unused("unified", true)).toEqual([...copying, ...polling]);
  expect(unused("unified", false)).toEqual(copying);
  expect(unused("async", true)).toEqual(polling);
  expect(unused("async", false)).toEqual([]);
  expect(unused("dma-polling", true)).toEqual([]);
  expect(unused("sync", false)).toEqual(["batchesInFlightMax", "copyTimeoutMs"]);
});

test.each(Object.entries(BRIDGE_RANGES))(
  "%s takes its least and its most, and nothing beyond",
  (name, [least, most]) => {
    const small = {
      inputCapacity: 2,
      outputCapacity: 2,
      payloadBytesMax: 0,
      pollIntervalUs: 1,
      pollIntervalMaxUs: 1_000_000,
    };
    const resolve = (value: number): unknown => resolveBridge({ ...small, [name]: value });
    expect([resolve(least), resolve(most)]).toMatchObject([{ [name]: least }, { [name]: most }]);
    for (const value of [least - 1, most + 1, least + 0.5, NaN]) {
      const failure = failureOf(() => resolve(value));
      expect([failure.code, failure.at]).toEqual(["OPTION_UNSUPPORTED", name]);
    }
  },
);

test("capacities are powers of two, a queue has at most 2^31 - 1 bytes, and intervals do not shrink", () => {
  for (const bad of [
    { inputCapacity: 12 },
    { outputCapacity: 3 },
    { pollIntervalUs: 200, pollIntervalMaxUs: 199 },
  ])
    expect(failureOf(() => resolveBridge(bad)).code).toBe("OPTION_UNSUPPORTED");
  const capacity = 2 ** 20;
  const most = { inputCapacity: capacity, payloadBytesMax: 2048 - 64 - 16 };
  expect(resolveBridge(most).inputCapacity).toBe(capacity);
  const failure = failureOf(() => resolveBridge({ ...most, payloadBytesMax: 2048 - 16 }));
  expect([failure.code, failure.at]).toEqual(["OPTION_UNSUPPORTED", "inputCapacity"]);
  expect(
    resolveBridge({
      pollIntervalUs: 200,
      pollIntervalMaxUs: 200,
      strategy: undefined as unknown as "auto",
    }).strategy,
  ).toBe("auto");
});

async function started(options: BridgeOptions, device: Omit<SimulatedDeviceOptions, "time"> = {}) {
  const time = new VirtualTime();
  const memory = new SimulatedDevice({ time, ...device });
  const bridge = await time.until(
    RingBufferBridge.create(memory, time, { strategy: "async", ...options }),
  );
  return { time, memory, bridge };
}

test("batchSlotsMax: messages that one batch carries", async () => {
  for (const [batchSlotsMax, batches] of [
    [1, 60],
    [7, 9],
    [64, 1],
  ] as const) {
    const { time, bridge, memory } = await started({ batchSlotsMax });
    for (let i = 0; i < 60; i++) bridge.offer(payloadOf(i));
    bridge.start();
    await time.pass(20);
    memory.launch(bridge.queues);
    await time.pass(20);
    expect(bridge.stats()).toMatchObject({
      input: { batches, published: 60 },
      output: { batches, fetched: 60 },
    });
  }
});

async function most(batchesInFlightMax: number): Promise<number> {
  const { time, bridge, memory } = await started(
    { batchSlotsMax: 1, batchesInFlightMax },
    { latencyMs: 1 },
  );
  let [now, peak] = [0, 0];
  const queueCopyIn = memory.queueCopyIn.bind(memory);
  memory.queueCopyIn = async (...copy) => {
    peak = Math.max(peak, ++now);
    await queueCopyIn(...copy);
    now--;
  };
  for (let i = 0; i < 40; i++) bridge.offer(payloadOf(i));
  bridge.start();
  await time.pass(200);
  expect(bridge.stats().input.published).toBe(40);
  return peak;
}

test("batchesInFlightMax: batches that are copied at a time", async () => {
  expect(await most(1)).toBe(1);
  expect(await most(4)).toBe(4);
});

async function looks(options: BridgeOptions): Promise<{ copies: number; sleeps: number }> {
  const { time, bridge } = await started(
    { strategy: "sync", ...options },
    { latencyMs: 0, capabilities: { signals: false } },
  );
  bridge.start();
  await time.pass(1000);
  return { copies: bridge.stats().copiesOut.copies, sleeps: bridge.stats().sleeps };
}

test("pollSpins, pollTurns and both intervals: how often a device without signals is asked", async () => {
  const base = { pollSpins: 0, pollTurns: 0, pollIntervalUs: 10_000, pollIntervalMaxUs: 10_000 };
  const even = await looks(base);
  expect(even.copies).toBeGreaterThanOrEqual(100);
  expect(even.copies).toBeLessThanOrEqual(101);
  expect(even.sleeps).toBe(even.copies);
  expect((await looks({ ...base, pollSpins: 30 })).copies - even.copies).toBe(30);
  expect((await looks({ ...base, pollTurns: 40 })).copies - even.copies).toBe(40);
  // 10, 20, 40, 80, 160, 320, then 370 that are left.
  expect((await looks({ ...base, pollIntervalMaxUs: 1_000_000 })).copies).toBe(7);
  expect(
    (await looks({ ...base, pollIntervalUs: 5000, pollIntervalMaxUs: 5000 })).copies,
  ).toBeGreaterThanOrEqual(200);
});

test("stopTimeoutMs: how long stop() drains where the call does not say", async () => {
  const { time, bridge } = await started({ stopTimeoutMs: 70 });
  bridge.start();
  bridge.offer(payloadOf(1));
  const before = time.nowMs();
  const { drained } = await time.until(bridge.stop());
  expect([drained, Math.round(time.nowMs() - before)]).toEqual([false, 70]);
});

test("pinned memory: staging lies there where the device has it", async () => {
  for (const pinnedMemory of [true, false]) {
    const { memory, bridge } = await started({}, { capabilities: { pinnedMemory } });
    const { input, output } = bridge.queues;
    const bytes = input.geometry.totalBytes + output.geometry.totalBytes;
    expect(memory.pinnedBytes).toBe(pinnedMemory ? bytes : 0);
  }
});
