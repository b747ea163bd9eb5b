import { expect, test } from "vitest";
import { snippetsOf } from "./snippets.ts";

const fenced = (info: string, text = "x") => `before\n\`\`\`${info}\n${text}\n\`\`\`\nafter\n`;

test("snippetsOf() gives every block with its line, language and text", () => {
  const [one, two, more] = snippetsOf(`${fenced("sh", "ls\npwd")}${fenced("ts assemblyscript")}`);
  expect(one).toMatchObject({ line: 2, language: "sh", text: "ls\npwd\n", file: undefined });
  expect(two).toMatchObject({ line: 8, language: "ts", flags: new Set(["assemblyscript"]) });
  expect(more).toBeUndefined();
});

test("snippetsOf() reads what an info string says, quoted or not", () => {
  const [snippet] = snippetsOf(fenced('c file=a/b.c needs=clang not-run="needs a network"'));
  expect(snippet).toMatchObject({ file: "a/b.c", needs: "clang", notRun: "needs a network" });
});

test("snippetsOf() lets nothing go unchecked by a slip", () => {
  expect(() => snippetsOf(fenced(""))).toThrow("line 2: a block without a language");
  expect(() => snippetsOf(fenced("sh notrun=why"))).toThrow("line 2: notrun=why says nothing");
  expect(() => snippetsOf(fenced('sh not-run=""'))).toThrow("says nothing");
  expect(() => snippetsOf("```sh\nls\n")).toThrow("line 1: a fence without an end");
});
