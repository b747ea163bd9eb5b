// NpyHeader: the Python dict literal at the start of a `.npy` file, as numpy writes it.
//
//   {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
//
// Exactly three keys, in any order and spacing. Nothing is evaluated: this reads that grammar only.

import { Failure, TENSOR_LIMITS } from "../base/mod.ts";
import { byteAt, Cursor, excerpt } from "./cursor.ts";
import { tooLarge } from "./tensor.ts";

export const NPY_FIX = "Write the file again with numpy.save, with allow_pickle=False.";

export interface NpyHeader {
  /** numpy's name of the element type, such as "<f4"; undefined for a structured type. */
  readonly descr: string;
  readonly descrOffset: number;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
}

/** Parses the header that lies between `start` and `end` of the file. */
export function parseNpyHeader(
  bytes: Uint8Array,
  range: { start: number; end: number },
): NpyHeader {
  const cursor = new Cursor(bytes, range, NPY_FIX);
  const found: { -readonly [K in keyof NpyHeader]?: NpyHeader[K] } = {};
  cursor.expect("{");
  while (!cursor.take("}")) {
    parseEntry(cursor, found);
    if (!cursor.take(",")) {
      cursor.expect("}");
      break;
    }
  }
  cursor.skipSpace();
  if (cursor.peek() !== "") cursor.fail("nothing after the header's dict");
  const { descr, descrOffset, fortranOrder, shape } = found;
  if (descr === undefined || descrOffset === undefined || fortranOrder === undefined || !shape) {
    return cursor.fail("the keys descr, fortran_order and shape", range.start, "fewer");
  }
  return { descr, descrOffset, fortranOrder, shape };
}

function parseEntry(
  cursor: Cursor,
  into: { -readonly [K in keyof NpyHeader]?: NpyHeader[K] },
): void {
  cursor.skipSpace();
  const at = cursor.offset;
  const key = parseString(cursor);
  cursor.expect(":");
  cursor.skipSpace();
  if (key === "descr" && into.descr === undefined) {
    into.descrOffset = cursor.offset;
    into.descr = parseDescr(cursor);
  } else if (key === "fortran_order" && into.fortranOrder === undefined) {
    into.fortranOrder = parseBoolean(cursor);
  } else if (key === "shape" && into.shape === undefined) {
    into.shape = parseTuple(cursor);
  } else {
    cursor.fail("descr, fortran_order and shape, once each", at, excerpt(key));
  }
}

function parseDescr(cursor: Cursor): string {
  if (cursor.peek() !== "[") return parseString(cursor);
  throw new Failure("TENSOR_FILE_UNSUPPORTED", {
    at: byteAt(cursor.offset),
    found: "a structured element type",
    expected: "one plain element type",
    fix: "Save each field as an array of its own.",
  });
}

/** A string in either quote. numpy never needs an escape here, so none is accepted. */
function parseString(cursor: Cursor): string {
  const at = cursor.offset;
  const quote = cursor.peek();
  if (quote !== "'" && quote !== '"') cursor.fail("a quoted string");
  let text = "";
  for (const byte of cursor.quoted(quote)) {
    if (byte < 0x20 || byte > 0x7e || byte === 0x5c) cursor.fail("plain ASCII", at);
    text += String.fromCharCode(byte);
  }
  return text;
}

function parseBoolean(cursor: Cursor): boolean {
  if (cursor.take("True")) return true;
  if (!cursor.take("False")) cursor.fail("True or False");
  return false;
}

/** `()`, `(3,)` or `(3, 4)`; `(3)` is a number in Python. Python 2 wrote an L after a long. */
function parseTuple(cursor: Cursor): number[] {
  cursor.expect("(");
  const numbers: number[] = [];
  let comma = true;
  while (!cursor.take(")")) {
    if (!comma) cursor.fail('"," or ")"');
    if (numbers.length === TENSOR_LIMITS.rankMax) {
      throw tooLarge(byteAt(cursor.offset), "more dimensions", `${TENSOR_LIMITS.rankMax} at most`);
    }
    numbers.push(cursor.integer());
    cursor.take("L");
    comma = cursor.take(",");
    if (!comma && numbers.length === 1) cursor.fail('"," after the first dimension');
  }
  return numbers;
}
