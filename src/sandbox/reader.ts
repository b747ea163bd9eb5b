// Reader: a bounded cursor over a module's bytes, as strict about integers as the engines are.
//
// Every read either returns a value that lies wholly inside the bytes or throws MODULE_MALFORMED
// with the offset; nothing is clamped, skipped or guessed. Offsets are those of the whole module,
// also while one section or function is read, so that an error names the author's byte.

import { Failure } from "../base/mod.ts";

const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** One value type: its first byte, and a place in the module where it is spelled. */
export interface ValueType {
  readonly code: number;
  readonly at: number;
  readonly end: number;
}

export class Reader {
  readonly bytes: Uint8Array;
  /** Offset of the next byte. */
  at: number;
  /** Offset behind the last byte that may be read: of the module, or of the part in hand. */
  end: number;
  /**
   * How many types may be named by index. Within the type section the engine alone can tell; behind
   * it an index one too high would come to name a type that the rewriter appends.
   */
  types = Infinity;
  /** Value types read so far, by what they are (types.ts). */
  readonly spellings = new Map<number, ValueType>();

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  u8(): number {
    if (this.at >= this.end) throw this.truncated(1);
    return this.bytes[this.at++]!;
  }

  /** An unsigned LEB128 of at most 32 bits: five bytes, the last one below 16. */
  u32(): number {
    const first = this.u8();
    if (first < 0x80) return first; // Nearly every index and count is one byte.
    let value = first & 0x7f;
    for (let shift = 7; shift < 35; shift += 7) {
      const byte = this.u8();
      if (shift === 28 && byte > 0x0f)
        throw malformed(this.at - 1, "an integer beyond 32 bits", "a u32");
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw malformed(this.at - 1, "an integer of more than five bytes", "a u32");
  }

  /** An unsigned LEB128 of at most 64 bits: ten bytes, the last one 0 or 1. */
  u64(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.u8();
      if (shift === 63n && byte > 1)
        throw malformed(this.at - 1, "an integer beyond 64 bits", "a u64");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw malformed(this.at - 1, "an integer of more than ten bytes", "a u64");
  }

  /** Steps over an unsigned LEB128 of at most 64 bits, with the checks of `u64` and no bigint. */
  skipU64(): void {
    for (let count = 1; count <= 10; count++) {
      const byte = this.u8();
      if (count === 10 && byte > 1)
        throw malformed(this.at - 1, "an integer beyond 64 bits", "a u64");
      if (byte < 0x80) return;
    }
    throw malformed(this.at - 1, "an integer of more than ten bytes", "a u64");
  }

  /** Steps over a signed LEB128 of `bits` bits: its last byte must extend the sign and nothing else. */
  skipSigned(bits: 32 | 33 | 64): void {
    const bytesMax = Math.ceil(bits / 7);
    const used = bits - 7 * (bytesMax - 1); // Bits of the last byte that belong to the number.
    for (let count = 1; count <= bytesMax; count++) {
      const byte = this.u8();
      if (byte >= 0x80) continue;
      if (count < bytesMax) return;
      const sign = (byte & 0x7f) >> (used - 1);
      if (sign === 0 || sign === 0x7f >> (used - 1)) return;
      throw malformed(this.at - 1, `an integer beyond ${bits} bits`, `an s${bits}`);
    }
    throw malformed(this.at - 1, `an integer of more than ${bytesMax} bytes`, `an s${bits}`);
  }

  /** A signed LEB128 of 33 bits, as block and heap types are written. */
  s33(): number {
    const start = this.at;
    this.skipSigned(33);
    let value = 0;
    for (let at = this.at - 1; at >= start; at--) value = value * 128 + (this.bytes[at]! & 0x7f);
    const bits = 7 * (this.at - start);
    return value >= 2 ** (bits - 1) ? value - 2 ** bits : value;
  }

  /** Steps over `count` bytes and returns where they began. */
  skip(count: number): number {
    const start = this.at;
    if (count > this.end - start) throw this.truncated(count);
    this.at = start + count;
    return start;
  }

  /** The count of a vector, refused above `max` and where the bytes left could not hold it. */
  count(what: string, max: number): number {
    const at = this.at;
    const count = this.u32();
    if (count > this.end - this.at)
      throw malformed(
        at,
        `${count} ${what} in ${this.end - this.at} bytes`,
        "one byte or more for each",
      );
    if (count > max) throw tooLarge(at, `${count} ${what}`, max);
    return count;
  }

  /** A name: valid UTF-8 of at most `bytesMax` bytes. */
  name(bytesMax: number): string {
    const at = this.at;
    const length = this.u32();
    const start = this.skip(length);
    if (length > bytesMax) throw tooLarge(at, `a name of ${length} bytes`, bytesMax);
    try {
      return text.decode(this.bytes.subarray(start, this.at));
    } catch (cause) {
      throw malformed(start, "a name that is not UTF-8", "UTF-8", cause);
    }
  }

  truncated(count: number): Failure {
    const left = this.end - this.at;
    return malformed(this.at, `${left} bytes left`, `${count} or more: the module ends too early`);
  }
}

/** "byte 0x1f", the form in which every error of this room names an offset. */
export function byteAt(offset: number): string {
  return `byte 0x${offset.toString(16)}`;
}

/** MODULE_MALFORMED at `offset`. No engine would run these bytes either. */
export function malformed(
  offset: number,
  found: string,
  expected: string,
  cause?: unknown,
): Failure {
  return new Failure(
    "MODULE_MALFORMED",
    {
      at: byteAt(offset),
      found,
      expected,
      fix: "Rebuild the module; check that the file is whole.",
    },
    { detail: { offset }, ...(cause === undefined ? {} : { cause }) },
  );
}

/** MODULE_REFUSED at `offset`: well-formed perhaps, but more than the sandbox takes on. */
export function tooLarge(offset: number, found: string, max: number): Failure {
  return new Failure(
    "MODULE_REFUSED",
    {
      at: byteAt(offset),
      found,
      expected: `at most ${max}`,
      fix: "Build a smaller module, or split it.",
    },
    { detail: { offset, max } },
  );
}

/** MODULE_UNSUPPORTED at `offset`: well-formed perhaps, but `feature` is not one that we can read. */
export function unsupported(offset: number, feature: string, found: string): Failure {
  return new Failure(
    "MODULE_UNSUPPORTED",
    {
      at: byteAt(offset),
      found: `${found} (${feature})`,
      expected: "features of core WebAssembly that this version decodes",
      fix: `Build the module without ${feature}.`,
    },
    { detail: { offset, feature } },
  );
}
