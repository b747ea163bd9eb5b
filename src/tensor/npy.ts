// Npy: numpy's `.npy` files, format versions 1.0, 2.0 and 3.0.
//
//   "\x93NUMPY" | major | minor | header length: u16 (1.0) or u32 | header, "\n" | elements
//
// Read: little-endian f32, f16, i32, and i8, u8; bf16 when the caller says that two raw bytes are
// that. Column-major (Fortran) data is turned into row-major. Everything else, pickles above all,
// is refused by name. Written: version 1.0, byte for byte what numpy itself writes.

import { assert, Failure, sizeBytes, TENSOR_LIMITS } from "../base/mod.ts";
import { byteAt, excerpt, malformed } from "./cursor.ts";
import { NPY_FIX, type NpyHeader, parseNpyHeader } from "./npy-header.ts";
import {
  checkedBytes,
  elementsOf,
  type FileDType,
  type Tensor,
  tensorOver,
  tooLarge,
} from "./tensor.ts";

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // "\x93NUMPY"
const DATA_ALIGN_BYTES = 64; // numpy pads the header so that the elements can be mapped and used.
const GROWTH_DIGITS = 21; // numpy leaves room for the first dimension to grow in place.

const DTYPE_OF_DESCR: ReadonlyMap<string, FileDType> = new Map([
  ["<f4", "f32"],
  ["<f2", "f16"],
  ["<i4", "i32"],
  ["|i1", "i8"],
  ["<i1", "i8"],
  ["|u1", "u8"],
  ["<u1", "u8"],
]);

const DESCR_OF_DTYPE: Readonly<Record<FileDType, string>> = {
  f32: "<f4",
  f16: "<f2",
  bf16: "<V2", // As the ml_dtypes package has numpy write it: two raw bytes, the name is lost.
  i32: "<i4",
  i8: "|i1",
  u8: "|u1",
};

export interface NpyOptions {
  /** What elements of two raw bytes are. numpy has no bf16: its files call them "<V2". */
  readonly rawPairs?: "bf16";
}

/** True when `bytes` begin as every `.npy` file does. */
export function isNpy(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, index) => bytes[index] === byte);
}

/** Reads one array. The tensor is a view of `bytes` where order and alignment allow, else a copy. */
export function readNpy(bytes: Uint8Array, options: NpyOptions = {}): Tensor {
  const range = headerRange(bytes);
  const header = parseNpyHeader(bytes, range);
  const dtype = dtypeOf(header, options);
  const expected = (elementsOf(header.shape) ?? Infinity) * sizeBytes(dtype);
  const found = bytes.length - range.end;
  if (found !== expected) {
    const at = range.end + Math.min(found, expected);
    const type = `${dtype} [${header.shape.join(", ")}]`;
    throw wrong(at, `${found} bytes of elements`, `exactly the ${expected} of ${type}`);
  }
  const { shape, fortranOrder } = header;
  const tensor = { dtype, shape };
  const data = { start: range.end, end: bytes.length };
  if (!fortranOrder || shape.length < 2) return tensorOver(bytes, data, tensor);
  const turned = rowMajor(bytes.slice(data.start, data.end), shape, sizeBytes(dtype));
  return tensorOver(turned, { start: 0, end: turned.length }, tensor);
}

/** The bytes of a `.npy` file: the same tensor always gives the same bytes. */
export function writeNpy(tensor: Tensor): Uint8Array<ArrayBuffer> {
  const data = checkedBytes(tensor, "the tensor");
  const header = headerText(tensor);
  const file = new Uint8Array(10 + header.length + data.length);
  file.set(MAGIC);
  file[6] = 1;
  new DataView(file.buffer).setUint16(8, header.length, true);
  new TextEncoder().encodeInto(header, file.subarray(10));
  file.set(data, 10 + header.length);
  return file;
}

function headerText({ dtype, shape }: Tensor): string {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const dict = `{'descr': '${DESCR_OF_DTYPE[dtype]}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const growth = shape.length === 0 ? 0 : GROWTH_DIGITS - String(shape[0]).length;
  const used = 10 + dict.length + growth + 1;
  const padding = growth + DATA_ALIGN_BYTES - (used % DATA_ALIGN_BYTES);
  const text = `${dict}${" ".repeat(padding)}\n`;
  assert(text.length < 2 ** 16, "a header of rankMax dimensions fits format version 1.0");
  return text;
}

function wrong(at: number, found: string, expected: string): Failure {
  return malformed({ at, found, expected, fix: NPY_FIX });
}

/** Where the header text lies, after the magic, the version and the length are checked. */
function headerRange(bytes: Uint8Array): { start: number; end: number } {
  if (!isNpy(bytes)) throw wrong(0, "other bytes", 'the magic "\\x93NUMPY"');
  const [major, minor] = [bytes[6] ?? 0, bytes[7] ?? 0];
  if (minor !== 0 || major < 1 || major > 3) {
    throw wrong(6, `format version ${major}.${minor}`, "1.0, 2.0 or 3.0");
  }
  const start = major === 1 ? 10 : 12;
  if (bytes.length < start) throw wrong(8, "the end of the file", "the length of the header");
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const { npyHeaderBytesMax } = TENSOR_LIMITS;
  if (length > npyHeaderBytesMax) {
    throw tooLarge(byteAt(8), `a header of ${length} bytes`, `at most ${npyHeaderBytesMax}`);
  }
  const end = start + length;
  if (end > bytes.length) throw wrong(8, `a header of ${length} bytes`, "one inside the file");
  return { start, end };
}

function dtypeOf({ descr, descrOffset }: NpyHeader, { rawPairs }: NpyOptions): FileDType {
  const isRawPair = descr === "<V2" || descr === "|V2";
  if (isRawPair && rawPairs !== undefined) return rawPairs;
  const dtype = DTYPE_OF_DESCR.get(descr);
  if (dtype !== undefined) return dtype;
  throw new Failure("TENSOR_FILE_UNSUPPORTED", {
    at: byteAt(descrOffset),
    found: `element type ${excerpt(descr)}`,
    expected: [...new Set(DTYPE_OF_DESCR.values())].join(", "),
    fix: adviceFor(descr, isRawPair),
  });
}

function adviceFor(descr: string, isRawPair: boolean): string {
  if (isRawPair) return 'If these pairs of bytes are bf16, read with { rawPairs: "bf16" }.';
  if (/^[|<>=]?O/.test(descr)) return "Objects are pickles, which run code: save plain numbers.";
  if (descr.startsWith(">"))
    return "Save little-endian: array.astype(array.dtype.newbyteorder('<')).";
  return "Convert before saving, for example with array.astype(numpy.float32).";
}

/** Turns column-major elements of `size` bytes around. Moves bits, so that a NaN stays the same. */
function rowMajor(columnMajor: Uint8Array<ArrayBuffer>, shape: readonly number[], size: number) {
  const Words = size === 4 ? Uint32Array : size === 2 ? Uint16Array : Uint8Array;
  const source = new Words(columnMajor.buffer);
  const target = new Words(source.length);
  let stride = 1;
  const strides = shape.map((dimension) => (stride *= dimension) / dimension);
  const index = shape.map(() => 0);
  for (let from = 0, to = 0; to < target.length; to++) {
    target[to] = source[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break; // The last axis turns fastest, as on an odometer.
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return new Uint8Array(target.buffer);
}
