// Device kernel: what a kernel on a device does with its two queues, for devices that are simulated. It is also
// the example for those that are not.

import type { QueueView } from "./queue.ts";

/** What becomes of a payload, in place. */
export type Transform = (payload: Uint8Array) => void;

export const TRANSFORMS = {
  echo: () => {},
  invert: (payload) => {
    for (let i = 0; i < payload.length; i++) payload[i]! ^= 0xff;
  },
} as const satisfies Readonly<Record<string, Transform>>;

export type TransformName = keyof typeof TRANSFORMS;

/** Answers each message of the input queue with one in the output queue, in order. */
export class DeviceKernel {
  readonly #input: QueueView;
  readonly #output: QueueView;
  readonly #transform: Transform;

  /** Both queues are empty, and set to their first position. */
  constructor(input: QueueView, output: QueueView, transform: Transform) {
    this.#input = input;
    this.#output = output;
    this.#transform = transform;
  }

  /**
   * Answers up to `most` messages and returns how many: none where none has come, or where the output queue
   * is full, so that back-pressure reaches the sender.
   */
  step(most: number): number {
    const [input, output] = [this.#input, this.#output];
    let [head, tail] = [input.head, output.tail];
    const come = (input.tail - head) >>> 0;
    const room = output.geometry.capacity - ((tail - output.head) >>> 0);
    const count = Math.min(come, room, most);
    for (let i = 0; i < count; i++) {
      const bytes = input.payloadBytes(head);
      if (bytes < 0) throw new Error(`the slot of position ${head} does not hold its message`);
      output.write(tail, input.payload(head, bytes));
      this.#transform(output.payload(tail, bytes));
      head = (head + 1) >>> 0;
      tail = (tail + 1) >>> 0;
    }
    if (count === 0) return 0;
    output.tail = tail; // Shown before the input is given back: nothing is in neither queue.
    input.head = head;
    return count;
  }
}
