// Monitor socket: offers a runtime to be watched by its owner, for as long as it is wanted.
//
// It keeps no process alive, and leaves no file behind when it is disposed of or the process ends by itself.

import { chmodSync } from "node:fs";
import { basename } from "node:path";
import { createServer, type Socket } from "node:net";
import { isMainThread, threadId } from "node:worker_threads";
import { Failure, MONITOR_LIMITS } from "../../base/mod.ts";
import { type Monitored, type MonitorProcess, MonitorSession } from "../../monitor/mod.ts";
import { every } from "./event-loop.ts";
import { checkPlace, makePlace, type Place, removePlace, unavailable } from "./monitor-place.ts";
import { clearStale } from "./monitor-find.ts";
import { linkOf, PATIENCE_MS } from "./monitor-link.ts";

export interface MonitorOptions {
  /** A folder to make for it: one that is not there yet. Without, `annulus top` finds it by itself. */
  readonly path?: string;
}

export interface Monitor extends AsyncDisposable {
  /** The folder: what `annulus top` takes. */
  readonly path: string;
  /** Watchers that have said the key. */
  readonly watchers: number;
  /** Snapshots that were not sent to a watcher that had not read the last one. */
  readonly dropped: number;
}

/** Offers `runtime`. Fails with MONITOR_UNAVAILABLE. */
export async function startMonitor(
  runtime: Monitored,
  { path }: MonitorOptions = {},
): Promise<Monitor> {
  if (path !== undefined) await makeRoom(path);
  const place = makePlace(path);
  const sessions = new Map<Socket, MonitorSession>();
  const process_ = whoThisIs();
  let dropped = 0;
  const accept = (socket: Socket): void => {
    if (sessions.size >= MONITOR_LIMITS.watchersMax || !isOwners(place)) {
      socket.destroy();
      return;
    }
    const parts = { runtime, process: process_, key: place.key, link: linkOf(socket) };
    const session = new MonitorSession({ ...parts, nowMs: () => performance.now(), every });
    sessions.set(socket, session);
    socket.unref();
    const late = setTimeout(() => session.isOpen || socket.destroy(), PATIENCE_MS).unref();
    socket.on("data", (chunk) => session.receive(chunk as Uint8Array));
    socket.on("error", () => socket.destroy()); // A watcher that is gone is no fault.
    socket.on("close", () => {
      clearTimeout(late);
      session.end();
      dropped += session.dropped;
      sessions.delete(socket);
    });
  };
  const server = createServer(accept).unref();
  const leave = (): void => {
    try {
      removePlace(place);
    } catch (error) {
      process.emitWarning(error as Failure); // Somebody keeps something of theirs in there.
    }
  };
  process.once("exit", leave);
  try {
    await listen(server, place);
  } catch (cause) {
    process.off("exit", leave);
    leave();
    throw unavailable(place.folder, String(cause), "a socket that can be listened on", cause);
  }
  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    const over = new Promise<void>((resolve) => void server.close(() => resolve()));
    for (const [socket, session] of sessions) {
      socket.ref(); // The process waits for the end it asked for, but for no watcher that does not read.
      if (socket.writableLength > 0) socket.destroy();
      else session.end();
    }
    await over;
    process.off("exit", leave);
    leave();
  };
  return {
    path: place.folder,
    get watchers() {
      return [...sessions.values()].filter(({ isOpen }) => isOpen).length;
    },
    get dropped() {
      return [...sessions.values()].reduce((sum, session) => sum + session.dropped, dropped);
    },
    [Symbol.asyncDispose]: () => (closed ??= close()),
  };
}

/** A dead process's monitor gives way; nothing else does. */
async function makeRoom(path: string): Promise<void> {
  try {
    await clearStale(path);
  } catch (cause) {
    const { at = path, found } = cause as Failure;
    throw unavailable(at, found, "a folder that is not there yet", cause);
  }
}

function listen(server: ReturnType<typeof createServer>, place: Place): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(place.address, () => {
    try {
      restrict(place);
      checkPlace(place);
      server.off("error", reject);
      server.on("error", (error) => process.emitWarning(error)); // One connection failed; others may come.
      resolve();
    } catch (error) {
      server.close();
      reject(error as Error);
    }
  });
  return promise;
}

/** Nobody else reached it so far: the folder is closed to them. */
function restrict({ address }: Place): void {
  if (process.platform !== "win32") chmodSync(address, 0o600);
}

/** Says why it lets nobody in. */
function isOwners(place: Place): boolean {
  try {
    checkPlace(place);
    return true;
  } catch (error) {
    process.emitWarning(error as Failure);
    return false;
  }
}

function whoThisIs(): MonitorProcess {
  const { textCharactersMax } = MONITOR_LIMITS;
  const script = basename(process.argv[1] ?? "") + (isMainThread ? "" : `, thread ${threadId}`);
  const cut = (text: string): string => text.slice(0, textCharactersMax);
  return { pid: process.pid, title: cut(process.title), script: cut(script) };
}
