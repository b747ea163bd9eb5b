// A thread of the attention test: raises a kernel after each message that it leaves for it.

import { workerData } from "node:worker_threads";

import { Attention } from "./attention.ts";

export interface AttentionJob {
  readonly memory: SharedArrayBuffer;
  /** Messages left for each kernel. */
  readonly left: SharedArrayBuffer;
  readonly kernels: readonly number[];
  readonly rounds: number;
  readonly pauseEvery: number;
}

const { memory, left, kernels, rounds, pauseEvery } = workerData as AttentionJob;
const attention = new Attention(memory);
const messages = new Int32Array(left);
const nobody = new Int32Array(new SharedArrayBuffer(4));

for (let i = 0; i < rounds; i++) {
  const kernel = kernels[i % kernels.length]!;
  Atomics.add(messages, kernel, 1);
  attention.raise(kernel);
  if (i % pauseEvery === 0) Atomics.wait(nobody, 0, 0, 1); // So that the other falls asleep.
}
