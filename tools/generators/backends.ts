// Prints docs/reference/backends.md: what the conformance table shows, on which backend, and what each declines.

import { BACKENDS } from "../../test/runtime/conformance/backends.ts";
import { HANDLE_STATES, type Outcome } from "../../test/runtime/conformance/lifecycle.ts";
import {
  type Case,
  CASES,
  GROUPS,
  NAMED_VERBS,
  VERB_CASES,
} from "../../test/runtime/conformance/table.ts";
import type { Generated } from "../generate.ts";

const HEADER = "Printed by `npm run generate` from test/runtime/conformance. Do not edit.";
const NAMES = BACKENDS.map(({ name }) => name);

export async function generate(): Promise<Generated> {
  const text = [
    "# Backends",
    "",
    `<!-- ${HEADER} -->`,
    "",
    "A kernel does the same on every backend, or the backend says that it does not. One table of cases is run on all of",
    "them, in test/runtime/conformance. `worker` has threads; `worker, event-driven` is the same with",
    '`mode: "event-driven"` at launch; `null` has no thread. A case that a backend declines is run too: it must be refused',
    "with a code, or what the backend does instead is shown. So a decline hides nothing.",
    "",
    ...verbs(),
    ...GROUPS.flatMap(({ title, cases }) => [`## ${title}`, "", ...results(cases), ""]),
    ...notes(),
  ];
  return { "docs/reference/backends.md": `${text.join("\n").trimEnd()}\n` };
}

/** What a handle's verbs do in each state: one table, since it is the same everywhere. */
function verbs(): string[] {
  const apart = VERB_CASES.filter(({ key }) => NAMES.some((_, i) => resultOf(i, key) !== "yes"));
  return [
    "## Verbs in each state",
    "",
    "On every backend. `waits`: until a message comes, or the kernel has ended, and then as in the last column.",
    "",
    ...table(
      ["verb", ...HANDLE_STATES],
      NAMED_VERBS.map(([name, { outcomes }]) => [
        `\`${name}\``,
        ...HANDLE_STATES.map((state) => outcomeOf(outcomes[state])),
      ]),
    ),
    "",
    ...(apart.length === 0 ? [] : [...results(apart), ""]),
  ];
}

function outcomeOf(outcome: Outcome): string {
  return /^[A-Z]/.test(outcome) ? `\`${outcome}\`` : outcome;
}

function results(cases: readonly Case[]): string[] {
  return table(
    ["", "case", ...NAMES],
    cases.map(({ key, topic, name }, i) => [
      topic === cases[i - 1]?.topic ? "" : `\`${topic}\``,
      name,
      ...NAMES.map((_, backend) => resultOf(backend, key)),
    ]),
  );
}

function resultOf(backend: number, key: string): string {
  const { declines, faults } = BACKENDS[backend]!;
  if (declines.some((one) => one.case === key)) return "declines";
  return faults.some((one) => one.case === key) ? "not yet" : "yes";
}

/** The reasons, each with the backends that it holds for. */
function notes(): string[] {
  const declined = CASES.flatMap(({ key }) => {
    const all = BACKENDS.flatMap(({ name, declines }) =>
      declines.filter((one) => one.case === key).map((one) => ({ name, ...one })),
    );
    const reasons = [...new Set(all.map(({ reason }) => reason))];
    return reasons.map((reason) => {
      const those = all.filter((one) => one.reason === reason);
      const [one] = those as [(typeof those)[0]];
      const shown = "refuses" in one ? `it is refused: \`${one.refuses}\`` : one.instead;
      return [key, named(those), reason, shown];
    });
  });
  const missing = CASES.flatMap(({ key }) => {
    const those = BACKENDS.filter(({ faults }) => faults.some((one) => one.case === key));
    return those.length === 0 ? [] : [[key, named(those)]];
  });
  return [
    ...["## What is declined, and why", ""],
    ...table(["case", "backends", "reason", "what is shown instead"], declined),
    "",
    ...(missing.length === 0 ? [] : ["## What is not yet as it should be", ""]),
    ...(missing.length === 0 ? [] : table(["case", "backends"], missing)),
  ];
}

function named(backends: readonly { readonly name: string }[]): string {
  return backends.map(({ name }) => `\`${name}\``).join(", ");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
}
