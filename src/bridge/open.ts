// Open: a bridge's memory on both sides, and its lanes over it.

import { assert } from "../base/mod.ts";
import { BRIDGE_QUEUE } from "../layout/mod.ts";
import { Copies } from "./copies.ts";
import type { BridgeTime, DeviceMemory } from "./device.ts";
import { CopiedInput, type InputLane, MappedInput } from "./input-lane.ts";
import type { BridgeSettings } from "./options.ts";
import { CopiedOutput, MappedOutput, type OutputLane } from "./output-lane.ts";
import { type DeviceQueue, queueGeometry, QueueView } from "./queue.ts";
import type { TransferPlan } from "./strategy.ts";

export interface Opened {
  readonly input: InputLane;
  readonly output: OutputLane;
  readonly queues: { readonly input: DeviceQueue; readonly output: DeviceQueue };
  /** Undefined where nothing is copied. */
  readonly copies: Copies | undefined;
  /** Gives all memory back. Nothing uses it any more. */
  readonly close: () => Promise<void>;
}

/** Fails with DEVICE_MEMORY_FULL, DEVICE_LOST or DEVICE_COPY_FAILED, and keeps nothing then. */
export async function openLanes(
  memory: DeviceMemory,
  plan: TransferPlan,
  settings: BridgeSettings,
  time: BridgeTime,
): Promise<Opened> {
  const { strategy } = plan;
  const closers: (() => void | Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).toReversed()) await closer();
  };
  const allocate = async (capacity: number): Promise<DeviceQueue> => {
    const geometry = queueGeometry({ capacity, payloadBytesMax: settings.payloadBytesMax });
    const region = await memory.allocate(geometry.totalBytes);
    closers.push(() => memory.free(region));
    return { region, geometry };
  };
  try {
    const queues = {
      input: await allocate(settings.inputCapacity),
      output: await allocate(settings.outputCapacity),
    };
    if (strategy === "unified")
      return {
        ...mapLanes(memory, queues, settings.firstPosition),
        queues,
        copies: undefined,
        close,
      };

    const copies = new Copies(strategy, memory, settings, time);
    const parts = { memory, copies, settings };
    const staging = ({ geometry: { totalBytes } }: DeviceQueue): Uint8Array => {
      if (!memory.capabilities.pinnedMemory) return new Uint8Array(totalBytes);
      const pinned = memory.pin!(totalBytes);
      assert(pinned.byteOffset % 4 === 0, "pinned memory starts on a word");
      closers.push(() => memory.unpin!(pinned));
      return pinned;
    };
    const [forInput, forOutput] = [staging(queues.input), staging(queues.output)];
    const input = new CopiedInput(queues.input, forInput, parts);
    const output = new CopiedOutput(queues.output, forOutput, parts);
    for (const [queue, host] of [
      [queues.input, forInput],
      [queues.output, forOutput],
    ] as const) {
      startAt(new QueueView(host, queue.geometry), settings.firstPosition);
      await copies.copyIn(queue.region, 0, host.subarray(0, BRIDGE_QUEUE.bytes));
    }
    return { input, output, queues, copies, close };
  } catch (failure) {
    await close();
    throw failure;
  }
}

function mapLanes(
  memory: DeviceMemory,
  { input, output }: Opened["queues"],
  firstPosition: number,
): Pick<Opened, "input" | "output"> {
  const view = ({ region, geometry }: DeviceQueue): QueueView => {
    const mapped = new QueueView(memory.map!(region), geometry);
    startAt(mapped, firstPosition);
    return mapped;
  };
  return {
    input: new MappedInput(view(input), memory, firstPosition),
    output: new MappedOutput(view(output), memory, firstPosition),
  };
}

/** An empty queue. */
function startAt(view: QueueView, position: number): void {
  view.tail = position;
  view.head = position;
}
