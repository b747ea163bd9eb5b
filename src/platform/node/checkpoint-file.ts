// Checkpoint file: generations of one kernel's checkpoints in a folder, the newest of which counts.
//
//   bank.ckpt.7   bank.ckpt.8   bank.ckpt.9   bank.ckpt.tmp
//
// A generation is there whole or not at all: its bytes are on the disk before it gets its name, and the name is
// before the oldest goes. So whatever fails, the one before is still there. One process writes to a file.

import { type FileHandle, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { CHECKPOINT_LIMITS, Failure } from "../../base/mod.ts";
import { decodeCheckpoint, unsupported } from "../../runtime/thread.ts";

const KEEP = 3;

/** A checkpoint that was read. */
export interface StoredCheckpoint {
  readonly bytes: Uint8Array;
  readonly generation: number;
  /** Newer generations that were passed over, and why. */
  readonly damaged: readonly { readonly generation: number; readonly failure: Failure }[];
}

/** Writers of this process, by path: one after the other. */
const writing = new Map<string, Promise<unknown>>();

/**
 * Stores a checkpoint as the next generation, keeps the newest `keep` (3), and says its number. Fails with
 * CHECKPOINT_UNWRITABLE, and then what was there is there.
 */
export async function writeCheckpoint(
  file: string | URL,
  bytes: Uint8Array,
  { keep = KEEP }: { readonly keep?: number } = {},
): Promise<number> {
  if (!(bytes instanceof Uint8Array))
    throw unsupported("bytes", typeof bytes, "a checkpoint's bytes");
  if (!Number.isInteger(keep) || keep < 1) throw unsupported("keep", `${keep}`, "1 or more");
  const path = pathOf(file);
  const before = writing.get(path) ?? Promise.resolve();
  const written = before.then(() => write(path, bytes, keep));
  const settled = written
    .catch(() => {})
    .finally(() => {
      if (writing.get(path) === settled) writing.delete(path);
    });
  writing.set(path, settled);
  return written;
}

/**
 * The newest generation that is whole. Undefined: there is none of any. Fails with CHECKPOINT_UNREADABLE, or with
 * CHECKPOINT_INVALID where none is whole.
 */
export async function readCheckpoint(file: string | URL): Promise<StoredCheckpoint | undefined> {
  const path = pathOf(file);
  const damaged: { readonly generation: number; readonly failure: Failure }[] = [];
  for (const generation of (await generations(path)).toReversed()) {
    const bytes = await read(`${path}.${generation}`);
    try {
      decodeCheckpoint(bytes, { bytesMax: CHECKPOINT_LIMITS.bytesMax });
      return { bytes, generation, damaged };
    } catch (error) {
      damaged.push({ generation, failure: error as Failure }); // Reading throws nothing else.
    }
  }
  if (damaged.length > 0) throw damaged[0]!.failure;
  return undefined;
}

/** As `readCheckpoint`, for a launch: there must be one, and what was passed over is warned of. */
export async function newestCheckpoint(file: URL): Promise<Uint8Array> {
  const found = await readCheckpoint(file);
  if (found === undefined) throw unreadable(pathOf(file), "no generation of it");
  for (const { generation, failure } of found.damaged)
    process.emitWarning(`${pathOf(file)}.${generation}: ${failure.message}`, {
      code: failure.code,
    });
  return found.bytes;
}

async function write(path: string, bytes: Uint8Array, keep: number): Promise<number> {
  const temporary = `${path}.tmp`;
  try {
    const old = await generations(path);
    const generation = (old.at(-1) ?? 0) + 1;
    await withFile(temporary, "w", async (handle) => {
      await handle.writeFile(bytes);
      await handle.sync();
    });
    await rename(temporary, `${path}.${generation}`);
    await syncFolder(dirname(path));
    for (const one of [...old, generation].slice(0, -keep)) await rm(`${path}.${one}`);
    return generation;
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {}); // Why it was not written is said already.
    throw unwritable(path, cause as Error);
  }
}

/** A name is on the disk when its folder is. Windows has no such thing, and writes names through. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  await withFile(folder, "r", (handle) => handle.sync());
}

async function withFile(
  path: string,
  flags: string,
  use: (handle: FileHandle) => Promise<void>,
): Promise<void> {
  await using handle = await open(path, flags);
  await use(handle);
}

async function read(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size > CHECKPOINT_LIMITS.bytesMax)
      throw new RangeError(`${size} bytes, more than ${CHECKPOINT_LIMITS.bytesMax}`);
    return await readFile(path);
  } catch (cause) {
    throw unreadable(path, (cause as Error).message, cause);
  }
}

/** Numbers of the generations that are there, ascending. */
async function generations(path: string): Promise<number[]> {
  const [folder, name] = [dirname(path), `${basename(path)}.`];
  try {
    const names = (await readdir(folder)).filter((one) => one.startsWith(name));
    const numbers = names
      .map((one) => one.slice(name.length))
      .filter((one) => /^[1-9]\d{0,14}$/.test(one));
    return numbers.map(Number).toSorted((a, b) => a - b);
  } catch (cause) {
    throw unreadable(path, (cause as Error).message, cause);
  }
}

function pathOf(file: string | URL): string {
  if (!(file instanceof URL)) return join(file);
  if (file.protocol === "file:") return fileURLToPath(file);
  throw unsupported("the checkpoint's place", file.href, "a path, or a URL of the scheme file:");
}

function unreadable(path: string, found: string, cause?: unknown): Failure {
  const facts = { at: path, found, expected: "a checkpoint", fix: "Name a file that is there." };
  return new Failure("CHECKPOINT_UNREADABLE", facts, { cause });
}

function unwritable(path: string, cause: Error): Failure {
  return new Failure(
    "CHECKPOINT_UNWRITABLE",
    {
      ...{ at: path, found: cause.message, expected: "room, and the right to write there" },
      fix: "Make room, or name a folder that is there and may be written to.",
    },
    { cause },
  );
}
