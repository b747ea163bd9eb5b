import { expect, test } from "vitest";

import { Failure } from "../base/mod.ts";
import {
  canActivate,
  canDeactivate,
  canTerminate,
  isFinished,
  isRunning,
  Lifecycle,
  mayHandle,
  next,
  STATES,
} from "./lifecycle.ts";
import type { KernelState, LifecycleEvent } from "./lifecycle.ts";

const EVENTS = ["launch", "activate", "deactivate", "terminate", "terminated"] as const;

/** Written down again by hand: the state after each event, in the order of EVENTS; "" is refused. */
const EXPECTED: Readonly<Record<KernelState, readonly (KernelState | "")[]>> = {
  created: ["launched", "", "", "", ""],
  launched: ["", "active", "", "terminating", ""],
  active: ["", "", "deactivated", "terminating", ""],
  deactivated: ["", "active", "", "terminating", ""],
  terminating: ["", "", "", "", "terminated"],
  terminated: ["", "", "", "", ""],
};

const CASES = STATES.flatMap((from) =>
  EVENTS.map((event, i) => ({ from, event, to: EXPECTED[from][i]! })),
);

function stage(from: KernelState) {
  const word = new Int32Array(new SharedArrayBuffer(4));
  word[0] = STATES.indexOf(from);
  const changes: string[] = [];
  const lifecycle = new Lifecycle("sum", word, (was, is) => changes.push(`${was} ${is}`));
  return { word, changes, lifecycle };
}

function refusal(lifecycle: Lifecycle, event: LifecycleEvent): Failure {
  try {
    lifecycle.move(event);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error(`${event} was not refused`);
}

test("the states have the numbers 0 to 5", () => {
  expect(STATES).toEqual(Object.keys(EXPECTED));
  expect(CASES.length).toBe(30);
});

test.each(CASES.filter(({ to }) => to !== ""))("$from --$event--> $to", ({ from, event, to }) => {
  const { word, changes, lifecycle } = stage(from);
  lifecycle.move(event);
  expect(lifecycle.state).toBe(to);
  expect(STATES[word[0]!]).toBe(to);
  expect(changes).toEqual([`${from} ${to}`]);
});

test.each(CASES.filter(({ to }) => to === ""))("$from refuses $event", ({ from, event }) => {
  const { changes, lifecycle } = stage(from);
  const failure = refusal(lifecycle, event);
  expect(failure.code).toBe("INVALID_STATE_TRANSITION");
  expect(failure.at).toBe("kernel sum");
  expect(failure.found).toContain(from);
  const allowed = CASES.filter((other) => other.event === event && other.to !== "");
  for (const other of allowed) expect(failure.expected).toContain(other.from);
  expect(failure.fix).not.toBe("");
  expect([lifecycle.state, changes]).toEqual([from, []]);
});

test("another holder of the word sees the state", () => {
  const { word, lifecycle } = stage("launched");
  const seen = new Lifecycle("sum", word, () => {});
  lifecycle.move("activate");
  expect(seen.state).toBe("active");
});

test("mayHandle() is true of an active kernel and of one that drains", () => {
  const handling = STATES.filter((_, number) => mayHandle(number));
  expect(handling).toEqual(["active", "terminating"]);
});

function where(is: (state: KernelState) => boolean): KernelState[] {
  return STATES.filter(is);
}

test("the predicates follow the table, and next() answers as move() does", () => {
  expect(where(canActivate)).toEqual(["launched", "deactivated"]);
  expect(where(canDeactivate)).toEqual(["active"]);
  expect(where(canTerminate)).toEqual(["launched", "active", "deactivated"]);
  expect(where(isRunning)).toEqual(["active"]);
  expect(where(isFinished)).toEqual(["terminated"]);
  for (const { from, event, to } of CASES)
    if (to === "") expect(() => next(from, event, "sum")).toThrow("kernel sum");
    else expect(next(from, event)).toBe(to);
});
