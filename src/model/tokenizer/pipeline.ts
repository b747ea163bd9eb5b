// Pipeline: what a tokenizer does to text before it merges, and to tokens when they become text: the
// steps of tokenizer.json that Llama-like models use. Any other step is refused by name, since a step
// left out would give other tokens without anybody noticing.

import { type Fields, unsupported } from "../json.ts";
import { toByteAlphabet } from "./byte-alphabet.ts";
import { GPT2, KNOWN_NAMES, knownPattern, splitBy, splitter } from "./patterns.ts";

/** Turns one piece of text into pieces. `first` says whether the piece begins the whole text. */
export type Step = (piece: string, first: boolean) => readonly string[];

/** How symbols spell bytes: by the byte alphabet, or as themselves with a mark for blanks. */
export type Spelling = "byte-level" | "metaspace";

export interface Pipeline {
  readonly steps: readonly Step[];
  readonly spelling: Spelling;
  /** Drops the first blank of a text again, which encoding put there. */
  readonly dropsFirstBlank: boolean;
  /** Tokens before and after every text, by content. */
  readonly before: readonly string[];
  readonly after: readonly string[];
}

export const BLANK = "▁";
const STEPS_MAX = 16;

/** Reads the steps of a whole tokenizer file. */
export function parsePipeline(file: Fields): Pipeline {
  const decoder = parseDecoder(file);
  const { spelling, dropsFirstBlank } = decoder;
  const preTokenizers = stepsIn(file, "pre_tokenizer", "pretokenizers").flatMap(preTokenizer);
  const steps = [
    ...stepsIn(file, "normalizer", "normalizers").flatMap(normalizer),
    ...preTokenizers,
  ];
  const byteLevel = stepsIn(file, "pre_tokenizer", "pretokenizers").some(
    (step) => typeOf(step) === "ByteLevel",
  );
  if (byteLevel !== (spelling === "byte-level"))
    throw unsupported(file.path("decoder"), "a decoder that undoes other steps", "one that fits");
  return { steps, spelling, dropsFirstBlank, ...parseTemplate(file) };
}

/** One step, or the steps of a sequence. */
function stepsIn(parent: Fields, name: string, list: string): readonly Fields[] {
  const step = parent.objectOr(name, undefined);
  if (step === undefined) return [];
  return typeOf(step) === "Sequence" ? step.objects(list, STEPS_MAX) : [step];
}

const typeOf = (step: Fields): string => step.text("type");

function normalizer(step: Fields): readonly Step[] {
  switch (typeOf(step)) {
    case "NFC":
      return [(piece) => [piece.normalize("NFC")]];
    case "Prepend": {
      const prefix = step.text("prepend");
      return [(piece) => [piece === "" ? piece : prefix + piece]];
    }
    case "Replace":
      return [replacement(step)];
    default:
      throw unknownStep(step, "NFC, Prepend or Replace");
  }
}

function replacement(step: Fields): Step {
  const from = step.object("pattern").text("String");
  const to = step.text("content");
  return (piece) => [piece.replaceAll(from, () => to)];
}

function preTokenizer(step: Fields): readonly Step[] {
  switch (typeOf(step)) {
    case "Split":
      return [splitStep(step)];
    case "ByteLevel":
      return byteLevelSteps(step);
    case "Metaspace":
      return [metaspaceStep(step)];
    default:
      throw unknownStep(step, "Split, ByteLevel or Metaspace");
  }
}

function splitStep(step: Fields): Step {
  const spelling = step.object("pattern").text("Regex");
  const pattern = knownPattern(spelling);
  if (pattern === undefined) {
    const expected = `the pattern of ${KNOWN_NAMES.join(", ")}`;
    throw unsupported(step.path("pattern"), "a pattern that is not known", expected);
  }
  const behavior = step.textOr("behavior", "Isolated");
  if (behavior !== "Isolated" || step.flag("invert", false))
    throw unsupported(step.path("behavior"), behavior, "Isolated, not inverted");
  return (piece) => splitBy(piece, pattern);
}

function byteLevelSteps(step: Fields): readonly Step[] {
  const words = splitter(GPT2);
  return [
    ...(step.flag("add_prefix_space", true) ? [withBlank] : []),
    ...(step.flag("use_regex", true) ? [(piece: string) => splitBy(piece, words)] : []),
    (piece) => [toByteAlphabet(piece)],
  ];
}

const withBlank: Step = (piece) => [piece.startsWith(" ") ? piece : ` ${piece}`];

function metaspaceStep(step: Fields): Step {
  const mark = step.textOr("replacement", BLANK);
  if (mark !== BLANK) throw unsupported(step.path("replacement"), mark, BLANK);
  const scheme = step.textOr(
    "prepend_scheme",
    step.flag("add_prefix_space", true) ? "always" : "never",
  );
  const splits = step.flag("split", true);
  return (piece, first) => {
    const marked = piece.replaceAll(" ", BLANK);
    const prepends = scheme === "always" || (scheme === "first" && first);
    const whole = prepends && !marked.startsWith(BLANK) ? BLANK + marked : marked;
    return splits ? whole.split(/(?=▁)/u) : [whole];
  };
}

function parseDecoder(file: Fields): Pick<Pipeline, "spelling" | "dropsFirstBlank"> {
  const steps = stepsIn(file, "decoder", "decoders");
  const types = steps.map(typeOf).join(" ");
  switch (types) {
    case "ByteLevel":
      return { spelling: "byte-level", dropsFirstBlank: false };
    case "Metaspace":
      return {
        spelling: "metaspace",
        dropsFirstBlank: steps[0]!.textOr("prepend_scheme", "always") !== "never",
      };
    case "Replace ByteFallback Fuse":
      return { spelling: "metaspace", dropsFirstBlank: false };
    case "Replace ByteFallback Fuse Strip":
      return { spelling: "metaspace", dropsFirstBlank: true };
    default:
      throw unsupported(
        file.path("decoder"),
        types === "" ? "none" : types,
        "ByteLevel, Metaspace, or Replace, ByteFallback, Fuse and Strip",
      );
  }
}

function parseTemplate(file: Fields): Pick<Pipeline, "before" | "after"> {
  const before: string[] = [];
  const after: string[] = [];
  for (const step of stepsIn(file, "post_processor", "processors")) {
    if (typeOf(step) === "ByteLevel") continue; // Trims offsets, which nobody here asks for.
    if (typeOf(step) !== "TemplateProcessing")
      throw unknownStep(step, "ByteLevel or TemplateProcessing");
    let target = before;
    for (const part of step.objects("single", STEPS_MAX)) {
      if (part.has("Sequence")) target = after;
      else target.push(part.object("SpecialToken").text("id"));
    }
  }
  return { before, after };
}

function unknownStep(step: Fields, expected: string): Error {
  return unsupported(step.at, `the step ${typeOf(step)}`, expected);
}
