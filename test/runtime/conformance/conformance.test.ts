// Conformance: every backend runs every case of the table, or shows what it does instead. And the table is
// whole: each verb, state, code and option that `src` declares has its case.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { FAILURES } from "../../../src/base/mod.ts";
import { KernelHandle, STATES } from "../../../src/runtime/mod.ts";
import { type LifecycleEvent, next } from "../../../src/runtime/lifecycle.ts";
import { BACKENDS } from "./backends.ts";
import { type Act, Bench, codeOf, Shared } from "./bench.ts";
import { ERRORS } from "./errors.ts";
import { LAUNCH } from "./launch-options.ts";
import { HANDLE_STATES, VERBS } from "./lifecycle.ts";
import { RUNTIME } from "./runtime-options.ts";
import { type Case, CASES } from "./table.ts";

const root = join(import.meta.dirname, "../../..");

/** Codes that `src/runtime` uses where no runtime can give them yet, with the tests that show them. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  TOPIC_INVALID: "src/runtime/topics.test.ts",
};

/** Some forty threads start here, each with the same modules: they need not be compiled forty times. */
process.env["NODE_COMPILE_CACHE"] = join(root, ".cache/conformance");

describe.each(BACKENDS)("The backend $name", (backend) => {
  const { declines, faults } = backend;
  const shared = new Shared(backend);
  afterAll(() => shared[Symbol.asyncDispose]());
  const declined = new Map(declines.map((decline) => [decline.case, decline]));
  const faulty = new Set(faults.map((fault) => fault.case));
  const on = async (act: Act): Promise<void> => {
    await using bench = new Bench(backend, shared);
    await act(bench);
  };
  const run = async ({ key, fails, run: act }: Case): Promise<void> => {
    const decline = declined.get(key);
    if (decline !== undefined && "shows" in decline) {
      await on(decline.shows);
      if (decline.notRun === undefined) expect(await codeOf(() => on(act))).not.toBe(fails ?? "ok");
      return;
    }
    const code = decline?.refuses ?? fails;
    if (code === undefined) await on(act);
    else expect(await codeOf(() => on(act))).toBe(code);
  };
  for (const one of CASES) {
    const title = `${declined.has(one.key) ? "declines " : ""}${one.key}`;
    if (faulty.has(one.key)) test.fails(title, () => run(one));
    else test(title, () => run(one));
  }
});

describe("The conformance table", () => {
  test("has a key for each case, and declines and faults name cases", () => {
    const keys = CASES.map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
    for (const { declines, faults } of BACKENDS) {
      const named = [...declines, ...faults].map((one) => one.case);
      expect(named.filter((key) => !keys.includes(key))).toEqual([]);
      expect(new Set(named).size).toBe(named.length);
      expect(declines.filter(({ reason }) => reason === "")).toEqual([]);
    }
  });

  test("says of each transition what the lifecycle's own table says", async () => {
    for (const state of HANDLE_STATES)
      for (const event of ["activate", "deactivate", "terminate"] as const) {
        const outcome = await codeOf(() => next(state, event));
        expect([state, event, VERBS[event].outcomes[state]]).toEqual([state, event, outcome]);
      }
    const others: readonly LifecycleEvent[] = ["launch", "terminated"]; // Those no verb asks for.
    const led = STATES.flatMap((from) =>
      others.flatMap((event) => {
        try {
          return [[from, event, next(from, event)]];
        } catch {
          return [];
        }
      }),
    );
    expect(led).toEqual([
      ["created", "launch", "launched"],
      ["terminating", "terminated", "terminated"],
    ]);
  });

  test("has each verb of a handle in each state", () => {
    const ours = [
      "constructor",
      "setGeneration",
      "lost",
      "forsake",
      "mend",
      "resend",
      "collectDeadLetters",
      "traffic",
      "latency",
      "memoryBytes",
      "traceSource",
    ]; // For the runtime alone.
    const declared = Reflect.ownKeys(KernelHandle.prototype).filter(
      (name) => !ours.includes(String(name)),
    );
    expect(Reflect.ownKeys(VERBS).map(String).toSorted()).toEqual(declared.map(String).toSorted());
  });

  test("has a case for each code that a runtime uses", () => {
    const seen = new Set(sources().flatMap((file) => codesIn(read(file))));
    const covered = new Set([...Object.keys(ERRORS), ...Object.keys(ELSEWHERE)]);
    expect(
      [...seen].filter((code) => !covered.has(code)),
      "add rows to errors.ts",
    ).toEqual([]);
    const elsewhere = Object.entries(ELSEWHERE);
    expect(
      elsewhere.filter(([code, file]) => !seen.has(code) || !read(file).includes(code)),
    ).toEqual([]);
  });

  test("has a case for each code of the user's guide", () => {
    const [, errors] = read("docs", "ACTORS.md").split("\n## Errors\n") as [string, string];
    const rows = errors.split("\n## ")[0]!.matchAll(/^\| (`[^|]+)\|/gm);
    const codes = [...rows].flatMap(([, cell]) => cell!.match(/[A-Z_]{3,}/g) ?? []);
    expect(codes.length).toBeGreaterThan(20);
    expect(codes.filter((code) => !(code in ERRORS))).toEqual([]);
  });

  test("has cases for each option that is declared, and for no other", () => {
    const options = read("src/runtime/options.ts");
    expect(Object.keys(LAUNCH).toSorted()).toEqual(fieldsOf(options, "LaunchOptions"));
    const here = fieldsOf(read("src/platform/node/runtime.ts"), "NodeRuntimeOptions");
    const runtime = [...fieldsOf(options, "RuntimeOptions"), ...here].toSorted();
    expect(Object.keys(RUNTIME).toSorted()).toEqual(runtime);
    expect(
      [LAUNCH, RUNTIME].flatMap(Object.values).filter((c) => Object.keys(c).length === 0),
    ).toEqual([]);
  });
});

function read(...path: string[]): string {
  return readFileSync(join(root, ...path), "utf8");
}

/** What a runtime is made of. */
function sources(): string[] {
  const here = /runtime|serving-thread|kernel-worker|pack-launch/;
  return [...filesIn("src/runtime", /./), ...filesIn("src/platform/node", here)];
}

function filesIn(folder: string, named: RegExp): string[] {
  const files = readdirSync(join(root, folder)).filter((file) => file.endsWith(".ts"));
  return files
    .filter((file) => named.test(file) && !/\.(?:test|fixture)\.ts$/.test(file))
    .map((file) => join(folder, file));
}

function codesIn(text: string): string[] {
  const words = [...text.matchAll(/"([A-Z][A-Z_]+)"/g)].map(([, word]) => word!);
  return words.filter((word) => word in FAILURES);
}

/** The names of an interface's own fields, as they are declared. */
function fieldsOf(text: string, name: string): string[] {
  const [, body] = new RegExp(`interface ${name}\\b[^{]*\\{\\n([^]*?)\\n\\}`).exec(text) ?? [];
  return [...body!.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, field]) => field!).toSorted();
}
