// Print: plain lines, and one table. No colours: what is printed reads the same in a terminal and a log.

import type { Result } from "./recorded-calls.ts";

export function print(...lines: readonly string[]): void {
  for (const line of lines) console.log(`   ${line}`);
}

export function title(text: string): void {
  console.log(`\n${text}`);
}

const HEAD = ["kernel", "tensor", "shape", "max error", "allowed", "median", "GB/s", ""];
const LEFT = 3; // The first columns are text, the others numbers.

export function printTable(results: readonly Result[]): void {
  const rows = [HEAD, ...results.map(cells)];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  for (const row of rows) {
    const padded = row.map((cell, column) =>
      column < LEFT ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
    );
    print(padded.join("  ").trimEnd());
  }
}

function cells({ kernel, tensor, shape, error, allowed, medianMs, bytes, ok }: Result): string[] {
  return [
    kernel,
    tensor,
    shape.join(" x "),
    error.toExponential(1),
    allowed.toExponential(1),
    `${(medianMs * 1000).toFixed(1)} µs`,
    (bytes / medianMs / 1e6).toFixed(1),
    ok ? "ok" : "OFF",
  ];
}
