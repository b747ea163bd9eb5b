// Monitor find: the processes of this user that can be watched, and the way to one of them.

import { readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { basename, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../../base/mod.ts";
import { MonitorClient, type MonitorProcess } from "../../monitor/mod.ts";
import {
  checkPlace,
  isOwn,
  type Place,
  pidOf,
  placeOf,
  places,
  readKey,
  removePlace,
} from "./monitor-place.ts";
import { linkOf } from "./monitor-link.ts";

export interface AttachedMonitor {
  readonly client: MonitorClient;
  readonly process: MonitorProcess;
}

export interface FoundMonitor extends MonitorProcess {
  readonly path: string;
}

export interface FoundMonitors {
  readonly found: readonly FoundMonitor[];
  /** What dead processes had left, and is gone now. */
  readonly removed: readonly string[];
  /** Why what looks like a monitor of this user's cannot be used. */
  readonly unusable: readonly Failure[];
}

/** How long a process may take to answer; one that is busy for longer can be asked again. */
const ANSWER_MS = 5000;
/** Between two looks at a socket on which nobody listens: one that is being made has somebody by then. */
const SECOND_LOOK_MS = 50;

/** Opens the monitor in `folder`. Fails with MONITOR_NOT_FOUND, MONITOR_REFUSED or MONITOR_PROTOCOL. */
export async function attachMonitor(folder: string): Promise<AttachedMonitor> {
  const place = placeOf(resolve(folder));
  checkPlace(place);
  const key = readKey(place);
  const socket = await connected(place);
  const client = new MonitorClient({ key, link: linkOf(socket) });
  socket.on("data", (chunk) => client.receive(chunk as Uint8Array));
  socket.on("error", () => client.end()); // It hung up, at whatever moment.
  socket.on("close", () => client.end());
  const late = setTimeout(() => client.end(lost(place, "no answer")), ANSWER_MS);
  try {
    return { client, process: await client.welcome };
  } finally {
    clearTimeout(late);
  }
}

/** Looks where processes make their places; removes what dead ones have left. */
export async function findMonitors(): Promise<FoundMonitors> {
  const found: FoundMonitor[] = [];
  const removed: string[] = [];
  const unusable: Failure[] = [];
  for (const folder of candidates()) {
    try {
      if (await clearStale(folder)) removed.push(folder);
      else found.push({ ...(await whoIs(folder)), path: folder });
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      if (error.code !== "MONITOR_NOT_FOUND") unusable.push(error); // Else it has just begun, or ended.
    }
  }
  return { found, removed, unusable };
}

/** Removes a place that is this user's own and on which nobody listens. True: it did. */
export async function clearStale(folder: string): Promise<boolean> {
  const place = placeOf(resolve(folder));
  try {
    checkPlace(place);
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== "MONITOR_NOT_FOUND") throw error;
    return clearUnfinished(place);
  }
  if (await isServed(place)) return false;
  await sleep(SECOND_LOOK_MS);
  if (await isServed(place)) return false;
  removePlace(place);
  return true;
}

/** A process that died while it made its place: only its name tells. */
function clearUnfinished(place: Place): boolean {
  const pid = pidOf(basename(place.folder));
  if (pid === undefined || !isOwn(place.folder) || isAlive(pid)) return false;
  removePlace(place);
  return true;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

function candidates(): string[] {
  return places().flatMap((place) =>
    namesIn(place)
      .filter((name) => pidOf(name) !== undefined)
      .map((name) => join(place, name))
      .filter(isOwn),
  );
}

function namesIn(place: string): string[] {
  try {
    return readdirSync(place);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return []; // Nobody can have made any there.
    throw lost(placeOf(place), error);
  }
}

async function whoIs(folder: string): Promise<MonitorProcess> {
  const { client, process } = await attachMonitor(folder);
  client.end();
  return process;
}

async function isServed(place: Place): Promise<boolean> {
  try {
    (await connected(place)).destroy();
    return true;
  } catch (error) {
    if (error instanceof Failure && error.detail["isStale"] === true) return false;
    throw error;
  }
}

/** Fails with MONITOR_NOT_FOUND, whose detail says whether nobody listens any more. */
function connected(place: Place): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect(place.address);
  const failed = (cause: Error): void => reject(lost(place, cause));
  socket.once("error", failed).once("connect", () => {
    socket.off("error", failed);
    resolve(socket);
  });
  return promise;
}

function lost({ folder }: Place, cause: unknown): Failure {
  const code = (cause as NodeJS.ErrnoException).code ?? "";
  const facts = {
    at: folder,
    found: cause instanceof Error ? cause.message : String(cause),
    expected: "a process that answers",
    fix: "Run `annulus top` without a path to see which processes there are.",
  };
  const isStale = code === "ECONNREFUSED" || (process.platform === "win32" && code === "ENOENT");
  return new Failure("MONITOR_NOT_FOUND", facts, { cause, detail: { isStale } });
}
