import { assert as hold, array, constantFrom, integer, property, record } from "fast-check";
import { describe, expect, test } from "vitest";
import { failureOf } from "../pack/failure-of.fixture.ts";
import { type EndedHow, type Restart, type Strategy, Supervision } from "./supervision.ts";

const STRATEGIES: readonly Strategy[] = ["one-for-one", "one-for-all", "rest-for-one"];
const RESTARTS: readonly Restart[] = ["permanent", "transient", "temporary"];
const ENDS: readonly EndedHow[] = ["stopped", "failed", "killed"];

interface Given {
  readonly strategy?: Strategy;
  readonly maxRestarts?: number;
  readonly windowMs?: number;
}

/** A supervision of these children, in this order, and its clock. */
function supervision(children: Readonly<Record<string, Restart>>, given: Given = {}) {
  const clock = { now: 0 };
  const strategy = given.strategy ?? "one-for-one";
  const subject = new Supervision({ ...given, strategy, now: () => clock.now });
  for (const [id, restart] of Object.entries(children)) subject.add(id, { restart });
  return { subject, clock };
}

const restart = (stop: string[], start: string[]) => ({ kind: "restart", stop, start });
const NONE = { kind: "none" };
const FORGET = { kind: "forget" };
const ONE = restart([], ["b"]);
const ALL = restart(["d", "c", "a"], ["a", "b", "c", "d"]);
const REST = restart(["d", "c"], ["b", "c", "d"]);

// `b` ends among a, b, c and d, which are permanent.
const TABLE: readonly (readonly [Strategy, Restart, EndedHow, object])[] = [
  ["one-for-one", "permanent", "stopped", ONE],
  ["one-for-one", "permanent", "failed", ONE],
  ["one-for-one", "permanent", "killed", ONE],
  ["one-for-one", "transient", "stopped", NONE],
  ["one-for-one", "transient", "failed", ONE],
  ["one-for-one", "transient", "killed", ONE],
  ["one-for-one", "temporary", "stopped", FORGET],
  ["one-for-one", "temporary", "failed", FORGET],
  ["one-for-one", "temporary", "killed", FORGET],
  ["one-for-all", "permanent", "stopped", ALL],
  ["one-for-all", "permanent", "failed", ALL],
  ["one-for-all", "permanent", "killed", ALL],
  ["one-for-all", "transient", "stopped", NONE],
  ["one-for-all", "transient", "failed", ALL],
  ["one-for-all", "transient", "killed", ALL],
  ["one-for-all", "temporary", "stopped", FORGET],
  ["one-for-all", "temporary", "failed", FORGET],
  ["one-for-all", "temporary", "killed", FORGET],
  ["rest-for-one", "permanent", "stopped", REST],
  ["rest-for-one", "permanent", "failed", REST],
  ["rest-for-one", "permanent", "killed", REST],
  ["rest-for-one", "transient", "stopped", NONE],
  ["rest-for-one", "transient", "failed", REST],
  ["rest-for-one", "transient", "killed", REST],
  ["rest-for-one", "temporary", "stopped", FORGET],
  ["rest-for-one", "temporary", "failed", FORGET],
  ["rest-for-one", "temporary", "killed", FORGET],
];

describe("Supervision.ended()", () => {
  test.each(TABLE)("%s: a %s child that is %s", (strategy, kind, how, decision) => {
    const children = { a: "permanent", b: kind, c: "permanent", d: "permanent" } as const;
    const { subject } = supervision(children, { strategy });
    expect(subject.ended("b", how)).toEqual(decision);
  });

  test("has a row for every strategy, restart and end", () => {
    const rows = new Set(TABLE.map(([strategy, kind, how]) => `${strategy} ${kind} ${how}`));
    expect(rows.size).toBe(STRATEGIES.length * RESTARTS.length * ENDS.length);
  });

  test.each([
    ["one-for-all", restart(["c", "b"], ["a", "c"])],
    ["rest-for-one", restart(["c", "b"], ["a", "c"])],
  ] as const)("%s: stops a temporary sibling and deletes it", (strategy, decision) => {
    const children = { a: "permanent", b: "temporary", c: "transient" } as const;
    const { subject } = supervision(children, { strategy });
    expect(subject.ended("a", "failed")).toEqual(decision);
    expect(subject.generation("b")).toBe(0);
    expect(subject.ended("b", "stopped")).toEqual(NONE);
  });

  test("rest-for-one: the first takes all with it, the last only itself", () => {
    const children = { a: "permanent", b: "permanent", c: "permanent" } as const;
    const { subject } = supervision(children, { strategy: "rest-for-one" });
    expect(subject.ended("a", "failed")).toEqual(restart(["c", "b"], ["a", "b", "c"]));
    expect(subject.ended("c", "failed")).toEqual(restart([], ["c"]));
  });

  test("starts a transient child again that had stopped, but does not stop it first, as Erlang", () => {
    const children = { a: "permanent", b: "transient", c: "permanent" } as const;
    const { subject } = supervision(children, { strategy: "one-for-all" });
    expect(subject.ended("b", "stopped")).toEqual(NONE);
    expect(subject.ended("a", "failed")).toEqual(restart(["c"], ["a", "b", "c"]));
  });

  test("ignores a child that is unknown, and a second end of the same run", () => {
    const { subject } = supervision({ a: "transient", b: "permanent" });
    expect(subject.ended("x", "failed")).toEqual(NONE);
    expect(subject.ended("a", "stopped")).toEqual(NONE);
    expect(subject.ended("a", "failed")).toEqual(NONE);
    expect(subject.remove("b")).toBe(true);
    expect(subject.remove("b")).toBe(false);
    expect(subject.ended("b", "killed")).toEqual(NONE);
  });

  test("ignores the late end of an earlier generation, and does not count it", () => {
    const children = { a: "permanent", b: "permanent" } as const;
    const { subject } = supervision(children, { strategy: "one-for-all", maxRestarts: 2 });
    expect(subject.ended("a", "failed", 1)).toEqual(restart(["b"], ["a", "b"]));
    expect(subject.ended("b", "killed", 1)).toEqual(NONE); // That was our own stop, or a crash beside it.
    expect(subject.ended("b", "killed", 2)).toEqual(restart(["a"], ["a", "b"]));
  });
});

describe("Supervision's intensity", () => {
  const WINDOW = { maxRestarts: 2, windowMs: 100 };

  test("allows `maxRestarts` within the window, and escalates the next", () => {
    const { subject, clock } = supervision({ a: "permanent" }, WINDOW);
    for (clock.now = 0; clock.now < 2; clock.now++)
      expect(subject.ended("a", "failed").kind).toBe("restart");
    const escalated = { kind: "escalate", stop: [], restarts: 3, windowMs: 100 };
    expect(subject.ended("a", "failed")).toEqual(escalated);
  });

  test.each([
    [100, "escalate"],
    [101, "restart"],
  ])("slides: a third restart %i ms after the first is a %s", (at, kind) => {
    const { subject, clock } = supervision({ a: "permanent" }, WINDOW);
    subject.ended("a", "failed");
    clock.now = 60;
    subject.ended("a", "failed");
    clock.now = at;
    expect(subject.ended("a", "failed").kind).toBe(kind);
  });

  test("slides on: after the first left the window, the second still counts", () => {
    const { subject, clock } = supervision({ a: "permanent" }, WINDOW);
    const kinds = [0, 60, 101, 160].map((now) => {
      clock.now = now;
      return subject.ended("a", "failed").kind;
    });
    expect(kinds).toEqual(["restart", "restart", "restart", "escalate"]);
  });

  test("counts a restart of many children once, and those of all children together", () => {
    const children = { a: "permanent", b: "permanent", c: "permanent" } as const;
    const { subject } = supervision(children, { ...WINDOW, strategy: "one-for-all" });
    expect(subject.ended("a", "failed").kind).toBe("restart");
    expect(subject.ended("b", "failed").kind).toBe("restart");
    expect(subject.ended("c", "failed").kind).toBe("escalate");
  });

  test("does not count ends that restart nobody", () => {
    const children = { a: "transient", b: "temporary", c: "permanent" } as const;
    const { subject } = supervision(children, { maxRestarts: 1 });
    subject.ended("a", "stopped");
    subject.ended("b", "failed");
    expect(subject.ended("c", "failed").kind).toBe("restart");
  });

  test("escalates at once where no restart is allowed, stopping who still runs in reverse", () => {
    const children = { a: "temporary", b: "permanent", c: "transient", d: "permanent" } as const;
    const { subject } = supervision(children, { maxRestarts: 0, windowMs: 7 });
    subject.ended("c", "stopped");
    const escalated = { kind: "escalate", stop: ["d", "a"], restarts: 1, windowMs: 7 };
    expect(subject.ended("b", "failed")).toEqual(escalated);
    expect(subject.ended("d", "stopped")).toEqual(NONE);
    expect(subject.generation("d")).toBe(0);
  });

  test("is 3 restarts in 5000 ms where nothing else is said", () => {
    const { subject, clock } = supervision({ a: "permanent" });
    const kinds = [0, 0, 0, 5001, 5001, 5001, 10_001].map((now) => {
      clock.now = now;
      return subject.ended("a", "failed").kind;
    });
    expect(kinds).toEqual([...Array<string>(6).fill("restart"), "escalate"]);
  });
});

describe("Supervision.generation()", () => {
  test("starts at 1, grows with each start of that child, and is 0 of an unknown one", () => {
    const children = { a: "permanent", b: "permanent", c: "permanent" } as const;
    const { subject } = supervision(children, { strategy: "rest-for-one" });
    const generations = () => ["a", "b", "c", "x"].map((id) => subject.generation(id));
    expect(generations()).toEqual([1, 1, 1, 0]);
    subject.ended("b", "failed");
    expect(generations()).toEqual([1, 2, 2, 0]);
    subject.ended("c", "failed");
    expect(generations()).toEqual([1, 2, 3, 0]);
  });
});

describe("Supervision.add()", () => {
  test("returns a child that stopped to its place, as the next generation", () => {
    const children = { a: "transient", b: "permanent" } as const;
    const { subject } = supervision(children, { strategy: "rest-for-one" });
    subject.ended("a", "stopped");
    subject.add("a", { restart: "permanent" });
    expect(subject.generation("a")).toBe(2);
    expect(subject.ended("a", "stopped")).toEqual(restart(["b"], ["a", "b"]));
  });

  test("starts a removed child anew, at the end", () => {
    const children = { a: "permanent", b: "permanent" } as const;
    const { subject } = supervision(children, { strategy: "rest-for-one" });
    subject.remove("a");
    subject.add("a", { restart: "permanent" });
    expect(subject.generation("a")).toBe(1);
    expect(subject.ended("b", "failed")).toEqual(restart(["a"], ["b", "a"]));
  });

  test("refuses an id that runs", () => {
    const { subject } = supervision({ a: "permanent" });
    const failure = failureOf(() => subject.add("a", { restart: "temporary" }));
    expect(failure.code).toBe("KERNEL_ALREADY_ACTIVE");
  });
});

test("Supervision stops only what runs, and starts it in the opposite order, whatever happens", () => {
  const IDS = ["a", "b", "c", "d", "e"];
  const kinds = array(constantFrom(...RESTARTS), { minLength: 5, maxLength: 5 });
  const end = record({ at: integer({ min: 0, max: 4 }), how: constantFrom(...ENDS) });
  const random = property(constantFrom(...STRATEGIES), kinds, array(end), (strategy, of, ends) => {
    const children = Object.fromEntries(IDS.map((id, at) => [id, of[at]!]));
    const { subject } = supervision(children, { strategy, maxRestarts: Infinity });
    const running = new Set(IDS);
    for (const { at, how } of ends) {
      const id = IDS[at]!;
      const ran = running.delete(id);
      const decision = subject.ended(id, how);
      if (!ran) expect(decision).toEqual(NONE);
      if (decision.kind !== "restart") continue;
      for (const stopped of decision.stop) expect(running.delete(stopped)).toBe(true);
      expect(decision.stop).toEqual(decision.stop.toSorted().toReversed());
      expect(decision.start).toEqual(decision.start.toSorted());
      for (const started of decision.start) {
        expect(running.has(started)).toBe(false);
        expect(started === id || children[started] !== "temporary").toBe(true);
        running.add(started);
      }
    }
  });
  hold(random);
});
