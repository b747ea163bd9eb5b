// Byte alphabet: GPT-2's way to write any bytes as visible text, one character for each byte.
//
// Printable bytes are themselves; the others take the characters from U+0100 on, in order. So a space
// is Ġ and a new line Ċ.

const CHARACTERS = alphabet();
const BYTES = new Map(CHARACTERS.map((character, byte) => [character, byte]));

/** The bytes of `text` in UTF-8, each as its character. */
export function toByteAlphabet(text: string): string {
  let written = "";
  for (const byte of new TextEncoder().encode(text)) written += CHARACTERS[byte]!;
  return written;
}

/** The bytes that `text` stands for; undefined where a character stands for none. */
export function fromByteAlphabet(text: string): Uint8Array | undefined {
  const bytes = Uint8Array.from(text, (character) => BYTES.get(character) ?? 0);
  return [...text].every((character) => BYTES.has(character)) ? bytes : undefined;
}

function alphabet(): readonly string[] {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(isPlain(byte) ? byte : next++),
  );
}

function isPlain(byte: number): boolean {
  return (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
}
