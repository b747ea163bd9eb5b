// Rules: the stable code of each fault that a manifest or a key ring can have, what is expected instead,
// and what to do. The schemas name a rule by its code; this file turns what zod finds into issues for
// people.

import type { z } from "zod";
import { type Issue, PACK_LIMITS, SANDBOX_LIMITS } from "../base/mod.ts";
import { pointerOf } from "./pointer.ts";

interface Rule {
  readonly expected: string;
  readonly fix: string;
}

const NAME_RULE = "a name of letters, digits and _, not beginning with a digit";

export const RULES = {
  // What any document can get wrong.
  KEY_MISSING: { expected: "a value", fix: "Add the key." },
  KEY_FORBIDDEN: { expected: "no key named __proto__", fix: "Remove the key." },
  KEY_UNKNOWN: {
    expected: "a key of the format",
    fix: "Check its spelling; a manifest may keep it, a key ring may not.",
  },
  TYPE_WRONG: { expected: "a value of another type", fix: "Correct the value." },
  VALUE_UNKNOWN: { expected: "one of the listed values", fix: "Choose one of them." },
  OUT_OF_RANGE: { expected: "a number in range", fix: "Correct the number." },
  NUMBER_INVALID: { expected: "a number", fix: "Correct the value." },
  TOO_MANY: { expected: "fewer entries", fix: "Split the list." },
  VALUE_INVALID: { expected: "a value as the format describes it", fix: "Correct the value." },
  MORE_ISSUES: { expected: "fewer faults", fix: "Correct those listed and validate again." },
  // The pack.
  PACK_NAME_INVALID: {
    expected: `a name of at most ${PACK_LIMITS.nameCharactersMax} letters, digits, ".", "_" and "-"`,
    fix: "Rename the pack, such as core-kernels or @team/kernels.",
  },
  VERSION_INVALID: {
    expected: "a version as semver 2.0.0 writes it",
    fix: "Write three numbers, such as 1.0.0, with an optional pre-release, such as 1.0.0-rc.1.",
  },
  RUNTIME_WINDOW_EMPTY: {
    expected: "max_runtime_version to be at least min_runtime_version",
    fix: "Exchange or correct the two versions.",
  },
  TIMESTAMP_INVALID: {
    expected: "a date and time that exists, with its time zone, as ISO 8601 writes it",
    fix: "Write it as 2026-01-18T00:00:00Z.",
  },
  SIGNING_KEY_INVALID: {
    expected: "an Ed25519 public key: 32 bytes as hex or base64, with or without ed25519:",
    fix: "Build the pack with the key that will sign it.",
  },
  // Kernels.
  KERNEL_ID_INVALID: {
    expected: `an id of at most ${PACK_LIMITS.nameCharactersMax} letters, digits, ".", "_" and "-"`,
    fix: "Rename the kernel, such as rope_f32.",
  },
  KERNEL_ID_DUPLICATE: { expected: "each kernel id once", fix: "Rename or remove one of them." },
  PATH_INVALID: {
    expected:
      "a plain relative path: steps of letters, digits and . _ @ + -, parted by /, without ..",
    fix: "Name a file inside the pack, such as rope/rope_f32.wasm.",
  },
  PATH_TAKEN: {
    expected: "a file that is not the manifest or its signature",
    fix: "Give the kernel's module another name.",
  },
  PATH_CONFLICT: {
    expected: "one hash for one path",
    fix: "Give each module its own path, or both the same hash.",
  },
  VARIANT_ID_TAKEN: {
    expected: "another id than baseline, which is the kernel's own module",
    fix: "Name the variant after what sets it apart, such as relaxed or embedded.",
  },
  VARIANT_ID_DUPLICATE: {
    expected: "each id once among a kernel's variants",
    fix: "Rename or remove one of them.",
  },
  HASH_INVALID: { expected: "sha256: and 64 hexadecimal digits", fix: "Build the pack again." },
  ENTRY_POINT_INVALID: {
    expected: "the name of an exported function",
    fix: "Name the export that computes, such as rope_forward.",
  },
  // Tensors and params.
  NAME_INVALID: {
    expected: NAME_RULE,
    fix: "Rename it: it becomes an identifier in generated code.",
  },
  NAME_DUPLICATE: { expected: "each name once in its list", fix: "Rename one of them." },
  DIM_INVALID: {
    expected: `${NAME_RULE}, or a whole number from 0 to 2^32 - 1`,
    fix: "Write a symbolic dimension such as seq, or a fixed one such as 64.",
  },
  RANK_TOO_LARGE: {
    expected: `at most ${SANDBOX_LIMITS.tensorRankMax} dimensions`,
    fix: "Fold dimensions together.",
  },
  SCRATCH_DIM_UNKNOWN: {
    expected: "only dimensions that an input or output has",
    fix: "Use those, or a fixed number.",
  },
  GRADIENT_UNKNOWN: {
    expected: "the name of an input",
    fix: "Name inputs; their gradients are the outputs of kernel_backward.",
  },
  GRADIENT_NAME_TAKEN: {
    expected: "no input named like the gradient of an output: d and the output's name",
    fix: "Rename the input.",
  },
  PARAM_TYPE_UNKNOWN: {
    expected: "one of f32, f64, i32, i64, u32, u64, bool",
    fix: "Choose one of them.",
  },
  PARAM_F32_INVALID: { expected: "a number that fits 32 bits", fix: "Correct it, or use f64." },
  PARAM_WIDE_INVALID: {
    expected: "a 64-bit integer, as a number or as a string of decimal digits",
    fix: "Correct the value.",
  },
  PARAM_BOUND_ON_BOOL: { expected: "no min and max on a bool", fix: "Remove the bound." },
  PARAM_DEFAULT_OUT_OF_BOUNDS: {
    expected: "min <= default <= max",
    fix: "Correct one of the three.",
  },
  PARAM_VALUE_OUT_OF_BOUNDS: {
    expected: "min <= value <= max",
    fix: "Correct the value or a bound.",
  },
  PARAM_VALUE_DUPLICATE: { expected: "each named value once", fix: "Remove one of the names." },
  TICKS_INVALID: {
    expected: "a whole number from 0 to 2^64 - 1",
    fix: "Write the budget in epoch ticks, such as 1000.",
  },
  // Fallbacks.
  FALLBACK_FROM_UNKNOWN: { expected: "the id of a kernel of this pack", fix: "Correct the key." },
  FALLBACK_CYCLE: {
    expected: "a chain of fallbacks that ends",
    fix: "Let one of them fall back to a reference of the host, or to nothing.",
  },
  // What a verified pack may still deserve a look for.
  FILE_UNEXPECTED: { expected: "only files that the manifest names", fix: "Remove the file." },
  PLATFORM_UNNAMED: {
    expected: "an entry for this platform",
    fix: "Test the kernel here, then name the platform in the manifest.",
  },
  BUDGET_CLAMPED: {
    expected: "no more ticks than the host grants",
    fix: "Expect calls to be stopped at the host's ceiling.",
  },
  // The key ring.
  KEY_ID_INVALID: {
    expected: "16 hexadecimal digits",
    fix: "Write the id that `annulus pack keygen` prints.",
  },
  KEY_ID_MISMATCH: { expected: "the id of this key", fix: "Correct the id, or the key." },
  KEY_INVALID: { expected: "an Ed25519 public key", fix: "Copy the key again." },
  KEY_DUPLICATE: { expected: "each key once", fix: "Remove one of the entries." },
  KEY_WINDOW_EMPTY: {
    expected: "not_after to be at least not_before",
    fix: "Exchange or correct the two times.",
  },
} as const satisfies Readonly<Record<string, Rule>>;

export type RuleCode = keyof typeof RULES;

/** One fault by the code of its rule. `expected` may be said more exactly than the rule does. */
export function issueOf(
  code: RuleCode,
  path: readonly PropertyKey[],
  found: string,
  expected: string = RULES[code].expected,
): Issue {
  return { code, at: pointerOf(path), found, expected, fix: RULES[code].fix };
}

/**
 * What zod found, in the words of the rules. Needs `reportInput`. A value that breaks two parts of one
 * rule is told once.
 */
export function issuesFromZod(error: z.ZodError): Issue[] {
  const issues = error.issues.map(issueFromZod);
  return [...new Map(issues.map((issue) => [`${issue.code} ${issue.at}`, issue])).values()];
}

function issueFromZod(issue: z.core.$ZodIssue): Issue {
  const rule = issue.code === "invalid_key" ? issue.issues[0]?.message : issue.message;
  const input = inputOf(issue);
  const found = describe(input);
  if (isRule(rule)) {
    // JSON has no undefined, so a rule broken by it speaks of a key that is not there.
    const code = input === undefined ? "KEY_MISSING" : rule;
    return issueOf(code, issue.path, found, RULES[rule].expected);
  }
  switch (issue.code) {
    case "invalid_type":
      return typeIssue(issue, found);
    case "invalid_value":
      return valueIssue(issue, found);
    case "too_big":
      return issueOf(sizeRule(issue.origin), issue.path, found, `at most ${issue.maximum}`);
    case "too_small":
      return issueOf(sizeRule(issue.origin), issue.path, found, `at least ${issue.minimum}`);
    case "unrecognized_keys":
      return issueOf("KEY_UNKNOWN", issue.path, issue.keys.map(describe).join(", "));
    default:
      return issueOf("VALUE_INVALID", issue.path, found, issue.message);
  }
}

/** A union told apart by a key points to the key, but reports the object around it. */
function inputOf(issue: z.core.$ZodIssue): unknown {
  if (issue.code !== "invalid_union" || !("discriminator" in issue)) return issue.input;
  return (issue.input as Readonly<Record<string, unknown>>)[String(issue.discriminator)];
}

function typeIssue(issue: z.core.$ZodIssueInvalidType, found: string): Issue {
  const expected = TYPE_NAMES[issue.expected] ?? `a value of type ${issue.expected}`;
  const code = issue.input === undefined ? "KEY_MISSING" : "TYPE_WRONG";
  return issueOf(code, issue.path, found, expected);
}

function valueIssue(issue: z.core.$ZodIssueInvalidValue, found: string): Issue {
  const code = issue.input === undefined ? "KEY_MISSING" : "VALUE_UNKNOWN";
  return issueOf(code, issue.path, found, `one of ${issue.values.join(", ")}`);
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: "a string",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  object: "an object",
  record: "an object",
  array: "a list",
};

function sizeRule(origin: string): RuleCode {
  return origin === "array" ? "TOO_MANY" : "OUT_OF_RANGE";
}

function isRule(name: string | undefined): name is RuleCode {
  return name !== undefined && Object.hasOwn(RULES, name);
}

/** A value in a few words: its type, and so much of it as fits. */
export function describe(value: unknown): string {
  switch (typeof value) {
    case "undefined":
      return "nothing";
    case "string":
      return value.length <= 60 ? JSON.stringify(value) : `${JSON.stringify(value.slice(0, 60))}…`;
    case "object":
      if (value === null) return "null";
      if (Array.isArray(value)) return `a list of ${value.length} entries`;
      return "an object";
    default:
      return `${typeof value} ${String(value)}`;
  }
}
