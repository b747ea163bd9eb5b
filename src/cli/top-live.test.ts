// The live view on a terminal that is this test's, over a real socket.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { attachMonitor, openRuntime } from "../platform/node/mod.ts";
import { defineKernel } from "../runtime/mod.ts";
import { live } from "./top-live.ts";
import type { Terminal } from "./top-terminal.ts";
import { wantsNoColour } from "./top-terminal.ts";

const folder = await mkdtemp(join(tmpdir(), "annulus-test-"));
const path = join(folder, "monitor");
let runtime: Awaited<ReturnType<typeof openRuntime>>;
beforeAll(async () => {
  runtime = await openRuntime({ backend: "null", monitor: { path } });
  await runtime.launch(defineKernel({ id: "bank", on: [] }));
});
afterAll(async () => {
  await runtime.shutdown();
  await rm(folder, { recursive: true });
});

/** A terminal whose screen is the last frame that was written, and the number of frames. */
const screen = { columns: 80, rows: 10, isBusy: false, frames: [] as string[] };
let press: (keys: string) => void = () => {};
let resize = (): void => {};
const terminal: Terminal = {
  hasColour: false,
  get size() {
    return { columns: screen.columns, rows: screen.rows };
  },
  get isBusy() {
    return screen.isBusy;
  },
  write: (text) => void screen.frames.push(text),
  onInput: (listener) => void (press = listener),
  onResize: (listener) => void (resize = listener),
};
beforeEach(() => void Object.assign(screen, { columns: 80, rows: 10, isBusy: false, frames: [] }));
const shows = (text: string | RegExp) => expect.poll(() => screen.frames.at(-1)).toMatch(text);

test("live() fits the screen to the terminal when its size changes", async () => {
  const over = live(await attachMonitor(path), terminal, 60_000);
  await shows(/> bank/);
  expect(screen.frames.at(-1)!.split("\r\n")).toHaveLength(10);
  Object.assign(screen, { columns: 30, rows: 6 });
  resize();
  const lines = screen.frames.at(-1)!.split("\r\n");
  expect(lines).toHaveLength(6);
  expect(lines[1]).toMatch(/^1 kernel, 1 active {3}0 thread…/);
  press("q");
  expect(await over).toBe("quit");
});

test("live() writes nothing to a terminal that is busy, nor after its end", async () => {
  const over = live(await attachMonitor(path), terminal, 100);
  await shows(/> bank/);
  screen.isBusy = true;
  const frames = screen.frames.length;
  press("s");
  resize();
  expect(screen.frames).toHaveLength(frames);
  screen.isBusy = false;
  await shows(/by p99/); // With the next snapshot, nothing is lost.
  press("\u0003");
  expect(await over).toBe("interrupt");
  const last = screen.frames.length;
  resize();
  press("s");
  expect(screen.frames).toHaveLength(last);
});

test("live() says in words why a command failed, and goes on", async () => {
  const over = live(await attachMonitor(path), terminal, 100);
  await shows(/> bank/);
  Object.assign(screen, { columns: 200 });
  press("pp");
  await shows(/bank: The kernel cannot do that in its state at kernel bank: found deactivate/);
  press("rq");
  expect(await over).toBe("quit");
  await expect.poll(() => runtime.getKernel("bank")!.state).toBe("active");
});

test("live() ends when the process offers its monitor no longer", async () => {
  const monitor = await runtime.monitor({ path: join(folder, "second") });
  const over = live(await attachMonitor(monitor.path), terminal, 100);
  await shows(/> bank/);
  await monitor[Symbol.asyncDispose]();
  expect(await over).toBe("ended");
});

test("wantsNoColour() heeds NO_COLOR unless it is empty, and dumb terminals", () => {
  const envs = [{}, { NO_COLOR: "" }, { NO_COLOR: "0" }, { TERM: "dumb" }, { TERM: "xterm" }];
  expect(envs.map(wantsNoColour)).toEqual([false, false, true, true, false]);
});
