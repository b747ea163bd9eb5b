// `annulus top` and a process that it watches, end to end.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { annulus, annulusProcess, PROGRAM } from "./command.fixture.ts";

const folder = await mkdtemp(join(tmpdir(), "annulus-test-"));
const NAMES = ["XDG_RUNTIME_DIR", "TMPDIR"] as const;
const before = NAMES.map((name) => process.env[name]);
beforeAll(() => {
  for (const name of NAMES) process.env[name] = folder; // Nobody else's processes are here.
});
afterAll(async () => {
  for (const [i, name] of NAMES.entries()) {
    if (before[i] === undefined) delete process.env[name];
    else process.env[name] = before[i];
  }
  await rm(folder, { recursive: true });
});

const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true });
});

interface Watched {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Ends it, and says which kernels it had. */
  readonly end: () => Promise<string>;
}

async function start(...argv: string[]): Promise<Watched> {
  const source = join(import.meta.dirname, "top-process.fixture.ts");
  const child = spawn(process.execPath, [source, ...argv], { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => void (out += text));
  await expect.poll(() => out, { timeout: 20_000 }).toBe("ready\n");
  return {
    pid: child.pid!,
    child,
    end: async () => {
      child.stdin.write("end\n");
      await once(child, "exit");
      return out.split("\n")[1]!;
    },
  };
}

const top = (...argv: string[]) => annulus(folder, "top", ...argv, "--interval", "100");

interface Latency {
  readonly count: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
}

interface Told {
  readonly process: { readonly pid: number };
  readonly runtime: { readonly restarts: number; readonly latency: Latency };
  readonly kernels: readonly {
    readonly id: string;
    readonly state: string;
    readonly messagesProcessed: number;
    readonly messagesPerSecond: number;
    readonly latency: Latency;
  }[];
  readonly how?: string;
}

async function told(...argv: string[]): Promise<Told> {
  const { exit, out } = await top("--once", "--json", ...argv);
  expect([exit, (JSON.parse(out) as { ok: boolean }).ok]).toEqual([0, true]);
  return JSON.parse(out) as Told;
}

test("annulus top --once --json shows the only process, and commands change it", async () => {
  const { pid, end } = await start();
  const first = await told();
  expect(first).toMatchObject({
    process: { pid, script: "top-process.fixture.ts" },
    backend: "worker",
    kernels: [
      { id: "bank", state: "active", mode: "persistent", generation: 1, restarts: 0 },
      { id: "mill", state: "active", messagesProcessed: 0, messagesPerSecond: 0 },
    ],
  });
  expect(first.kernels[0]!.messagesPerSecond).toBeGreaterThan(0);

  const paused = await told("--pause", "bank");
  expect(paused.kernels[0]).toMatchObject({ id: "bank", state: "deactivated" });
  const still = await told();
  expect(still.kernels[0]).toMatchObject({ messagesPerSecond: 0 });
  const resumed = await told("--resume", "bank");
  expect(resumed.kernels[0]).toMatchObject({ id: "bank", state: "active" });
  expect(await told("--terminate", "mill")).toMatchObject({
    kernels: [{ id: "bank" }],
    how: "terminated",
  });
  const { exit, err } = await top("--resume", "mill");
  expect([exit, err]).toEqual([2, expect.stringContaining("[KERNEL_NOT_FOUND]")]);
  expect(await end()).toBe("bank active");
  expect(await readdir(folder)).toEqual([]);
});

const cells = (line = ""): string[] => line.split(/ +/);

test("annulus top shows how long calls took, of each kernel that was called and of all", async () => {
  const path = join(folder, "measured");
  await start(path);
  const { kernels, runtime } = await told(path);
  const [bank, mill] = kernels.map(({ latency }) => latency) as [Latency, Latency];
  expect(bank.count).toBeGreaterThan(0);
  const { p50Us, p99Us, maxUs } = bank;
  expect([p50Us, p99Us, maxUs]).toEqual([p50Us, p99Us, maxUs].toSorted((a, b) => a - b));
  expect(p50Us).toBeGreaterThan(0);
  expect(mill).toMatchObject({ count: 0, p50Us: 0, p99Us: 0, maxUs: 0 });
  expect(runtime).toMatchObject({ restarts: 0, latency: { p50Us: expect.any(Number) as number } });
  expect(runtime.latency.count).toBeGreaterThanOrEqual(bank.count);

  const { out } = await annulusProcess(folder, "top", path, "--interval", "100");
  const [, facts, heads, ...rows] = out.split("\n");
  expect(facts).toMatch(/ {3}p99 [\d.]+[mu]?s {3}/);
  const shown = rows.slice(0, 2).map((line) => {
    const of = (name: string): string => cells(line)[cells(heads).indexOf(name)]!;
    return [of("KERNEL"), of("P50"), of("P99")];
  });
  const time = expect.stringMatching(/^[\d.]+[mu]?s$/) as string;
  expect(shown).toEqual([
    ["bank", time, time],
    ["mill", "-", "-"],
  ]);
});

test("annulus top prints a table where there is no terminal", async () => {
  const { pid } = await start();
  const { exit, out, err } = await annulusProcess(folder, "top", `${pid}`, "--interval", "100");
  expect([exit, err]).toEqual([0, ""]);
  // oxlint-disable-next-line no-control-regex -- None may be there.
  expect(out).not.toMatch(/\u001b/);
  const [who, facts, heads, bank, mill] = out.split("\n");
  expect(who).toMatch(new RegExp(`^annulus top: process ${pid}, .* top-process\\.fixture\\.ts$`));
  expect(facts).toMatch(/^2 kernels, 2 active {3}1 thread \(worker\) {3}\d+ messages\/s/);
  expect(heads).toMatch(/^KERNEL +STATE +MSG\/S +P50 +P99 +QUEUE +OUT +FAILED +RESTARTS +UP$/);
  expect([bank, mill]).toEqual([
    expect.stringMatching(/^bank +active +\d+ /),
    expect.stringMatching(/^mill +active +0 +- +- +0 +0 +0 +0 +\d+s$/),
  ]);
});

test("annulus top lists processes where there are several, and takes a pid or a path", async () => {
  const path = join(folder, "named");
  const [one, two, apart] = [await start(), await start(), await start(path)];
  const { out, exit } = await top();
  expect([exit, out]).toEqual([0, expect.stringMatching(/^PID +TITLE +PROGRAM +MONITOR$/m)]);
  const { processes } = JSON.parse((await top("--json")).out) as {
    processes: readonly { pid: number; path: string }[];
  };
  expect(processes.map(({ pid }) => pid).toSorted()).toEqual([one.pid, two.pid].toSorted());
  for (const { pid, path } of processes) {
    expect((await told(`${pid}`)).process.pid).toBe(pid);
    expect((await told(path)).process.pid).toBe(pid);
  }
  expect((await told("named")).process.pid).toBe(apart.pid);
  expect(await top("999999999")).toMatchObject({
    exit: 2,
    err: expect.stringContaining("[MONITOR_NOT_FOUND]") as string,
  });
});

test("annulus top removes what a killed process left, and says that there is none", async () => {
  const { child } = await start();
  child.kill("SIGTERM");
  await once(child, "exit");
  expect(await readdir(folder)).toHaveLength(1);
  const { exit, err } = await top();
  expect([exit, err]).toEqual([2, expect.stringContaining("[MONITOR_NOT_FOUND]")]);
  expect(await readdir(folder)).toEqual([]);
});

test("annulus top refuses a monitor that others may open, and takes one command at a time", async () => {
  const path = join(folder, "shown");
  await start(path);
  await chmod(join(path, "socket"), 0o666);
  expect(await top("shown")).toMatchObject({
    exit: 1,
    err: expect.stringContaining("[MONITOR_REFUSED]") as string,
  });
  const { exit, err } = await top("shown", "--pause", "bank", "--resume", "bank");
  expect([exit, err]).toEqual([2, expect.stringContaining("--pause and --resume")]);
});

const hasScript = spawnSync("script", ["--version"]).status === 0;
const LENT = "\u001b[?1049h\u001b[?25l";
const BACK = "\u001b[?25h\u001b[?1049l";

/** `annulus top` on a terminal of 20 lines; after it the terminal says whether it echoes and has signals. */
function onTerminal(env: Readonly<Record<string, string>>, ...argv: string[]) {
  const program = [process.execPath, PROGRAM, "top", ...argv, "--interval", "100"];
  const line = program.map((word) => `'${word}'`).join(" ");
  const command = `stty rows 20 cols 100; (echo "pid $BASHPID"; exec ${line}); echo "exit $?"; stty -a`;
  const child = spawn("script", ["-qec", command, "/dev/null"], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, TERM: "xterm", SHELL: "/bin/bash", ...env },
  });
  children.push(child);
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => void (out += text));
  const shows = (text: string | RegExp) =>
    expect.poll(() => out, { timeout: 20_000, message: "the terminal" }).toMatch(text);
  const ended = once(child, "exit").then(() => out);
  const pid = async (): Promise<number> => {
    await shows(/^pid \d+\r\n/);
    return Number(/\d+/.exec(out)![0]);
  };
  return { pid, shows, ended, press: (keys: string) => void child.stdin.write(keys) };
}

test.skipIf(!hasScript)(
  "annulus top on a terminal shows kernels, obeys keys and gives it back",
  async () => {
    const { end } = await start();
    const { shows, ended, press } = onTerminal({ NO_COLOR: "1" });
    await shows(/> bank +active +\d/);
    press("p");
    await shows(/bank is paused/);
    await shows(/> bank +deactivated/);
    press("r");
    await shows(/bank is resumed/);
    press("\u001b[Bt");
    await shows(/Terminate mill\? y, or any other key for no/);
    press("y");
    await shows(/mill has ended: terminated/);
    press("q");
    const out = await ended;
    expect(out.replace(/^pid \d+\r\n/, "").startsWith(LENT)).toBe(true);
    expect(out.split(BACK)).toHaveLength(2);
    expect(out.split(BACK)[1]).toMatch(/^exit 0\r\n[^]* icanon [^]* echo /);
    // oxlint-disable-next-line no-control-regex -- Colours, of which there are none.
    expect(out).not.toMatch(/\u001b\[\d*m/);
    expect(await end()).toBe("bank active");
  },
);

test.skipIf(!hasScript)(
  "annulus top gives the terminal back after Ctrl-C, a signal, and the process's end",
  async () => {
    const first = await start();
    const interrupted = onTerminal({});
    await interrupted.shows(/> bank/);
    interrupted.press("\u0003");
    expect((await interrupted.ended).split(BACK)[1]).toMatch(
      /^[^]*exit 130\r\n[^]* icanon [^]* echo /,
    );

    const left = onTerminal({});
    await left.shows(/\u001b\[7m> bank/); // oxlint-disable-line no-control-regex -- A colour.
    await first.end();
    expect((await left.ended).split(BACK)[1]).toMatch(
      /^Process \d+ offers its monitor no longer\.\r\nexit 0\r\n[^]* icanon [^]* echo /,
    );

    await start();
    const killed = onTerminal({});
    await killed.shows(/> bank/);
    process.kill(await killed.pid(), "SIGTERM");
    expect((await killed.ended).split(BACK)[1]).toMatch(/^[^]*exit 143\r\n[^]* icanon [^]* echo /);
  },
);
