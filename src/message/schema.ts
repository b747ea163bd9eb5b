// Schema: a message declared once gives its type, its bytes, and views that read it where it lies.
//
//   const Add = message({ a: f32, b: f32 });
//
// Fields lie in order, each aligned to its own size. Two messages of the same layout are the same message,
// unless they have names: what travels is a number made of the name and the layout, so that both ends of
// a ring agree on a type or refuse it.

import { Failure } from "../base/mod.ts";
import type { KernelContext } from "./context.ts";
import { crc32c } from "./crc32c.ts";
import { badField, type Field, isOpen, scalarBytes, type Views } from "./field.ts";
import { getterOf, type Reader, readerOf, type Writer, writerOf } from "./access.ts";

export type Fields = Readonly<Record<string, Field>>;

/** What a handler reads. Arrays are in place: they are the message's own bytes. */
export type ValueOf<Of> = {
  readonly [Name in keyof Of]: Of[Name] extends Field<infer Value, infer _> ? Value : never;
};

/** What may be sent: any array-like stands for an array. */
export type InputOf<Of> = {
  readonly [Name in keyof Of]: Of[Name] extends Field<infer _, infer Input> ? Input : never;
};

/** A field, and its byte offset in the message. For a list, that of its length. */
export interface Placed {
  readonly name: string;
  readonly field: Field;
  readonly at: number;
}

/** What a message reads as where it lies. One serves many messages: `at` says which. */
export interface View {
  readonly views: Views;
  /** Byte offset of the message, a multiple of 8. */
  at: number;
}

const NAMED = 0x8000_0000; // Numbers that are made of layouts; those below are given by hand.

export class Message<Of extends Fields = Fields> {
  /** What travels: the given id, or one made of name and layout. */
  readonly id: number;
  readonly name: string | undefined;
  /** As "a f32, b f32". */
  readonly layout: string;
  readonly fields: readonly Placed[];
  /** Bytes without the elements of a list. */
  readonly bytes: number;
  readonly #write: Writer;
  readonly #read: Reader;
  readonly #open: Placed | undefined;
  readonly #prototype: object;

  constructor(fields: Of, options: MessageOptions = {}) {
    this.fields = place(fields);
    this.name = options.name;
    this.layout = this.fields.map(({ name, field }) => `${name} ${field.name}`).join(", ");
    this.id = options.id ?? idOf(`${options.name ?? ""}(${this.layout})`);
    this.bytes = this.fields.reduce(
      (end, { field, at }) => Math.max(end, at + fixedBytes(field)),
      0,
    );
    this.#open = this.fields.find(({ field }) => isOpen(field));
    this.#write = writerOf(this.fields, this.bytes);
    const openAt = this.#open === undefined ? 0 : openAtOf(this.bytes, this.#open.field);
    this.#read = readerOf(this.fields, openAt);
    this.#prototype = Object.create(null, getters(this.fields, this.bytes)) as object;
  }

  /** Writes a value at a multiple of 8 and returns its bytes. There is room: see `bytesOf`. */
  write(views: Views, at: number, value: InputOf<Of>): number {
    return this.#write(views, at, value as never);
  }

  /** Reads a copy that shares nothing. */
  read(views: Views, at: number): ValueOf<Of> {
    return this.#read(views, at) as ValueOf<Of>;
  }

  /** Bytes that a value takes. */
  bytesOf(value: InputOf<Of>): number {
    if (this.#open === undefined) return this.bytes;
    const { name, field } = this.#open;
    const open = (value as Readonly<Record<string, string | ArrayLike<unknown>>>)[name]!;
    if (typeof open === "string") return this.bytes + utf8Bytes(open);
    return openAtOf(this.bytes, field) + open.length * scalarBytes(field.scalar);
  }

  /** Reads the message at `at` in place: good while nobody writes there. */
  view(views: Views, at: number): ValueOf<Of> & View {
    // Not enumerable: whoever prints or spreads a message shall not show the whole memory.
    const own = { views: { value: views }, at: { value: at, writable: true } };
    const view: unknown = Object.create(this.#prototype, own);
    return view as ValueOf<Of> & View;
  }

  /**
   * Whether `bytes` bytes at `at` are a whole message of this layout. Whoever reads what another thread
   * wrote asks first: then no view reaches beyond it.
   */
  fits(views: Views, at: number, bytes: number): boolean {
    if (bytes < this.bytes || at + bytes > views.u8.length) return false;
    if (this.#open === undefined) return bytes === this.bytes;
    const { field, at: lengthAt } = this.#open;
    const length = views.u32[(at + lengthAt) >> 2]!;
    return openAtOf(this.bytes, field) + length * scalarBytes(field.scalar) === bytes;
  }

  /** How a kernel answers this message. */
  to<Reply extends Fields>(
    reply: Message<Reply>,
    handle: Handle<Of, InputOf<Reply>>,
  ): Handler<Of, Reply> {
    return { message: this, reply, handle };
  }

  /** What a kernel does with this message, which has no answer. */
  do(handle: Handle<Of, void>): Handler<Of, never> {
    return { message: this, reply: undefined, handle };
  }

  toString(): string {
    return this.name ?? `{ ${this.layout} }`;
  }
}

export interface MessageOptions {
  /** Sets messages of the same layout apart, and shows in errors. */
  readonly name?: string;
  /** A number of your own below 2^31, such as an id that another system knows. */
  readonly id?: number;
}

/** Declared as a method is, so that a handler may name the type of its kernel's state. */
export type Handle<Of, Answer> = {
  handle(message: ValueOf<Of>, context: KernelContext): Answer | Promise<Answer>;
}["handle"];

/** One message that a kernel takes, and what it does with it. */
export interface Handler<Of extends Fields = Fields, Reply extends Fields = Fields> {
  readonly message: Message<Of>;
  readonly reply: Message<Reply> | undefined;
  readonly handle: Handle<Of, unknown>;
}

/** Declares a message. Fails with MESSAGE_INVALID for fields that cannot be laid out. */
export function message<const Of extends Fields>(
  fields: Of,
  options?: MessageOptions,
): Message<Of> {
  const id = options?.id;
  if (id !== undefined && (!Number.isInteger(id) || id < 1 || id >= NAMED))
    throw badField("id", String(id), "1 to 2147483647");
  return new Message(fields, options);
}

function place(fields: Fields): Placed[] {
  const placed: Placed[] = [];
  let end = 0;
  for (const [name, field] of Object.entries(fields)) {
    if (!/^[A-Za-z_]\w*$/.test(name) || name === "at" || name === "views" || name === "__proto__")
      throw badField(`field ${name}`, "its name", "an identifier other than `at` and `views`");
    const last = placed.at(-1);
    if (last !== undefined && isOpen(last.field))
      throw badField(
        `field ${name}`,
        `it stands behind ${last.name}, a ${last.field.name}`,
        "a list or text as the last field",
      );
    const align = isOpen(field) ? 4 : scalarBytes(field.scalar);
    const at = Math.ceil(end / align) * align;
    placed.push({ name, field, at });
    end = at + fixedBytes(field);
  }
  return placed;
}

function fixedBytes(field: Field): number {
  return isOpen(field) ? 4 : field.count * scalarBytes(field.scalar); // A list's length.
}

/** Where the elements of a list start, from the message's. */
export function openAtOf(bytes: number, field: Field): number {
  const align = scalarBytes(field.scalar);
  return Math.ceil(bytes / align) * align;
}

function getters(fields: readonly Placed[], bytes: number): PropertyDescriptorMap {
  const of = ({ name, field, at }: Placed) =>
    [name, { enumerable: true, get: getterOf(field, at, openAtOf(bytes, field)) }] as const;
  return Object.fromEntries(fields.map(of));
}

const utf8 = new TextEncoder();

function idOf(layout: string): number {
  const bytes = utf8.encode(layout);
  return (crc32c(bytes, 0, bytes.length) | NAMED) >>> 0;
}

/** Bytes of a text in UTF-8, without encoding it. */
function utf8Bytes(value: string): number {
  let bytes = 0;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < 0x80) bytes += 1;
    else if (code < 0x800) bytes += 2;
    else if (code >= 0xd800 && code < 0xdc00 && isLow(value.charCodeAt(i + 1))) {
      bytes += 4;
      i++;
    } else bytes += 3; // A half of a pair by itself is written as U+FFFD.
  }
  return bytes;
}

function isLow(code: number): boolean {
  return code >= 0xdc00 && code < 0xe000;
}

/** The message cannot be what its sender says. */
export function malformed(at: string, type: Message, bytes: number): Failure {
  return new Failure("MESSAGE_INVALID", {
    at,
    found: `${bytes} bytes`,
    expected: `a whole ${type}, which has ${type.bytes} bytes or more`,
    fix: "Send and receive with the same declaration of the message.",
  });
}
