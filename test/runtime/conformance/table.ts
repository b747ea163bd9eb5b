// Table: every case of the conformance suite by its key, whatever it is about.

import type { Act } from "./bench.ts";
import { ERRORS } from "./errors.ts";
import { LAUNCH } from "./launch-options.ts";
import {
  HANDLE_STATES,
  type HandleState,
  LIFECYCLE,
  showVerb,
  type Verb,
  VERBS,
} from "./lifecycle.ts";
import { RUNTIME } from "./runtime-options.ts";

export interface Case {
  /** "topic: what is shown". It is what a decline names. */
  readonly key: string;
  readonly topic: string;
  readonly name: string;
  readonly run: Act;
  /** The code with which `run` fails. */
  readonly fails?: string;
}

export interface Group {
  readonly title: string;
  readonly cases: readonly Case[];
}

type Topics = Readonly<Record<string, Readonly<Record<string, Act>> | undefined>>;

function casesOf(topics: Topics, fails: (topic: string) => string | undefined = () => undefined) {
  return Object.entries(topics).flatMap(([topic, acts = {}]) =>
    Object.entries(acts).map(([name, run]): Case => {
      const code = fails(topic);
      return { key: `${topic}: ${name}`, topic, name, run, ...(code && { fails: code }) };
    }),
  );
}

/** Every verb by the name that it is printed with, such as "call" or "[Symbol.asyncDispose]". */
export const NAMED_VERBS: readonly (readonly [name: string, verb: Verb])[] = Reflect.ownKeys(
  VERBS,
).map((key) => [
  typeof key === "symbol" ? `[${key.description}]` : key,
  VERBS[key as keyof typeof VERBS],
]);

/** One case for each verb in each state. */
export const VERB_CASES: readonly Case[] = NAMED_VERBS.flatMap(([topic, verb]) =>
  HANDLE_STATES.map((state: HandleState): Case => {
    const name = `of a kernel that is ${state}`;
    const run: Act = (bench) => showVerb(bench, verb, state);
    return { key: `${topic}: ${name}`, topic, name, run };
  }),
);

export const GROUPS: readonly Group[] = [
  { title: "Lifecycle", cases: casesOf({ lifecycle: LIFECYCLE }) },
  { title: "Errors", cases: casesOf(ERRORS, (code) => code) },
  { title: "Options of a launch", cases: casesOf(LAUNCH) },
  { title: "Options of a runtime", cases: casesOf(RUNTIME) },
];

export const CASES: readonly Case[] = [...VERB_CASES, ...GROUPS.flatMap(({ cases }) => cases)];
