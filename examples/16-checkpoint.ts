// An actor that outlives its thread, its runtime and its process: moved while messages come, and gone on from
// a file.
//
//   node examples/16-checkpoint.ts

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isMainThread, threadId } from "node:worker_threads";
import { defineKernel, type KernelContext, message } from "../src/runtime.node.ts";
import { readCheckpoint, Runtime, text, u32, writeCheckpoint } from "../src/runtime.node.ts";

const Word = message({ word: text() }, { name: "Word" });
const Count = message({ word: text() }, { name: "Count" });
const Counted = message({ times: u32, words: u32, thread: u32 });

/** Its state is a map of numbers, which is kept as it is: no hooks are needed. */
type Context = KernelContext<Map<string, number>>;

export const words = defineKernel({
  id: "words",
  module: import.meta.url,
  start: () => new Map<string, number>(),
  on: [
    Word.do(({ word }, { state }: Context) => void state.set(word, (state.get(word) ?? 0) + 1)),
    Count.to(Counted, ({ word }, { state }: Context) => {
      return { times: state.get(word) ?? 0, words: state.size, thread: threadId };
    }),
  ],
});

if (isMainThread) {
  const folder = await mkdtemp(join(tmpdir(), "annulus-"));
  const file = join(folder, "words.ckpt");
  {
    await using runtime = await Runtime.create({ threads: 2 });
    const kernel = await runtime.launch(words);
    for (const word of "the ring and the slot and the word".split(" ")) kernel.send(Word, { word });
    const before = await kernel.call(Count, { word: "the" });
    const moved = kernel.move();
    kernel.send(Word, { word: "the" }); // While it moves.
    await moved;
    const after = await kernel.call(Count, { word: "the" });
    console.log(`the: ${before.times}, then ${after.times}, on another thread:`);
    console.log(before.thread !== after.thread);
    console.log("stored as generation", await writeCheckpoint(file, await kernel.checkpoint()));
  } // Here the process might be killed as well.

  await using runtime = await Runtime.create();
  const { bytes } = (await readCheckpoint(file))!;
  const kernel = await runtime.launch(words, { restore: bytes });
  const { times, words: all } = await kernel.call(Count, { word: "and" });
  console.log(`and: ${times}; ${all} words, from ${bytes.length} bytes`);
  await rm(folder, { recursive: true });
}
