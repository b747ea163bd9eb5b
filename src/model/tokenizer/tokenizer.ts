// Tokenizer: `tokenizer.json` of a Hugging Face directory, text to tokens and back.
//
//   text ─ added tokens cut it ─ normalise, split, spell ─ symbols ─ merge ─ tokens
//
// Two families: byte-level (GPT-2, Llama 3), where any text has a spelling; and SentencePiece-like with
// a mark for blanks (Llama 2), where characters outside the vocabulary are spelt by bytes.

import { Failure, MODEL_LIMITS } from "../../base/mod.ts";
import { type Fields, invalid, mismatch, parseObject, tooLarge, unsupported } from "../json.ts";
import { type AddedToken, AddedTokens } from "./added-tokens.ts";
import { fromByteAlphabet } from "./byte-alphabet.ts";
import { mergeSymbols, MergeTable } from "./merge.ts";
import { BLANK, parsePipeline, type Pipeline } from "./pipeline.ts";
import { TextStream } from "./text-stream.ts";

export const TOKENIZER_FILE = "tokenizer.json";

export interface EncodeOptions {
  /** Puts the tokens that begin and end a text around it. Default: true. */
  readonly frame?: boolean | undefined;
  /** Takes the spellings of special tokens in the text for those tokens. Default: true. */
  readonly special?: boolean | undefined;
}

/** Reads `tokenizer.json`. Fails with MODEL_FILE_INVALID, MODEL_UNSUPPORTED or MODEL_TOO_LARGE. */
export function parseTokenizer(bytes: Uint8Array): Tokenizer {
  if (bytes.length > MODEL_LIMITS.tokenizerBytesMax)
    throw tooLarge(TOKENIZER_FILE, bytes.length, MODEL_LIMITS.tokenizerBytesMax);
  return new Tokenizer(parseObject(bytes, TOKENIZER_FILE));
}

export class Tokenizer {
  /** One more than the largest token. */
  readonly size: number;
  readonly #ids: ReadonlyMap<string, number>;
  readonly #texts: ReadonlyMap<number, string>;
  readonly #added: AddedTokens;
  readonly #spoken: AddedTokens;
  readonly #merges: MergeTable;
  readonly #pipeline: Pipeline;
  readonly #before: readonly number[];
  readonly #after: readonly number[];
  readonly #unknown: number | undefined;
  readonly #fusesUnknown: boolean;
  readonly #fallsBackToBytes: boolean;
  readonly #keepsWholeWords: boolean;

  constructor(file: Fields) {
    const model = file.object("model");
    refuseOthers(model);
    this.#ids = parseVocabulary(model.object("vocab"));
    this.#texts = new Map([...this.#ids].map(([text, id]) => [id, text]));
    this.#merges = parseMerges(model, this.#ids);
    const added = parseAdded(file);
    this.#added = new AddedTokens(added);
    this.#spoken = new AddedTokens(added.filter(({ special }) => !special));
    this.#pipeline = parsePipeline(file);
    const unknown = model.textOr("unk_token", "");
    this.#unknown = unknown === "" ? undefined : this.#idOf(unknown, model.path("unk_token"));
    this.#fusesUnknown = model.flag("fuse_unk", false);
    this.#fallsBackToBytes = model.flag("byte_fallback", false);
    this.#keepsWholeWords = model.flag("ignore_merges", false);
    const post = file.path("post_processor");
    this.#before = this.#pipeline.before.map((text) => this.#idOf(text, post));
    this.#after = this.#pipeline.after.map((text) => this.#idOf(text, post));
    const ids = [...this.#texts.keys(), ...this.#added.byId.keys()];
    this.size = 1 + ids.reduce((largest, id) => Math.max(largest, id), -1);
  }

  /** The tokens of `text`. Lone surrogates count as U+FFFD, as they do in any UTF-8. */
  encode(text: string, { frame = true, special = true }: EncodeOptions = {}): number[] {
    if (text.length > MODEL_LIMITS.textCharactersMax)
      throw tooLarge("the text", text.length, MODEL_LIMITS.textCharactersMax);
    const sections = (special ? this.#added : this.#spoken).split(text.toWellFormed());
    const ids = frame ? [...this.#before] : [];
    for (const section of sections) {
      if ("token" in section) ids.push(section.token.id);
      else for (const word of this.#words(section.text, section.first)) this.#encodeWord(word, ids);
    }
    if (frame) ids.push(...this.#after);
    return ids;
  }

  /** The text of `ids`. Special tokens are not shown, bytes that are no UTF-8 as U+FFFD. */
  decode(ids: Iterable<number>): string {
    const stream = this.stream();
    let text = "";
    for (const id of ids) text += stream.push(id);
    return text + stream.end();
  }

  /**
   * Text of tokens as they come. `continues` says that they follow others, so that a blank at their
   * beginning is the text's own.
   */
  stream({ continues = false }: { readonly continues?: boolean } = {}): TextStream {
    const drops = this.#pipeline.dropsFirstBlank && !continues;
    return new TextStream((id) => this.bytesOf(id), drops);
  }

  /** The bytes that `id` stands for; none for special tokens and for numbers that are no token. */
  bytesOf(id: number): Uint8Array {
    const added = this.#added.byId.get(id);
    if (added !== undefined) return encoder.encode(added.special ? "" : added.content);
    const text = this.#texts.get(id) ?? "";
    if (this.#pipeline.spelling === "byte-level")
      return fromByteAlphabet(text) ?? encoder.encode(text);
    const byte = this.#fallsBackToBytes ? BYTE_TOKEN.exec(text)?.[1] : undefined;
    if (byte !== undefined) return Uint8Array.of(Number.parseInt(byte, 16));
    return encoder.encode(text.replaceAll(BLANK, " "));
  }

  #words(text: string, first: boolean): readonly string[] {
    let pieces: readonly string[] = [text];
    for (const step of this.#pipeline.steps)
      pieces = pieces.flatMap((piece, i) => step(piece, first && i === 0));
    return pieces;
  }

  #encodeWord(word: string, ids: number[]): void {
    const whole = this.#keepsWholeWords ? this.#ids.get(word) : undefined;
    const tokens = whole === undefined ? mergeSymbols(this.#symbols(word), this.#merges) : [whole];
    for (const token of tokens) ids.push(token);
  }

  #symbols(word: string): readonly number[] {
    const symbols: number[] = [];
    for (const character of word) {
      const id = this.#ids.get(character);
      if (id !== undefined) symbols.push(id);
      else this.#pushUnknown(character, symbols);
    }
    return symbols;
  }

  #pushUnknown(character: string, symbols: number[]): void {
    const bytes = this.#fallsBackToBytes ? this.#byteTokens(character) : undefined;
    if (bytes !== undefined) symbols.push(...bytes);
    else if (this.#unknown === undefined) throw unspeakable(character);
    else if (!this.#fusesUnknown || symbols.at(-1) !== this.#unknown) symbols.push(this.#unknown);
  }

  /** One token for each byte; undefined where any is missing. */
  #byteTokens(character: string): readonly number[] | undefined {
    const ids = [...encoder.encode(character)].map((byte) => this.#ids.get(byteToken(byte)));
    return ids.every((id) => id !== undefined) ? ids : undefined;
  }

  #idOf(text: string, at: string): number {
    const added = [...this.#added.byId.values()].find(({ content }) => content === text);
    const id = added?.id ?? this.#ids.get(text);
    if (id === undefined)
      throw mismatch(at, "a token that there is not", "a token of the vocabulary");
    return id;
  }
}

const encoder = new TextEncoder();
const BYTE_TOKEN = /^<0x([0-9A-F]{2})>$/;
const CONTENT_CHARACTERS_MAX = 256;

function byteToken(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
}

function refuseOthers(model: Fields): void {
  const type = model.textOr("type", "BPE");
  if (type !== "BPE") throw unsupported(model.path("type"), type, "BPE");
  for (const name of ["continuing_subword_prefix", "end_of_word_suffix"]) {
    if (model.textOr(name, "") !== "") throw unsupported(model.path(name), "a text", "none");
  }
  if (model.has("dropout") && model.get("dropout") !== 0)
    throw unsupported(
      model.path("dropout"),
      "dropout",
      "none: the same text gives the same tokens",
    );
}

function parseVocabulary(vocabulary: Fields): ReadonlyMap<string, number> {
  const ids = new Map<string, number>();
  const used = new Set<number>();
  const range = { min: 0, max: MODEL_LIMITS.vocabularyMax - 1 };
  for (const [text] of vocabulary.entries()) {
    const id = vocabulary.integer(text, range);
    if (used.has(id)) throw invalid(vocabulary.path(text), id, "a number that no other token has");
    used.add(id);
    ids.set(text, id);
  }
  return ids;
}

/** Merges are "left right", or newer, pairs of texts. */
function parseMerges(model: Fields, ids: ReadonlyMap<string, number>): MergeTable {
  const table = new MergeTable();
  model.list("merges", MODEL_LIMITS.mergesMax).forEach((merge, rank) => {
    const at = `${model.path("merges")}/${rank}`;
    const [left, right, ...rest] = typeof merge === "string" ? merge.split(" ") : listOf(merge, at);
    if (typeof left !== "string" || typeof right !== "string" || rest.length > 0)
      throw invalid(at, merge, "two tokens with a blank between them, or a list of two");
    const pair = [ids.get(left), ids.get(right), ids.get(left + right)] as const;
    if (left === "" || right === "" || pair.includes(undefined))
      throw invalid(at, merge, "two tokens of the vocabulary whose union is one, too");
    table.add(pair[0]!, pair[1]!, { rank, id: pair[2]! });
  });
  return table;
}

function listOf(value: unknown, at: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw invalid(at, value, "a text or a list");
}

function parseAdded(file: Fields): readonly AddedToken[] {
  return file.objects("added_tokens", MODEL_LIMITS.addedTokensMax).map((token) => {
    for (const name of ["single_word", "lstrip", "rstrip"]) {
      if (token.flag(name, false)) throw unsupported(token.path(name), "true", "false");
    }
    const content = token.text("content");
    if (content === "" || content.length > CONTENT_CHARACTERS_MAX)
      throw invalid(token.path("content"), content, `1 to ${CONTENT_CHARACTERS_MAX} characters`);
    const id = token.integer("id", { min: 0, max: MODEL_LIMITS.vocabularyMax - 1 });
    return { id, content, special: token.flag("special", false) };
  });
}

function unspeakable(character: string): Failure {
  const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
  return mismatch(
    "the text",
    `the character U+${code}`,
    "characters that the vocabulary can spell",
  );
}
