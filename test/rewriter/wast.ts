// Wast: reads the script format of WebAssembly's own test suite, as far as a comparison needs it.
//
// https://github.com/WebAssembly/spec/tree/main/interpreter#scripts describes the format.

import binaryen from "binaryen";

import { wat } from "../../src/sandbox/wasm.fixture.ts";

/** A list of the text, or one word or string of it. */
export type Node = string | Form;

export interface Form {
  readonly items: readonly Node[];
  /** Where the form stands in the script. */
  readonly from: number;
  readonly to: number;
}

export type Command =
  | { readonly do: "module"; readonly name: string | undefined; readonly form: Form }
  | { readonly do: "register"; readonly as: string; readonly module: string | undefined }
  | {
      readonly do: "act";
      readonly what: string;
      readonly action: Action;
      readonly expected: Form[];
    }
  | { readonly do: "refuse"; readonly what: string; readonly form: Form };

export interface Action {
  readonly kind: "invoke" | "get";
  readonly module: string | undefined;
  readonly field: string;
  readonly args: readonly Form[];
}

/** One script: its text, and what it does, in order. */
export interface Script {
  readonly text: string;
  readonly commands: readonly Command[];
}

export function readScript(text: string): Script {
  const forms = readForms(text);
  // A file may be one module without the word, as a list of its fields.
  const isModule = forms.length > 0 && FIELDS.has(String(forms[0]!.items[0]));
  const commands = isModule
    ? [{ do: "module" as const, name: undefined, form: { items: forms, from: 0, to: text.length } }]
    : forms.flatMap((form) => commandOf(form));
  return { text, commands };
}

const FIELDS = new Set(["func", "type", "memory", "table", "global", "import", "export", "data"]);

function commandOf(form: Form): Command[] {
  const [head, first, second] = form.items;
  switch (head) {
    case "module": {
      if (first === "definition" || first === "instance") return [];
      return [{ do: "module", name: nameOf(first), form }];
    }
    case "register":
      return [{ do: "register", as: stringOf(first), module: nameOf(second) }];
    case "invoke":
    case "get":
      return [{ do: "act", what: head, action: actionOf(form), expected: [] }];
    case "assert_return":
    case "assert_trap":
    case "assert_exhaustion":
    case "assert_exception":
      return onAction(head, form);
    case "assert_invalid":
    case "assert_malformed":
    case "assert_unlinkable":
      return [{ do: "refuse", what: head, form: first as Form }];
    default:
      return []; // Commands about threads and text, of proposals.
  }
}

function onAction(what: string, form: Form): Command[] {
  const [, subject, ...rest] = form.items;
  const acted = subject as Form;
  if (acted.items[0] === "module") return [{ do: "refuse", what: "assert_trap", form: acted }];
  const expected = rest.filter((node): node is Form => typeof node !== "string");
  return [{ do: "act", what, action: actionOf(acted), expected }];
}

function actionOf({ items }: Form): Action {
  const [kind, ...rest] = items;
  const module = nameOf(rest[0]);
  const [field, ...args] = module === undefined ? rest : rest.slice(1);
  return {
    kind: kind as Action["kind"],
    module,
    field: stringOf(field),
    args: args.filter((node): node is Form => typeof node !== "string"),
  };
}

function nameOf(node: Node | undefined): string | undefined {
  return typeof node === "string" && node.startsWith("$") ? node : undefined;
}

const assembledBefore = new WeakMap<Form, Uint8Array<ArrayBuffer> | undefined>();

/**
 * The bytes of a module of the script: given as bytes, or assembled. Undefined for text that no
 * assembler here takes, or that is quoted because only its syntax is of interest.
 */
export function bytesOf(script: Script, form: Form): Uint8Array<ArrayBuffer> | undefined {
  if (!assembledBefore.has(form)) assembledBefore.set(form, assembled(script, form, true));
  return assembledBefore.get(form);
}

/** The same for a module that is to be refused, which binaryen would not assemble. */
export function invalidBytesOf(script: Script, form: Form): Uint8Array<ArrayBuffer> | undefined {
  return assembled(script, form, false);
}

function assembled(
  script: Script,
  form: Form,
  isValid: boolean,
): Uint8Array<ArrayBuffer> | undefined {
  const kind = form.items.find((item) => item === "binary" || item === "quote");
  if (kind === "binary") return binaryOf(form);
  if (kind === "quote") return undefined;
  const source = script.text.slice(form.from, form.to);
  const text = form.items[0] === "module" ? source : `(module ${source})`;
  const first = assembledByWabt(text);
  // wabt knows neither GC nor typed references, and misspells some segments of several memories.
  if (!isValid || (first !== undefined && WebAssembly.validate(first))) return first;
  return assembledByBinaryen(text) ?? first;
}

function binaryOf({ items }: Form): Uint8Array<ArrayBuffer> {
  const strings = items.filter((item) => typeof item === "string" && item.startsWith('"'));
  return Uint8Array.from(strings.flatMap((item) => [...bytesIn(item as string)]));
}

function assembledByWabt(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return wat(text);
  } catch {
    return undefined; // It throws an Error of its own making for text that it does not know.
  }
}

/** Its types lack the second parameter of `parseText`. */
const parse = binaryen.parseText as (text: string, features: number) => binaryen.Module;

function assembledByBinaryen(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    const module = parse(text, binaryen.Features.All);
    try {
      return Uint8Array.from(module.emitBinary());
    } finally {
      module.dispose();
    }
  } catch {
    return undefined; // It throws whatever its WebAssembly threw.
  }
}

/** All forms of the text, outermost ones in order. */
function readForms(text: string): Form[] {
  const tokens = /\(;|;;|"(?:[^"\\]|\\.)*"|\(|\)|[^\s()";]+/gs;
  const open: { items: Node[]; from: number }[] = [{ items: [], from: 0 }];
  for (let token = tokens.exec(text); token !== null; token = tokens.exec(text)) {
    const [word] = token;
    if (word === ";;") tokens.lastIndex = lineEnd(text, token.index);
    else if (word === "(;") tokens.lastIndex = commentEnd(text, token.index);
    else if (word === "(") open.push({ items: [], from: token.index });
    else if (word === ")") {
      const { items, from } = open.pop()!;
      open.at(-1)!.items.push({ items, from, to: tokens.lastIndex });
    } else open.at(-1)!.items.push(word);
  }
  return open[0]!.items.filter((node): node is Form => typeof node !== "string");
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}

/** Block comments nest. */
function commentEnd(text: string, from: number): number {
  const marks = /\(;|;\)/g;
  marks.lastIndex = from;
  let depth = 0;
  for (let mark = marks.exec(text); mark !== null; mark = marks.exec(text)) {
    depth += mark[0] === "(;" ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
  return text.length;
}

const ESCAPES: Readonly<Record<string, number>> = {
  t: 9,
  n: 10,
  r: 13,
  '"': 34,
  "'": 39,
  "\\": 92,
};

/** The bytes that a quoted string stands for. */
function* bytesIn(quoted: string): Generator<number> {
  const encoder = new TextEncoder();
  const parts = quoted
    .slice(1, -1)
    .matchAll(/\\u\{([0-9a-fA-F_]+)\}|\\([0-9a-fA-F]{2})|\\(.)|[^\\]/gsu);
  for (const [plain, point, hex, escape] of parts) {
    if (hex !== undefined) yield Number.parseInt(hex, 16);
    else if (escape !== undefined) yield ESCAPES[escape] ?? 0;
    else if (point === undefined) yield* encoder.encode(plain);
    else
      yield* encoder.encode(String.fromCodePoint(Number.parseInt(point.replaceAll("_", ""), 16)));
  }
}

function stringOf(node: Node | undefined): string {
  if (typeof node !== "string" || !node.startsWith('"')) return String(node);
  return new TextDecoder().decode(Uint8Array.from(bytesIn(node)));
}
