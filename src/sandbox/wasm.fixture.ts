// Wasm fixture: builds modules byte by byte, so that a test can write what no assembler would, and
// asks the engine that runs the tests for its own verdict.

import wabtInit from "wabt";

import { Failure, type FailureCode } from "../base/mod.ts";
import { leb, nameBytes } from "./writer.ts";

export type Bytes = readonly number[];

export const HEADER: Bytes = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
/** The type section's entry for a function without parameters and results. */
export const NOTHING: Bytes = [0x60, 0, 0];

export function section(id: number, ...payload: Bytes[]): Bytes {
  const bytes = payload.flat();
  return [id, ...leb(bytes.length), ...bytes];
}

/** A section that is one vector of `items`. */
export function vectorSection(id: number, items: readonly Bytes[]): Bytes {
  return section(id, leb(items.length), items.flat());
}

export function custom(name: string, payload: Bytes): Bytes {
  return section(0, nameBytes(name), payload);
}

export function moduleOf(...sections: Bytes[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([...HEADER, ...sections.flat()]);
}

/** A function body with its size: `locals` is the vector of groups, `code` ends with `end`. */
export function body(code: Bytes, locals: Bytes = [0]): Bytes {
  return [...leb(locals.length + code.length), ...locals, ...code];
}

/** Sections, by id, around one function of type 0 whose code is `code` and `end`. */
export function functionModule(
  code: Bytes,
  around: { readonly sections?: Readonly<Record<number, Bytes>>; readonly locals?: Bytes } = {},
): Uint8Array<ArrayBuffer> {
  const sections: Record<number, Bytes> = {
    1: vectorSection(1, [NOTHING]),
    3: vectorSection(3, [[0]]),
    10: vectorSection(10, [body([...code, 0x0b], around.locals)]),
    ...around.sections,
  };
  const order = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11];
  return moduleOf(...order.map((id) => sections[id] ?? []));
}

const wabt = await wabtInit();

/** Every feature that wabt knows; its types do not list all of them. */
const WABT_FEATURES = {
  exceptions: true,
  threads: true,
  function_references: true,
  tail_call: true,
  gc: true,
  memory64: true,
  multi_memory: true,
  extended_const: true,
  relaxed_simd: true,
};

/** Assembles the text of a module. wabt knows all that is used here but GC and typed references. */
export function wat(text: string): Uint8Array<ArrayBuffer> {
  const parsed = wabt.parseWat("test.wat", text, WABT_FEATURES);
  try {
    return Uint8Array.from(parsed.toBinary({ write_debug_names: false }).buffer);
  } finally {
    parsed.destroy();
  }
}

/** True if wabt can read `bytes` and takes them for valid. */
export function isValidToWabt(bytes: Uint8Array): boolean {
  try {
    const module = wabt.readWasm(bytes, WABT_FEATURES);
    try {
      module.validate();
      return true;
    } finally {
      module.destroy();
    }
  } catch {
    return false; // It throws an Error of its own making for what it refuses.
  }
}

/** What V8 says of `bytes`, or undefined if it accepts them. */
export function refusal(bytes: Uint8Array<ArrayBuffer>): string | undefined {
  try {
    void new WebAssembly.Module(bytes);
    return undefined;
  } catch (error) {
    if (error instanceof WebAssembly.CompileError) return error.message;
    throw error;
  }
}

/** The failure that `act` throws; any other outcome is an error of the test. */
export function failureOf(act: () => unknown): Failure {
  try {
    act();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

/** The code of the failure that `act` throws, or undefined if it throws none. */
export function codeOf(act: () => unknown): FailureCode | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof Failure) return error.code;
    throw error;
  }
}
