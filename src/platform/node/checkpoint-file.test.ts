// Generations of checkpoints on a real disk.

import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Failure } from "../../base/mod.ts";
import { encodeCheckpoint } from "../../runtime/mod.ts";
import { newestCheckpoint, readCheckpoint, writeCheckpoint } from "./checkpoint-file.ts";
import { pathToFileURL } from "node:url";

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "annulus-generations-"));
  file = join(folder, "bank.ckpt");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const bytesOf = (n: number): Uint8Array =>
  encodeCheckpoint({
    ...{ id: "bank", types: [], state: Uint8Array.of(n), messages: [], calls: 0 },
    ...{ stampHigh: 0, stampLow: 0 },
  });
const codeOf = (error: unknown): unknown => (error instanceof Failure ? error.code : error);
const names = async () => (await readdir(folder)).toSorted();

test("The newest generation counts, three are kept, or as many as are asked for", async () => {
  expect(await readCheckpoint(file)).toBe(undefined);
  for (let n = 1; n <= 12; n++) expect(await writeCheckpoint(file, bytesOf(n))).toBe(n);
  expect(await names()).toEqual(["bank.ckpt.10", "bank.ckpt.11", "bank.ckpt.12"]);
  const found = await readCheckpoint(pathToFileURL(file));
  expect([found?.generation, found?.damaged]).toEqual([12, []]);
  expect([...found!.bytes]).toEqual([...bytesOf(12)]);
  await writeCheckpoint(file, bytesOf(13), { keep: 1 });
  expect(await names()).toEqual(["bank.ckpt.13"]);
});

test("Writers at once write one after the other", async () => {
  const written = await Promise.all(
    [1, 2, 3, 4].map((n) => writeCheckpoint(file, bytesOf(n), { keep: 9 })),
  );
  expect(written).toEqual([1, 2, 3, 4]);
  for (const n of written) expect([...(await readFile(`${file}.${n}`))]).toEqual([...bytesOf(n)]);
});

test("A damaged generation is passed over and named; where none is whole, that is said", async () => {
  for (const n of [1, 2, 3]) await writeCheckpoint(file, bytesOf(n));
  await truncate(`${file}.3`, 10);
  await writeFile(`${file}.tmp`, "half");
  await writeFile(`${file}.4x`, "no generation");
  const found = await readCheckpoint(file);
  expect(found?.generation).toBe(2);
  expect(found?.damaged).toMatchObject([
    { generation: 3, failure: { code: "CHECKPOINT_INVALID" } },
  ]);
  const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
  expect([...(await newestCheckpoint(pathToFileURL(file)))]).toEqual([...bytesOf(2)]);
  expect((await warned).message).toContain("bank.ckpt.3");
  for (const n of [1, 2]) await writeFile(`${file}.${n}`, "");
  expect(await readCheckpoint(file).catch(codeOf)).toBe("CHECKPOINT_INVALID");
});

test("What cannot be written or read is a failure with a code, and what was there stays", async () => {
  await writeCheckpoint(file, bytesOf(1));
  await mkdir(`${file}.tmp`); // Nobody can open it to write.
  const failure = await writeCheckpoint(file, bytesOf(2)).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "CHECKPOINT_UNWRITABLE", at: file });
  expect((await readCheckpoint(file))?.generation).toBe(1);
  await rm(`${file}.tmp`, { recursive: true });
  expect(await writeCheckpoint(file, bytesOf(2))).toBe(2);
  const nowhere = join(folder, "no", "such.ckpt");
  expect(await writeCheckpoint(nowhere, bytesOf(1)).catch(codeOf)).toBe("CHECKPOINT_UNWRITABLE");
  expect(await readCheckpoint(nowhere).catch(codeOf)).toBe("CHECKPOINT_UNREADABLE");
  await mkdir(`${file}.3`);
  expect(await readCheckpoint(file).catch(codeOf)).toBe("CHECKPOINT_UNREADABLE");
});

test.runIf(existsSync("/dev/full"))(
  "A full disk leaves the generation before, and no half of one",
  async () => {
    await writeCheckpoint(file, bytesOf(1));
    await symlink("/dev/full", `${file}.tmp`); // As a disk without a free block does.
    const failure = await writeCheckpoint(file, bytesOf(2)).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "CHECKPOINT_UNWRITABLE" });
    expect((failure as Failure).found).toContain("ENOSPC");
    expect(await names()).toEqual(["bank.ckpt.1"]);
    expect((await readCheckpoint(file))?.generation).toBe(1);
    expect(await writeCheckpoint(file, bytesOf(2))).toBe(2);
  },
);

test.each([0, -1, 1.5, Number.NaN])("writeCheckpoint() refuses to keep %d", async (keep) => {
  expect(await writeCheckpoint(file, bytesOf(1), { keep }).catch(codeOf)).toBe(
    "OPTION_UNSUPPORTED",
  );
  expect(await names()).toEqual([]);
});

test("writeCheckpoint() and readCheckpoint() refuse what is no file's URL", async () => {
  const url = new URL("https://example.com/bank.ckpt");
  expect(await writeCheckpoint(url, bytesOf(1)).catch(codeOf)).toBe("OPTION_UNSUPPORTED");
  expect(await readCheckpoint(url).catch(codeOf)).toBe("OPTION_UNSUPPORTED");
});

test("writeCheckpoint() refuses what is no bytes", async () => {
  const text = "a checkpoint" as unknown as Uint8Array;
  expect(await writeCheckpoint(file, text).catch(codeOf)).toBe("OPTION_UNSUPPORTED");
});
