// Safetensors in parts: a `.safetensors` file that is too large to be held whole. Its header is read when
// it is opened, a tensor when it is asked for.

import { TENSOR_LIMITS } from "../base/mod.ts";
import { readableType } from "./safetensors.ts";
import {
  LENGTH_BYTES,
  parseSafetensorsHeader,
  type SafetensorsEntry,
  type SafetensorsHeader,
} from "./safetensors-header.ts";
import { type FileDType, type Tensor, tensorOver } from "./tensor.ts";

/** A file that is read in parts. */
export interface Parts {
  /** The file's size. */
  readonly bytes: number;
  /** Exactly `bytes` bytes from `at` on, within the file; fails when they are not there any more. */
  read(at: number, bytes: number): Promise<Uint8Array>;
}

/** Checks the whole header and reads nothing behind it. */
export async function openSafetensorsParts(parts: Parts): Promise<SafetensorsParts> {
  const length = await parts.read(0, Math.min(LENGTH_BYTES, parts.bytes));
  const head = await parts.read(0, Math.min(headBytes(length), parts.bytes));
  return new SafetensorsParts(parts, parseSafetensorsHeader(head, parts.bytes));
}

export class SafetensorsParts {
  /** What the author wrote beside the tensors. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Every tensor of the file by name, also those whose element type cannot be read here. */
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  readonly #parts: Parts;

  /** Made by `openSafetensorsParts`, which vouches that the header fits the file. */
  constructor(parts: Parts, { metadata, entries }: SafetensorsHeader) {
    this.metadata = metadata;
    this.entries = entries;
    this.#parts = parts;
  }

  /** The element type of the tensor `name`, before anything is read of it. */
  dtype(name: string): FileDType {
    return readableType(this.entries, name);
  }

  /** Reads the tensor `name`. */
  async get(name: string): Promise<Tensor> {
    const dtype = this.dtype(name);
    const { start, end, shape } = this.entries.get(name)!;
    const bytes = await this.#parts.read(start, end - start);
    return tensorOver(bytes, { start: 0, end: bytes.length }, { dtype, shape });
  }
}

/** What to read for the header, as its first bytes say; the parser refuses one that is too long. */
function headBytes(length: Uint8Array): number {
  if (length.length < LENGTH_BYTES) return length.length;
  const said = new DataView(length.buffer, length.byteOffset).getBigUint64(0, true);
  return LENGTH_BYTES + (said > TENSOR_LIMITS.headerBytesMax ? 0 : Number(said));
}
