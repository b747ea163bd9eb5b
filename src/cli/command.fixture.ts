// Command fixture: runs command lines, in this process where that will do and as a process where the
// process is the point.

import { spawn } from "node:child_process";
import { join } from "node:path";
import { type Io, processIo } from "./io.ts";
import { main } from "./main.ts";

export interface Outcome {
  readonly exit: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/** Runs `annulus` with `argv` in this process. */
export async function annulus(cwd: string, ...argv: string[]): Promise<Outcome> {
  let [out, err] = ["", ""];
  const io: Io = {
    ...processIo(),
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    cwd,
  };
  return { exit: await main(argv, io), signal: null, out, err };
}

export const PROGRAM = join(import.meta.dirname, "main.ts");

/** Runs a program as a process of its own; `onOut` sees what it prints, and may signal it. */
export async function processOf(
  command: string,
  argv: readonly string[],
  cwd: string,
  onErr: (text: string, kill: (signal: NodeJS.Signals) => void) => void = () => {},
): Promise<Outcome> {
  const child = spawn(command, argv, { cwd, stdio: ["ignore", "pipe", "pipe"] });
  let [out, err] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => void (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
    onErr(err, (signal) => void child.kill(signal));
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (exit, signal) => resolve({ exit, signal, out, err }));
  });
}

/** Runs `annulus` with `argv` as the process that a user starts. */
export function annulusProcess(cwd: string, ...argv: string[]): Promise<Outcome> {
  return processOf(process.execPath, [PROGRAM, ...argv], cwd);
}
