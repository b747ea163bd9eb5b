// State writer: a kernel's state as bytes. It takes what a structured clone keeps whole, and refuses the rest
// instead of losing it: an object of a class would come back without its methods.
//
// A value is a tag of one byte and what belongs to it; numbers are little-endian. Objects are numbered in the
// order in which they are first met, and met again they are a number: so cycles and sharing stay. Views
// are kept with their own bytes only, not with the rest of the buffer that they look at.

import { CHECKPOINT_LIMITS, Failure } from "../base/mod.ts";

export const TAG = {
  undefined: 0,
  null: 1,
  false: 2,
  true: 3,
  number: 4,
  bigint: 5,
  text: 6,
  /** Text in UTF-16, which UTF-8 cannot hold: half a surrogate pair. */
  units: 7,
  date: 8,
  array: 9,
  object: 10,
  /** An object without a prototype. */
  bare: 11,
  map: 12,
  set: 13,
  buffer: 14,
  view: 15,
  seen: 16,
} as const;

/** Kinds of views, by their place. */
export const VIEWS = [
  DataView,
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
] as const;

const utf8 = new TextEncoder();
const FIRST_BYTES = 256;

/** Fails with STATE_UNSAVABLE, which names the place of what cannot be kept. */
export function encodeState(
  value: unknown,
  bytesMax: number = CHECKPOINT_LIMITS.bytesDefault,
): Uint8Array {
  const writer = new StateWriter(bytesMax);
  writer.value(value, "state", 0);
  return writer.bytes;
}

class StateWriter {
  readonly #bytesMax: number;
  readonly #seen = new Map<object, number>();
  #buffer = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#buffer.buffer);
  #length = 0;
  #values = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }

  value(value: unknown, at: string, depth: number): void {
    if (++this.#values > CHECKPOINT_LIMITS.valuesMax)
      throw tooMuch(at, `more than ${CHECKPOINT_LIMITS.valuesMax} values`);
    switch (typeof value) {
      case "undefined":
        return this.#tag(TAG.undefined);
      case "boolean":
        return this.#tag(value ? TAG.true : TAG.false);
      case "number":
        return this.#number(TAG.number, value);
      case "bigint":
        return this.#bigint(value, at);
      case "string":
        return this.#text(value);
      case "object":
        return value === null ? this.#tag(TAG.null) : this.#object(value, at, depth);
      default:
        throw unsavable(at, `a ${typeof value}`);
    }
  }

  #object(value: object, at: string, depth: number): void {
    const seen = this.#seen.get(value);
    if (seen !== undefined) return this.#count(TAG.seen, seen);
    if (depth >= CHECKPOINT_LIMITS.valueDepthMax)
      throw tooMuch(at, `objects more than ${CHECKPOINT_LIMITS.valueDepthMax} deep`);
    if (this.#seen.size >= CHECKPOINT_LIMITS.objectsMax)
      throw tooMuch(at, `more than ${CHECKPOINT_LIMITS.objectsMax} objects`);
    this.#seen.set(value, this.#seen.size);
    if (ArrayBuffer.isView(value)) return this.#viewOf(value, at);
    switch (Object.getPrototypeOf(value)) {
      case Object.prototype:
        return this.#entries(TAG.object, value, at, depth);
      case null:
        return this.#entries(TAG.bare, value, at, depth);
      case Array.prototype:
        return this.#array(value as readonly unknown[], at, depth);
      case Map.prototype:
        return this.#map(value as ReadonlyMap<unknown, unknown>, at, depth);
      case Set.prototype:
        return this.#set(value as ReadonlySet<unknown>, at, depth);
      case Date.prototype:
        return this.#number(TAG.date, (value as Date).getTime());
      case ArrayBuffer.prototype:
        return this.#chunk(TAG.buffer, new Uint8Array(value as ArrayBuffer));
      default:
        throw unsavable(at, `an object of class ${value.constructor?.name}`);
    }
  }

  #entries(tag: number, value: object, at: string, depth: number): void {
    if (Object.getOwnPropertySymbols(value).length > 0) throw unsavable(at, "a symbol as name");
    const entries = Object.entries(value);
    this.#count(tag, entries.length);
    for (const [name, one] of entries) {
      this.#text(name);
      this.value(one, `${at}.${name}`, depth + 1);
    }
  }

  #array(value: readonly unknown[], at: string, depth: number): void {
    const names = Object.keys(value); // Indices come first: the last says whether all are.
    if (names.length !== value.length || (names.at(-1) ?? "-1") !== `${value.length - 1}`)
      throw unsavable(at, "an array with holes or names");
    this.#count(TAG.array, value.length);
    for (const [i, one] of value.entries()) this.value(one, `${at}[${i}]`, depth + 1);
  }

  #map(value: ReadonlyMap<unknown, unknown>, at: string, depth: number): void {
    this.#count(TAG.map, value.size);
    for (const [key, one] of value) {
      this.value(key, `${at}, a key`, depth + 1);
      this.value(one, `${at}.get(${nameOf(key)})`, depth + 1);
    }
  }

  #set(value: ReadonlySet<unknown>, at: string, depth: number): void {
    this.#count(TAG.set, value.size);
    for (const one of value) this.value(one, `${at}, a member`, depth + 1);
  }

  #viewOf(view: ArrayBufferView, at: string): void {
    const kind = VIEWS.findIndex((one) => view instanceof one); // A Buffer is a Uint8Array.
    if (kind < 0) throw unsavable(at, `a ${view.constructor.name}`);
    this.#tag(TAG.view);
    this.#chunk(kind, new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  }

  #bigint(value: bigint, at: string): void {
    const digits = utf8.encode(value.toString(16));
    const { bigintDigitsMax } = CHECKPOINT_LIMITS;
    if (digits.length > bigintDigitsMax) throw tooMuch(at, `a bigint of ${digits.length} digits`);
    this.#chunk(TAG.bigint, digits);
  }

  #text(text: string): void {
    if (text.isWellFormed()) return this.#chunk(TAG.text, utf8.encode(text));
    const units = Uint8Array.from({ length: 2 * text.length }, (_, i) =>
      i % 2 === 0 ? text.charCodeAt(i / 2) : text.charCodeAt((i - 1) / 2) >> 8,
    );
    this.#chunk(TAG.units, units);
  }

  #tag(tag: number): void {
    const at = this.#room(1); // First: it may make another buffer.
    this.#buffer[at] = tag;
  }

  #number(tag: number, value: number): void {
    this.#tag(tag);
    const at = this.#room(8);
    this.#view.setFloat64(at, value, true);
  }

  #count(tag: number, count: number): void {
    this.#tag(tag);
    const at = this.#room(4);
    this.#view.setUint32(at, count, true);
  }

  #chunk(tag: number, bytes: Uint8Array): void {
    this.#count(tag, bytes.length);
    const at = this.#room(bytes.length);
    this.#buffer.set(bytes, at);
  }

  /** Where the next `bytes` bytes go. */
  #room(bytes: number): number {
    const at = this.#length;
    const end = at + bytes;
    if (end > this.#bytesMax) throw tooMuch("state", `more than ${this.#bytesMax} bytes`);
    if (end > this.#buffer.length) {
      const larger = new Uint8Array(
        Math.min(Math.max(end, 2 * this.#buffer.length), this.#bytesMax),
      );
      larger.set(this.#buffer);
      this.#buffer = larger;
      this.#view = new DataView(larger.buffer);
    }
    this.#length = end;
    return at;
  }
}

/** A key in a place. Of an object nothing is asked: it may have no text, or a long one. */
function nameOf(key: unknown): string {
  return typeof key === "object" && key !== null ? "an object" : String(key);
}

function unsavable(at: string, found: string): Failure {
  return new Failure("STATE_UNSAVABLE", {
    ...{ at, found, expected: "plain values, arrays, maps, sets, dates and bytes" },
    fix: "Give the kernel `save` and `restore`, which say what of its state is kept.",
  });
}

function tooMuch(at: string, found: string): Failure {
  return new Failure("STATE_UNSAVABLE", {
    ...{ at, found, expected: "a state within the limits of a checkpoint" },
    fix: "Let `save` return bytes, or keep less in the state.",
  });
}
