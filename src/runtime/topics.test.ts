import { assert as hold, array, boolean, constantFrom, integer, property, tuple } from "fast-check";
import { describe, expect, test } from "vitest";
import { failureOf } from "../pack/failure-of.fixture.ts";
import { checkFilter, checkTopic, Retained, TOPIC_CHARACTERS_MAX, TopicTree } from "./topics.ts";

// Few levels and short names, so that random filters often choose random topics.
const LEVEL = constantFrom("a", "b", "__proto__");
const TOPIC = array(LEVEL, { minLength: 1, maxLength: 5 }).map((levels) => levels.join("/"));
const FILTER = tuple(
  array(constantFrom("a", "b", "__proto__", "*"), { maxLength: 4 }),
  boolean(),
).map(([levels, rest]) => [...levels, ...(rest || levels.length === 0 ? ["#"] : [])].join("/"));

/** The judge: a filter as a regular expression. */
function chosen(filter: string, topic: string): boolean {
  const pattern = filter.replaceAll("*", "[^/]+").replace("#", ".+");
  return new RegExp(`^${pattern}$`).test(topic);
}

function heard(tree: TopicTree<string>, topic: string): string[] {
  const subscribers: string[] = [];
  const count = tree.match(topic, (subscriber) => subscribers.push(subscriber));
  expect(count).toBe(subscribers.length);
  return subscribers.toSorted();
}

// Filter, topic, and whether the one chooses the other.
const TABLE: readonly (readonly [filter: string, topic: string, chooses: boolean])[] = [
  ["a", "a", true],
  ["a", "b", false],
  ["a", "A", false],
  ["a", "a/b", false],
  ["a/b", "a", false],
  ["a/b", "a/b", true],
  ["*", "a", true],
  ["*", "a/b", false],
  ["a/*", "a", false],
  ["a/*", "a/b", true],
  ["a/*", "a/b/c", false],
  ["*/b", "a/b", true],
  ["a/*/c", "a/b/c", true],
  ["a/*/c", "a/b/d", false],
  ["#", "a", true],
  ["#", "a/b/c", true],
  ["a/#", "a", false],
  ["a/#", "a/b", true],
  ["a/#", "a/b/c/d", true],
  ["a/#", "b/a", false],
  ["*/#", "a", false],
  ["*/#", "a/b", true],
  ["__proto__", "__proto__", true],
  ["a", "__proto__", false],
];

describe("TopicTree.match()", () => {
  test.each(TABLE)("filter %s, topic %s: %s", (filter, topic, chooses) => {
    const tree = new TopicTree<string>();
    tree.add(filter, "subscriber");
    expect(heard(tree, topic)).toEqual(chooses ? ["subscriber"] : []);
  });

  test("visits a subscriber once where several of its filters match", () => {
    const tree = new TopicTree<string>();
    for (const filter of ["a/b", "a/*", "*/b", "*/*", "a/#", "#"]) tree.add(filter, "one");
    tree.add("a/b", "two");
    expect(heard(tree, "a/b")).toEqual(["one", "two"]);
  });

  test("lets a visitor add and remove; both are seen by the next publication", () => {
    const tree = new TopicTree<string>();
    for (const subscriber of ["one", "two"]) tree.add("a", subscriber);
    const visited: string[] = [];
    tree.match("a", (subscriber) => {
      visited.push(subscriber);
      tree.remove("a", "two");
      tree.add("a", "three");
    });
    expect(visited).toEqual(["one", "two"]);
    expect(heard(tree, "a")).toEqual(["one", "three"]);
  });

  test("refuses a filter where a topic belongs", () => {
    const tree = new TopicTree<string>();
    expect(failureOf(() => tree.match("a/*", () => {})).code).toBe("TOPIC_INVALID");
  });

  test("hears what a naive matcher hears, while subscriptions come and go", () => {
    const SUBSCRIBERS = ["one", "two", "three"];
    const change = tuple(FILTER, constantFrom(...SUBSCRIBERS), boolean());
    const random = property(array(change), array(TOPIC), (changes, topics) => {
      const tree = new TopicTree<string>();
      const naive = new Map<string, readonly [filter: string, subscriber: string]>();
      for (const [filter, subscriber, adds] of changes) {
        const key = `${filter} ${subscriber}`;
        if (adds) tree.add(filter, subscriber);
        else expect(tree.remove(filter, subscriber)).toBe(naive.delete(key));
        if (adds) naive.set(key, [filter, subscriber]);
        expect(tree.size).toBe(naive.size);
      }
      for (const topic of topics) {
        const fits = [...naive.values()].filter(([filter]) => chosen(filter, topic));
        const subscribers = new Set(fits.map(([, subscriber]) => subscriber));
        expect(heard(tree, topic)).toEqual([...subscribers].toSorted());
      }
    });
    hold(random, { numRuns: 1000 });
  });
});

describe("TopicTree.add() and remove()", () => {
  test("count pairs of filter and subscriber, each once", () => {
    const tree = new TopicTree<string>();
    tree.add("a/b", "one");
    tree.add("a/b", "one");
    tree.add("a/b", "two");
    tree.add("a/*", "one");
    expect(tree.size).toBe(3);
    expect(tree.remove("a/b", "one")).toBe(true);
    expect(tree.remove("a/b", "one")).toBe(false);
    expect(tree.size).toBe(2);
  });

  test("remove is false of a filter that was not added, also if one begins or ends like it", () => {
    const tree = new TopicTree<string>();
    tree.add("a/b/c", "one");
    for (const filter of ["a", "a/b", "a/b/c/d", "a/*/c", "a/#", "b"])
      expect(tree.remove(filter, "one")).toBe(false);
    expect(heard(tree, "a/b/c")).toEqual(["one"]);
  });

  test("remove leaves the filters that go on from the one removed, and those it goes on from", () => {
    const tree = new TopicTree<string>();
    for (const filter of ["a", "a/b", "a/b/c"]) tree.add(filter, filter);
    tree.remove("a/b", "a/b");
    expect(heard(tree, "a")).toEqual(["a"]);
    expect(heard(tree, "a/b")).toEqual([]);
    expect(heard(tree, "a/b/c")).toEqual(["a/b/c"]);
  });

  test("refuse what is no filter", () => {
    const tree = new TopicTree<string>();
    expect(failureOf(() => tree.add("#/a", "one")).code).toBe("TOPIC_INVALID");
    expect(failureOf(() => tree.remove("a//b", "one")).code).toBe("TOPIC_INVALID");
    expect(tree.size).toBe(0);
  });
});

describe("checkTopic() and checkFilter()", () => {
  test("return the levels", () => {
    expect(checkTopic("sensors/kitchen")).toEqual(["sensors", "kitchen"]);
    expect(checkFilter("sensors/*/#")).toEqual(["sensors", "*", "#"]);
  });

  test.each(["", "/", "/a", "a/", "a//b"])("both refuse empty levels: %j", (name) => {
    for (const check of [checkTopic, checkFilter]) {
      const failure = failureOf(() => check(name));
      expect(failure).toMatchObject({ code: "TOPIC_INVALID", found: "an empty level" });
    }
  });

  test.each(["*", "#", "a/*", "a/#", "a*", "a#b/c"])("checkTopic refuses wildcards: %s", (name) => {
    expect(failureOf(() => checkTopic(name)).code).toBe("TOPIC_INVALID");
  });

  test.each(["a*", "*a", "**", "a/#b", "##", "*#"])(
    "checkFilter refuses a wildcard that is no level of its own: %s",
    (filter) => {
      expect(failureOf(() => checkFilter(filter)).expected).toMatch("levels of their own");
    },
  );

  test.each(["#/a", "a/#/b", "#/#"])(
    "checkFilter refuses `#` before the last level: %s",
    (filter) => {
      expect(failureOf(() => checkFilter(filter)).found).toBe("a level after `#`");
    },
  );

  test("both take the longest name, and refuse one character more", () => {
    const longest = "a".repeat(TOPIC_CHARACTERS_MAX);
    for (const check of [checkTopic, checkFilter]) {
      expect(check(longest)).toEqual([longest]);
      const failure = failureOf(() => check(`${longest}a`));
      expect(failure).toMatchObject({ code: "TOPIC_INVALID", found: "1025 characters" });
      expect(failure.message.length).toBeLessThan(400);
    }
  });
});

describe("Retained", () => {
  test("keeps the last value of each topic until it is cleared", () => {
    const retained = new Retained<number>();
    retained.set("a", 1);
    retained.set("a", 2);
    retained.set("b", 0);
    expect(retained.matching("#")).toEqual([
      ["a", 2],
      ["b", 0],
    ]);
    retained.set("a", undefined);
    retained.set("never/kept", undefined);
    expect(retained.matching("#")).toEqual([["b", 0]]);
    expect(retained.size).toBe(1);
    expect(retained.forgotten).toBe(0);
  });

  test("forgets the oldest beyond `max`, and counts it; setting again makes a topic the newest", () => {
    const retained = new Retained<number>({ max: 2 });
    retained.set("a", 1);
    retained.set("b", 2);
    retained.set("a", 3);
    expect(retained.forgotten).toBe(0);
    retained.set("c", 4);
    expect(retained.forgotten).toBe(1);
    expect(retained.matching("*")).toEqual([
      ["a", 3],
      ["c", 4],
    ]);
  });

  test("keeps 100 where nothing else is said, and nothing where `max` is 0", () => {
    const retained = new Retained<number>();
    for (let i = 0; i < 101; i++) retained.set(`topic/${i}`, i);
    expect([retained.size, retained.forgotten]).toEqual([100, 1]);
    expect(retained.matching("topic/0")).toEqual([]);
    expect(retained.matching("topic/100")).toEqual([["topic/100", 100]]);
    const none = new Retained<number>({ max: 0 });
    none.set("a", 1);
    expect([none.size, none.forgotten]).toEqual([0, 1]);
  });

  test("refuses a topic that is a filter, and a filter that is none", () => {
    const retained = new Retained<number>();
    expect(failureOf(() => retained.set("a/#", 1)).code).toBe("TOPIC_INVALID");
    expect(failureOf(() => retained.matching("#/a")).code).toBe("TOPIC_INVALID");
  });

  test.each(TABLE)("matching: filter %s, topic %s: %s", (filter, topic, chooses) => {
    const retained = new Retained<number>();
    retained.set(topic, 1);
    expect(retained.matching(filter)).toEqual(chooses ? [[topic, 1]] : []);
  });

  test("holds what a naive list holds", () => {
    const changes = array(tuple(TOPIC, integer({ min: 0, max: 3 })), { maxLength: 40 });
    const random = property(changes, FILTER, (sets, filter) => {
      const retained = new Retained<number>({ max: 5 });
      let naive: [string, number][] = [];
      let forgotten = 0;
      for (const [topic, value] of sets) {
        retained.set(topic, value || undefined);
        naive = naive.filter(([other]) => other !== topic);
        if (value > 0) naive.push([topic, value]);
        if (naive.length > 5) forgotten += Number(naive.shift() !== undefined);
      }
      expect(retained.matching(filter)).toEqual(naive.filter(([topic]) => chosen(filter, topic)));
      expect(retained.forgotten).toBe(forgotten);
    });
    hold(random, { numRuns: 1000 });
  });
});
