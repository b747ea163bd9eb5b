// annulus generate as a process: what a user sees who stops it, or looks at no more than its beginning.

import { spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TINY_LLAMA } from "../../test/tiny-llama.fixture.ts";
import { type Outcome, PROGRAM } from "./command.fixture.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "annulus-endless-"));
  await cp(TINY_LLAMA, folder, { recursive: true });
  const config = JSON.parse(await readFile(join(folder, "config.json"), "utf8")) as object;
  const rope_scaling = { rope_type: "linear", factor: 4096 }; // A context that nobody waits for.
  await writeFile(join(folder, "config.json"), JSON.stringify({ ...config, rope_scaling }));
});
afterAll(() => rm(folder, { recursive: true }));

type Child = ReturnType<typeof spawn>;

/** Starts a text of a hundred thousand tokens; `onOut` is called once, with its beginning. */
async function endless(onOut: (child: Child) => void): Promise<Outcome> {
  const asked = ["--model", folder, "--prompt", "In the beginning", "--max-tokens", "100000"];
  const argv = [PROGRAM, "generate", ...asked, "--allow-unsigned", "--kv", "f16"];
  const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "pipe"] });
  let [out, err] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    if (out === "") onOut(child);
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => void (err += text));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (exit, signal) => resolve({ exit, signal, out, err }));
  });
}

test("an interrupt ends the text with its line and the summary, and the process by the signal", async () => {
  const { exit, signal, out, err } = await endless((child) => void child.kill("SIGINT"));
  expect([exit, signal]).toEqual([null, "SIGINT"]);
  expect(out).toMatch(/[^\n]\n$/);
  expect(err).toMatch(/^text +\d+ tokens, .*interrupted$/m);
  expect(err).toMatch(/^time +sandboxed /m);
});

test("a reader that has seen enough ends the process quietly", async () => {
  const { exit, signal, err } = await endless((child) => void child.stdout!.destroy());
  expect([exit, signal]).toEqual([0, null]);
  expect(err).not.toContain("EPIPE");
});
