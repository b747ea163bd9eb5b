// Module bombs: modules near the largest size that is taken, of one thing each, as often as it goes.
// As a script it decodes, names and rewrites the one that it is told.

import { Failure } from "../../src/base/mod.ts";
import { decode } from "../../src/sandbox/decode.ts";
import { instrumentModule } from "../../src/sandbox/instrument.ts";
import { functionNames } from "../../src/sandbox/names.ts";
import { HEADER } from "../../src/sandbox/wasm.fixture.ts";
import { leb } from "../../src/sandbox/writer.ts";

type Part = ArrayLike<number>;

const END = 0x0b;
const FUNCTION = vector(1, [0x60, 0, 0], 1);

export const BOMBS: Readonly<Record<string, () => Uint8Array>> = {
  "custom sections": () => joined(HEADER, repeated([0, 1, 0], 5_500_000)),
  types: () => joined(HEADER, vector(1, [0x60, 0, 0], 1_000_000)),
  parameters: () => {
    const type = joined([0x60], leb(1000), repeated([0x7f], 1000), [0]);
    return joined(HEADER, vector(1, type, 16_000));
  },
  functions: () =>
    joined(HEADER, FUNCTION, vector(3, [0], 1_000_000), vector(10, [2, 0, END], 1_000_000)),
  globals: () => joined(HEADER, vector(6, [0x7f, 0, 0x41, 0, END], 1_000_000)),
  "elements that name a global": () =>
    joined(
      HEADER,
      vector(6, [0x6f, 0, 0xd0, 0x6f, END], 1),
      part(9, [1, 5, 0x6f], leb(5_000_000), repeated([0x23, 0, END], 5_000_000)),
    ),
  elements: () =>
    joined(
      HEADER,
      FUNCTION,
      vector(3, [0], 1),
      part(9, [1, 1, 0], leb(10_000_000), repeated([0], 10_000_000)),
      vector(10, [2, 0, END], 1),
    ),
  calls: () => {
    const calls = Array.from({ length: 127 }, (_, i) => [0x10, i]).flat();
    const body = [...leb(calls.length + 2), 0, ...calls, END];
    return joined(HEADER, FUNCTION, vector(3, [0], 60_000), vector(10, body, 60_000));
  },
  loops: () => {
    const body = joined([0], repeated([0x03, 0x40, END], 1000), [END]);
    const sized = joined(leb(body.length), body);
    return joined(HEADER, FUNCTION, vector(3, [0], 5000), vector(10, sized, 5000));
  },
  "branch targets": () => {
    const table = joined([0x41, 0, 0x0e], leb(65_000), repeated([0], 65_001));
    const body = joined([0], repeated(table, 110), [END]);
    const code = part(10, [1], leb(body.length), body);
    return joined(HEADER, FUNCTION, vector(3, [0], 1), code);
  },
  "parts of a name section": () =>
    joined(
      HEADER,
      vector(6, [0x7f, 1, 0x41, 0, END], 1),
      part(0, [4, 0x6e, 0x61, 0x6d, 0x65], repeated([9, 0], 7_000_000), [7, 0]),
    ),
  names: () => {
    const count = 400_000;
    const names = new Uint8Array(5 * count);
    for (let i = 0; i < count; i++)
      names.set([(i & 0x7f) | 0x80, ((i >> 7) & 0x7f) | 0x80, i >> 14, 1, 0x61], i * 5);
    const map = part(1, leb(count), names);
    const functions = joined(vector(3, [0], count), vector(10, [2, 0, END], count));
    return joined(HEADER, FUNCTION, functions, part(0, [4, 0x6e, 0x61, 0x6d, 0x65], map));
  },
  imports: () => joined(HEADER, vector(2, [1, 0x61, 1, 0x61, 3, 0x7f, 0], 100_000)),
  tables: () => joined(HEADER, vector(4, [0x70, 0, 0], 100_000)),
  memories: () => joined(HEADER, vector(5, [0, 0], 100_000)),
};

function vector(id: number, item: Part, count: number): Uint8Array {
  return part(id, leb(count), repeated(item, count));
}

function part(id: number, ...parts: Part[]): Uint8Array {
  const bytes = joined(...parts);
  return joined([id], leb(bytes.length), bytes);
}

function repeated(item: Part, count: number): Uint8Array {
  const bytes = new Uint8Array(item.length * count);
  for (let i = 0; i < count; i++) bytes.set(item, i * item.length);
  return bytes;
}

function joined(...parts: Part[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const each of parts) {
    bytes.set(each, at);
    at += each.length;
  }
  return bytes;
}

if (import.meta.main) {
  const bytes = BOMBS[process.argv[2]!]!();
  try {
    const module = decode(bytes);
    functionNames(module);
    instrumentModule(module, { interrupt: "epoch", memory: "keep", stackBytes: 1 << 20 });
    process.stdout.write("done");
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    process.stdout.write(error.code);
  }
}
