import { expect, test } from "vitest";
import { firstState, keysOf, press, SORTS, sortedKernels, withSnapshot } from "./top-state.ts";
import type { Deed, TopState } from "./top-state.ts";
import { row, snapshot } from "./top.fixture.ts";

const PROCESS = { pid: 1, title: "node", script: "x.ts" };
const p99 = (p99Us: number) => {
  const worst = { p99Us, p999Us: p99Us, maxUs: p99Us };
  return { count: 1, p50Us: 1, p90Us: 1, ...worst };
};
const first = snapshot(
  0,
  ["ann", "bob", "cid", "dan"].map((id) => row(id)),
);
const second = snapshot(1000, [
  row("ann", { messagesProcessed: 1, latency: p99(1), restarts: 4 }),
  row("bob", { messagesProcessed: 5, inputQueueDepth: 9 }),
  row("cid", { latency: p99(8), failed: 3 }),
  row("dan"),
]);
const start = [first, second].reduce(withSnapshot, firstState(PROCESS));

/** The state after some keys, and what they asked for. */
function after(state: TopState, ...keys: string[]): { state: TopState; deeds: Deed[] } {
  const deeds: Deed[] = [];
  for (const key of keys) {
    const step = press(state, key);
    state = step.state;
    if (step.deed !== undefined) deeds.push(step.deed);
  }
  return { state, deeds };
}

test("`s` sorts by one column after the other, and equal kernels stand by name", () => {
  const orders = SORTS.map((_, times) => {
    const { state } = after(start, ...Array<string>(times).fill("s"));
    return [
      state.sort,
      sortedKernels(state)
        .map(({ id }) => id[0])
        .join(""),
    ];
  });
  expect(orders).toEqual([
    ...[
      ["rate", "bcad"],
      ["p99", "cabd"],
      ["queue", "bacd"],
      ["failed", "cabd"],
    ],
    ...[
      ["restarts", "abcd"],
      ["name", "abcd"],
    ],
  ]);
  expect(after(start, ...Array<string>(SORTS.length).fill("s")).state.sort).toBe("rate");
});

test("Keys move the choice among the kernels as they are sorted, and not past the ends", () => {
  const byName: TopState = { ...start, sort: "name", chosen: "ann" };
  const chosen = (...keys: string[]) => after(byName, ...keys).state.chosen;
  expect([chosen("down"), chosen("j", "j"), chosen("j", "k"), chosen("up")]).toEqual([
    ...["bob", "cid", "ann", "ann"],
  ]);
  expect([chosen("last"), chosen("last", "down"), chosen("last", "first"), chosen("x")]).toEqual([
    ...["dan", "dan", "ann", "ann"],
  ]);
});

test("`p` and `r` pause and resume the kernel that is chosen", () => {
  const { deeds } = after({ ...start, chosen: "cid" }, "p", "r");
  expect(deeds).toEqual([
    { deed: "command", verb: "pause", id: "cid" },
    { deed: "command", verb: "resume", id: "cid" },
  ]);
});

test("`t` terminates after a yes only, whatever is chosen then", () => {
  const chosen: TopState = { ...start, chosen: "cid" };
  expect(after(chosen, "t").state.asked).toBe("cid");
  expect(after(chosen, "t", "y").deeds).toEqual([
    { deed: "command", verb: "terminate", id: "cid" },
  ]);
  for (const key of ["n", "t", "q", "down", "escape"]) {
    const { state, deeds } = after(chosen, "t", key);
    expect([deeds, state.asked, state.notice]).toEqual([[], undefined, "cid was not terminated"]);
  }
});

test("`q` quits, and Ctrl-C interrupts also where a question is open", () => {
  expect(after(start, "q").deeds).toEqual([{ deed: "quit" }]);
  expect(after(start, "t", "interrupt").deeds).toEqual([{ deed: "interrupt" }]);
});

test("A kernel that has gone is neither chosen nor asked about any more", () => {
  const asked = after({ ...start, chosen: "cid" }, "t").state;
  const stayed = withSnapshot(asked, snapshot(2000, second.kernels));
  expect([stayed.chosen, stayed.asked]).toEqual(["cid", "cid"]);
  const gone = withSnapshot(asked, snapshot(2000, [row("bob")]));
  expect([gone.chosen, gone.asked]).toEqual(["bob", undefined]);
  expect(after(gone, "y").deeds).toEqual([]);
  const none = withSnapshot(gone, snapshot(3000, []));
  expect([none.chosen, after(none, "p", "r", "t", "down", "y").deeds]).toEqual([undefined, []]);
});

test("keysOf() tells keys from what terminals send, also many at once", () => {
  expect(keysOf("")).toEqual([]);
  expect(keysOf("jq\u0003")).toEqual(["j", "q", "interrupt"]);
  expect(keysOf("\u001b[A\u001b[B\u001bOAp\u001b[H\u001b[F")).toEqual([
    ...["up", "down", "up", "p", "first", "last"],
  ]);
  expect(keysOf("\u001b")).toEqual(["escape"]);
  expect(keysOf("\u001b[15~\u001b[1;5Dt")).toEqual(["\u001b[15~", "\u001b[1;5D", "t"]); // No `~`, no `D`.
});
