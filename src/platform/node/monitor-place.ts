// Monitor place: the folder through which a process is watched, and the checks that it is its owner's alone.
//
//   annulus-4711-x7Ga2Q/    0700, made fresh under the user's runtime folder or the one for temporary files
//     key                   0600, what a watcher must say. Node does not tell who is at the other end of a
//                           socket, so that the process knows its owner by what only the owner can read
//     socket                0600; on Windows a named pipe of the folder's name stands in for it
//
// Both sides check before they read a byte from each other: the watcher when it connects, the process for
// every watcher. A process that is killed leaves its folder behind; who looks for processes removes it.

import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { rmdirSync, rmSync, type Stats, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, isAbsolute, join, resolve } from "node:path";
import { randomBytes } from "node:crypto";
import { Failure } from "../../base/mod.ts";

export interface Place {
  readonly folder: string;
  /** Where to listen and connect. */
  readonly address: string;
  readonly keyFile: string;
}

const KEY_BYTES = 32;
/** The shortest bound of any system, less the end of the string. */
const ADDRESS_BYTES_MAX = 103;
const IS_WINDOWS = process.platform === "win32";

/** Folders in which processes look for each other, the best one first. */
export function places(): readonly string[] {
  const own = process.env["XDG_RUNTIME_DIR"] ?? "";
  return [...new Set([...(isAbsolute(own) ? [own] : []), tmpdir()])];
}

export function placeOf(folder: string): Place {
  const address = IS_WINDOWS ? `\\\\.\\pipe\\${basename(folder)}` : join(folder, "socket");
  return { folder, address, keyFile: join(folder, "key") };
}

/** The process whose place has this name, if it is one. */
export function pidOf(name: string): number | undefined {
  const pid = /^annulus-(\d{1,10})-[A-Za-z0-9]{6}$/.exec(name)?.[1];
  return pid === undefined ? undefined : Number(pid);
}

/** Makes a place with a new key, in `path` or wherever there is one. Fails with MONITOR_UNAVAILABLE. */
export function makePlace(path?: string): Place & { readonly key: string } {
  const place = placeOf(path === undefined ? freshFolder() : makeFolder(resolve(path)));
  const bytes = Buffer.byteLength(place.address);
  try {
    if (bytes > ADDRESS_BYTES_MAX && !IS_WINDOWS)
      throw unavailable(place.folder, `a path of ${bytes} bytes`, `at most ${ADDRESS_BYTES_MAX}`);
    const key = randomBytes(KEY_BYTES).toString("hex");
    writeFileSync(place.keyFile, key, { mode: 0o600, flag: "wx" });
    return { ...place, key };
  } catch (cause) {
    removePlace(place);
    if (cause instanceof Failure) throw cause;
    throw unavailable(place.folder, String(cause), "a folder to write to", cause);
  }
}

function freshFolder(): string {
  let last: unknown;
  for (const place of places()) {
    try {
      return mkdtempSync(join(place, `annulus-${process.pid}-`)); // It makes them 0700.
    } catch (cause) {
      last = cause; // A runtime folder that is named but not there, say: the next one will do.
    }
  }
  throw unavailable(places().join(", "), String(last), "a folder to write to", last);
}

function makeFolder(folder: string): string {
  try {
    mkdirSync(folder, { mode: 0o700 });
    chmodSync(folder, 0o700); // Whatever was masked away.
    return folder;
  } catch (cause) {
    throw unavailable(
      folder,
      String(cause),
      "a folder that can be made, and is not there yet",
      cause,
    );
  }
}

/** Removes what makePlace and the socket made, and nothing else. Fails with MONITOR_UNAVAILABLE. */
export function removePlace({ folder, address, keyFile }: Place): void {
  try {
    if (!IS_WINDOWS) rmSync(address, { force: true });
    rmSync(keyFile, { force: true });
    rmdirSync(folder);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return; // Another one was faster.
    const fix = "Remove it by hand.";
    const facts = { at: folder, found: String(cause), expected: "a folder of ours to remove", fix };
    throw new Failure("MONITOR_UNAVAILABLE", facts, { cause });
  }
}

/** Whether a folder is this user's own: other users have processes too. */
export function isOwn(folder: string): boolean {
  return IS_WINDOWS || lstatSync(folder, { throwIfNoEntry: false })?.uid === process.getuid?.();
}

/** Fails with MONITOR_REFUSED unless nobody but this user may open the place, MONITOR_NOT_FOUND without one. */
export function checkPlace(place: Place): void {
  check(place.folder, (stats) => stats.isDirectory(), "a folder");
  check(place.keyFile, (stats) => stats.isFile(), "a file");
  if (!IS_WINDOWS) check(place.address, (stats) => stats.isSocket(), "a socket");
}

/** The key of a place, which was checked. */
export function readKey(place: Place): string {
  const { size } = look(place.keyFile);
  if (size !== 2 * KEY_BYTES) throw refused(place.keyFile, `${size} bytes`, `${2 * KEY_BYTES}`);
  return readFileSync(place.keyFile, "latin1");
}

function check(path: string, isKind: (stats: Stats) => boolean, kind: string): void {
  const stats = look(path);
  if (!isKind(stats)) throw refused(path, "something else", kind);
  if (IS_WINDOWS) return; // Its folder for temporary files is each user's own.
  const own = process.getuid?.();
  if (stats.uid !== own) throw refused(path, `owner ${stats.uid}`, `owner ${own}`);
  const open = stats.mode & 0o077;
  if (open === 0) return;
  const mode = (stats.mode & 0o777).toString(8).padStart(4, "0");
  throw refused(path, `permissions ${mode}`, "permissions for its owner only");
}

/** Follows no link: what is checked is what was named. */
function look(path: string): Stats {
  try {
    return lstatSync(path);
  } catch (cause) {
    const facts = { at: path, found: String(cause), expected: "a process's monitor" };
    const fix = "Run `annulus top` without a path to see which processes there are.";
    throw new Failure("MONITOR_NOT_FOUND", { ...facts, fix }, { cause });
  }
}

function refused(at: string, found: string, expected: string): Failure {
  return new Failure("MONITOR_REFUSED", {
    ...{ at, found, expected },
    fix: "Run it as the process's user, and leave what the process made as it is.",
  });
}

export function unavailable(at: string, found: string, expected: string, cause?: unknown): Failure {
  const fix = "Choose another `path`, or leave it out.";
  const options = cause === undefined ? {} : { cause };
  return new Failure("MONITOR_UNAVAILABLE", { at, found, expected, fix }, options);
}
