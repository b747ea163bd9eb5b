// Protobuf: the little of its wire format that writing a model takes. Nothing here reads.

const VARINT = 0;
const BYTES = 2;
const FIXED32 = 5;

/** One encoded field. Fields of a message may come in any order, and repeat. */
export type Field = readonly number[];

export function integer(number: number, value: number): Field {
  return [...varint((number << 3) | VARINT), ...varint(value)];
}

export function float(number: number, value: number): Field {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return [...varint((number << 3) | FIXED32), ...bytes];
}

export function text(number: number, value: string): Field {
  return sized(number, [...new TextEncoder().encode(value)]);
}

export function message(number: number, fields: readonly Field[]): Field {
  return sized(number, fields.flat());
}

function sized(number: number, bytes: readonly number[]): Field {
  return [...varint((number << 3) | BYTES), ...varint(bytes.length), ...bytes];
}

/** Seven bits a byte, the lowest first; 64-bit two's complement where negative. */
function varint(value: number): number[] {
  let left = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  while (left >= 0x80n) {
    bytes.push(Number(left & 0x7fn) | 0x80);
    left >>= 7n;
  }
  return [...bytes, Number(left)];
}
