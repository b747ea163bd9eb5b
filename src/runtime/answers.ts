// Answers: what a message's own slot says to who waits: a reply, or the text of an error.

import { MESSAGE_OPCODES, SLOT } from "../layout/mod.ts";
import type { Message } from "../message/mod.ts";
import { type MessageQueue, type Payload, WORD } from "./message-queue.ts";

const OPCODE = SLOT.fields.opcode.at / 4;
/** Bytes of an error's text, where a block holds it. */
export const TEXT_BYTES_MAX = 16_384;
/** The end of a text that was longer. */
export const CUT = "... (cut)";
const utf8 = new TextEncoder();
const scratch = new Uint8Array(TEXT_BYTES_MAX + CUT.length); // An encoder writes to no shared memory.

export class Answers {
  readonly #input: MessageQueue;
  readonly #payloadBytesMax: number;
  readonly #into: Payload;

  constructor(input: MessageQueue, payloadBytesMax: number) {
    this.#input = input;
    this.#payloadBytesMax = payloadBytesMax;
    this.#into = input.payload();
  }

  /** Writes a reply to the slot's own cell, or to a block. False: neither holds it. */
  write(slot: number, reply: Message, value: unknown): boolean {
    const input = this.#input;
    const into = this.#into;
    const bytes = reply.bytesOf(value as never);
    if (bytes > this.#payloadBytesMax) return false;
    if (!input.room(input.replyAt(slot), bytes, into)) return false;
    try {
      into.bytes = reply.write(into.views, into.at, value as never);
    } catch (error) {
      input.free(into);
      throw error;
    }
    const word = input.ring.at(slot);
    input.words[word + OPCODE] = MESSAGE_OPCODES.REPLY;
    input.words[word + WORD.type] = reply.id;
    input.place(slot, into);
    return true;
  }

  /** Leaves an error's text where the reply would be: all of it, or as much as a block or else the cell holds. */
  explain(slot: number, error: unknown): void {
    const input = this.#input;
    const into = this.#into;
    const text = error instanceof Error ? (error.stack ?? String(error)) : String(error);
    const most = Math.max(input.cellBytes, Math.min(TEXT_BYTES_MAX, this.#payloadBytesMax));
    const at = input.replyAt(slot);
    if (!input.room(at, encode(text, most), into))
      input.room(at, encode(text, input.cellBytes), into);
    input.words[input.ring.at(slot) + OPCODE] = MESSAGE_OPCODES.ERROR;
    into.views.u8.set(scratch.subarray(0, into.bytes), into.at);
    input.place(slot, into);
  }
}

/** Encodes up to `most` bytes of a text into `scratch` and says how many; it cuts no character in two. */
function encode(text: string, most: number): number {
  const { read, written } = utf8.encodeInto(text, scratch.subarray(0, most));
  if (read === text.length) return written;
  const room = scratch.subarray(0, most - CUT.length);
  const cut = utf8.encodeInto(text, room).written;
  return cut + utf8.encodeInto(CUT, scratch.subarray(cut)).written;
}
