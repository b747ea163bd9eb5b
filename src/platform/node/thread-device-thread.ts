// Thread of a thread device: owns the device's memory, carries out copies in the order of their commands, and runs the
// kernel between them.

import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { DeviceKernel, QueueView, TRANSFORMS } from "../../bridge/mod.ts";
import {
  COPY_DONE,
  COPY_REFUSED,
  type CopyCommand,
  DEVICE_WORDS,
  type DeviceCommand,
  type KernelQueue,
  type ThreadDeviceData,
} from "./thread-device-commands.ts";

/** Messages that the kernel handles before the thread looks for commands again. */
const STEP = 256;
const port = parentPort;
if (port === null) throw new Error("The device's thread was not started as a thread.");
const words = new Int32Array((workerData as ThreadDeviceData).words);
const regions = new Map<number, Uint8Array>();
let kernel: DeviceKernel | undefined;

while (Atomics.load(words, DEVICE_WORDS.stop) === 0) {
  const seen = Atomics.load(words, DEVICE_WORDS.bell);
  let hasMoved = false;
  for (let got = receiveMessageOnPort(port); got !== undefined; got = receiveMessageOnPort(port)) {
    obey(got.message as DeviceCommand);
    hasMoved = true;
  }
  const handled = kernel?.step(STEP) ?? 0;
  if (handled > 0) tell(DEVICE_WORDS.signal, 1);
  if (!hasMoved && handled === 0) Atomics.wait(words, DEVICE_WORDS.bell, seen);
}
port.close();

function obey(command: DeviceCommand): void {
  switch (command.do) {
    case "allocate":
      return void regions.set(command.region, new Uint8Array(command.bytes));
    case "adopt":
      return void regions.set(command.region, new Uint8Array(command.memory));
    case "free":
      return void regions.delete(command.region);
    case "launch":
      kernel = new DeviceKernel(
        viewOf(command.input),
        viewOf(command.output),
        TRANSFORMS[command.transform],
      );
      return undefined;
    default:
      return copy(command);
  }
}

function copy({ do: direction, word, region, at, bytes, host, hostAt }: CopyCommand): void {
  const memory = regions.get(region)?.subarray(at, at + bytes);
  if (memory?.length !== bytes) return tell(word, COPY_REFUSED);
  const other = new Uint8Array(host, hostAt, bytes);
  if (direction === "in") memory.set(other);
  else other.set(memory);
  tell(word, COPY_DONE);
}

function viewOf({ region, geometry }: KernelQueue): QueueView {
  return new QueueView(regions.get(region)!, geometry);
}

function tell(word: number, by: number): void {
  Atomics.add(words, word, by);
  Atomics.notify(words, word);
}
