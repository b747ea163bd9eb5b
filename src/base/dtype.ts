// DType: the element types of tensors, their sizes, and the typed array that views each of them.

export const DTYPES = ["f32", "f16", "bf16", "i8", "u8", "i32", "q4", "q8"] as const;
export type DType = (typeof DTYPES)[number];

/** What a view of a tensor's bytes is made of. bf16 has no typed array, so it is seen as u16 bits. */
export type TensorView =
  | Float32Array
  | Float16Array
  | Uint16Array
  | Int8Array
  | Uint8Array
  | Int32Array;

const SIZE_BYTES: Readonly<Record<DType, number>> = {
  f32: 4,
  f16: 2,
  bf16: 2,
  i8: 1,
  u8: 1,
  i32: 4,
  q4: 1, // The seed's figure, kept for compatibility: two values share this byte (see tensorBytes).
  q8: 1,
};

/** Bytes of one element as the manifest's seed counts them; q4 says 1 although it holds two values. */
export function sizeBytes(dtype: DType): number {
  return SIZE_BYTES[dtype];
}

/** Exact bytes of a tensor of `elements` elements. q4 packs two to a byte, a last odd one alone. */
export function tensorBytes(dtype: DType, elements: number): number {
  return dtype === "q4" ? Math.ceil(elements / 2) : elements * SIZE_BYTES[dtype];
}

/** Views `bytes` bytes at `offset` of `buffer` as elements of `dtype`; the buffer stays shared. */
export function viewOf(
  dtype: DType,
  buffer: ArrayBufferLike,
  offset: number,
  bytes: number,
): TensorView {
  switch (dtype) {
    case "f32":
      return new Float32Array(buffer, offset, bytes / 4);
    case "f16":
      return new Float16Array(buffer, offset, bytes / 2);
    case "bf16":
      return new Uint16Array(buffer, offset, bytes / 2);
    case "i8":
      return new Int8Array(buffer, offset, bytes);
    case "i32":
      return new Int32Array(buffer, offset, bytes / 4);
    case "u8":
    case "q4":
    case "q8":
      return new Uint8Array(buffer, offset, bytes);
    default:
      return dtype satisfies never;
  }
}
