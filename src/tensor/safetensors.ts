// Safetensors: `.safetensors` files. The header is parsed once; each tensor is viewed when asked for.
//
//   header length: u64 | JSON header, padded with blanks | the tensors' bytes, end to end

import { Failure, TENSOR_LIMITS } from "../base/mod.ts";
import { excerpt } from "./cursor.ts";
import {
  LENGTH_BYTES,
  parseSafetensorsHeader,
  type SafetensorsEntry,
  type SafetensorsHeader,
} from "./safetensors-header.ts";
import { checkedBytes, type FileDType, type Tensor, tensorOver, tooLarge } from "./tensor.ts";

const HEADER_ALIGN_BYTES = 8;

/** The types that can be read, by the format's names, in the order in which a writer lays them. */
const READABLE: readonly (readonly [name: string, dtype: FileDType])[] = [
  ["F32", "f32"],
  ["I32", "i32"],
  ["BF16", "bf16"],
  ["F16", "f16"],
  ["I8", "i8"],
  ["U8", "u8"],
];

/** Checks the whole header of the file `bytes` and copies nothing. */
export function openSafetensors(bytes: Uint8Array): SafetensorsFile {
  return new SafetensorsFile(bytes, parseSafetensorsHeader(bytes, bytes.length));
}

export class SafetensorsFile {
  /** What the author wrote beside the tensors. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Every tensor of the file by name, also those whose element type cannot be read here. */
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  readonly #bytes: Uint8Array;

  /** Made by `openSafetensors`, which vouches that the header fits the bytes. */
  constructor(bytes: Uint8Array, { metadata, entries }: SafetensorsHeader) {
    this.metadata = metadata;
    this.entries = entries;
    this.#bytes = bytes;
  }

  /** The tensor `name`: a view of the file's bytes where they are aligned, a copy where not. */
  get(name: string): Tensor {
    const dtype = readableType(this.entries, name);
    const entry = this.entries.get(name)!;
    return tensorOver(this.#bytes, entry, { dtype, shape: entry.shape });
  }
}

/** The element type of the tensor `name`. Fails where there is none, or none that can be read. */
export function readableType(
  entries: ReadonlyMap<string, SafetensorsEntry>,
  name: string,
): FileDType {
  const entry = entries.get(name);
  if (entry === undefined) throw notFound(name, entries);
  const dtype = READABLE.find(([readable]) => readable === entry.dtype)?.[1];
  if (dtype === undefined) throw unreadable(entry);
  return dtype;
}

export interface SafetensorsOptions {
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * The bytes of a `.safetensors` file. Wide elements come first, then by name, as the format's own
 * library lays them, so that each is aligned; the order of `tensors` and `metadata` is no matter.
 */
export function writeSafetensors(
  tensors: Iterable<readonly [name: string, tensor: Tensor]>,
  { metadata = {} }: SafetensorsOptions = {},
): Uint8Array<ArrayBuffer> {
  const byName = new Map<string, Row>();
  for (const [name, tensor] of tensors) {
    if (byName.has(name)) throw unusableName(name, "each name once");
    byName.set(name, rowOf(name, tensor));
  }
  const rows = [...byName.values()].sort(inOrder);
  if (rows.length > TENSOR_LIMITS.tensorsMax) {
    throw tooLarge("the table", `${rows.length} tensors`, `at most ${TENSOR_LIMITS.tensorsMax}`);
  }
  const header = headerText(rows, metadata);
  const total = rows.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const file = new Uint8Array(LENGTH_BYTES + header.length + total);
  new DataView(file.buffer).setBigUint64(0, BigInt(header.length), true);
  file.set(header, LENGTH_BYTES);
  let at = LENGTH_BYTES + header.length;
  for (const { bytes } of rows) {
    file.set(bytes, at);
    at += bytes.length;
  }
  return file;
}

interface Row {
  readonly name: string;
  readonly dtype: FileDType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

function rowOf(name: string, tensor: Tensor): Row {
  const bytes = checkedBytes(tensor, `tensor ${excerpt(name)}`);
  if (name === "__metadata__") throw unusableName(name, "any other name");
  return { name: unicode(name), dtype: tensor.dtype, shape: tensor.shape, bytes };
}

/** Wide elements first, then names by code point. */
function inOrder(a: Row, b: Row): number {
  const rank = ({ dtype }: Row): number => READABLE.findIndex(([, readable]) => readable === dtype);
  return rank(a) - rank(b) || byCodePoint(a.name, b.name);
}

function headerText(rows: readonly Row[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const members: string[] = [];
  const notes = Object.entries(metadata).sort(([a], [b]) => byCodePoint(a, b));
  if (notes.length > 0) {
    const pairs = notes.map(([key, note]) => `${json(unicode(key))}:${json(unicode(note))}`);
    members.push(`"__metadata__":{${pairs.join(",")}}`);
  }
  let at = 0;
  for (const { name, dtype, shape, bytes } of rows) {
    const type = READABLE.find(([, readable]) => readable === dtype)![0];
    const offsets = `${at},${(at += bytes.length)}`;
    members.push(
      `${json(name)}:{"dtype":"${type}","shape":[${shape.join(",")}],"data_offsets":[${offsets}]}`,
    );
  }
  const text = new TextEncoder().encode(`{${members.join(",")}}`);
  const padded = Math.ceil(text.length / HEADER_ALIGN_BYTES) * HEADER_ALIGN_BYTES;
  const { headerBytesMax } = TENSOR_LIMITS;
  if (padded > headerBytesMax) throw tooLarge("the header", `${padded} bytes`, `${headerBytesMax}`);
  const header = new Uint8Array(padded).fill(0x20);
  header.set(text);
  return header;
}

const json = (text: string): string => JSON.stringify(text);

/** The order of UTF-8 bytes, where JavaScript's own would be that of UTF-16 units. */
function byCodePoint(a: string, b: string): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    if (a[i] !== b[i]) return a.codePointAt(i)! - b.codePointAt(i)!;
  }
  return a.length - b.length;
}

function unicode(text: string): string {
  if (text.isWellFormed()) return text;
  throw unusableName(text, "Unicode without lone surrogates");
}

function unusableName(name: string, expected: string): Failure {
  const fix = "Rename it.";
  return new Failure("TENSOR_INVALID", { found: `the name ${excerpt(name)}`, expected, fix });
}

function notFound(name: string, entries: ReadonlyMap<string, unknown>): Failure {
  const names = [...entries.keys()].slice(0, 8).map(excerpt).join(", ");
  const more = entries.size > 8 ? `, and ${entries.size - 8} more` : "";
  return new Failure("TENSOR_NOT_FOUND", {
    found: excerpt(name),
    expected: entries.size === 0 ? "nothing: the file holds no tensors" : `${names}${more}`,
    fix: "Name one of the file's tensors.",
  });
}

function unreadable({ name, dtype }: SafetensorsEntry): Failure {
  return new Failure("TENSOR_FILE_UNSUPPORTED", {
    at: `tensor ${excerpt(name)}`,
    found: `element type ${excerpt(dtype)}`,
    expected: READABLE.map(([readable]) => readable).join(", "),
    fix: "Convert this tensor before saving; the others of the file can be read.",
  });
}
