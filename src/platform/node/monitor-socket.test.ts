// The monitor's socket as its owner, and as somebody else, finds it.

import { execFile, spawn } from "node:child_process";
import { chmod, chown, lstat, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { symlink, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { MONITOR_LIMITS } from "../../base/mod.ts";
import { defineKernel } from "../../runtime/mod.ts";
import { Add, adder, Exit } from "./kernels.fixture.ts";
import { attachMonitor, findMonitors } from "./monitor-find.ts";
import { pidOf, placeOf, readKey } from "./monitor-place.ts";
import { openRuntime } from "./runtime.ts";
import { codeOf } from "./monitor.fixture.ts";

const run = promisify(execFile);
const folder = await mkdtemp(join(tmpdir(), "annulus-test-"));
const before = process.env["XDG_RUNTIME_DIR"];
beforeAll(() => {
  process.env["XDG_RUNTIME_DIR"] = folder;
});
afterAll(async () => {
  if (before === undefined) delete process.env["XDG_RUNTIME_DIR"];
  else process.env["XDG_RUNTIME_DIR"] = before;
  await rm(folder, { recursive: true });
});
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

const ours = async (): Promise<string[]> => (await readdir(folder)).toSorted();
const open = (path?: string) =>
  openRuntime({ backend: "null", monitor: path === undefined ? true : { path } });

/** A watcher of whom nothing is known but that it has found the socket. */
async function stranger(path: string): Promise<Socket> {
  const socket = connect(placeOf(path).address);
  sockets.push(socket);
  await once(socket, "connect");
  return socket;
}

async function allFrom(socket: Socket): Promise<string> {
  let text = "";
  socket.on("data", (chunk) => (text += String(chunk)));
  await new Promise((resolve) => {
    socket.on("error", () => {}).on("close", resolve); // A reset is an end too.
  });
  return text;
}

describe("A runtime's monitor", () => {
  test("is a fresh folder of the owner's, and goes with the runtime", async () => {
    const runtime = await open();
    const [name, ...more] = await ours();
    expect([pidOf(name!), more]).toEqual([process.pid, []]);
    const modes = ["", "socket", "key"].map(async (file) => {
      const { mode, uid } = await lstat(join(folder, name!, file));
      return [(mode & 0o777).toString(8), uid];
    });
    const uid = process.getuid!();
    expect(await Promise.all(modes)).toEqual([
      ["700", uid],
      ["600", uid],
      ["600", uid],
    ]);
    await runtime.shutdown();
    expect(await ours()).toEqual([]);
  });

  test("has a mode of its own, whatever is masked", async () => {
    const mask = process.umask(0);
    try {
      await using _ = await open(join(folder, "masked"));
      const { mode } = await lstat(join(folder, "masked"));
      expect(mode & 0o777).toBe(0o700);
    } finally {
      process.umask(mask);
    }
  });

  test("is where `path` says, which must not be there", async () => {
    const path = join(folder, "mine");
    await using runtime = await open(path);
    expect(await ours()).toEqual(["mine"]);
    expect(await codeOf(open(path))).toBe("MONITOR_UNAVAILABLE"); // It is taken, and stays as it is.
    expect((await attachMonitor(path)).client.end()).toBe(undefined);
    await runtime.shutdown();
    await mkdir(path);
    expect(await codeOf(open(path))).toBe("MONITOR_UNAVAILABLE");
    await rm(path, { recursive: true });
    expect(await codeOf(open(join(folder, "x".repeat(120))))).toBe("MONITOR_UNAVAILABLE");
    expect(await codeOf(open(join(folder, "none", "below")))).toBe("MONITOR_UNAVAILABLE");
    expect(await ours()).toEqual([]);
  });

  test("is offered and withdrawn while the runtime runs, and not after it", async () => {
    await using runtime = await openRuntime({ backend: "null" });
    expect(await ours()).toEqual([]);
    const monitor = await runtime.monitor();
    const { client } = await attachMonitor(monitor.path);
    expect(monitor.watchers).toBe(1);
    await monitor[Symbol.asyncDispose]();
    await monitor[Symbol.asyncDispose]();
    expect([await ours(), await client.ended]).toEqual([[], undefined]);
    await runtime.shutdown();
    expect(await codeOf(runtime.monitor())).toBe("RUNTIME_CLOSED");
    expect(await ours()).toEqual([]);
  });

  test("shows kernels on real threads, and pauses, resumes and terminates them", async () => {
    await using runtime = await openRuntime({ threads: 1, monitor: true });
    const kernel = await runtime.launch(adder);
    for (let i = 0; i < 5; i++) await kernel.call(Add, { a: i, b: 1 });
    const { found } = await findMonitors();
    expect(found).toMatchObject([{ pid: process.pid, path: join(folder, (await ours())[0]!) }]);
    const { client } = await attachMonitor(found[0]!.path);
    expect(await client.snapshot()).toMatchObject({
      backend: "worker",
      kernels: [{ id: "adder", messagesProcessed: 5, state: "active" }],
    });
    await client.command("pause", "adder");
    expect(await codeOf(kernel.call(Add, { a: 1, b: 1 }))).toBe("KERNEL_NOT_ACTIVE");
    await client.command("resume", "adder");
    expect(await kernel.call(Add, { a: 1, b: 1 })).toEqual({ value: 2 });
    expect(await client.command("terminate", "adder")).toEqual({ how: "terminated" });
    expect(kernel.state).toBe("terminated");
    const seen = new Promise((resolve) => client.watch(100, resolve));
    expect(await seen).toMatchObject({ kernels: [], runtime: { totalLaunched: 1 } });
    client.end();
  });
});

test("A monitor counts the restarts of a kernel whose thread has died", async () => {
  await using runtime = await openRuntime({ threads: 1 });
  const monitor = await runtime.monitor();
  (await runtime.launch(adder, { restart: "permanent" })).send(Exit, { code: 1 });
  await expect.poll(() => runtime.getKernel("adder")?.generation, { timeout: 20_000 }).toBe(2);
  const { client } = await attachMonitor(monitor.path);
  const { kernels } = await client.snapshot();
  expect(kernels).toMatchObject([{ id: "adder", generation: 2, restarts: 1 }]);
  client.end();
});

describe("Who is not the owner", () => {
  test.each([
    ["the folder", "", 0o755],
    ["the folder", "", 0o766],
    ["the socket", "socket", 0o666],
    ["the key", "key", 0o644],
  ])("is not served when %s %s is open to others: %o", async (_, file, mode) => {
    await using runtime = await open(join(folder, "open"));
    const monitor = join(folder, "open");
    const warned = once(process, "warning");
    await chmod(join(monitor, file), mode);
    await expect(attachMonitor(monitor)).rejects.toMatchObject({
      code: "MONITOR_REFUSED",
      at: join(monitor, file === "" ? "." : file),
      found: `permissions 0${mode.toString(8)}`,
    });
    // A watcher that does not look is refused by the process, before it is read.
    const socket = await stranger(monitor);
    socket.write(`{"annulus":"monitor","version":1,"key":"${readKey(placeOf(monitor))}"}\n`);
    expect(await allFrom(socket)).toBe("");
    expect((await warned)[0]).toMatchObject({ code: "MONITOR_REFUSED" });
    await chmod(join(monitor, file), file === "" ? 0o700 : 0o600);
    (await attachMonitor(monitor)).client.end();
    await runtime.shutdown();
    expect(await ours()).toEqual([]);
  });

  test.skipIf(process.getuid!() !== 0)("cannot make a user watch a process of theirs", async () => {
    await using _ = await open(join(folder, "theirs"));
    for (const file of ["", "socket", "key"]) {
      await chown(join(folder, "theirs", file), 65_534, 65_534);
      await expect(attachMonitor(join(folder, "theirs"))).rejects.toMatchObject({
        code: "MONITOR_REFUSED",
        found: "owner 65534",
      });
      await chown(join(folder, "theirs", file), 0, 0);
    }
  });

  test.skipIf(process.getuid!() !== 0)("cannot reach the socket, nor read the key", async () => {
    await using _ = await open(join(folder, "closed"));
    await chmod(folder, 0o755);
    const script = `
      require("node:net").connect(${JSON.stringify(join(folder, "closed", "socket"))})
        .on("connect", () => console.log("connected"))
        .on("error", ({ code }) => console.log(code));
      try { require("node:fs").readFileSync(${JSON.stringify(join(folder, "closed", "key"))}); }
      catch ({ code }) { console.log(code); }`;
    const options = { uid: 65_534, gid: 65_534, cwd: "/" };
    const { stdout } = await run(process.execPath, ["-e", script], options).catch(
      (error: { stdout: string; code: unknown }) => ({ stdout: `${error.code}` }),
    );
    expect(stdout).toBe("EACCES\nEACCES\n");
  });

  test("cannot put a link in the folder's place", async () => {
    await using _ = await open(join(folder, "real"));
    await symlink(join(folder, "real"), join(folder, "link"));
    await expect(attachMonitor(join(folder, "link"))).rejects.toMatchObject({
      code: "MONITOR_REFUSED",
      found: "something else",
    });
    await rm(join(folder, "link"));
  });
});

describe("Hostile bytes", () => {
  test("do no harm: garbage, lines without end, floods, silence", async () => {
    await using runtime = await openRuntime({ backend: "null" });
    const monitor = await runtime.monitor();
    await runtime.launch(adder);
    const key = readKey(placeOf(monitor.path));
    const opening = `{"annulus":"monitor","version":1,"key":"${key}"}\n`;
    const hostile = [
      "garbage\n",
      "x".repeat(2 * MONITOR_LIMITS.commandBytesMax),
      `{"annulus":"monitor","version":1,"key":"${"0".repeat(64)}"}\n`,
      `${"\u0000".repeat(100)}\n`,
    ];
    for (const bytes of hostile) {
      const socket = await stranger(monitor.path);
      socket.write(bytes);
      expect(await allFrom(socket)).toBe(""); // It is told nothing.
    }
    for (const bytes of ["garbage\n", "x".repeat(2 * MONITOR_LIMITS.commandBytesMax), "[]\n"]) {
      const socket = await stranger(monitor.path);
      socket.write(opening + bytes);
      expect(await allFrom(socket)).toMatch(/^\{"kind":"welcome".*\n\{"kind":"refused".*\n$/);
    }
    const flood = await stranger(monitor.path);
    flood.pause().on("error", () => {});
    flood.write(opening + '{"do":"snapshot"}\n'.repeat(20_000));
    await expect.poll(() => monitor.watchers, { timeout: 20_000 }).toBe(0);
    const { client } = await attachMonitor(monitor.path);
    expect(await client.snapshot()).toMatchObject({ kernels: [{ id: "adder", state: "active" }] });
    client.end();
  });

  test("do not hold all places of the watchers for ever", async () => {
    await using runtime = await openRuntime({ backend: "null" });
    const monitor = await runtime.monitor();
    const { watchersMax } = MONITOR_LIMITS;
    const silent = await Promise.all(
      Array.from({ length: watchersMax }, () => stranger(monitor.path)),
    );
    const ends = silent.map(allFrom);
    expect(await codeOf(attachMonitor(monitor.path))).toBe("MONITOR_REFUSED");
    expect(await Promise.all(ends)).toEqual(silent.map(() => "")); // Their patience is ours.
    (await attachMonitor(monitor.path)).client.end();
  });

  test("of a slow reader pile up nowhere, and the end of the runtime does not wait for it", async () => {
    await using runtime = await openRuntime({ backend: "null" });
    const monitor = await runtime.monitor();
    for (let i = 0; i < 100; i++) await runtime.launch(defineKernel({ id: `${i}`, on: [] }));
    const socket = await stranger(monitor.path);
    socket.pause();
    const key = readKey(placeOf(monitor.path));
    const watch = `{"do":"watch","everyMs":${MONITOR_LIMITS.intervalMsMin}}\n`;
    socket.write(`{"annulus":"monitor","version":1,"key":"${key}"}\n${watch}`);
    // Some 50 KiB each, until what the system keeps is full.
    await expect.poll(() => monitor.dropped, { timeout: 20_000 }).toBeGreaterThan(2);
    expect(monitor.watchers).toBe(1);
    await runtime.shutdown();
    expect(await ours()).toEqual([]);
  });
});

describe("findMonitors()", () => {
  test("removes what dead processes have left, and nothing else", async () => {
    await using _ = await open();
    const [live] = await ours();
    // A process that is killed: its folder stays.
    const source = new URL("./monitor-victim.fixture.ts", import.meta.url).pathname;
    const child = spawn(process.execPath, [source], { stdio: ["ignore", "pipe", "inherit"] });
    const [path] = (await once(child.stdout.setEncoding("utf8"), "data")) as [string];
    const dead = path.trim();
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await ours()).toContain(dead.slice(folder.length + 1));
    // One that died before it listened.
    const half = join(folder, `annulus-${child.pid}-abcdef`);
    await mkdir(half, { mode: 0o700 });
    // Others that only look like it.
    await mkdir(join(folder, `annulus-${process.pid}-fresh1`), { mode: 0o700 });
    await mkdir(join(folder, "annulus-bench-123456"));
    await rename(join(folder, "annulus-bench-123456"), join(folder, "annulus-demo"));
    const { found, removed, unusable } = await findMonitors();
    expect(found.map(({ path }) => path)).toEqual([join(folder, live!)]);
    expect(removed.toSorted()).toEqual([dead, half].toSorted());
    expect(unusable).toEqual([]);
    expect(await ours()).toEqual(
      [live, `annulus-${process.pid}-fresh1`, "annulus-demo"].toSorted(),
    );
    for (const name of [`annulus-${process.pid}-fresh1`, "annulus-demo"])
      await rm(join(folder, name), { recursive: true });
  });

  test("says what it cannot use, and finds the others", async () => {
    await using _ = await open();
    const liar = join(folder, "annulus-1-liarxx");
    await mkdir(liar, { mode: 0o700 });
    await writeFile(join(liar, "key"), "0".repeat(64), { mode: 0o600 });
    const server = createServer((socket) => socket.on("error", () => {}).end("nonsense\n"));
    await new Promise<void>((resolve) => void server.listen(join(liar, "socket"), resolve));
    await chmod(join(liar, "socket"), 0o600);
    const open_ = join(folder, "annulus-2-openxx");
    await mkdir(open_, { mode: 0o755 });
    const { found, unusable } = await findMonitors();
    expect(found).toHaveLength(1);
    expect(unusable.map(({ code }) => code)).toEqual(["MONITOR_PROTOCOL", "MONITOR_REFUSED"]);
    server.close();
    await rm(liar, { recursive: true });
    await rm(open_, { recursive: true });
  });

  test("takes over a `path` whose process is dead", async () => {
    const path = join(folder, "service");
    const source = new URL("./monitor-victim.fixture.ts", import.meta.url).pathname;
    const child = spawn(process.execPath, [source, path], { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    child.kill("SIGKILL");
    await once(child, "exit");
    await using _ = await open(path);
    expect((await attachMonitor(path)).process.pid).toBe(process.pid);
  });

  test.each([["exit"], ["end"]])(
    "finds nothing of a process that ended by itself: %s",
    async (how) => {
      const source = new URL("./monitor-victim.fixture.ts", import.meta.url).pathname;
      const { stdout } = await run(process.execPath, [source, "", how]);
      expect(stdout.trim().startsWith(folder)).toBe(true);
      expect(await ours()).toEqual([]);
    },
  );
});
