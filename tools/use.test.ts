import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");
const use = (
  ...words: string[]
): { status: number | null; signal: string | null; text: string } => {
  const options = { cwd: root, encoding: "utf8", env: { PATH: "/usr/bin:/bin" } } as const;
  const command = [join(import.meta.dirname, "use.mjs"), ...words];
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, command, options);
  return { status, signal, text: stdout + stderr };
};

test("use runs a command with Node 24, also what the command starts itself", () => {
  expect(use("node", "-p", "process.versions.node").text).toMatch(/^24\./);
  const nested = `require("node:child_process").execSync("node --version").toString()`;
  expect(use("node", "-p", nested).text).toMatch(/^v24\./);
});

test("use finds the commands of the repository's dependencies", () => {
  expect(use("vitest", "--version")).toMatchObject({
    status: 0,
    text: expect.stringMatching(/^vitest/),
  });
});

test("use ends as the command ended", () => {
  expect(use("node", "-e", "process.exit(7)").status).toBe(7);
  expect(use("node", "-e", "process.kill(process.pid, 'SIGTERM')").signal).toBe("SIGTERM");
});

test("use says what is wrong when there is no command, or none of that name", () => {
  expect(use().text).toContain("say which command to run");
  expect(use("no-such-command")).toMatchObject({ status: 127 });
});

test("every script that runs TypeScript does so through use", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  const bare = Object.entries(scripts).filter(([, line]) => {
    return /\.ts\b|\bvitest\b/.test(line) && !line.startsWith("node tools/use.mjs ");
  });
  expect(bare.filter(([, line]) => !line.startsWith("tsc "))).toEqual([]);
});
