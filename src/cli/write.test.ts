import { execFile } from "node:child_process";
import { lstat, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { failureIn } from "../pack/failure-of.fixture.ts";
import { processOf, PROGRAM } from "./command.fixture.ts";
import { writeWhole } from "./write.ts";

const folder = await mkdtemp(join(tmpdir(), "annulus-write-"));
afterAll(() => rm(folder, { recursive: true }));

const onUnix = test.skipIf(process.platform === "win32");

onUnix("writeWhole() writes into a named pipe, which stays one", async () => {
  const pipe = join(folder, "pipe");
  await promisify(execFile)("mkfifo", [pipe]);
  const reading = readFile(pipe, "utf8");
  await writeWhole(pipe, "through");
  expect(await reading).toBe("through");
  expect((await lstat(pipe)).isFIFO()).toBe(true);
});

onUnix("writeWhole() replaces what a link leads to, and keeps the link", async () => {
  const [file, link] = [join(folder, "file"), join(folder, "link")];
  await writeFile(file, "old");
  await symlink("file", link);
  await writeWhole(link, "new");
  expect(await readFile(file, "utf8")).toBe("new");
  expect((await lstat(link)).isSymbolicLink()).toBe(true);
});

test("writeWhole() leaves a folder of that name alone, and no draft", async () => {
  const before = await readdir(folder);
  const failure = await failureIn(writeWhole(folder, "x"));
  expect(failure.code).toBe("OUTPUT_UNWRITABLE");
  expect(await readdir(folder)).toEqual(before);
});

test.skipIf(process.platform !== "linux")(
  "annulus says that standard output is full, in plain words",
  async () => {
    const script = `"${process.execPath}" "${PROGRAM}" --help > /dev/full`;
    const { exit, err } = await processOf("sh", ["-c", script], folder);
    expect(err).toMatch(/\[OUTPUT_UNWRITABLE\][^]*ENOSPC/);
    expect(err).not.toMatch(/:\d+:\d+\)?$/m); // No stack.
    expect(exit).toBe(1);
  },
);
