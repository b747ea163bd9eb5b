// The tokenizer against Hugging Face's own, on texts chosen to be awkward, and against hostile files.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { tinyFile } from "../../../test/tiny-llama.fixture.ts";
import { MODEL_LIMITS } from "../../base/mod.ts";
import { failureOf } from "../../pack/failure-of.fixture.ts";
import { parseTokenizer, type Tokenizer } from "./tokenizer.ts";

interface Golden {
  readonly tokenizer: Record<string, unknown>;
  readonly cases: readonly {
    readonly text: string;
    readonly ids: readonly number[];
    readonly bare: readonly number[];
    readonly decoded: string;
  }[];
}

const FILE = join(import.meta.dirname, "../../../test/data/tokenizers/golden.json");
const golden = JSON.parse(await readFile(FILE, "utf8")) as Readonly<Record<string, Golden>>;

function parse(file: unknown): Tokenizer {
  return parseTokenizer(new TextEncoder().encode(JSON.stringify(file)));
}

const tokenizers = Object.entries(golden).map(([name, { tokenizer, cases }]) => {
  return { name, cases, file: tokenizer, tokenizer: parse(tokenizer) };
});
const byteLevel = tokenizers.filter(({ name }) => !name.startsWith("llama-2"));

describe.each(tokenizers)("$name", ({ cases, tokenizer }) => {
  test.each(cases)("encode() gives Hugging Face's tokens: $text", ({ text, ids, bare }) => {
    expect(tokenizer.encode(text)).toEqual(ids);
    expect(tokenizer.encode(text, { frame: false })).toEqual(bare);
  });

  test.each(cases)("decode() gives Hugging Face's text: $text", ({ ids, decoded }) => {
    expect(tokenizer.decode(ids)).toBe(decoded);
  });

  test("stream() gives what decode() gives, in whole characters", () => {
    const id = fc.nat({ max: tokenizer.size - 1 });
    fc.assert(
      fc.property(fc.array(id), (ids) => {
        const stream = tokenizer.stream();
        const pieces = [...ids.map((next) => stream.push(next)), stream.end()];
        expect(pieces.join("")).toBe(tokenizer.decode(ids));
        expect(pieces.every((piece) => piece.isWellFormed())).toBe(true);
      }),
    );
  });
});

describe.each(byteLevel)("$name", ({ tokenizer }) => {
  test("decode() undoes encode() for any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const ids = tokenizer.encode(text, { special: false });
        expect(tokenizer.decode(ids)).toBe(text.toWellFormed());
      }),
    );
  });
});

test("decode() undoes encode() where blanks are marked, for texts without that mark", () => {
  const { tokenizer } = tokenizers.find(({ name }) => name === "llama-2")!;
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      fc.pre(!text.includes("▁"));
      expect(tokenizer.decode(tokenizer.encode(text, { special: false }))).toBe(text);
    }),
  );
});

test("stream() holds a character back until its last byte", () => {
  const { tokenizer } = tokenizers.find(({ name }) => name === "gpt-2")!;
  const ids = tokenizer.encode("😀");
  const stream = tokenizer.stream();
  const pieces = ids.map((id) => stream.push(id));
  expect(ids.length).toBeGreaterThan(1);
  expect(pieces).toEqual([...ids.slice(1).map(() => ""), "😀"]);
  stream.push(ids[0]!);
  expect(stream.end()).toBe("\ufffd");
});

test("stream({ continues }) keeps a blank at its beginning", () => {
  const { tokenizer } = tokenizers.find(({ name }) => name === "llama-2")!;
  const ids = tokenizer.encode("the", { frame: false });
  const text = (continues: boolean) => {
    const stream = tokenizer.stream({ continues });
    return ids.map((id) => stream.push(id)).join("");
  };
  expect(text(true)).toBe(" the");
  expect(text(false)).toBe("the");
});

test("encode({ special: false }) spells the names of special tokens out", () => {
  const { tokenizer } = tokenizers.find(({ name }) => name === "llama-3")!;
  const named = tokenizer.encode("<|end_of_text|>", { frame: false });
  const spelt = tokenizer.encode("<|end_of_text|>", { frame: false, special: false });
  expect(named.length).toBe(1);
  expect(spelt.length).toBeGreaterThan(1);
  expect(tokenizer.decode(spelt)).toBe("<|end_of_text|>");
});

test("tiny-llama's tokenizer gives each byte its own number", async () => {
  const tokenizer = parseTokenizer(await tinyFile("tokenizer.json"));
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(tokenizer.encode(text)).toEqual([...new TextEncoder().encode(text)]);
    }),
  );
});

test("encode() of one long word takes a moment, not for ever", () => {
  const { tokenizer } = tokenizers.find(({ name }) => name === "llama-2")!;
  const ids = tokenizer.encode("the LORD ".repeat(20_000));
  expect(tokenizer.decode(ids)).toBe("the LORD ".repeat(20_000));
});

test("encode() refuses a text beyond the limit, and takes one that reaches it", async () => {
  const tokenizer = parseTokenizer(await tinyFile("tokenizer.json"));
  const most = "a".repeat(MODEL_LIMITS.textCharactersMax);
  const over = `${most}a`;
  expect(tokenizer.encode(most).length).toBe(most.length);
  expect(failureOf(() => tokenizer.encode(over)).code).toBe("MODEL_TOO_LARGE");
});

describe("a file that cannot be used is refused", () => {
  const base = golden["gpt-2"]!.tokenizer;
  const model = base["model"] as Record<string, unknown>;
  const withModel = (changes: object) => ({ ...base, model: { ...model, ...changes } });
  const nested = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;

  test.each<[string, unknown, string]>([
    ["not an object", [], "MODEL_FILE_INVALID"],
    ["no model", {}, "MODEL_FILE_INVALID"],
    ["another model", withModel({ type: "Unigram" }), "MODEL_UNSUPPORTED"],
    ["chance in merging", withModel({ dropout: 0.1 }), "MODEL_UNSUPPORTED"],
    ["a prefix of parts", withModel({ continuing_subword_prefix: "##" }), "MODEL_UNSUPPORTED"],
    ["a vocabulary that is a list", withModel({ vocab: [] }), "MODEL_FILE_INVALID"],
    ["one number for two tokens", withModel({ vocab: { a: 1, b: 1 } }), "MODEL_FILE_INVALID"],
    ["a number that is none", withModel({ vocab: { a: "1" } }), "MODEL_FILE_INVALID"],
    ["a negative number", withModel({ vocab: { a: -1 } }), "MODEL_FILE_INVALID"],
    ["too large a number", withModel({ vocab: { a: 2 ** 20 } }), "MODEL_FILE_INVALID"],
    ["merges of strangers", withModel({ merges: ["a 語"] }), "MODEL_FILE_INVALID"],
    ["merges of nothing", withModel({ merges: [" a"] }), "MODEL_FILE_INVALID"],
    ["merges of three", withModel({ merges: ["a b c"] }), "MODEL_FILE_INVALID"],
    ["merges of numbers", withModel({ merges: [[1, 2]] }), "MODEL_FILE_INVALID"],
    ["merges that are an object", withModel({ merges: {} }), "MODEL_FILE_INVALID"],
    [
      "merges that end in each other",
      withModel({ vocab: { a: 0, b: 1, "": 2 }, merges: [["", "a"]] }),
      "MODEL_FILE_INVALID",
    ],
    ["no decoder", { ...base, decoder: null }, "MODEL_UNSUPPORTED"],
    ["another decoder", { ...base, decoder: { type: "WordPiece" } }, "MODEL_UNSUPPORTED"],
    ["a step unknown", { ...base, normalizer: { type: "Lowercase" } }, "MODEL_UNSUPPORTED"],
    [
      "a pattern of its own, which could take for ever",
      { ...base, pre_tokenizer: { type: "Split", pattern: { Regex: "(a+)+$" } } },
      "MODEL_UNSUPPORTED",
    ],
    [
      "a step that is a number",
      { ...base, pre_tokenizer: { type: "Sequence", pretokenizers: [7] } },
      "MODEL_FILE_INVALID",
    ],
    [
      "a sequence in a sequence",
      { ...base, pre_tokenizer: { type: "Sequence", pretokenizers: [{ type: "Sequence" }] } },
      "MODEL_UNSUPPORTED",
    ],
    [
      "an added token without text",
      { ...base, added_tokens: [{ id: 1, content: "" }] },
      "MODEL_FILE_INVALID",
    ],
    [
      "an added token that eats blanks",
      { ...base, added_tokens: [{ id: 1, content: "x", lstrip: true }] },
      "MODEL_UNSUPPORTED",
    ],
    [
      "a frame of strangers",
      {
        ...base,
        post_processor: { type: "TemplateProcessing", single: [{ SpecialToken: { id: "<x>" } }] },
      },
      "MODEL_MISMATCH",
    ],
  ])("%s", (_, file, code) => {
    expect(failureOf(() => parse(file)).code).toBe(code);
  });

  test("nesting as deep as it likes", () => {
    const text = `{"model": {"vocab": ${nested}}}`;
    const failure = failureOf(() => parseTokenizer(new TextEncoder().encode(text)));
    expect(failure.code).toBe("MODEL_FILE_INVALID");
  });

  test("bytes that are no UTF-8, and JSON that ends early", () => {
    for (const bytes of [Uint8Array.of(0xff), new TextEncoder().encode('{"model":')]) {
      expect(failureOf(() => parseTokenizer(bytes)).code).toBe("MODEL_FILE_INVALID");
    }
  });

  test("a text that the vocabulary cannot spell", () => {
    const tokenizer = parse(withModel({ vocab: { a: 0 }, merges: [] }));
    expect(tokenizer.encode("aa")).toEqual([0, 0]);
    expect(failureOf(() => tokenizer.encode("ab")).code).toBe("MODEL_MISMATCH");
  });

  test("names that objects inherit are no tokens", () => {
    const tokenizer = parse(withModel({ vocab: { a: 0 }, merges: [] }));
    expect(tokenizer.bytesOf(7)).toEqual(new Uint8Array(0));
    const failure = failureOf(() =>
      parse(withModel({ vocab: { a: 0 }, merges: ["constructor a"] })),
    );
    expect(failure.code).toBe("MODEL_FILE_INVALID");
  });
});
