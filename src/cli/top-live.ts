// Top live: shows a process's kernels on a terminal until somebody quits, or the process has ended.

import { Failure } from "../base/mod.ts";
import type { MonitorClient, Verb } from "../monitor/mod.ts";
import type { AttachedMonitor } from "../platform/node/mod.ts";
import { paint, screen } from "./top-screen.ts";
import {
  type Deed,
  firstState,
  keysOf,
  press,
  type Step,
  type TopState,
  withSnapshot,
} from "./top-state.ts";
import type { Terminal } from "./top-terminal.ts";

/** Why it stopped: a key, Ctrl-C, or the process. */
export type LiveEnd = "quit" | "interrupt" | "ended";

/** Fails as the connection does. */
export async function live(
  { client, process }: AttachedMonitor,
  terminal: Terminal,
  everyMs: number,
): Promise<LiveEnd> {
  let state = firstState(process);
  let isOver = false;
  const { promise, resolve, reject } = Promise.withResolvers<LiveEnd>();
  const show = (next: TopState): void => {
    state = next;
    if (isOver || terminal.isBusy) return; // The next snapshot comes soon.
    terminal.write(paint(screen(state, terminal.size), terminal.hasColour));
  };
  const command = async ({ verb, id }: Extract<Deed, { deed: "command" }>): Promise<void> => {
    show({ ...state, notice: await outcomeOf(client, verb, id) });
  };
  const take = ({ state: next, deed }: Step): void => {
    show(next);
    if (deed?.deed === "command") void command(deed);
    else if (deed !== undefined) resolve(deed.deed);
  };
  terminal.onInput((text) => {
    for (const key of keysOf(text)) take(press(state, key));
  });
  terminal.onResize(() => show(state));
  void client.ended.then((failure) => (failure === undefined ? resolve("ended") : reject(failure)));
  show(state);
  client.watch(everyMs, (snapshot) => show(withSnapshot(state, snapshot)));
  try {
    return await promise;
  } finally {
    isOver = true;
    client.end();
  }
}

/** In words. */
async function outcomeOf(client: MonitorClient, verb: Verb, id: string): Promise<string> {
  const done = { pause: "paused", resume: "resumed", terminate: "ended" }[verb];
  try {
    const { how } = await client.command(verb, id);
    return how === undefined ? `${id} is ${done}` : `${id} has ended: ${how}`;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return `${id}: ${error.message}`;
  }
}
