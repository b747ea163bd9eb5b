import { expect, test } from "vitest";
import { duration, micros, paint, screen, short } from "./top-screen.ts";
import { firstState, press, type TopState, withSnapshot } from "./top-state.ts";
import { row, snapshot } from "./top.fixture.ts";

const PROCESS = { pid: 42, title: "node", script: "server.ts" };
const latency = { count: 9, p50Us: 1.52, p90Us: 9, p99Us: 1234, p999Us: 5000, maxUs: 6000 };

function stateOf(...snapshots: Parameters<typeof withSnapshot>[1][]): TopState {
  return snapshots.reduce(withSnapshot, firstState(PROCESS));
}

const texts = (state: TopState, columns: number, rows: number): string[] =>
  screen(state, { columns, rows }).map(({ text }) => text);

test("screen() shows the process, its kernels with all their numbers, and the keys", () => {
  const state = stateOf(
    snapshot(1000, [row("bank"), row("mill", { state: "deactivated" })]),
    snapshot(2000, [
      row("bank", { messagesProcessed: 2400, inputQueueDepth: 7, uptimeMs: 192_000, latency }),
      row("mill", { state: "deactivated", outputQueueDepth: 3, failed: 2, restarts: 1 }),
    ]),
  );
  expect(texts(state, 120, 9)).toEqual([
    "annulus top: process 42, node server.ts",
    "2 kernels, 1 active   2 threads (worker)   2.4k messages/s   p99 1.2ms   3 MiB   by rate",
    "  KERNEL  STATE        MSG/S    P50    P99  QUEUE  OUT  FAILED  RESTARTS     UP",
    "> bank    active        2.4k  1.5us  1.2ms      7    0       0         0  3m12s",
    "  mill    deactivated      2      -      -      0    3       2         1     0s",
    "",
    "",
    "",
    "up/down choose   p pause   r resume   t terminate   s sort   q quit",
  ]);
  expect(screen(state, { columns: 120, rows: 9 }).map(({ look }) => look)).toEqual([
    ...["plain", "plain", "head", "chosen", "bad", "plain", "plain", "plain", "faint"],
  ]);
});

test("screen() shows what it has before there are rates, and before there is a snapshot", () => {
  expect(texts(firstState(PROCESS), 80, 7)[1]).toBe("no snapshot yet");
  const [, line, , bank] = texts(stateOf(snapshot(5, [row("bank")])), 80, 7);
  expect(line).toContain("1 kernel, 1 active   2 threads (worker)   - messages/s   p99 -   3 MiB");
  expect(bank).toMatch(/^> bank +active +- /);
});

test("screen() has exactly the terminal's size, whatever that is", () => {
  const kernels = Array.from({ length: 30 }, (_, i) => row(`kernel ${String(i).padStart(2, "0")}`));
  const state = stateOf(snapshot(0, kernels), snapshot(1000, kernels, 5));
  for (const [columns, rows] of [
    ...([
      [1, 1],
      [0, 0],
      [10, 2],
      [20, 3],
      [33, 4],
    ] as const),
    ...([
      [80, 5],
      [80, 6],
      [80, 24],
      [200, 100],
    ] as const),
  ]) {
    const lines = texts(state, columns, rows);
    expect(lines).toHaveLength(rows);
    expect(Math.max(0, ...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
  }
  expect(texts(state, 120, 24)[1]).toContain("35 kernels, 30 active   5 not shown");
});

test("screen() keeps the chosen kernel in sight", () => {
  const kernels = Array.from({ length: 30 }, (_, i) => row(`kernel ${String(i).padStart(2, "0")}`));
  let state = stateOf(snapshot(0, kernels));
  for (let at = 0; at < 30; at++) {
    const chosen = texts(state, 80, 10).filter((line) => line.startsWith(">"));
    expect(chosen).toEqual([expect.stringMatching(`^> kernel ${String(at).padStart(2, "0")} `)]);
    state = press(state, "down").state;
  }
  expect(texts(state, 80, 10)[3]).toMatch(/^ {2}kernel 25/); // The last page is full.
});

test("screen() lets no name of the process move the cursor, or push the numbers away", () => {
  const state = stateOf(snapshot(0, [row("\u001b[2J\nevil"), row("x".repeat(500))]));
  const lines = texts({ ...state, notice: "\u0007ding" }, 400, 8);
  // oxlint-disable-next-line no-control-regex -- None may be there.
  expect(lines.join("")).not.toMatch(/[\u0000-\u001f]/);
  expect(lines.join("\n")).toContain("\\u{1b}[2J\\u{a}evil");
  expect(lines.join("\n")).toContain("\\u{7}ding");
  expect(lines.find((line) => line.includes("xxx"))).toMatch(/^. x{39}… {2}active/);
});

test("paint() uses colours only where they are wanted", () => {
  const lines = screen(stateOf(snapshot(0, [row("bank", { failed: 1 })])), {
    columns: 60,
    rows: 7,
  });
  const sgr = /\u001b\[\d*m/; // oxlint-disable-line no-control-regex -- What is looked for.
  expect(paint(lines, true)).toMatch(sgr);
  expect(paint(lines, false)).not.toMatch(sgr);
  expect(paint(lines, false).split("\r\n")).toHaveLength(7);
});

test("Numbers are short", () => {
  const numbers = [0, 0.04, 0.5, 3, 9.94, 9.96, 12.6, 999, 999.6, 1234, 99_900, 1.5e6, 2e9, 7e15];
  expect(numbers.map(short)).toEqual([
    ...["0", "0.0", "0.5", "3", "9.9", "10", "13", "999", "1.0k", "1.2k", "100k", "1.5M"],
    ...["2.0G", "7000T"],
  ]);
  const micro = [0.4, 1.52, 999.4, 999.6, 20_000, 2_500_000];
  expect(micro.map((p50Us) => micros({ ...latency, p50Us }, "p50Us"))).toEqual([
    ...["0.4us", "1.5us", "999us", "1.0ms", "20ms", "2.5s"],
  ]);
  expect(micros({ ...latency, count: 0 }, "p99Us")).toBe("-");
  expect([0, 59_999, 60_000, 3_599_000, 3_600_000, 86_399_000, 90_000_000].map(duration)).toEqual([
    ...["0s", "59s", "1m00s", "59m59s", "1h00m", "23h59m", "1d01h"],
  ]);
});
