// Text stream: text of tokens as they come. A character whose bytes are spread over tokens is held
// back until its last byte, so what is shown is always whole UTF-8.

export class TextStream {
  readonly #bytesOf: (id: number) => Uint8Array;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #dropsBlank: boolean;

  constructor(bytesOf: (id: number) => Uint8Array, dropsBlank: boolean) {
    this.#bytesOf = bytesOf;
    this.#dropsBlank = dropsBlank;
  }

  /** The text that `id` completes; empty while a character is not whole. */
  push(id: number): string {
    return this.#shown(this.#decoder.decode(this.#bytesOf(id), { stream: true }));
  }

  /** What is left: U+FFFD for a character that never became whole. */
  end(): string {
    return this.#shown(this.#decoder.decode());
  }

  #shown(text: string): string {
    if (!this.#dropsBlank || text === "") return text;
    this.#dropsBlank = false;
    return text.startsWith(" ") ? text.slice(1) : text;
  }
}
