// Topics: names of what is published, filters that choose among them, and who hears which.
//
//   sensors/kitchen/heat      a topic: levels between slashes, none of them empty
//   sensors/*/heat            `*` stands for exactly one level
//   sensors/#                 `#` stands for the rest, one level or more, and is last
//
// The filters are kept as a tree of levels, so a publication looks only at filters that begin like it.

import { Failure } from "../base/mod.ts";

const ONE = "*";
const REST = "#";

/** Of a topic or a filter. Names are kept, so their length is bounded. */
export const TOPIC_CHARACTERS_MAX = 1024;

interface Branch<Subscriber> {
  /** By level; `*` and `#` stand among the others, since no topic has a level of that name. */
  readonly branches: Map<string, Branch<Subscriber>>;
  /** Of the filter that ends here. */
  readonly subscribers: Set<Subscriber>;
}

export class TopicTree<Subscriber> {
  readonly #root: Branch<Subscriber> = bare();
  #size = 0;

  /** Subscriptions: pairs of a filter and a subscriber. */
  get size(): number {
    return this.#size;
  }

  /** Subscribes. The same pair again changes nothing. */
  add(filter: string, subscriber: Subscriber): void {
    let branch = this.#root;
    for (const level of checkFilter(filter)) {
      const next: Branch<Subscriber> = branch.branches.get(level) ?? bare();
      branch.branches.set(level, next);
      branch = next;
    }
    if (branch.subscribers.has(subscriber)) return;
    branch.subscribers.add(subscriber);
    this.#size++;
  }

  /** Ends one subscription. False when there is none of this filter and subscriber. */
  remove(filter: string, subscriber: Subscriber): boolean {
    const levels = checkFilter(filter);
    const path = [this.#root];
    for (const [depth, level] of levels.entries()) {
      const next = path[depth]!.branches.get(level);
      if (next === undefined) return false;
      path.push(next);
    }
    if (!path[levels.length]!.subscribers.delete(subscriber)) return false;
    this.#size--;
    // Filters come and go: what nobody needs any more is cut, from the tip downwards.
    for (let depth = levels.length; depth > 0 && isBare(path[depth]!); depth--)
      path[depth - 1]!.branches.delete(levels[depth - 1]!);
    return true;
  }

  /**
   * Visits whoever subscribed to the topic, each once, and returns how many. They are found before the
   * first visit: a visitor may add and remove.
   */
  match(topic: string, visit: (subscriber: Subscriber) => void): number {
    const found = new Set<Subscriber>();
    let reached = [this.#root];
    for (const level of checkTopic(topic)) {
      const next: Branch<Subscriber>[] = [];
      for (const { branches } of reached) {
        collect(branches.get(REST), found);
        for (const name of [level, ONE]) {
          const branch = branches.get(name);
          if (branch !== undefined) next.push(branch);
        }
      }
      reached = next;
    }
    for (const branch of reached) collect(branch, found);
    for (const subscriber of found) visit(subscriber);
    return found.size;
  }
}

function bare<Subscriber>(): Branch<Subscriber> {
  return { branches: new Map(), subscribers: new Set() };
}

function isBare({ branches, subscribers }: Branch<unknown>): boolean {
  return branches.size === 0 && subscribers.size === 0;
}

function collect<Subscriber>(branch: Branch<Subscriber> | undefined, into: Set<Subscriber>): void {
  if (branch === undefined) return;
  for (const subscriber of branch.subscribers) into.add(subscriber);
}

/** The last value of each topic, for those who subscribe later. */
export class Retained<Value> {
  readonly #max: number;
  readonly #values = new Map<string, Value>(); // Oldest first.
  #forgotten = 0;

  /** Keeps at most `max` topics: 100. */
  constructor({ max = 100 }: { readonly max?: number } = {}) {
    this.#max = max;
  }

  get size(): number {
    return this.#values.size;
  }

  /** Values given up for want of room. Those replaced or cleared do not count. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** Keeps the value, which is now the newest; `undefined` clears the topic. */
  set(topic: string, value: Value | undefined): void {
    checkTopic(topic);
    this.#values.delete(topic); // Also before setting: a key that is set again keeps its old place.
    if (value === undefined) return;
    this.#values.set(topic, value);
    if (this.#values.size > this.#max) this.#forgetOldest();
  }

  /** What is kept of the topics that the filter chooses, oldest first. */
  matching(filter: string): [topic: string, value: Value][] {
    const levels = checkFilter(filter);
    return [...this.#values].filter(([topic]) => chooses(levels, topic.split("/")));
  }

  #forgetOldest(): void {
    for (const topic of this.#values.keys()) {
      this.#values.delete(topic);
      this.#forgotten++;
      return;
    }
  }
}

function chooses(filter: readonly string[], topic: readonly string[]): boolean {
  const rest = filter.at(-1) === REST;
  const fits = rest ? topic.length >= filter.length : topic.length === filter.length;
  return fits && filter.every((level, at) => [ONE, REST, topic[at]].includes(level));
}

/** Returns the levels of a topic. Fails with TOPIC_INVALID. */
export function checkTopic(name: string): readonly string[] {
  const levels = levelsOf("topic", name);
  if (/[*#]/.test(name))
    throw invalid("topic", name, "`*` or `#`", "a name without them: they belong to filters");
  return levels;
}

/** Returns the levels of a filter. Fails with TOPIC_INVALID. */
export function checkFilter(filter: string): readonly string[] {
  const levels = levelsOf("filter", filter);
  const mixed = levels.find((level) => level.length > 1 && /[*#]/.test(level));
  if (mixed !== undefined)
    throw invalid("filter", filter, `the level "${mixed}"`, "`*` and `#` as levels of their own");
  if (levels.slice(0, -1).includes(REST))
    throw invalid("filter", filter, "a level after `#`", "`#` as the last level only");
  return levels;
}

function levelsOf(what: "topic" | "filter", name: string): readonly string[] {
  if (name.length > TOPIC_CHARACTERS_MAX)
    throw invalid(what, name, `${name.length} characters`, `at most ${TOPIC_CHARACTERS_MAX}`);
  const levels = name.split("/");
  if (levels.includes(""))
    throw invalid(what, name, "an empty level", "levels of one character or more between slashes");
  return levels;
}

function invalid(what: string, name: string, found: string, expected: string): Failure {
  const at = `${what} ${JSON.stringify(name.slice(0, 80))}`;
  const fix = `Correct the ${what}, as in "sensors/kitchen/heat" or, for a filter, "sensors/*/#".`;
  return new Failure("TOPIC_INVALID", { at, found, expected, fix });
}
