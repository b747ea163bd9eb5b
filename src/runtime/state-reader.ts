// State reader: the values that state-writer.ts wrote. The bytes may be a stranger's: every length is compared
// with what is left before anything is made of it, and what is left over is refused.

import { CHECKPOINT_LIMITS, Failure } from "../base/mod.ts";
import { TAG, VIEWS } from "./state-writer.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const latin1 = new TextDecoder("latin1");
const HEX = /^-?[0-9a-f]+$/;

/** Fails with CHECKPOINT_INVALID. */
export function decodeState(bytes: Uint8Array): unknown {
  const reader = new StateReader(bytes);
  const value = reader.value(0);
  reader.end();
  return value;
}

class StateReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #seen: unknown[] = [];
  #at = 0;
  #values = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  value(depth: number): unknown {
    const { valuesMax, valueDepthMax } = CHECKPOINT_LIMITS;
    if (++this.#values > valuesMax) throw this.#invalid("more values", `${valuesMax} at most`);
    if (depth > valueDepthMax) throw this.#invalid("deeper objects", `${valueDepthMax} at most`);
    const tag = this.#byte();
    switch (tag) {
      case TAG.undefined:
        return undefined;
      case TAG.null:
        return null;
      case TAG.false:
        return false;
      case TAG.true:
        return true;
      case TAG.number:
        return this.#number();
      case TAG.bigint:
        return this.#bigint();
      case TAG.text:
      case TAG.units:
        return this.#textOf(tag);
      case TAG.seen:
        return this.#again();
      default:
        return this.#object(tag, depth + 1);
    }
  }

  /** Everything was read. */
  end(): void {
    if (this.#at < this.#bytes.length) throw this.#invalid("bytes behind the value", "none");
  }

  #object(tag: number, depth: number): unknown {
    const { objectsMax } = CHECKPOINT_LIMITS;
    if (this.#seen.length >= objectsMax)
      throw this.#invalid("more objects", `${objectsMax} at most`);
    switch (tag) {
      case TAG.date:
        return this.#met(new Date(this.#number()));
      case TAG.array:
        return this.#array(depth);
      case TAG.object:
        return this.#entries({}, depth);
      case TAG.bare:
        return this.#entries(Object.create(null) as object, depth);
      case TAG.map:
        return this.#map(depth);
      case TAG.set:
        return this.#set(depth);
      case TAG.buffer:
        return this.#met(new Uint8Array(this.#chunk()).buffer);
      case TAG.view:
        return this.#met(this.#viewOf());
      default:
        throw this.#invalid(`tag ${tag}`, "a known one");
    }
  }

  /** An object that others may name from now on. */
  #met<Value>(value: Value): Value {
    this.#seen.push(value);
    return value;
  }

  #again(): unknown {
    const number = this.#count(0);
    if (number >= this.#seen.length)
      throw this.#invalid(`object ${number}`, "one that came before");
    return this.#seen[number];
  }

  #array(depth: number): unknown[] {
    const array = this.#met<unknown[]>([]);
    for (let left = this.#count(1); left > 0; left--) array.push(this.value(depth));
    return array;
  }

  #entries(object: object, depth: number): object {
    this.#met(object);
    for (let left = this.#count(6); left > 0; left--) {
      const name = this.#textOf(this.#byte());
      if (Object.hasOwn(object, name)) throw this.#invalid(`two of name ${name}`, "one");
      const value = this.value(depth);
      // Not an assignment: `__proto__` is a name like any other here.
      Object.defineProperty(object, name, {
        ...{ value, writable: true, enumerable: true, configurable: true },
      });
    }
    return object;
  }

  #map(depth: number): Map<unknown, unknown> {
    const map = this.#met(new Map<unknown, unknown>());
    for (let left = this.#count(2); left > 0; left--) map.set(this.value(depth), this.value(depth));
    return map;
  }

  #set(depth: number): Set<unknown> {
    const set = this.#met(new Set<unknown>());
    for (let left = this.#count(1); left > 0; left--) set.add(this.value(depth));
    return set;
  }

  #viewOf(): ArrayBufferView {
    const kind = this.#byte();
    const View = VIEWS[kind] as (new (buffer: ArrayBuffer) => ArrayBufferView) | undefined;
    if (View === undefined) throw this.#invalid(`a view of kind ${kind}`, "a known one");
    const bytes = this.#chunk();
    const each = "BYTES_PER_ELEMENT" in View ? Number(View.BYTES_PER_ELEMENT) : 1;
    if (bytes.length % each !== 0)
      throw this.#invalid(`${bytes.length} bytes`, `a multiple of ${each}`);
    return new View(new Uint8Array(bytes).buffer);
  }

  #textOf(tag: number): string {
    const bytes = this.#chunk();
    if (tag === TAG.units && bytes.length % 2 === 0) {
      let text = ""; // A decoder replaces halves of surrogate pairs.
      for (let i = 0; i < bytes.length; i += 2)
        text += String.fromCharCode(bytes[i]! | (bytes[i + 1]! << 8));
      return text;
    }
    if (tag !== TAG.text) throw this.#invalid(`tag ${tag}`, "a text");
    try {
      return utf8.decode(bytes);
    } catch (cause) {
      throw this.#invalid("a text that is not UTF-8", "UTF-8", cause);
    }
  }

  #bigint(): bigint {
    const digits = this.#chunk();
    const { bigintDigitsMax } = CHECKPOINT_LIMITS;
    if (digits.length > bigintDigitsMax)
      throw this.#invalid(`${digits.length} digits`, `${bigintDigitsMax} at most`);
    const text = latin1.decode(digits);
    if (!HEX.test(text)) throw this.#invalid("a bigint of other digits", "hexadecimal ones");
    return text.startsWith("-") ? -BigInt(`0x${text.slice(1)}`) : BigInt(`0x${text}`);
  }

  #number(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  /** A number of things that take at least `each` bytes. */
  #count(each: number): number {
    const count = this.#view.getUint32(this.#take(4), true);
    if (count * each > this.#bytes.length - this.#at)
      throw this.#invalid(`${count} things`, `what ${this.#bytes.length - this.#at} bytes hold`);
    return count;
  }

  #chunk(): Uint8Array {
    const length = this.#count(1);
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  #byte(): number {
    return this.#bytes[this.#take(1)]!;
  }

  #take(bytes: number): number {
    const at = this.#at;
    if (at + bytes > this.#bytes.length) throw this.#invalid("its end", `${bytes} bytes more`);
    this.#at = at + bytes;
    return at;
  }

  #invalid(found: string, expected: string, cause?: unknown): Failure {
    const fix = "Take a checkpoint that was stored whole.";
    const at = `state, byte 0x${this.#at.toString(16)}`;
    return new Failure("CHECKPOINT_INVALID", { at, found, expected, fix }, { cause });
  }
}
