// Torch: the same model in eager PyTorch, as a process of its own, where a python3 has it.

import { execFile, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

import type { Continuation, Speaker, Spoken } from "./speaker.ts";

const run = promisify(execFile);
const SCRIPT = join(import.meta.dirname, "torch_generate.py");

/** What comes first on the path may lack what the system's own has. */
const PYTHONS = ["python3", "/usr/bin/python3"];

export type Torch =
  | { readonly found: true; readonly python: string; readonly version: string }
  | { readonly found: false; readonly why: string };

export async function findTorch(): Promise<Torch> {
  for (const python of PYTHONS) {
    try {
      const { stdout } = await run(python, ["-c", "import torch; print(torch.__version__)"]);
      return { found: true, python, version: stdout.trim() };
    } catch {
      continue; // Not there, or without PyTorch: an ordinary answer, given below.
    }
  }
  return { found: false, why: "no python3 here has PyTorch" };
}

/** Starts PyTorch with the model in `folder`. Fails where it ends before its time. */
export function startTorch(name: string, python: string, folder: string, threads: number): Speaker {
  const words = [SCRIPT, folder, String(threads)];
  const child = spawn(python, words, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<string> => {
    const line = await lines.next();
    if (line.done === true) throw new Error("PyTorch ended before its time");
    return line.value;
  };
  const ready = answer(); // Its version: the model is read.
  return {
    name,
    speak: async ({ ids, tokens }: Continuation): Promise<Spoken> => {
      await ready;
      child.stdin.write(`${JSON.stringify({ ids, tokens })}\n`);
      const said = JSON.parse(await answer()) as Answer; // Printed by our own script.
      return { ids: said.ids, promptNs: said.prompt_s * 1e9, textNs: said.text_s * 1e9 };
    },
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => child.once("close", resolve));
      child.stdin.end();
      await closed;
    },
  };
}

interface Answer {
  readonly ids: readonly number[];
  readonly prompt_s: number;
  readonly text_s: number;
}
