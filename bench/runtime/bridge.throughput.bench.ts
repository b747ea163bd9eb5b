// How many messages go to a device's memory and back in a second, by each strategy? The device is a thread: what is
// measured is what a bridge costs, not what a bus carries.

import { setImmediate as turn } from "node:timers/promises";

import {
  bridgeTime,
  RingBufferBridge,
  STRATEGIES,
  type Strategy,
  ThreadDevice,
} from "../../src/runtime.node.ts";
import type { Bench } from "../harness/bench.ts";
import type { Effort } from "../harness/measure.ts";
import type { Row } from "../harness/row.ts";
import { Chunks } from "../ring/chunks.ts";
import { contest, type ThreadContender } from "../ring/contest.ts";

const MESSAGES = { quick: 1 << 15, full: 1 << 18 };
const CAPACITY = 4096;

export const bench: Bench = {
  name: "bridge",
  question: "how many messages go to a device and back in a second, by each strategy?",
  async *rows(effort) {
    yield await echoes(effort, 64);
    yield await echoes(effort, 4096);
  },
};

async function echoes(effort: Effort, bytes: number): Promise<Row> {
  return {
    id: `bridge ${bytes} bytes`,
    what: `${bytes} bytes to a thread with its own memory, and back`,
    entries: await contest(
      STRATEGIES.map((strategy) => echo(strategy, bytes)),
      effort,
    ),
    goals: [],
    bytes: 2 * bytes,
  };
}

function echo(strategy: Strategy, bytes: number): ThreadContender {
  return {
    name: `annulus, ${strategy}`,
    time: async ({ quick }) => {
      const count = quick ? MESSAGES.quick : MESSAGES.full;
      await using device = new ThreadDevice({ mappedMemory: strategy === "unified" });
      await using bridge = await RingBufferBridge.create(device, bridgeTime, {
        ...{ strategy, payloadBytesMax: bytes, inputCapacity: CAPACITY, outputCapacity: CAPACITY },
        batchSlotsMax: 256,
      });
      device.launch(bridge.queues);
      bridge.start();
      const clock = new Chunks(count);
      const payload = new Uint8Array(bytes);
      const number = new Uint32Array(payload.buffer);
      let [sent, received] = [0, 0];
      const check = (answer: Uint8Array): void => {
        const found = new DataView(answer.buffer, answer.byteOffset).getUint32(0, true);
        if (found !== received || answer.length !== bytes)
          throw new Error(`${found} came where ${received} was expected`);
      };
      while (received < count) {
        const before = sent + received;
        while (sent < count && sent - received < 2 * CAPACITY) {
          number[0] = sent;
          if (!bridge.offer(payload)) break;
          sent++;
        }
        while (bridge.take(check)) clock.at(++received);
        if (sent + received === before || strategy !== "unified") await turn();
      }
      return clock.timing;
    },
  };
}
