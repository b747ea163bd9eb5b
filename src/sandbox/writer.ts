// Writer: grows the rewritten module, and remembers which of its bytes came from where.
//
// Sizes of sections and bodies are written as five-byte LEB128s and filled in at the end, so that
// nothing is written twice. A `Writer` never checks: it is handed only what `decode` has read.

/** From offsets of the rewritten module to offsets of the author's. */
export interface OffsetMap {
  /** The author's offset of the byte at `offset`; for a byte we added, of the instruction it guards. */
  toOriginal(offset: number): number;
}

const COPIED = 0;
const ADDED = 1;

export class Writer implements OffsetMap {
  #bytes: Uint8Array;
  #length = 0;
  readonly #source: Uint8Array;
  // Runs of bytes of one kind: where each begins here, where it stands in the source, and its kind.
  readonly #runsAt: number[] = [];
  readonly #runsFrom: number[] = [];
  readonly #runsKind: number[] = [];

  constructor(source: Uint8Array) {
    this.#source = source;
    this.#bytes = new Uint8Array(source.length + (source.length >> 1) + 1024);
  }

  get length(): number {
    return this.#length;
  }

  /** The bytes so far; a view that further writing may leave stale. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length) as Uint8Array<ArrayBuffer>;
  }

  /** Copies the source's bytes from `from` up to `to`. */
  copy(from: number, to: number): void {
    if (from === to) return;
    const count = to - from;
    this.#reserve(count);
    this.#run(from, COPIED);
    if (count < 32)
      for (let i = 0; i < count; i++) this.#bytes[this.#length + i] = this.#source[from + i]!;
    else this.#bytes.set(this.#source.subarray(from, to), this.#length);
    this.#length += count;
  }

  /** Adds bytes of ours in front of the source's byte at `before`. */
  add(bytes: ArrayLike<number>, before: number): void {
    const count = bytes.length;
    this.#reserve(count);
    this.#run(before, ADDED);
    for (let i = 0; i < count; i++) this.#bytes[this.#length + i] = bytes[i]!;
    this.#length += count;
  }

  addU32(value: number, before: number): void {
    this.add(leb(value), before);
  }

  /** Leaves room for a size; `fill` writes it when the part is complete. */
  open(before: number): number {
    this.add(ROOM, before);
    return this.#length;
  }

  /** Fills in the size of the part that `open` began. */
  fill(opened: number): void {
    this.patch(opened - 5, this.#length - opened);
  }

  /** Writes `value` as a five-byte LEB128 over bytes written before. */
  patch(at: number, value: number): void {
    let rest = value;
    for (let i = 0; i < 4; i++, rest = Math.floor(rest / 128))
      this.#bytes[at + i] = (rest & 0x7f) | 0x80;
    this.#bytes[at + 4] = rest & 0x7f;
  }

  toOriginal(offset: number): number {
    let low = 0;
    let high = this.#runsAt.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#runsAt[middle]! <= offset) low = middle;
      else high = middle;
    }
    const from = this.#runsFrom[low] ?? 0;
    return this.#runsKind[low] === COPIED ? from + offset - this.#runsAt[low]! : from;
  }

  /** Begins a run unless the last one goes on. */
  #run(from: number, kind: number): void {
    const last = this.#runsAt.length - 1;
    if (last >= 0 && this.#runsKind[last] === kind) {
      const expected =
        kind === COPIED
          ? this.#runsFrom[last]! + this.#length - this.#runsAt[last]!
          : this.#runsFrom[last]!;
      if (expected === from) return;
    }
    this.#runsAt.push(this.#length);
    this.#runsFrom.push(from);
    this.#runsKind.push(kind);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

const ROOM = [0x80, 0x80, 0x80, 0x80, 0x00];

/** An unsigned LEB128, as short as it goes. */
export function leb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return bytes;
}

/** A signed LEB128 of an i32, as short as it goes. */
export function signedLeb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  for (;;) {
    const byte = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && !(byte & 0x40)) || (rest === -1 && byte & 0x40)) {
      bytes.push(byte);
      return bytes;
    }
    bytes.push(byte | 0x80);
  }
}

/** A name as the format has it: its length in bytes, then UTF-8. */
export function nameBytes(name: string): number[] {
  const encoded = new TextEncoder().encode(name);
  return [...leb(encoded.length), ...encoded];
}
