// Saving: how kernels fail that are saved, that go on from what was saved, or that change threads.

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { FailureCode } from "../../../src/base/mod.ts";
import { writeCheckpoint } from "../../../src/platform/node/mod.ts";
import { type Act, hold } from "./bench.ts";
import { neighbour, rooted } from "./kernels.fixture.ts";

/** No folder can be made there, and no file read. */
const nowhere = pathToFileURL(join(import.meta.filename, "nowhere"));

export const SAVING = {
  STATE_UNSAVABLE: {
    "a checkpoint of a state that would come back as something else": async (bench) =>
      (await bench.launch({ data: new SharedArrayBuffer(4) })).checkpoint(),
    "a checkpoint of more than `bytesMax`": async (bench) => {
      const kernel = await bench.launch({ data: "x".repeat(1000) });
      await kernel.checkpoint({ bytesMax: 2000 });
      await kernel.checkpoint({ bytesMax: 500 });
    },
  },
  REST_TIMEOUT: {
    "a checkpoint while a handler runs": async (bench) => {
      const kernel = await bench.launch();
      await hold(kernel);
      await kernel.checkpoint({ timeoutMs: 1 });
    },
  },
  MOVE_REFUSED: {
    "a move where there is no other thread": async (bench) =>
      (await bench.launch({}, neighbour, bench.small)).move(),
    "a move of a kernel that stays on its thread": async (bench) =>
      (await bench.launch({}, rooted, bench.open({ threads: 2 }))).move(),
  },
  CHECKPOINT_INVALID: {
    "a launch with bytes that are none": (bench) => bench.launch({ restore: new Uint8Array(64) }),
    "a launch with a checkpoint of another kernel": async (bench) => {
      const restore = await (await bench.launch({}, neighbour)).checkpoint();
      await bench.launch({ restore });
    },
    "a launch with a checkpoint of which one bit has changed": async (bench) => {
      const first = await bench.launch();
      const restore = await first.checkpoint();
      await first.terminate();
      restore[restore.length - 1]! ^= 1;
      await bench.launch({ restore });
    },
  },
  CHECKPOINT_UNREADABLE: {
    "a launch with a file that is not there": (bench) => bench.launch({ restore: nowhere }),
  },
  CHECKPOINT_UNWRITABLE: {
    "a checkpoint in a folder that cannot be": async (bench) =>
      writeCheckpoint(nowhere, await (await bench.launch()).checkpoint()),
  },
} as const satisfies Readonly<Partial<Record<FailureCode, Readonly<Record<string, Act>>>>>;
