// Top terminal: this process's terminal, lent to a screen and given back as it was, however the process ends.

import { stdin, stdout } from "node:process";
import type { Size } from "./top-screen.ts";

export interface Terminal {
  readonly size: Size;
  /** It has not shown yet what it was sent. */
  readonly isBusy: boolean;
  /** Whether its user wants colours. */
  readonly hasColour: boolean;
  readonly write: (text: string) => void;
  readonly onInput: (listener: (text: string) => void) => void;
  readonly onResize: (listener: () => void) => void;
}

const ENTER = "\u001b[?1049h\u001b[?25l"; // A screen of its own, without a cursor.
const LEAVE = "\u001b[?25h\u001b[?1049l";
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** There is somebody to look and to press keys. */
export function hasTerminal(): boolean {
  return stdin.isTTY && stdout.isTTY;
}

/** Lends the terminal to `use`. A signal that would end the process ends it after the terminal is back. */
export async function withTerminal<Value>(
  use: (terminal: Terminal) => Promise<Value>,
): Promise<Value> {
  const listeners: { input: (text: string) => void; resize: () => void } = {
    input: () => {},
    resize: () => {},
  };
  const onData = (text: string): void => listeners.input(text);
  const onResize = (): void => listeners.resize();
  let isLent = true;
  const restore = (): void => {
    if (!isLent) return;
    isLent = false;
    stdin.setRawMode(false);
    stdin.off("data", onData).pause();
    stdout.off("resize", onResize);
    stdout.write(LEAVE);
    process.off("exit", restore);
    for (const signal of SIGNALS) process.off(signal, die);
  };
  const die = (signal: NodeJS.Signals): void => {
    restore();
    process.kill(process.pid, signal); // As without us, so that a shell sees why we ended.
  };
  process.once("exit", restore);
  for (const signal of SIGNALS) process.on(signal, die);
  stdin.setRawMode(true).setEncoding("utf8").on("data", onData).resume();
  stdout.on("resize", onResize).write(ENTER);
  try {
    return await use({
      get size() {
        // A terminal that does not know its size says 0.
        return { columns: stdout.columns || 80, rows: stdout.rows || 24 };
      },
      get isBusy() {
        return stdout.writableLength > 0;
      },
      hasColour: !wantsNoColour(process.env),
      write: (text) => void stdout.write(text),
      onInput: (listener) => void (listeners.input = listener),
      onResize: (listener) => void (listeners.resize = listener),
    });
  } finally {
    restore();
  }
}

/** https://no-color.org: set, and not to nothing. */
export function wantsNoColour(env: Readonly<Record<string, string | undefined>>): boolean {
  return (env["NO_COLOR"] ?? "") !== "" || env["TERM"] === "dumb";
}
