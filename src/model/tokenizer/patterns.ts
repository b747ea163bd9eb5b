// Patterns: the regular expressions by which tokenizers in use split text before merging.
//
// A pattern from a file is never run: a hostile one could take for ever. It is compared with those
// known here, which were checked to be linear but for runs of blanks, and to mean in JavaScript what
// they mean there. White space is spelt as a property, since \s differs by two characters.

const SPACE = String.raw`\p{White_Space}`;

/** What is not a letter, a number or white space. */
const SIGNS = String.raw`[^${SPACE}\p{L}\p{N}]+`;
const ENGLISH = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const LETTERS = String.raw`[^\r\n\p{L}\p{N}]?\p{L}+`;
const LINES = String.raw`${SPACE}*[\r\n]+`;
const BLANKS = String.raw`${SPACE}+(?!\P{White_Space})|${SPACE}+`;

export const GPT2 = String.raw`'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?${SIGNS}|${BLANKS}`;
const LLAMA3 = String.raw`${ENGLISH}|${LETTERS}|\p{N}{1,3}| ?${SIGNS}[\r\n]*|${LINES}|${BLANKS}`;
const QWEN2 = String.raw`${ENGLISH}|${LETTERS}|\p{N}| ?${SIGNS}[\r\n]*|${LINES}|${BLANKS}`;

/** As tokenizer.json spells them. */
const KNOWN: readonly (readonly [name: string, spelling: string, pattern: string])[] = [
  [
    "GPT-2",
    String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
    GPT2,
  ],
  [
    "GPT-2",
    String.raw`'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
    GPT2,
  ],
  [
    "Llama 3",
    String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
    LLAMA3,
  ],
  [
    "Qwen 2",
    String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
    QWEN2,
  ],
];

export const KNOWN_NAMES = [...new Set(KNOWN.map(([name]) => name))];

/** A splitter for a pattern as tokenizer.json spells it; undefined for one that is not known. */
export function knownPattern(spelling: string): RegExp | undefined {
  const pattern = KNOWN.find(([, known]) => known === spelling)?.[2];
  return pattern === undefined ? undefined : splitter(pattern);
}

/** Compiled where it is made: engines without inline flags fail when a model needs them, not before. */
export function splitter(pattern: string): RegExp {
  return new RegExp(pattern, "gu");
}

/** Every match of `pattern`, and every stretch between two, in order. */
export function splitBy(text: string, pattern: RegExp): readonly string[] {
  const pieces: string[] = [];
  let from = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > from) pieces.push(text.slice(from, match.index));
    pieces.push(match[0]);
    from = match.index + match[0].length;
  }
  if (from < text.length) pieces.push(text.slice(from));
  return pieces;
}
