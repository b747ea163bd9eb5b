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
const SHORT_RUN = 32; // Bytes below which a loop copies faster than a view and a call.

export class Writer implements OffsetMap {
  #bytes: Uint8Array;
  #length = 0;
  readonly #source: Uint8Array;
  // Runs of bytes of one kind, three numbers each: where the run begins here, where it stands in the
  // source, and its kind. A large module has a million of them, so they are no objects.
  #runs = new Int32Array(3 * 1024);
  #runsEnd = 0;

  constructor(source: Uint8Array) {
    this.#source = source;
    this.#bytes = new Uint8Array(source.length + (source.length >> 1) + 1024);
  }

  get length(): number {
    return this.#length;
  }

  /** A copy of the bytes so far. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length) as Uint8Array<ArrayBuffer>;
  }

  /** Copies the source's bytes from `from` up to `to`. */
  copy(from: number, to: number): void {
    if (from === to) return;
    const count = to - from;
    this.#begin(from, COPIED, count);
    const at = this.#length;
    const [bytes, source] = [this.#bytes, this.#source];
    if (count < SHORT_RUN) for (let i = 0; i < count; i++) bytes[at + i] = source[from + i]!;
    else bytes.set(source.subarray(from, to), at);
    this.#length = at + count;
  }

  /** Adds bytes of ours in front of the source's byte at `before`. */
  add(added: ArrayLike<number>, before: number): void {
    const count = added.length;
    if (count === 0) return;
    this.#begin(before, ADDED, count);
    const at = this.#length;
    const bytes = this.#bytes;
    for (let i = 0; i < count; i++) bytes[at + i] = added[i]!;
    this.#length = at + count;
  }

  /** Adds an unsigned LEB128, as short as it goes. */
  addU32(value: number, before: number): void {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 128)) this.#addByte((rest & 0x7f) | 0x80, before);
    this.#addByte(rest, before);
  }

  #addByte(byte: number, before: number): void {
    this.#begin(before, ADDED, 1);
    this.#bytes[this.#length++] = byte;
  }

  /** Leaves room for a size; `fill` writes it when the part is complete. */
  open(before: number): number {
    this.add(ROOM, before);
    return this.#length;
  }

  /** Fills in the size of the part that `open` began. */
  fill(opened: number): void {
    this.patch(opened - ROOM.length, this.#length - opened);
  }

  /** Writes `value` as a five-byte LEB128 over bytes written before. */
  patch(at: number, value: number): void {
    let rest = value;
    for (let i = 0; i < 4; i++, rest = Math.floor(rest / 128))
      this.#bytes[at + i] = (rest & 0x7f) | 0x80;
    this.#bytes[at + 4] = rest & 0x7f;
  }

  toOriginal(offset: number): number {
    const runs = this.#runs;
    let low = 0;
    let high = this.#runsEnd / 3;
    if (high === 0) return 0;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (runs[middle * 3]! <= offset) low = middle;
      else high = middle;
    }
    const at = low * 3;
    const from = runs[at + 1]!;
    return runs[at + 2] === COPIED ? from + offset - runs[at]! : from;
  }

  /** Makes room for `count` bytes, and begins a run unless the last one goes on. */
  #begin(from: number, kind: number, count: number): void {
    if (this.#length + count > this.#bytes.length) this.#grow(count);
    const runs = this.#runs;
    const last = this.#runsEnd - 3;
    if (last >= 0 && runs[last + 2] === kind) {
      const passed = kind === COPIED ? this.#length - runs[last]! : 0;
      if (runs[last + 1]! + passed === from) return;
    }
    const end = this.#runsEnd;
    if (end === runs.length) this.#growRuns();
    this.#runs[end] = this.#length;
    this.#runs[end + 1] = from;
    this.#runs[end + 2] = kind;
    this.#runsEnd = end + 3;
  }

  #grow(count: number): void {
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }

  #growRuns(): void {
    const grown = new Int32Array(this.#runs.length * 2);
    grown.set(this.#runs);
    this.#runs = grown;
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
