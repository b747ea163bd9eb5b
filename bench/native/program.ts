// Program: one native baseline as a process of its own. It gets our inputs, gives its outputs to be
// compared with ours, and then takes times whenever it is asked.

import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";

export interface NativeCall {
  readonly program: string;
  /** A kernel of native/main.c, and its shape: "512x4096". */
  readonly kernel: string;
  readonly shape: string;
  readonly inputs: readonly Uint8Array[];
  readonly outputBytes: readonly number[];
}

export interface NativeTime {
  readonly samples: number;
  /** Calls per sample. */
  readonly batch: number;
  readonly median_ns: number;
  readonly p99_ns: number;
  readonly least_ns: number;
}

export interface NativeProgram extends AsyncDisposable {
  readonly outputs: readonly Uint8Array<ArrayBuffer>[];
  time(samples: number): Promise<NativeTime>;
}

/** Starts the program in a folder of its own under `parent`. Fails where it ends before its time. */
export async function startNative(parent: string, call: NativeCall): Promise<NativeProgram> {
  const folder = await mkdtemp(join(parent, "native-"));
  const file = (kind: string, i: number): string => join(folder, `${kind}${i}`);
  await Promise.all(call.inputs.map((bytes, i) => writeFile(file("in", i), bytes)));
  const words = [call.kernel, call.shape, folder, ...call.outputBytes.map(String)];
  const child = spawn(call.program, words, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<unknown> => {
    const line = await lines.next();
    if (line.done === true) throw new Error(`native ${call.kernel} ended before its time`);
    return JSON.parse(line.value);
  };
  await answer(); // Its outputs are written and it knows how many calls fill a sample.
  const outputs = await Promise.all(
    call.outputBytes.map(async (_, i) => Uint8Array.from(await readFile(file("out", i)))),
  );
  await rm(folder, { recursive: true });
  return {
    outputs,
    time: async (samples) => {
      child.stdin.write(`${samples}\n`);
      return (await answer()) as NativeTime; // Printed by our own program.
    },
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => child.once("close", resolve));
      child.stdin.end();
      await closed;
    },
  };
}
