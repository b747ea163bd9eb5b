// Soak: starts the process that does a bit of everything, in little memory, and judges what it says.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import type { SoakReport } from "./soak-process.ts";

const MB = 2 ** 20;

export async function soak(ms: number): Promise<SoakReport> {
  const source = fileURLToPath(new URL("soak-process.ts", import.meta.url));
  const limits = ["--expose-gc", "--max-old-space-size=64", "--unhandled-rejections=strict"];
  const child = spawn(process.execPath, [...limits, source, String(ms)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [said, complained] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (more: string) => void (said += more));
  child.stderr.setEncoding("utf8").on("data", (more: string) => void (complained += more));
  const [code] = (await once(child, "close")) as [number | null];
  expect({ code, complained }).toEqual({ code: 0, complained: "" });
  return JSON.parse(said) as SoakReport;
}

/** Fails unless all went well. `mayGrow`: MB from the second quarter to the last, of the heap and of the process. */
export function judge(report: SoakReport, mayGrow: readonly [heap: number, process: number]): void {
  expect(report.wrong).toEqual([]);
  expect(report.free[0]).toBe(report.free[1]);
  expect(report.failures["HANDLER_FAILED"]).toBeGreaterThan(0);
  expect(report.failures["DEADLINE_PASSED"]).toBeGreaterThan(0);
  expect(grown(report.heap)).toBeLessThan(mayGrow[0]);
  expect(grown(report.process)).toBeLessThan(mayGrow[1]);
}

/** MB between the medians of the second quarter and of the last one. */
function grown(bytes: readonly number[]): number {
  const quarter = Math.floor(bytes.length / 4);
  const before = median(bytes.slice(quarter, 2 * quarter));
  return (median(bytes.slice(-quarter)) - before) / MB;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0;
}
