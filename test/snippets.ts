// Snippets: the fenced blocks of a Markdown file, and how its info string says they are checked.
//
//   ```sh                    run by bash, in the folder where the block before left off
//   ```ts                    type-checked, then run
//   ```ts assemblyscript     compiled as a kernel
//   ```c, ```rust            compiled
//   ```… file=PATH           also written to this path of the current folder, and then not run
//   ```… needs=clang         skipped, and said so, where the machine lacks it
//   ```… not-run="reason"    not checked at all: counted, and the reason is shown
//   ```text                  a picture

export interface Snippet {
  /** Of the first fence, from 1. */
  readonly line: number;
  readonly language: string;
  /** Words of the info string without a value. */
  readonly flags: ReadonlySet<string>;
  readonly file: string | undefined;
  readonly needs: string | undefined;
  readonly notRun: string | undefined;
  readonly text: string;
}

const KNOWN = new Set(["file", "needs", "not-run"]);

/** Every block of `markdown`. Throws where a fence is open at the end or an info string is misspelt. */
export function snippetsOf(markdown: string): readonly Snippet[] {
  const snippets: Snippet[] = [];
  let open: { readonly line: number; readonly info: string; readonly lines: string[] } | undefined;
  markdown.split("\n").forEach((text, index) => {
    const fence = /^```(.*)$/.exec(text);
    if (open === undefined) {
      if (fence !== null) open = { line: index + 1, info: fence[1]!, lines: [] };
    } else if (fence === null) {
      open.lines.push(text);
    } else {
      snippets.push({ ...infoOf(open.info, open.line), text: `${open.lines.join("\n")}\n` });
      open = undefined;
    }
  });
  if (open !== undefined) throw new Error(`line ${open.line}: a fence without an end`);
  return snippets;
}

function infoOf(info: string, line: number): Omit<Snippet, "text"> {
  const [language = "", ...words] = info.match(/[^\s="]+="[^"]*"|\S+/g) ?? [];
  if (language === "") throw new Error(`line ${line}: a block without a language`);
  const values = new Map<string, string>();
  const flags = new Set<string>();
  for (const word of words) {
    const [, key, value] = /^([^=]+)="?([^"]*)"?$/.exec(word) ?? [];
    if (key === undefined) flags.add(word);
    else if (KNOWN.has(key) && value !== "") values.set(key, value!);
    else throw new Error(`line ${line}: ${word} says nothing`);
  }
  const [file, needs] = [values.get("file"), values.get("needs")];
  return { line, language, flags, file, needs, notRun: values.get("not-run") };
}
