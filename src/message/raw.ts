// Raw messages: payloads that are passed on as they are, by those who do not know their fields.

import type { Views } from "./field.ts";

/** What can be written as a payload: a declared message, or bytes. */
export interface Writable<Value> {
  readonly id: number;
  /** Bytes that a value takes. */
  bytesOf(value: Value): number;
  /** Writes a value at a multiple of 8 and returns its bytes. */
  write(views: Views, at: number, value: Value): number;
}

/** Bytes under a message's id. Whoever receives them checks them as its own declaration says. */
export class RawMessage implements Writable<Uint8Array> {
  readonly id: number;

  constructor(id: number) {
    this.id = id;
  }

  bytesOf(bytes: Uint8Array): number {
    return bytes.length;
  }

  write(views: Views, at: number, bytes: Uint8Array): number {
    views.u8.set(bytes, at);
    return bytes.length;
  }

  toString(): string {
    return `message ${this.id}`;
  }
}
