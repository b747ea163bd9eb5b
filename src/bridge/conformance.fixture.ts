// Conformance: what a bridge does on any device, by any strategy. A back end runs this table on its own memory,
// with a kernel that answers each message with the inverse of its bytes.

import { expect } from "vitest";
import type { FailureCode } from "../base/mod.ts";
import { RingBufferBridge } from "./bridge.ts";
import type { BridgeTime, DeviceMemory } from "./device.ts";
import type { Fate } from "./input-lane.ts";
import type { BridgeOptions } from "./options.ts";
import type { Strategy } from "./strategy.ts";

export interface BridgeWorld {
  readonly memory: DeviceMemory;
  readonly time: BridgeTime;
  /** Starts the kernel on the bridge's queues. */
  launch(bridge: RingBufferBridge): Promise<void>;
  /** The device is gone. */
  lose(): void;
  /** Waits for a promise while the world goes on. */
  until<Result>(promise: Promise<Result>): Promise<Result>;
}

export interface BridgeCase {
  readonly name: string;
  run(world: BridgeWorld, strategy: Strategy): Promise<void>;
}

/** Message `i`: from 0 to 60 bytes that its number decides. */
export function payloadOf(i: number): Uint8Array {
  const payload = new Uint8Array(i % 61);
  for (let k = 0; k < payload.length; k++) payload[k] = (i * 31 + k * 7 + (i >> 8)) & 0xff;
  return payload;
}

export function inverse(payload: Uint8Array): Uint8Array {
  return payload.map((byte) => byte ^ 0xff);
}

export const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "no failure",
    (failure: { readonly code?: string }) => failure.code ?? failure,
  );

const failureWith = (code: FailureCode): unknown => expect.objectContaining({ code });

export const SMALL: BridgeOptions = { inputCapacity: 8, outputCapacity: 8, payloadBytesMax: 60 };

const open = (
  world: BridgeWorld,
  strategy: Strategy,
  options: BridgeOptions = SMALL,
): Promise<RingBufferBridge> =>
  world.until(RingBufferBridge.create(world.memory, world.time, { strategy, ...options }));

/** A bridge that has started, with its kernel on the device. */
async function running(
  world: BridgeWorld,
  strategy: Strategy,
  options?: BridgeOptions,
): Promise<RingBufferBridge> {
  const bridge = await open(world, strategy, options);
  bridge.start();
  await world.launch(bridge);
  return bridge;
}

/** Resolves once the device may see so many messages. */
async function shown(world: BridgeWorld, bridge: RingBufferBridge, count: number): Promise<void> {
  while (bridge.stats().input.published < count)
    await new Promise<void>((resume) => void world.time.after(1, resume));
}

const close = (world: BridgeWorld, bridge: RingBufferBridge): Promise<void> =>
  world.until(bridge[Symbol.asyncDispose]());

async function send(bridge: RingBufferBridge, first: number, end: number): Promise<void> {
  for (let i = first; i < end; i++) await bridge.enqueueInput(payloadOf(i));
}

/** Receives messages and compares each with the inverse of what was sent. */
async function receive(bridge: RingBufferBridge, first: number, end: number): Promise<void> {
  for (let i = first; i < end; i++)
    expect(await bridge.dequeueOutput()).toEqual(inverse(payloadOf(i)));
}

/** Takes what is there, and expects the answers to messages from `first` on; returns how many. */
export function takeAll(bridge: RingBufferBridge, first: number): number {
  let next = first;
  while (bridge.take((payload) => expect(payload.slice()).toEqual(inverse(payloadOf(next)))))
    next++;
  return next - first;
}

const bytesUpTo = (count: number): number => {
  let bytes = 0;
  for (let i = 0; i < count; i++) bytes += i % 61;
  return bytes;
};

const NO_COPIES = { copies: 0, bytes: 0 };

const fails = (): void => {
  throw new Error("not today");
};

const COUNT = 1500;

export const BRIDGE_CASES: readonly BridgeCase[] = [
  {
    name: "answers come whole, in order and once, and every count is true",
    async run(world, strategy) {
      const bridge = await open(world, strategy);
      expect([bridge.state, bridge.plan]).toEqual(["ready", { strategy, refused: [], unused: [] }]);
      bridge.start();
      await world.launch(bridge);
      await world.until(Promise.all([send(bridge, 0, COUNT), receive(bridge, 0, COUNT)]));
      const end = await world.until(bridge.stop());
      const all = { accepted: COUNT, consumed: COUNT, untaken: 0, uncertain: 0, unsent: 0 };
      expect(end).toEqual({
        how: "stopped",
        failure: undefined,
        drained: true,
        input: all,
        output: { seen: COUNT, taken: COUNT, left: 0, unfetched: 0 },
      });
      const { input, output, copiesIn, copiesOut, ...rest } = bridge.stats();
      const payloadBytes = bytesUpTo(COUNT);
      expect(input).toMatchObject({
        accepted: COUNT,
        published: COUNT,
        consumed: COUNT,
        payloadBytes,
      });
      expect(output).toMatchObject({ seen: COUNT, fetched: COUNT, taken: COUNT, payloadBytes });
      expect(rest).toMatchObject({ strategy, state: "stopped", retries: 0 });
      expect(input.batches).toBeGreaterThanOrEqual(COUNT / 8);
      expect(input.batches).toBeLessThanOrEqual(COUNT);
      if (strategy === "unified") {
        expect([copiesIn, copiesOut]).toEqual([NO_COPIES, NO_COPIES]);
      } else {
        expect(copiesIn.copies).toBeGreaterThanOrEqual(2 * input.batches + output.batches);
        expect(copiesIn.bytes).toBeGreaterThanOrEqual(payloadBytes);
        expect(copiesOut.bytes).toBeGreaterThanOrEqual(payloadBytes);
      }
      await close(world, bridge);
    },
  },
  {
    name: "a queue that the device does not empty takes its capacity, then refuses, and loses nothing",
    async run(world, strategy) {
      const bridge = await open(world, strategy);
      for (let i = 0; i < 8; i++) expect(bridge.offer(payloadOf(i))).toBe(true);
      expect(bridge.offer(payloadOf(8))).toBe(false);
      bridge.start();
      expect(await world.until(codeOf(bridge.enqueueInput(payloadOf(8), { timeoutMs: 20 })))).toBe(
        "QUEUE_FULL",
      );
      const controller = new AbortController();
      const aborted = codeOf(bridge.enqueueInput(payloadOf(8), { signal: controller.signal }));
      const waiting = send(bridge, 8, 9);
      controller.abort("enough");
      expect(await world.until(aborted)).toBe("enough");
      expect(bridge.offer(payloadOf(9))).toBe(false); // It would overtake the one that waits.
      expect(bridge.stats().input).toMatchObject({
        accepted: 8,
        consumed: 0,
        refused: 2,
        stalls: 3,
      });
      await world.launch(bridge);
      await world.until(Promise.all([waiting, receive(bridge, 0, 9)]));
      await close(world, bridge);
      expect((await bridge.ended).input).toMatchObject({ accepted: 9, consumed: 9 });
    },
  },
  {
    name: "answers that nobody takes hold the device back, and then the sender",
    async run(world, strategy) {
      const bridge = await running(world, strategy);
      const sent = send(bridge, 0, 100);
      // 8 on the way in, 8 on the device, and 8 here where there is a place of their own.
      const most = strategy === "unified" ? 16 : 24;
      const pass = (ms: number): Promise<void> =>
        world.until(new Promise<void>((resolve) => void world.time.after(ms, resolve)));
      while (bridge.stats().input.accepted < most || bridge.stats().output.fetched < 8)
        await pass(1);
      await pass(20); // In which nothing more may come.
      const { input, output } = bridge.stats();
      expect(input.accepted).toBe(most);
      expect(output).toMatchObject({
        fetched: 8,
        taken: 0,
        stalls: strategy === "unified" ? 0 : 1,
      });
      await world.until(Promise.all([sent, receive(bridge, 0, 100)]));
      await close(world, bridge);
    },
  },
  {
    name: "stop() drains: the device takes all, and what it answered is left to take",
    async run(world, strategy) {
      const bridge = await running(world, strategy, { ...SMALL, outputCapacity: 64 });
      await world.until(send(bridge, 0, 50));
      const stopped = bridge.stop();
      expect(bridge.state).toBe("draining");
      expect(() => bridge.offer(payloadOf(50))).toThrow(failureWith("BRIDGE_CLOSED"));
      const end = await world.until(stopped);
      expect(end).toMatchObject({ how: "stopped", drained: true });
      expect(end.input).toMatchObject({ accepted: 50, consumed: 50 });
      expect(end.output).toEqual({ seen: 50, taken: 0, left: 50, unfetched: 0 });
      expect(takeAll(bridge, 0)).toBe(50);
      expect(await codeOf(bridge.dequeueOutput())).toBe("BRIDGE_CLOSED");
      expect(await world.until(bridge.stop())).toBe(end);
      await close(world, bridge);
    },
  },
  {
    name: "stop() gives up at its time, and says what the device has not taken",
    async run(world, strategy) {
      const bridge = await open(world, strategy);
      bridge.start(); // And no kernel.
      await world.until(send(bridge, 0, 5));
      const [received, full] = [codeOf(bridge.dequeueOutput()), send(bridge, 5, 8)];
      await world.until(full);
      await world.until(shown(world, bridge, 8));
      const refused = codeOf(send(bridge, 8, 9));
      const end = await world.until(bridge.stop({ timeoutMs: 20 }));
      expect(await refused).toBe("BRIDGE_CLOSED");
      expect(await received).toBe("BRIDGE_CLOSED");
      expect([end.drained, end.input]).toEqual([
        false,
        { accepted: 8, consumed: 0, untaken: 8, uncertain: 0, unsent: 0 },
      ]);
      const left: [Uint8Array, Fate][] = [];
      bridge.leftovers((payload, fate) => void left.push([payload.slice(), fate]));
      expect(left).toEqual(Array.from({ length: 8 }, (_, i) => [payloadOf(i), "untaken"]));
      await close(world, bridge);
    },
  },
  {
    name: "a device that is lost ends the bridge, and each message is in one place of the account",
    async run(world, strategy) {
      const bridge = await running(world, strategy);
      let taken = 0;
      const receiving = (async () => {
        for (;;) {
          expect(await bridge.dequeueOutput()).toEqual(inverse(payloadOf(taken)));
          if (++taken === 40) world.lose();
        }
      })();
      const outcomes = await world.until(
        Promise.all([codeOf(send(bridge, 0, 10_000)), codeOf(receiving)]),
      );
      expect(outcomes).toEqual(["DEVICE_LOST", "DEVICE_LOST"]);
      const { how, failure, drained, input, output } = await world.until(bridge.ended);
      expect([how, failure?.code, drained, bridge.state]).toEqual([
        "failed",
        "DEVICE_LOST",
        false,
        "failed",
      ]);
      const { accepted, consumed, untaken, uncertain, unsent } = input;
      expect(consumed + untaken + uncertain + unsent).toBe(accepted);
      taken += takeAll(bridge, taken);
      expect([output.taken + output.left, taken >= 40]).toEqual([taken, true]);
      expect(output.seen).toBe(taken + output.unfetched);
      const fates: Record<Fate, number> = { untaken: 0, uncertain: 0, unsent: 0 };
      let next = consumed;
      bridge.leftovers((payload, fate) => {
        expect(payload.slice()).toEqual(payloadOf(next++));
        fates[fate]++;
      });
      expect([next, fates]).toEqual([accepted, { untaken, uncertain, unsent }]);
      expect(() => bridge.offer(payloadOf(0))).toThrow(failureWith("DEVICE_LOST"));
      expect(await codeOf(bridge.dequeueOutput())).toBe("DEVICE_LOST");
      await close(world, bridge);
    },
  },
  {
    name: "a message may have payloadBytesMax bytes, and none, but not one more",
    async run(world, strategy) {
      const bridge = await running(world, strategy);
      const largest = new Uint8Array(60).fill(7);
      expect(bridge.offer(largest)).toBe(true);
      expect(bridge.offer(new Uint8Array(0))).toBe(true);
      const large = new Uint8Array(61);
      expect(() => bridge.offer(large)).toThrow(failureWith("MESSAGE_TOO_LARGE"));
      expect(await codeOf(bridge.enqueueInput(large))).toBe("MESSAGE_TOO_LARGE");
      expect(await world.until(bridge.dequeueOutput())).toEqual(inverse(largest));
      expect(await world.until(bridge.dequeueOutput())).toEqual(new Uint8Array(0));
      await close(world, bridge);
    },
  },
  {
    name: "receivers are served in their order; one that gives up takes no message with it",
    async run(world, strategy) {
      const bridge = await running(world, strategy);
      const controller = new AbortController();
      const [late, aborted, first, second] = [
        codeOf(bridge.dequeueOutput({ timeoutMs: 5 })),
        codeOf(bridge.dequeueOutput({ signal: controller.signal })),
        bridge.dequeueOutput(),
        bridge.dequeueOutput(),
      ];
      expect(await world.until(late)).toBe("QUEUE_EMPTY");
      controller.abort("enough");
      expect(await world.until(aborted)).toBe("enough");
      expect(await codeOf(bridge.dequeueOutput({ signal: controller.signal }))).toBe("enough");
      await world.until(send(bridge, 7, 9));
      expect(await world.until(Promise.all([first, second]))).toEqual([
        inverse(payloadOf(7)),
        inverse(payloadOf(8)),
      ]);
      await close(world, bridge);
    },
  },
  {
    name: "take() takes a message also where its use throws, and not within itself",
    async run(world, strategy) {
      const bridge = await running(world, strategy);
      await world.until(send(bridge, 3, 6));
      const end = await world.until(bridge.stop());
      expect(end.output.left).toBe(3);
      expect(() => bridge.take(fails)).toThrow("not today");
      const nested = (): void => void bridge.take(() => {});
      expect(() => bridge.take(nested)).toThrow(failureWith("INVALID_STATE_TRANSITION"));
      expect(takeAll(bridge, 5)).toBe(1);
      await close(world, bridge);
    },
  },
  {
    name: "a bridge starts once, and one that never started stops with what it was given",
    async run(world, strategy) {
      const bridge = await open(world, strategy);
      const transition = failureWith("INVALID_STATE_TRANSITION");
      expect(() => bridge.leftovers(() => {})).toThrow(transition);
      expect(bridge.offer(payloadOf(1))).toBe(true);
      const end = await world.until(bridge.stop());
      const unsent = strategy === "unified" ? 0 : 1; // A mapped message is on the device at once.
      expect(end.input).toEqual({
        accepted: 1,
        consumed: 0,
        untaken: 1 - unsent,
        uncertain: 0,
        unsent,
      });
      expect(() => bridge.start()).toThrow(transition);
      await close(world, bridge);
      expect(() => bridge.leftovers(() => {})).toThrow(transition);
    },
  },
];
