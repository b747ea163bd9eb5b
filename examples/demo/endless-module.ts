// Endless module: a kernel by hand, byte by byte, so that no compiler could be to blame.
//
//   run(descriptor): while (descriptor.params[0] != 0) {}   return OK

const I32 = 0x7f;
const END = 0x0b;
const RETURN_OK = [0x41, 0, END]; // i32.const 0

const RUN = [
  ...[0x03, 0x40], //     loop
  ...[0x20, 0], //          local.get 0       the descriptor,
  ...[0x28, 2, 32], //      i32.load +32      whose ninth word is where the params are,
  ...[0x28, 2, 0], //       i32.load          the first of which is `spin`
  ...[0x0d, 0], //          br_if loop
  END, //                 end
  ...RETURN_OK,
];

export function endlessModule(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // "\0asm", version 1
    ...section(1, [
      [0x60, 1, I32, 1, I32], // Type 0: run and kernel_info.
      [0x60, 2, I32, I32, 1, I32], // Type 1: kernel_init.
      [0x60, 0, 1, I32], // Type 2: kernel_cleanup.
    ]),
    ...section(3, [[0], [1], [0], [2]]), // The types of the four functions.
    ...section(5, [[0, 1]]), // A memory of one page.
    ...section(7, [
      [...name("run"), 0, 0],
      [...name("kernel_init"), 0, 1],
      [...name("kernel_info"), 0, 2],
      [...name("kernel_cleanup"), 0, 3],
      [...name("memory"), 2, 0],
    ]),
    ...section(10, [RUN, RETURN_OK, RETURN_OK, RETURN_OK].map(body)),
  ]);
}

/** A section is its number, its length and a vector; every length here takes one byte. */
function section(id: number, items: readonly (readonly number[])[]): number[] {
  const payload = items.flat();
  return [id, payload.length + 1, items.length, ...payload];
}

function name(text: string): number[] {
  return [text.length, ...new TextEncoder().encode(text)];
}

/** A function without locals. */
function body(code: readonly number[]): number[] {
  return [code.length + 1, 0, ...code];
}
