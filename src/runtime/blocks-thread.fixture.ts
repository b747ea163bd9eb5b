// A thread of the blocks test: takes and frees blocks, and looks whether another has them too.

import { workerData } from "node:worker_threads";

import { Blocks } from "./blocks.ts";

export interface BlocksJob {
  readonly memory: SharedArrayBuffer;
  /** Who has each block; then how often one was given twice, and how often none was free. */
  readonly holders: SharedArrayBuffer;
  readonly name: number;
  readonly rounds: number;
}

const { memory, holders, name, rounds } = workerData as BlocksJob;
const blocks = new Blocks(memory);
const owners = new Int32Array(holders);
const first = memory.byteLength - blocks.count * blocks.blockBytes;
const mine: number[] = [];

for (let i = 0; i < rounds; i++) {
  const at = mine.length < 1 + ((i + name) % 4) ? blocks.take() : -2;
  if (at === -1) Atomics.add(owners, blocks.count + 1, 1);
  if (at >= 0) {
    const block = (at - first) / blocks.blockBytes;
    if (Atomics.compareExchange(owners, block, 0, name) !== 0) Atomics.add(owners, blocks.count, 1);
    mine.push(at);
  } else free();
}
while (mine.length > 0) free();

function free(): void {
  const at = mine.shift();
  if (at === undefined) return;
  const block = (at - first) / blocks.blockBytes;
  if (Atomics.compareExchange(owners, block, name, 0) !== name)
    Atomics.add(owners, blocks.count, 1);
  blocks.free(at);
}
