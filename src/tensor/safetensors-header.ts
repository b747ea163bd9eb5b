// SafetensorsHeader: the JSON table at the start of a `.safetensors` file, checked against the file.
//
// The grammar is small, so it is read directly: a general JSON parser would keep the last of two
// equal keys and lose every offset. Once parsed, the tensors must tile the data exactly: no overlap,
// no hole, nothing left over, so that no byte can mean two things to two readers.

import { Failure, TENSOR_LIMITS } from "../base/mod.ts";
import { byteAt, Cursor, excerpt, malformed } from "./cursor.ts";
import { elementsOf, tooLarge } from "./tensor.ts";

export const SAFETENSORS_FIX = "Write the file again with the safetensors library.";
const STRICT_UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
export const LENGTH_BYTES = 8; // The file begins with the header's length as a u64.

/** Bits of one element, for every type the format names. Unknown names are listed, not sized. */
const ELEMENT_BITS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    4: ["F4"],
    6: ["F6_E2M3", "F6_E3M2"],
    8: ["BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0"],
    16: ["I16", "U16", "F16", "BF16"],
    32: ["I32", "U32", "F32"],
    64: ["I64", "U64", "F64", "C64"],
  }).flatMap(([bits, names]) => names.map((name) => [name, Number(bits)] as const)),
);

/** One row of the table: a tensor's type, shape and place, before anything is read of it. */
export interface SafetensorsEntry {
  readonly name: string;
  /** The format's own name of the element type, also of those that cannot be read here. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Byte offsets in the file. */
  readonly start: number;
  readonly end: number;
  /** Where the header describes it, as a byte offset in the file. */
  readonly describedAt: number;
}

export interface SafetensorsHeader {
  readonly metadata: ReadonlyMap<string, string>;
  /** In the order of the header. */
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
}

/** Parses and checks the header. `head` is the file, or at least its first 8 + header bytes. */
export function parseSafetensorsHeader(head: Uint8Array, fileBytes: number): SafetensorsHeader {
  const dataStart = LENGTH_BYTES + headerBytes(head, fileBytes);
  const range = { start: LENGTH_BYTES, end: dataStart };
  const cursor = new Cursor(head, range, SAFETENSORS_FIX);
  if (cursor.peek() !== "{") cursor.fail('"{", without space before it');
  const header = { metadata: new Map<string, string>(), entries: new Map() };
  let metadataSeen = false;
  members(cursor, (name, at) => {
    if (name !== "__metadata__") {
      if (header.entries.has(name)) cursor.fail("each tensor once", at, excerpt(name));
      if (header.entries.size === TENSOR_LIMITS.tensorsMax) {
        throw tooLarge(byteAt(at), "one more tensor", `at most ${TENSOR_LIMITS.tensorsMax}`);
      }
      header.entries.set(name, parseEntry(cursor, { name, describedAt: at, dataStart, fileBytes }));
    } else {
      if (metadataSeen) cursor.fail("metadata once", at, excerpt(name));
      metadataSeen = true;
      parseMetadata(cursor, header.metadata);
    }
  });
  cursor.skipSpace();
  if (cursor.offset !== dataStart) cursor.fail("nothing but space after the header's object");
  checkTiling([...header.entries.values()], dataStart, fileBytes);
  return header;
}

function headerBytes(head: Uint8Array, fileBytes: number): number {
  if (head.length < LENGTH_BYTES) {
    const found = `a file of ${head.length} bytes`;
    const expected = `at least ${LENGTH_BYTES}, the length of the header`;
    throw malformed({ at: head.length, found, expected, fix: SAFETENSORS_FIX });
  }
  const length = new DataView(head.buffer, head.byteOffset).getBigUint64(0, true);
  const found = `a header of ${length} bytes`;
  const { headerBytesMax } = TENSOR_LIMITS;
  if (length > headerBytesMax) throw tooLarge(byteAt(0), found, `at most ${headerBytesMax}`);
  const room = Math.min(head.length, fileBytes) - LENGTH_BYTES;
  if (length <= room) return Number(length);
  throw malformed({
    at: 0,
    found,
    expected: `at most the ${room} that follow`,
    fix: SAFETENSORS_FIX,
  });
}

/** Reads an object, handing each key and its offset to `value`, which reads what belongs to it. */
function members(cursor: Cursor, value: (key: string, at: number) => void): void {
  cursor.expect("{");
  if (cursor.take("}")) return;
  do {
    cursor.skipSpace();
    const at = cursor.offset;
    const key = parseString(cursor);
    cursor.expect(":");
    value(key, at);
  } while (cursor.take(","));
  cursor.expect("}");
}

function parseString(cursor: Cursor): string {
  cursor.skipSpace();
  const at = cursor.offset;
  const text = decode(cursor.quoted('"'), at);
  return text.isWellFormed() ? text : cursor.fail("Unicode without lone surrogates", at);
}

/** Undoes the escapes of one JSON string. It holds no bare quote, and JSON.parse judges the rest. */
function decode(token: Uint8Array, at: number): string {
  try {
    return JSON.parse(`"${STRICT_UTF8.decode(token)}"`) as string;
  } catch (cause) {
    const found = "a bad escape, a control character or bytes that are not UTF-8";
    throw malformed({ at, found, expected: "a JSON string", fix: SAFETENSORS_FIX, cause });
  }
}

function parseMetadata(cursor: Cursor, into: Map<string, string>): void {
  members(cursor, (key, at) => {
    if (into.has(key)) cursor.fail("each key once", at, excerpt(key));
    into.set(key, parseString(cursor));
  });
}

interface Place {
  readonly name: string;
  readonly describedAt: number;
  readonly dataStart: number;
  readonly fileBytes: number;
}

function parseEntry(cursor: Cursor, place: Place): SafetensorsEntry {
  let dtype: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  members(cursor, (key, at) => {
    if (key === "dtype" && dtype === undefined) dtype = parseString(cursor);
    else if (key === "shape" && !shape) shape = parseNumbers(cursor, TENSOR_LIMITS.rankMax);
    else if (key === "data_offsets" && !offsets) offsets = parseNumbers(cursor, 2);
    else cursor.fail("dtype, shape and data_offsets, once each", at, excerpt(key));
  });
  const { name, describedAt, dataStart, fileBytes } = place;
  if (dtype === undefined || !shape || offsets?.length !== 2) {
    return cursor.fail("dtype, shape and two data_offsets", describedAt, "fewer");
  }
  const [start, end] = [dataStart + offsets[0]!, dataStart + offsets[1]!];
  if (start > end || end > fileBytes) {
    const expected = `a range inside the ${fileBytes - dataStart} bytes of data`;
    cursor.fail(expected, describedAt, `data_offsets [${offsets.join(", ")}]`);
  }
  checkSize(cursor, { name, dtype, shape, start, end, describedAt });
  return { name, dtype, shape, start, end, describedAt };
}

function parseNumbers(cursor: Cursor, most: number): number[] {
  const numbers: number[] = [];
  cursor.expect("[");
  if (cursor.take("]")) return numbers;
  do {
    if (numbers.length === most) throw tooLarge(byteAt(cursor.offset), "more", `${most} numbers`);
    numbers.push(cursor.integer());
  } while (cursor.take(","));
  cursor.expect("]");
  return numbers;
}

/** Shape times element size must be the bytes it was given. A type of unknown size is let be. */
function checkSize(
  cursor: Cursor,
  { dtype, shape, start, end, describedAt }: SafetensorsEntry,
): void {
  const bits = ELEMENT_BITS.get(dtype);
  if (bits === undefined) return;
  const elements = elementsOf(shape);
  const bytes = elements === undefined ? undefined : (elements * bits) / 8;
  if (bytes === end - start) return;
  const expected = `${bytes ?? "too many"} for ${dtype} [${shape.join(", ")}]`;
  cursor.fail(expected, describedAt, `${end - start} bytes`);
}

/** In order of place, every tensor must begin where the one before it ended, up to the file's end. */
function checkTiling(entries: SafetensorsEntry[], dataStart: number, fileBytes: number): void {
  let covered = dataStart;
  for (const entry of entries.sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (entry.start !== covered) throw untiled(entry.start < covered, entry.describedAt, covered);
    covered = entry.end;
  }
  if (covered !== fileBytes) throw untiled(false, covered, covered);
}

function untiled(overlaps: boolean, at: number, covered: number): Failure {
  const found = overlaps ? "two tensors that share bytes" : "bytes that belong to no tensor";
  const expected = `the next tensor to begin at ${byteAt(covered)}, or the file to end there`;
  return malformed({ at, found, expected, fix: SAFETENSORS_FIX });
}
