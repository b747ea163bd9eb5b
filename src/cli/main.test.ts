import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));

test("annulus ends without a word when its reader closes the pipe", async () => {
  // `true` reads nothing, so the first write finds the pipe closed, or its buffer takes all of it.
  const script = `"$0" "$1" doctor --json | true; echo "\${PIPESTATUS[0]}"`;
  const run = promisify(execFile)("bash", ["-c", script, process.execPath, MAIN]);
  const { stdout, stderr } = await run;
  expect(stderr).toBe("");
  expect(stdout).toBe("0\n");
});
